//! The fleet repository over smart HTTP, read-only, on loopback: what a Flux on this machine follows in `dev`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::body;
use super::problem::Problem;
use crate::git::{self, BackendRequest};

/// Bytes of a fetch negotiation. Wants and haves are 50 bytes each.
const NEGOTIATION: usize = 10 * 1024 * 1024;

/// `/git/fleet.git/*`
pub(super) async fn serve(
    State(app): State<Arc<App>>,
    Path(rest): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|it| it.to_str().ok())
            .map(str::to_owned)
    };
    let request = BackendRequest {
        method: parts.method.to_string(),
        path_info: format!("/{rest}"),
        query: parts.uri.query().unwrap_or("").to_owned(),
        content_type: header("content-type"),
        content_encoding: header("content-encoding"),
        git_protocol: header("git-protocol"),
        body: body::read(body, NEGOTIATION).await?,
    };
    let answer = git::serve(&app.fleet.repository(), request)
        .await
        .map_err(|error| {
            tracing::error!(%error, "The git program failed to serve the fleet repository");
            Problem::internal()
        })?;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = (status, Body::from_stream(answer.body)).into_response();
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

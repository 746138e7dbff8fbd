//! The fleet repository over smart HTTP, read-only: what a Flux follows in `dev`. Open on loopback; on any other address
//! [`access`](super::access) asks for a password of its own, which opens nothing else.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

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
    let text = |name: &str| {
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
        content_type: text("content-type"),
        content_encoding: text("content-encoding"),
        git_protocol: text("git-protocol"),
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

/// Whether the password of basic authentication (RFC 7617) is the one wanted; the user's name is no matter.
pub(super) fn sends(wanted: &str, headers: &HeaderMap) -> bool {
    let sent = headers
        .get(header::AUTHORIZATION)
        .and_then(|it| it.to_str().ok());
    let encoded = sent.and_then(|it| it.strip_prefix("Basic "));
    let login = encoded.and_then(|it| STANDARD.decode(it).ok());
    let login = login
        .and_then(|it| String::from_utf8(it).ok())
        .unwrap_or_default();
    let password = login.split_once(':').map_or("", |(_, password)| password);
    // Digests have one length whatever was sent.
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    digest(password).ct_eq(&digest(wanted)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_opens_the_repository() {
        let basic = |text: &str| {
            let value = format!("Basic {}", STANDARD.encode(text));
            HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())])
        };
        assert!(sends("p:w", &basic("any:p:w")));
        for wrong in ["", "p:w", ":", "any:p", "any:p:w "] {
            assert!(!sends("p:w", &basic(wrong)), "{wrong}");
        }
        assert!(!sends("p", &HeaderMap::new()));
    }
}

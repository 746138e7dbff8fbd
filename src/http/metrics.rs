//! `GET /metrics` for Prometheus, and the layer that counts requests by their route's template.
//!
//! A path never becomes a label: what matches no route is `unmatched`, a method nobody knows is `other`.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::auth::Signed;
use super::params::Params;
use super::problem::Problem;
use super::render::blocking;
use crate::workflow::TEXT_FORMAT;

/// `GET /metrics`
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Signed(_): Signed,
    params: Params,
) -> Result<Response, Problem> {
    params.finish()?;
    let text = blocking(move || app.fleet.metrics()).await?;
    let media = [(header::CONTENT_TYPE, HeaderValue::from_static(TEXT_FORMAT))];
    Ok((media, text).into_response())
}

/// Counts a request. A stream's time is that until it begins.
pub(super) async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = word(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let status = class(response.status());
    app.fleet.answered(route, method, status, began.elapsed());
    response
}

fn word(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

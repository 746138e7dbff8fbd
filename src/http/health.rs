//! `/healthz` (the process answers), `/readyz` (it may get requests), `/api/health` (how its parts are).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::app::App;
use super::auth::Signed;
use super::params::Params;
use super::problem::Problem;
use crate::domain::view::Health;

/// `GET /healthz`
pub(super) async fn alive() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// `GET /readyz`
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Value>, Problem> {
    if app.fleet.ready() {
        return Ok(Json(json!({"status": "ok"})));
    }
    let detail = "the server is starting or stopping; try again in a moment";
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail))
}

/// `GET /api/health`
pub(super) async fn health(
    State(app): State<Arc<App>>,
    Signed(_): Signed,
    params: Params,
) -> Result<Json<Health>, Problem> {
    params.finish()?;
    Ok(Json(app.fleet.health()))
}

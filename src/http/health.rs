//! `/healthz` (the process answers), `/readyz` (it may get requests), `/api/health` (how its parts are).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::app::App;
use super::auth::Signed;
use super::params::Params;
use super::problem::Problem;
use crate::domain::view::{Condition, Health};

/// What a probe reads.
#[derive(Serialize, JsonSchema)]
pub(super) struct Alive {
    /// `ok`; anything else is another status.
    status: Condition,
}

const WELL: Json<Alive> = Json(Alive {
    status: Condition::Ok,
});

/// `GET /healthz`
pub(super) async fn alive() -> Json<Alive> {
    WELL
}

/// `GET /readyz`
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Alive>, Problem> {
    if app.fleet.ready() {
        return Ok(WELL);
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

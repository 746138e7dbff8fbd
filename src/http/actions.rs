//! `POST /api/v1/stores/{name}/<action>`: upgrade, suspend, resume, rollback, retry.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;

use super::app::App;
use super::auth::Signed;
use super::body::MaybeBody;
use super::problem::Problem;
use super::stores::store_name;
use super::write::Write;
use crate::domain::record::RetryMode;
use crate::domain::request::Request;

/// The body of `upgrade`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(rename = "UpgradeRequest")]
pub(super) struct Upgrade {
    /// The chart version.
    version: String,
    /// Whether it may be an older one.
    #[serde(default)]
    allow_downgrade: bool,
}

/// The body of `rollback`, which may be left out.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RollbackRequest")]
pub(super) struct Rollback {
    /// A commit or a change of the store; without it the state before the newest.
    #[serde(default)]
    to: Option<String>,
}

/// The body of `retry`, which may be left out.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RetryRequest")]
pub(super) struct Retry {
    /// How much is tried again. Whoever asks has mostly seen Flux give up, so its counters are reset.
    #[serde(default = "reset")]
    mode: RetryMode,
}

fn reset() -> RetryMode {
    RetryMode::Reset
}

/// The body of what takes no parameter.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EmptyRequest")]
pub(super) struct Nothing {}

/// `POST /api/v1/stores/{name}/upgrade`
pub(super) async fn upgrade(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    Path(name): Path<String>,
    write: Write,
    body: MaybeBody,
) -> Result<Response, Problem> {
    let Upgrade {
        version,
        allow_downgrade,
    } = body.decode()?;
    let request = Request::Upgrade {
        store: store_name(&name)?,
        version,
        allow_downgrade,
    };
    write.run(&app, caller, request, &body.bytes).await
}

/// `POST /api/v1/stores/{name}/suspend`
pub(super) async fn suspend(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    Path(name): Path<String>,
    write: Write,
    body: MaybeBody,
) -> Result<Response, Problem> {
    let Nothing {} = body.decode()?;
    let store = store_name(&name)?;
    let request = Request::Suspend { store };
    write.run(&app, caller, request, &body.bytes).await
}

/// `POST /api/v1/stores/{name}/resume`
pub(super) async fn resume(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    Path(name): Path<String>,
    write: Write,
    body: MaybeBody,
) -> Result<Response, Problem> {
    let Nothing {} = body.decode()?;
    let store = store_name(&name)?;
    let request = Request::Resume { store };
    write.run(&app, caller, request, &body.bytes).await
}

/// `POST /api/v1/stores/{name}/rollback`
pub(super) async fn rollback(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    Path(name): Path<String>,
    write: Write,
    body: MaybeBody,
) -> Result<Response, Problem> {
    let Rollback { to } = body.decode()?;
    let store = store_name(&name)?;
    let request = Request::Rollback { store, to };
    write.run(&app, caller, request, &body.bytes).await
}

/// `POST /api/v1/stores/{name}/retry`
pub(super) async fn retry(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    Path(name): Path<String>,
    write: Write,
    body: MaybeBody,
) -> Result<Response, Problem> {
    let Retry { mode } = body.decode()?;
    let store = store_name(&name)?;
    let request = Request::Retry { store, mode };
    write.run(&app, caller, request, &body.bytes).await
}

//! `POST /api/v1/render`, and the dry run of every write: the plan, with nothing accepted.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use super::app::App;
use super::auth::Signed;
use super::body::JsonBody;
use super::params::Params;
use super::problem::Problem;
use crate::domain::StoreName;
use crate::domain::request::{Caller, Request};
use crate::domain::schema::StorePatch;

/// The body that asks for the rendering of a patched store. Any other body is one of `POST /api/v1/stores`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RenderPatch")]
pub(super) struct Patched {
    /// The store.
    name: StoreName,
    /// The merge patch of its spec.
    #[schemars(with = "StorePatch")]
    patch: Map<String, Value>,
}

/// `POST /api/v1/render`
pub(super) async fn render(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    params: Params,
    body: JsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    if body.value.get("patch").is_some() {
        let Patched { name, patch } = body.decode()?;
        let request = Request::Update { store: name, patch };
        let rendered = dry_run(&app, caller, request, None).await;
        return rendered.map_err(|problem| problem.below("/patch"));
    }
    dry_run(&app, caller, Request::Create(body.decode()?), None).await
}

/// The plan of a request.
pub(super) async fn dry_run(
    app: &Arc<App>,
    caller: Caller,
    request: Request,
    if_match: Option<String>,
) -> Result<Response, Problem> {
    let app = Arc::clone(app);
    // Before its turn: strangers' name servers take as long as they like, and nobody else waits for them.
    let proven = app.fleet.proven(&caller, &request).await;
    let render = move || {
        let if_match = if_match.as_deref();
        app.fleet.render(&caller, &request, &proven, if_match)
    };
    let rendered = blocking(render).await??;
    Ok(Json(rendered).into_response())
}

/// How many requests work at once; others wait for their turn. Each has a thread, and a thread has memory of its own: a
/// thousand clients that ask for lists at once took 150 MB before there was an end to it.
static TURNS: Semaphore = Semaphore::const_new(16);

/// Runs what reads files or Git where it holds up nobody else.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let turn = TURNS.acquire().await.map_err(|_| Problem::internal())?;
    let working = tokio::task::spawn_blocking(move || {
        let done = work();
        // Given back when the work is over, whether the client is still there or not.
        drop(turn);
        done
    });
    working.await.map_err(|error| {
        tracing::error!(%error, "A request's work failed");
        Problem::internal()
    })
}

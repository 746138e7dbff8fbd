//! `/api/v1/changes`: list, read, cancel, approve, reject.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Deserialize;

use super::actions::Nothing;
use super::app::App;
use super::auth::Signed;
use super::body::MaybeBody;
use super::limits;
use super::params::Params;
use super::problem::Problem;
use super::render::blocking;
use super::write::Write;
use crate::domain::ChangeId;
use crate::domain::audit;
use crate::domain::change::Change;
use crate::domain::request::Refusal;
use crate::domain::view::{ChangeFilter, Page};

/// `GET /api/v1/changes`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    mut params: Params,
) -> Result<Json<Page<Change>>, Problem> {
    let filter = ChangeFilter {
        state: params.word("state"),
        store: params.id("store"),
        owner: params.id("owner"),
        action: params.word("action"),
    };
    let paging = params.paging();
    params.finish()?;
    let cursor = paging.cursor;
    let page = blocking(move || {
        app.fleet
            .changes(&caller, &filter, paging.limit, cursor.as_deref())
    })
    .await??;
    Ok(Json(page))
}

/// `GET /api/v1/changes/{id}`
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<Change>, Problem> {
    params.finish()?;
    let change = app
        .fleet
        .change(&caller, &change_id(&id)?)
        .ok_or_else(|| Problem::missing("change", &id))?;
    Ok(Json(change))
}

/// `POST /api/v1/changes/{id}/cancel`: 200 with the change as it is afterwards.
pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    write: Write,
    MaybeBody(body): MaybeBody,
) -> Result<Response, Problem> {
    let Nothing {} = body.decode()?;
    let id = change_id(&id)?;
    let really = !write.dry_run();
    let (fleet, asking) = (app.fleet.clone(), caller.clone());
    let change = blocking(move || fleet.cancel(&asking, &id, really))
        .await?
        .map_err(refused)?;
    if !really {
        return Ok(Json(change).into_response());
    }
    let mut response = Json(change).into_response();
    let standings = app.fleet.standings(&caller, None, false);
    limits::tell(response.headers_mut(), &standings);
    Ok(response)
}

/// `POST /api/v1/changes/{id}/approve`: 200 with the change as it is afterwards. Repeated: the same. A dry run shows what the
/// change would write, with a tag: an approval with `If-Match` is for just that.
pub(super) async fn approve(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    write: Write,
    MaybeBody(body): MaybeBody,
) -> Result<Response, Problem> {
    let Nothing {} = body.decode()?;
    let id = change_id(&id)?;
    if write.dry_run() {
        let shown = blocking(move || app.fleet.proposed(&caller, &id)).await?;
        let (rendered, tag) = shown.map_err(refused)?;
        let etag = [(header::ETAG, format!("\"{tag}\""))];
        return Ok((etag, Json(rendered)).into_response());
    }
    let change = blocking(move || app.fleet.approve(&caller, &id, write.tags()))
        .await?
        .map_err(refused)?;
    Ok(Json(change).into_response())
}

/// `POST /api/v1/changes/{id}/reject`: 200 with the change as it is afterwards. Repeated: the same.
pub(super) async fn reject(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    write: Write,
    MaybeBody(body): MaybeBody,
) -> Result<Json<Change>, Problem> {
    let Rejection { reason } = body.decode()?;
    let id = change_id(&id)?;
    let reason = match reason.trim() {
        "" => String::new(),
        text => audit::reason(text).map_err(|why| Problem::invalid_field("/reason", why))?,
    };
    let really = !write.dry_run();
    let change = blocking(move || app.fleet.reject(&caller, &id, &reason, really))
        .await?
        .map_err(refused)?;
    Ok(Json(change))
}

/// The body of `reject`, which may be left out.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RejectRequest")]
pub(super) struct Rejection {
    /// Why, in one line.
    #[serde(default)]
    #[schemars(length(max = audit::REASON_LIMIT))]
    reason: String,
}

/// What is not there is a change here, and no store.
fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NotFound(id) => Problem::missing("change", &id),
        other => other.into(),
    }
}

fn change_id(text: &str) -> Result<ChangeId, Problem> {
    text.parse().map_err(|_| Problem::missing("change", text))
}

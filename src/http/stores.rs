//! `/api/v1/stores`: create, list, read, update, delete; a store's changes and history.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::actions::{Call, Nothing};
use super::app::App;
use super::auth::Signed;
use super::body::JsonBody;
use super::params::Params;
use super::problem::Problem;
use super::render::blocking;
use super::write::Write;
use crate::domain::StoreName;
use crate::domain::change::Change;
use crate::domain::record_text::RecordText;
use crate::domain::request::Request;
use crate::domain::view::{ChangeFilter, HistoryItem, Page, StoreFilter, StoreView};

/// `POST /api/v1/stores`
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    write: Write,
    body: JsonBody,
) -> Result<Response, Problem> {
    let request = Request::Create(body.decode()?);
    write.run(&app, caller, request, &body.bytes).await
}

/// `GET /api/v1/stores`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    mut params: Params,
) -> Result<Json<Page<StoreView<RecordText>>>, Problem> {
    let filter = filter(&mut params);
    let paging = params.paging();
    params.finish()?;
    let cursor = paging.cursor;
    let page = blocking(move || {
        app.fleet
            .stores_text(&caller, &filter, paging.limit, cursor.as_deref())
    })
    .await??;
    Ok(Json(page))
}

/// The filters of a list of stores.
pub(super) fn filter(params: &mut Params) -> StoreFilter {
    StoreFilter {
        owner: params.id("owner"),
        engine: params.text("engine"),
        plan: params.text("plan"),
        cluster: params.id("cluster"),
        phase: params.word("phase"),
        version: params.text("version"),
        q: params.text("q"),
        sort: params.word("sort").unwrap_or_default(),
    }
}

/// `GET /api/v1/stores/{name}`. Always 200: the `ETag` is there for writes, and `If-None-Match` is not asked.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    Path(name): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    params.finish()?;
    let store = app
        .fleet
        .store_text(&caller, &name)?
        .ok_or_else(|| Problem::missing("store", &name))?;
    let etag = [(header::ETAG, format!("\"{}\"", store.etag))];
    Ok((etag, Json(store)).into_response())
}

/// `PATCH /api/v1/stores/{name}`: a merge patch of the spec.
pub(super) async fn update(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    Path(name): Path<String>,
    write: Write,
    body: JsonBody,
) -> Result<Response, Problem> {
    let request = Request::Update {
        store: store_name(&name)?,
        patch: patch(&body.value)?,
    };
    write.run(&app, caller, request, &body.bytes).await
}

/// A merge patch is an object; anything else would replace the whole spec (RFC 7396 §2).
pub(super) fn patch(value: &Value) -> Result<Map<String, Value>, Problem> {
    let wrong = || Problem::invalid_field("", "a merge patch of a store is a JSON object");
    value.as_object().cloned().ok_or_else(wrong)
}

/// `DELETE /api/v1/stores/{name}`
pub(super) async fn delete(call: Call) -> Result<Response, Problem> {
    call.run(|store, Nothing {}| Request::Delete { store })
        .await
}

/// The name of an address. What can be no name is a store that is not there.
pub(super) fn store_name(text: &str) -> Result<StoreName, Problem> {
    text.parse().map_err(|_| Problem::missing("store", text))
}

/// `GET /api/v1/stores/{name}/changes`
pub(super) async fn changes(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    Path(name): Path<String>,
    mut params: Params,
) -> Result<Json<Page<Change>>, Problem> {
    let filter = ChangeFilter {
        state: params.word("state"),
        action: params.word("action"),
        store: Some(store_name(&name)?),
        owner: None,
    };
    let paging = params.paging();
    params.finish()?;
    let page = blocking(move || {
        app.fleet
            .store_text(&caller, &name)?
            .ok_or_else(|| Problem::missing("store", &name))?;
        Ok::<_, Problem>(app.fleet.changes(
            &caller,
            &filter,
            paging.limit,
            paging.cursor.as_deref(),
        )?)
    });
    Ok(Json(page.await??))
}

/// `GET /api/v1/stores/{name}/history`
pub(super) async fn history(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    Path(name): Path<String>,
    mut params: Params,
) -> Result<Json<Page<HistoryItem>>, Problem> {
    let paging = params.paging();
    params.finish()?;
    let cursor = paging.cursor;
    let page = blocking(move || {
        app.fleet
            .history(&caller, &name, paging.limit, cursor.as_deref())
    })
    .await??;
    Ok(Json(page))
}

//! What happened to a store, and the files that Git holds for it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};

use super::app::App;
use super::auth::Signed;
use super::params::Params;
use super::problem::Problem;
use super::render::blocking;
use crate::domain::view::{Manifest, Page, StoreEvent};

/// `GET /api/v1/stores/{name}/events`
pub(super) async fn events(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    Path(name): Path<String>,
    mut params: Params,
) -> Result<Json<Page<StoreEvent>>, Problem> {
    let paging = params.paging();
    params.finish()?;
    let cursor = paging.cursor;
    let page = blocking(move || {
        app.fleet
            .store_events(&caller, &name, paging.limit, cursor.as_deref())
    });
    Ok(Json(page.await??))
}

/// `GET /api/v1/stores/{name}/manifests`: all of them, a store has few.
pub(super) async fn manifests(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    Path(name): Path<String>,
    params: Params,
) -> Result<Json<Page<Manifest>>, Problem> {
    params.finish()?;
    let items = blocking(move || app.fleet.manifests(&caller, &name)).await??;
    Ok(Json(Page { items, next: None }))
}

//! The HTTP face: the API, the dashboard's pages, and in `dev` the fleet repository over smart HTTP.
//!
//! Must not know: how a change is written, what Flux says, or where anything is kept; it calls
//! [`Fleet`](crate::workflow::Fleet) and turns answers into JSON, pages and problems. No handler waits for Git
//! unless the client asked for it (`Prefer: wait=N`).

mod access;
mod actions;
mod app;
mod audit;
mod auth;
mod body;
mod changes;
mod client_address;
mod docs;
mod events;
mod finish;
mod fleet;
mod git;
mod guard;
mod health;
mod json;
mod limits;
mod metrics;
mod openapi;
mod pages;
mod params;
mod problem;
mod render;
mod schemas;
mod server;
mod sessions;
mod shares;
mod sign_in;
mod stores;
mod tokens;
mod trail;
mod unread;
mod webhooks;
mod write;

pub use access::check_address;
pub use app::{App, Exposure, Front};
pub use json::{decode, read as read_json};
pub(crate) use pages::percent;
pub use server::serve;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};
use tower_http::catch_panic::CatchPanicLayer;

use problem::Problem;

/// Every route, dressed in request ids, problems and the guards of its exposure.
pub fn router(app: Arc<App>) -> Router {
    let mut routes = api().merge(dashboard());
    if app.exposure == Exposure::Loopback || app.repository_token.is_some() {
        routes = routes.route("/git/fleet.git/{*rest}", any(git::serve));
    }
    if webhooks::wanted(&app) {
        routes = routes.route("/webhooks/stores", post(webhooks::stores));
    }
    if webhooks::github::wanted(&app) {
        routes = routes.route("/webhooks/github", post(webhooks::github::deliver));
    }
    dressed(app, routes)
}

/// Routes in the layers that every request goes through. What is not in the table of `access` is not there.
pub fn dressed(app: Arc<App>, routes: Router<Arc<App>>) -> Router {
    routes
        .route_layer(from_fn_with_state(Arc::clone(&app), access::guard))
        .fallback(|| async { Problem::no_route() })
        .layer(CatchPanicLayer::custom(|_| {
            axum::response::IntoResponse::into_response(Problem::internal())
        }))
        .layer(from_fn_with_state(Arc::clone(&app), finish::finish))
        .layer(from_fn_with_state(Arc::clone(&app), metrics::count))
        .with_state(app)
}

fn api() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/stores", get(stores::list).post(stores::create))
        .route(
            "/api/v1/stores/{name}",
            get(stores::show)
                .patch(stores::update)
                .delete(stores::delete),
        )
        .route("/api/v1/stores/{name}/upgrade", post(actions::upgrade))
        .route("/api/v1/stores/{name}/suspend", post(actions::suspend))
        .route("/api/v1/stores/{name}/resume", post(actions::resume))
        .route("/api/v1/stores/{name}/rollback", post(actions::rollback))
        .route("/api/v1/stores/{name}/retry", post(actions::retry))
        .route("/api/v1/stores/{name}/changes", get(stores::changes))
        .route("/api/v1/stores/{name}/history", get(stores::history))
        .route("/api/v1/stores/{name}/events", get(trail::events))
        .route("/api/v1/stores/{name}/manifests", get(trail::manifests))
        .route("/api/v1/changes", get(changes::list))
        .route("/api/v1/changes/{id}", get(changes::show))
        .route("/api/v1/changes/{id}/cancel", post(changes::cancel))
        .route("/api/v1/changes/{id}/approve", post(changes::approve))
        .route("/api/v1/changes/{id}/reject", post(changes::reject))
        .route("/api/v1/changes/{id}/events", get(events::change))
        .route("/api/v1/events", get(events::all))
        .route("/api/v1/render", post(render::render))
        .route("/api/v1/clusters", get(fleet::clusters))
        .route("/api/v1/plans", get(fleet::plans))
        .route("/api/v1/engines", get(fleet::engines))
        .route("/api/v1/audit", get(audit::audit))
        .route("/api/v1/foreign", get(fleet::foreign))
        .route("/api/v1/orphans", get(fleet::orphans))
        .route("/api/v1/vouch", post(fleet::vouch))
        .route("/api/v1/tokens", get(tokens::list).post(tokens::create))
        .route(
            "/api/v1/tokens/{id}",
            get(tokens::show).delete(tokens::revoke),
        )
        .route("/api/v1/limits", get(limits::limits))
        .route("/schemas/{name}", get(schemas::show))
        .route("/openapi.json", get(openapi::show))
        .route("/api/health", get(health::health))
        .route("/metrics", get(metrics::show))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
}

fn dashboard() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(pages::stores))
        .route("/stores/{name}", get(pages::store))
        .route("/docs", get(docs::show))
        .route("/sign-in", get(sign_in::form).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/static/style.css", get(pages::style))
        .layer(DefaultBodyLimit::max(body::LIMIT))
}

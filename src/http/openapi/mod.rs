//! The `OpenAPI` 3.1 description of everything that programs call, made from the types and the table of routes.
//!
//! Who may call what is read from [`access`](super::access), what goes over the wire from the types themselves; the
//! rest is told once per operation, in the module of its kin. Must not know: a request, a fleet.

mod changes;
mod fleet;
mod operation;
mod parts;
mod schemas;
mod service;
mod stores;

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::problem::Fields;
use operation::Operation;
use schemas::Schemas;

const ABOUT: &str = "Stores on a fleet of clusters. A request becomes a change, a change becomes a signed commit, and Flux applies it. \
    Field names are camelCase, times RFC 3339 in UTC. Errors are problems (RFC 9457). Every answer carries `X-Request-Id`; none may be stored \
    unless `Cache-Control` says so. `HEAD` is answered like `GET`, any other method that is not described here by 405 with `Allow`. \
    What is no HTTP is answered by a bare 400, 414 or 431. Fields may be added to answers.";

static DOCUMENT: LazyLock<(Value, String)> = LazyLock::new(|| {
    let document = describe();
    let text = document.to_string();
    (document, text)
});

/// The description.
pub(super) fn document() -> &'static Value {
    &DOCUMENT.0
}

/// `GET /openapi.json`
pub(super) async fn show() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, DOCUMENT.1.as_str()).into_response()
}

/// Tags in the order in which people read them, with their operations.
fn operations(s: &mut Schemas) -> Vec<(&'static str, &'static str, Vec<Operation>)> {
    vec![
        ("Stores", "What merchants have.", stores::all(s)),
        ("Changes", "What became of requests.", changes::all(s)),
        ("Events", "News as it comes.", changes::stream(s)),
        (
            "Fleet",
            "What there is, and what there may be.",
            fleet::all(s),
        ),
        ("Audit", "Who did what.", fleet::audit(s)),
        ("Tokens", "Who may call.", fleet::tokens(s)),
        ("Server", "How it is.", service::health(s)),
        (
            "Webhooks",
            "Requests from other systems.",
            service::webhooks(s),
        ),
        (
            "Descriptions",
            "What describes the rest.",
            service::descriptions(),
        ),
    ]
}

fn describe() -> Value {
    let mut schemas = Schemas::new();
    let problem = schemas.told::<Fields>();
    let mut tags = Vec::new();
    let mut paths = Map::new();
    for (tag, about, operations) in operations(&mut schemas) {
        tags.push(json!({"name": tag, "description": about}));
        for operation in operations {
            let (path, method) = (operation.path, operation.method.as_str().to_lowercase());
            let item = paths.entry(path).or_insert_with(|| json!({}));
            item[method] = operation.document(tag);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Fleetwright", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT,
            "license": {"name": "MIT OR Apache-2.0", "identifier": env!("CARGO_PKG_LICENSE")},
        },
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {
                "type": "http", "scheme": "bearer",
                "description": "An API token (`fwt_…`), or an ID token of the configured issuer.",
            }},
            "parameters": parts::parameters(),
            "headers": {"X-Request-Id": parts::header("X-Request-Id", true)},
            "responses": parts::problems(&problem),
            "schemas": schemas.definitions(),
        },
    })
}

#[cfg(test)]
mod tests;

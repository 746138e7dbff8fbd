//! `/schemas/*`: the JSON Schemas of what people write, for everybody. They say what a field is, not who may set it.

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use crate::domain::schema::{policy_schema, store_schema};

/// `GET /schemas/policy.json`, `GET /schemas/store.json`
pub(super) async fn show(Path(name): Path<String>) -> Result<Response, Problem> {
    let schema = match name.as_str() {
        "policy.json" => policy_schema(),
        "store.json" => store_schema(),
        _ => return Err(Problem::missing("schema", &name)),
    };
    let headers = [
        (header::CONTENT_TYPE, "application/schema+json"),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    Ok((headers, schema.to_string()).into_response())
}

//! `/api/v1/tokens`: make, list and revoke API tokens. Admins only.
//!
//! A token's text is in one answer alone, that of its making. An `Idempotency-Key` has no place here: the first answer
//! would have to be kept, and with it the secret.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::actions::Nothing;
use super::app::App;
use super::auth::Signed;
use super::body::{JsonBody, MaybeBody};
use super::params::Params;
use super::problem::Problem;
use super::render::blocking;
use crate::domain::TokenId;
use crate::domain::token::{Token, TokenRequest};
use crate::domain::view::Page;

/// A new token, with its text.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NewToken")]
pub(super) struct Made {
    #[serde(flatten)]
    about: Token,
    /// Shown this once.
    token: String,
}

/// `POST /api/v1/tokens`: 201 with the token, which is never shown again.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    headers: HeaderMap,
    params: Params,
    body: JsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    if headers.contains_key("idempotency-key") {
        let detail = "Idempotency-Key does not apply to tokens: a token is shown once and never again; leave it out";
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    }
    let request: TokenRequest = body.decode()?;
    let (about, token) = blocking(move || app.fleet.create_token(&caller, &request)).await??;
    let location = [(header::LOCATION, format!("/api/v1/tokens/{}", about.id))];
    let made = Json(Made { about, token });
    Ok((StatusCode::CREATED, location, made).into_response())
}

/// `GET /api/v1/tokens`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Signed(_): Signed,
    mut params: Params,
) -> Result<Json<Page<Token>>, Problem> {
    let paging = params.paging();
    params.finish()?;
    Ok(Json(
        app.fleet.tokens(paging.limit, paging.cursor.as_deref()),
    ))
}

/// `GET /api/v1/tokens/{id}`
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Signed(_): Signed,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<Token>, Problem> {
    params.finish()?;
    let token = app.fleet.token(&token_id(&id)?);
    token.map(Json).ok_or_else(|| missing(&id))
}

/// `DELETE /api/v1/tokens/{id}`: 204; from then on the token opens nothing. Nothing is kept of it, so that a repeat is 404.
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    params: Params,
    MaybeBody(body): MaybeBody,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    let Nothing {} = body.decode()?;
    let token = token_id(&id)?;
    let was_there = blocking(move || app.fleet.revoke_token(&caller, &token)).await??;
    was_there
        .then_some(StatusCode::NO_CONTENT)
        .ok_or_else(|| missing(&id))
}

fn token_id(text: &str) -> Result<TokenId, Problem> {
    text.parse().map_err(|_| missing(text))
}

fn missing(id: &str) -> Problem {
    Problem::missing("token", id)
}

//! Who asks: the caller behind a bearer token (RFC 6750 §2.1), or behind a browser's session.
//!
//! Tokens in queries or bodies are not taken: they end up in logs. Must not know: how tokens are kept, or what a route
//! needs; [`access`](super::access) calls this, and handlers take what it found.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::app::App;
use super::finish::Asked;
use super::pages::Visitor;
use super::problem::Problem;
use super::sessions::{csrf, session_id};
use crate::domain::request::Caller;
use crate::domain::token::Denied;

/// The caller of a route that needs one.
pub(super) struct Signed(pub(super) Caller);

impl<S: Sync> FromRequestParts<S> for Signed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Nobody was looked for where the route is public.
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.map(Self).ok_or_else(Problem::no_token)
    }
}

/// The caller behind a bearer token.
pub(super) async fn signed(headers: &HeaderMap, app: &App) -> Result<Caller, Problem> {
    let token = bearer(headers).ok_or_else(Problem::no_token)?;
    Ok(app.fleet.authenticate(token).await?)
}

/// Who looks at a page: a client with a token, or a signed-in browser. Anybody else is sent to the sign-in page.
pub(super) async fn visiting(headers: &HeaderMap, app: &App) -> Result<Visitor, Box<Response>> {
    let away = || Box::new(Redirect::to("/sign-in").into_response());
    let session = session_id(headers);
    let (token, csrf) = match (bearer(headers), session) {
        (Some(token), _) => (Some(token.to_owned()), None),
        (None, Some(id)) => (app.sessions.token(id), Some(csrf(id))),
        (None, None) => (None, None),
    };
    let token = token.ok_or_else(away)?;
    match app.fleet.authenticate(&token).await {
        Ok(caller) => Ok(Visitor { caller, csrf }),
        Err(Denied::Unknown(_)) => Err(away()),
        Err(denied) => Err(Box::new(Problem::from(denied).into_response())),
    }
}

/// The token of an `Authorization` header; the scheme's case does not matter.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Tells the request's log line who asked.
pub(super) fn note(extensions: &Extensions, subject: &str) {
    if let Some(asked) = extensions.get::<Arc<Asked>>() {
        asked.caller(subject);
    }
}

//! Who asks: the caller behind a bearer token (RFC 6750 §2.1).
//!
//! Tokens in queries or bodies are not taken: they end up in logs. Must not know: how tokens are kept.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::app::App;
use super::finish::Asked;
use super::problem::Problem;
use crate::domain::request::Caller;

/// A caller whose token is known.
pub(super) struct Signed(pub(super) Caller);

impl FromRequestParts<Arc<App>> for Signed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let token = bearer(&parts.headers).ok_or_else(|| Problem::unauthorized(false))?;
        let caller = app
            .fleet
            .authenticate(token)
            .ok_or_else(|| Problem::unauthorized(true))?;
        note(parts, &caller);
        Ok(Self(caller))
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
pub(super) fn note(parts: &Parts, caller: &Caller) {
    if let Some(asked) = parts.extensions.get::<Arc<Asked>>() {
        asked.caller(&caller.subject);
    }
}

//! Errors as clients see them: RFC 9457 `application/problem+json`.
//!
//! A [`Problem`] becomes a response without a body that carries it as an extension; [`finish`](super::finish)
//! writes the body, because only there the request id and the wanted form (JSON or a page) are known.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::limits;
use crate::domain::request::{Refusal, Violation};
use crate::domain::token::Denied;

/// Seconds after which a client may try again what was refused for now.
const RETRY_AFTER: &str = "5";

/// One error.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Problem(Box<Fields>);

/// The fields of RFC 9457. `type` is `about:blank`: the status says which problem it is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(super) struct Fields {
    /// Always `about:blank`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// What is wrong, where, and what to do next.
    detail: String,
    /// The request id, as in `X-Request-Id`.
    instance: String,
    /// The fields that are wrong, each with its place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Violation>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem of a status, with a sentence: what, where, what to do next.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Fields {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            instance: String::new(),
            errors: Vec::new(),
            headers: Vec::new(),
        }))
    }

    /// The problem of a response that has only a status.
    pub(super) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::METHOD_NOT_ALLOWED => Self::new(
                status,
                "this address does not take that method; the Allow header lists those it takes",
            ),
            StatusCode::NOT_FOUND => Self::no_route(),
            StatusCode::BAD_REQUEST => Self::new(
                status,
                "the address cannot be read; it must be percent-encoded UTF-8",
            ),
            _ => Self::new(status, "the request was refused"),
        }
    }

    /// 404: nothing is at this address.
    pub(super) fn no_route() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "there is nothing at this address; the API is below /api/v1",
        )
    }

    /// 404: no such thing, or none the caller may see.
    pub(super) fn missing(what: &str, name: &str) -> Self {
        let name: String = name.chars().take(80).collect();
        Self::new(
            StatusCode::NOT_FOUND,
            format!("there is no {what} {name:?}, or none that you may see"),
        )
    }

    /// 401: no token was sent (RFC 6750 §3).
    pub(super) fn no_token() -> Self {
        let detail = "no token was sent; send Authorization: Bearer <token>";
        let challenge = "Bearer realm=\"fleetwright\"";
        Self::new(StatusCode::UNAUTHORIZED, detail).with(header::WWW_AUTHENTICATE, challenge)
    }

    /// 403: the caller's role is not enough (RFC 6750 §3.1).
    pub(super) fn forbidden(detail: &str) -> Self {
        let challenge = "Bearer realm=\"fleetwright\", error=\"insufficient_scope\"";
        Self::new(StatusCode::FORBIDDEN, detail).with(header::WWW_AUTHENTICATE, challenge)
    }

    /// 422: these fields are wrong.
    pub(super) fn invalid(errors: Vec<Violation>) -> Self {
        let detail = match errors.as_slice() {
            [one] if one.pointer.is_empty() => one.detail.clone(),
            [one] => format!("{}: {}", one.pointer, one.detail),
            many => format!("{} fields are wrong; errors lists them", many.len()),
        };
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
        problem.0.errors = errors;
        problem
    }

    /// 422: this one field is wrong.
    pub(super) fn invalid_field(pointer: &str, detail: impl Into<String>) -> Self {
        Self::invalid(vec![Violation::new(pointer, detail)])
    }

    /// The same problem of a body in which what is wrong lies deeper.
    pub(super) fn below(self, root: &str) -> Self {
        let mut errors = self.0.errors.clone();
        if errors.is_empty() {
            return self;
        }
        for error in &mut errors {
            error.pointer.insert_str(0, root);
        }
        Self::invalid(errors)
    }

    /// 500: a fault of ours. The cause is in the log, under the request id.
    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the server failed; its log has the cause under this request id",
        )
    }

    /// Adds a header to the response.
    pub(super) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.0.headers.push((name, HeaderValue::from_static(value)));
        self
    }

    /// Adds a header whose value is not known before.
    pub(super) fn with_value(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Names the request that it answers.
    pub(super) fn answers(&mut self, request_id: &str) {
        request_id.clone_into(&mut self.0.instance);
    }

    /// The sentence.
    pub(super) fn detail(&self) -> &str {
        &self.0.detail
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::Invalid(errors) => Self::invalid(errors),
            Refusal::Conflict(_) | Refusal::Illegal(_) => Self::new(StatusCode::CONFLICT, detail),
            Refusal::NotFound(_) => Self::new(StatusCode::NOT_FOUND, detail),
            Refusal::Forbidden(_) => Self::new(StatusCode::FORBIDDEN, detail),
            Refusal::Precondition(_) => Self::new(StatusCode::PRECONDITION_FAILED, detail),
            Refusal::TooMany(exhausted) => limits::exhausted(&exhausted),
            Refusal::Unavailable(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
                .with(header::RETRY_AFTER, RETRY_AFTER),
        }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let detail = denied.to_string();
        match denied {
            Denied::Unknown(_) => Self::new(StatusCode::UNAUTHORIZED, detail).with(
                header::WWW_AUTHENTICATE,
                "Bearer realm=\"fleetwright\", error=\"invalid_token\"",
            ),
            Denied::Roleless(_) => Self::forbidden(&detail),
            Denied::Unavailable(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
                .with(header::RETRY_AFTER, RETRY_AFTER),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        for (name, value) in self.0.headers.drain(..) {
            response.headers_mut().insert(name, value);
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_status() {
        let text = || "why".to_owned();
        let table = [
            (Refusal::Invalid(vec![Violation::new("/plan", "why")]), 422),
            (Refusal::Conflict(text()), 409),
            (Refusal::Illegal(text()), 409),
            (Refusal::NotFound(text()), 404),
            (Refusal::Forbidden(text()), 403),
            (Refusal::Precondition(text()), 412),
            (Refusal::Unavailable(text()), 503),
        ];
        for (refusal, status) in table {
            let response = Problem::from(refusal).into_response();
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(
                response.headers().contains_key(header::RETRY_AFTER),
                status == 503
            );
        }
    }

    #[test]
    fn the_json_has_the_fields_of_rfc_9457_and_the_pointers() {
        let problem = Problem::invalid_field("/plan", "\"huge\" is no plan");
        let json = serde_json::to_value(&problem).expect("plain data");
        assert_eq!(json["type"], "about:blank");
        assert_eq!(json["title"], "Unprocessable Entity");
        assert_eq!(json["status"], 422);
        assert_eq!(json["errors"][0]["pointer"], "/plan");
        let plain = serde_json::to_value(Problem::no_route()).expect("plain data");
        assert!(plain.get("errors").is_none());
    }
}

//! What came back for a call, and which error that is.
//!
//! Pure. GitHub's errors are `{message, errors?}`; what stands before it may answer in HTML. Must not know: how it was
//! sent.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{self, HeaderMap};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ForgeError;
use super::budget::Heard;

/// The longest text of an answer that goes into an error.
const WORDS: usize = 300;

/// An answer with its whole body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    message: String,
    errors: Vec<Value>,
}

impl Answer {
    /// What it says about the limits.
    pub(super) fn heard(&self, now: Timestamp) -> Heard {
        let refused = self.status.is_client_error();
        let message = if refused { self.words() } else { String::new() };
        Heard::read(self.status, &self.headers, &message, now)
    }

    /// The tag that says whether it is still the same.
    pub(super) fn etag(&self) -> Option<String> {
        self.header(header::ETAG).map(str::to_owned)
    }

    /// Whether a further page follows.
    pub(super) fn has_next(&self) -> bool {
        self.header(header::LINK).is_some_and(has_next)
    }

    /// It, if it is good; else the error that its status means. `what` was asked for.
    pub(super) fn good(self, what: &str) -> Result<Self, ForgeError> {
        if self.status.is_success() {
            return Ok(self);
        }
        Err(self.error(what))
    }

    /// Its body. After a write this is [`ForgeError::InDoubt`] where it cannot be read: it was done.
    pub(super) fn parsed<T: DeserializeOwned>(
        &self,
        what: &str,
        written: bool,
    ) -> Result<T, ForgeError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let why = format!("{what}: {error}");
            if written {
                ForgeError::InDoubt(why)
            } else {
                ForgeError::Unreadable(why)
            }
        })
    }

    /// The error that its status means.
    pub(super) fn error(&self, what: &str) -> ForgeError {
        let why = format!("{what}: {}", self.words());
        match self.status.as_u16() {
            401 => ForgeError::Unauthorized(why),
            403 => ForgeError::Forbidden(why),
            // 301 of a repository that has moved, where no redirect could be followed.
            404 | 410 | 301 => ForgeError::NotFound(why),
            400 | 405 | 409 | 415 | 422 => ForgeError::Refused(why),
            500..=599 => ForgeError::Unreachable(why),
            _ => ForgeError::Unreadable(why),
        }
    }

    /// What it says for people: GitHub's message and its details, or the status alone where it is no JSON.
    pub(super) fn words(&self) -> String {
        let problem: Problem = serde_json::from_slice(&self.body).unwrap_or_default();
        let mut parts = vec![problem.message];
        parts.extend(problem.errors.iter().filter_map(detail));
        parts.retain(|it| !it.is_empty());
        if parts.is_empty() {
            return format!("HTTP {}", self.status);
        }
        let text = parts.join("; ");
        let text = text.replace(char::is_control, " ");
        text.chars().take(WORDS).collect()
    }

    fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// One entry of `errors`: a text, or an object with a message, or with a field and a code.
fn detail(error: &Value) -> Option<String> {
    if let Some(text) = error.as_str() {
        return Some(text.to_owned());
    }
    if let Some(text) = error["message"].as_str() {
        return Some(text.to_owned());
    }
    let (field, code) = (error["field"].as_str()?, error["code"].as_str()?);
    Some(format!("{field}: {code}"))
}

/// Whether a `Link` header (RFC 8288) names a next page. Its address is not followed: pages are numbered.
fn has_next(link: &str) -> bool {
    let mut parameters = link.split([',', ';']).map(str::trim);
    parameters.any(|it| it == "rel=\"next\"" || it == "rel=next")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &'static str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    #[test]
    fn each_status_is_its_error_in_githubs_words() {
        let cases = [
            (
                401,
                r#"{"message":"Bad credentials"}"#,
                "GitHub does not take our credential: x: Bad credentials",
            ),
            (
                403,
                r#"{"message":"Resource not accessible by integration"}"#,
                "GitHub does not allow it: x: Resource not accessible by integration",
            ),
            (
                404,
                r#"{"message":"Not Found","status":"404"}"#,
                "GitHub finds nothing there: x: Not Found",
            ),
            (
                422,
                r#"{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"A pull request already exists for o:b."}]}"#,
                "GitHub refuses it: x: Validation Failed; A pull request already exists for o:b.",
            ),
            (
                422,
                r#"{"message":"Validation Failed","errors":["a","b",{"field":"head","code":"invalid"},7]}"#,
                "GitHub refuses it: x: Validation Failed; a; b; head: invalid",
            ),
            (
                502,
                "<html><body><h1>502 Bad Gateway</h1></body></html>",
                "GitHub cannot be reached: x: HTTP 502 Bad Gateway",
            ),
            (404, "", "GitHub finds nothing there: x: HTTP 404 Not Found"),
            (
                418,
                "{}",
                "GitHub's answer cannot be read: x: HTTP 418 I'm a teapot",
            ),
        ];
        for (status, body, text) in cases {
            assert_eq!(answer(status, body).error("x").to_string(), text);
        }
    }

    #[test]
    fn a_body_that_cannot_be_read_leaves_a_write_in_doubt() {
        let html = answer(200, "<html>");
        assert!(matches!(
            html.parsed::<Value>("x", false),
            Err(ForgeError::Unreadable(_))
        ));
        assert!(matches!(
            html.parsed::<Value>("x", true),
            Err(ForgeError::InDoubt(_))
        ));
    }

    #[test]
    fn an_error_is_short_and_on_one_line() {
        let body = format!("{{\"message\":\"a\\nb{}\"}}", "x".repeat(10_000));
        let long = answer(422, body.leak()).words();
        assert!(
            long.starts_with("a bx") && long.chars().count() == WORDS,
            "{long}"
        );
    }

    #[test]
    fn a_next_page_is_seen_in_the_link() {
        let cases = [
            (
                r#"<https://api.github.com/repositories/1/pulls?page=2>; rel="next", <https://api.github.com/repositories/1/pulls?page=5>; rel="last""#,
                true,
            ),
            (
                r#"<https://x/?page=1>; rel="prev", <https://x/?page=1>; rel="first""#,
                false,
            ),
            (r#"<https://x/?q=rel="next">; rel="last""#, false),
            (
                r#"<https://x/?page=3>; rel="last", <https://x/?page=3>;rel="next""#,
                true,
            ),
            ("", false),
        ];
        for (link, next) in cases {
            assert_eq!(has_next(link), next, "{link}");
        }
    }
}

//! The outermost layer: gives each request its id, writes problems in the form the client reads, and one log line.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::app::{App, Exposure};
use super::guard;
use super::problem::Problem;
use crate::domain::audit::{Kind, UNKNOWN};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the layer knows of a request, and what a handler tells it.
pub(super) struct Asked {
    id: String,
    method: Method,
    path: String,
    page: bool,
    /// Whether a token came with it.
    token: bool,
    caller: OnceLock<String>,
}

impl Asked {
    fn new(request: &Request) -> Self {
        let path = request.uri().path().to_owned();
        let accept = request
            .headers()
            .get(header::ACCEPT)
            .and_then(|it| it.to_str().ok())
            .unwrap_or("");
        Self {
            id: request_id(request.headers()),
            method: request.method().clone(),
            page: accept.contains("text/html")
                && !path.starts_with("/api/")
                && !path.starts_with("/git/"),
            path,
            token: request.headers().contains_key(header::AUTHORIZATION),
            caller: OnceLock::new(),
        }
    }

    /// Notes who asked.
    pub(super) fn caller(&self, subject: &str) {
        let _ = self.caller.set(subject.to_owned());
    }

    /// Has the journal keep what Git never sees: refused writes of known callers, reads that a role may not make, messages
    /// of systems that were refused, sign-ins, and unknown tokens.
    fn keep(&self, app: &App, status: StatusCode, detail: &str) {
        let action = || format!("{} {}", self.method, self.path);
        let caller = self.caller.get().map(String::as_str);
        let read_only = self.method.is_safe();
        let (kind, detail) = match caller {
            _ if self.path == "/sign-in" && !read_only => {
                (Kind::SignIn, sign_in_said(status, detail))
            }
            None if self.is_refused_message(status) => (Kind::Refusal, detail),
            None if status == StatusCode::UNAUTHORIZED && self.token => (Kind::SignIn, detail),
            Some(_) if status.is_client_error() && !read_only => (Kind::Refusal, detail),
            Some(_) if status == StatusCode::FORBIDDEN => (Kind::Refusal, detail),
            _ => return,
        };
        let subject = caller.unwrap_or(UNKNOWN);
        app.fleet
            .note(kind, subject, action(), status.as_u16(), detail);
    }

    /// Whether another system's message was refused, and not for want of a route.
    fn is_refused_message(&self, status: StatusCode) -> bool {
        let there = !matches!(
            status,
            StatusCode::NOT_FOUND
                | StatusCode::METHOD_NOT_ALLOWED
                | StatusCode::MISDIRECTED_REQUEST
        );
        self.path.starts_with("/webhooks/") && status.is_client_error() && there
    }

    fn log(&self, status: StatusCode, started: Instant) {
        let caller = self.caller.get().map_or("", String::as_str);
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (method, path, id, status) = (&self.method, &self.path, &self.id, status.as_u16());
        // Probes come every few seconds and say nothing new.
        if matches!(path.as_str(), "/healthz" | "/readyz") {
            tracing::debug!(request.id = id, %method, path, status, duration_ms, "{method} {path} answered {status}");
        } else {
            tracing::info!(
                request.id = id, caller, %method, path, status, duration_ms, "{method} {path} answered {status}"
            );
        }
    }
}

fn sign_in_said(status: StatusCode, detail: &str) -> &str {
    match status {
        it if it.is_redirection() => "signed in to the dashboard",
        _ if detail.is_empty() => "the token is not known",
        _ => detail,
    }
}

/// Runs a request and dresses its answer.
pub(super) async fn finish(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let asked = Arc::new(Asked::new(&request));
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(Arc::clone(&asked));
    let guarded = if app.exposure == Exposure::Loopback {
        guard::check_host(&parts)
    } else {
        Ok(())
    };
    let mut response = match guarded {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => problem.into_response(),
    };
    let problem = problem_of(&mut response, &asked);
    let detail = problem.as_ref().map_or("", Problem::detail);
    asked.keep(&app, response.status(), detail);
    if let Some(problem) = problem {
        write_problem(&app, problem, &asked, &mut response);
    }
    headers(response.headers_mut(), &asked.id);
    asked.log(response.status(), started);
    response
}

/// The problem of a response: its own, or the one of an error status without words of ours. Pages stay as they are,
/// and git reads its own refusals.
fn problem_of(response: &mut Response, asked: &Asked) -> Option<Problem> {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return Some(problem);
    }
    let status = response.status();
    let error = status.is_client_error() || status.is_server_error();
    let media = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|it| it.to_str().ok());
    let worded = match media {
        None => false,
        Some(media) => media.starts_with("text/html") || asked.path.starts_with("/git/"),
    };
    (error && !worded).then(|| Problem::of_status(status))
}

fn write_problem(app: &App, mut problem: Problem, asked: &Asked, response: &mut Response) {
    problem.answers(&asked.id);
    let (text, media) = if asked.page {
        (app.pages.problem(&problem), "text/html; charset=utf-8")
    } else {
        (
            serde_json::to_string(&problem).unwrap_or_default(),
            "application/problem+json",
        )
    };
    *response.body_mut() = Body::from(text);
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
}

/// The client's own request id where it is a plain word (a proxy's, a script's), else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let plain = |text: &&str| {
        (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let given = headers
        .get(REQUEST_ID)
        .and_then(|it| it.to_str().ok())
        .filter(plain);
    given.map_or_else(|| ulid::Ulid::new().to_string(), str::to_owned)
}

/// Answers are for one caller, at one moment, and never scripts.
fn headers(headers: &mut HeaderMap, id: &str) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    let policy = "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; \
                  frame-ancestors 'none'";
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // `no-referrer` would make browsers send `Origin: null` with our own forms.
        (header::REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

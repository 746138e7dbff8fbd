//! The API's client: one request, one answer, problems as failures.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{Method, Request, Response, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::failure::Failure;
use crate::domain::view::Page;
use crate::http::percent;

/// Where `dev` listens unless told otherwise.
pub(super) const DEFAULT_URL: &str = "http://127.0.0.1:8080";
/// Where `dev` keeps the admin token unless told otherwise.
const DEFAULT_TOKEN_FILE: &str = "./.fleetwright/admin.token";
const TOKEN_VARIABLE: &str = "FLEETWRIGHT_TOKEN";
/// Time for one request; the client never asks the server to wait.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer: a page of 200 stores with large values fits.
const ANSWER: u64 = 64 * 1024 * 1024;

/// A server, and the token for it.
pub(super) struct Client {
    agent: Agent,
    base: String,
    token: String,
}

/// Headers of one request.
pub(super) type Headers<'a> = &'a [(&'a str, &'a str)];

impl Client {
    /// The client of a server. The token is [`TOKEN_VARIABLE`]'s, or that of a `dev` in this folder.
    pub(super) fn new(url: &str) -> Result<Self, Failure> {
        let base = url.trim_end_matches('/').to_owned();
        let uri = base.parse::<Uri>().ok().filter(|it| it.host().is_some());
        if !uri.is_some_and(|it| matches!(it.scheme_str(), Some("http" | "https"))) {
            return Err(Failure::usage(format!(
                "{url:?} is no server address; write it like {DEFAULT_URL}"
            )));
        }
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .tls_config(tls)
            .build()
            .new_agent();
        let token = token(&base)?;
        Ok(Self { agent, base, token })
    }

    /// Reads something.
    pub(super) fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::GET, path, None, &[])
    }

    /// Reads every page of a list.
    pub(super) fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        filter: &[(&str, Option<String>)],
    ) -> Result<Vec<T>, Failure> {
        let mut items = Vec::new();
        let mut cursor = None;
        loop {
            let mut query = vec!["limit=200".to_owned()];
            let pairs = filter.iter().map(|(name, value)| (*name, value.as_deref()));
            for (name, value) in pairs.chain([("cursor", cursor.as_deref())]) {
                query.extend(value.map(|it| format!("{name}={}", percent(it))));
            }
            let page: Page<T> = read(self.get(&format!("{path}?{}", query.join("&")))?)?;
            items.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(items);
            }
        }
    }

    /// Sends a request and reads its answer.
    pub(super) fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: Headers<'_>,
    ) -> Result<Value, Failure> {
        Ok(self.send_tagged(method, path, body, headers)?.0)
    }

    /// As [`send`](Self::send), with the answer's `ETag`.
    pub(super) fn send_tagged(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: Headers<'_>,
    ) -> Result<(Value, Option<String>), Failure> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Accept", "application/json");
        for (name, value) in headers {
            // Words of any language: as bytes they may all be sent.
            request = request.header(*name, value.as_bytes());
        }
        let unsendable = |error| Failure::usage(format!("this cannot be sent: {error}"));
        let answer = match body {
            Some(json) => {
                let request = request.header("Content-Type", "application/json");
                self.agent
                    .run(request.body(json.to_string()).map_err(unsendable)?)
            }
            None => self.agent.run(request.body(()).map_err(unsendable)?),
        };
        let answer = answer.map_err(|error| self.unreached(&error))?;
        let tag = answer.headers().get("etag");
        let tag = tag.and_then(|it| it.to_str().ok()).map(str::to_owned);
        Ok((self.read(answer)?, tag))
    }

    fn read(&self, mut answer: Response<Body>) -> Result<Value, Failure> {
        let status = answer.status();
        let text = answer
            .body_mut()
            .with_config()
            .limit(ANSWER)
            .read_to_string()
            .map_err(|error| self.unreached(&error))?;
        let value: Option<Value> = serde_json::from_str(&text).ok();
        match value {
            Some(value) if status.is_success() => Ok(value),
            Some(problem) => Err(refused(status.as_u16(), &problem)),
            None if status.is_success() && text.is_empty() => Ok(Value::Null),
            None => {
                let detail = format!(
                    "{} answered {status} without JSON; is it a Fleetwright server?",
                    self.base
                );
                Err(Failure::new(detail))
            }
        }
    }

    fn unreached(&self, error: &ureq::Error) -> Failure {
        let base = &self.base;
        let hint = "start one with `fleetwright dev`, or set FLEETWRIGHT_URL";
        match error {
            ureq::Error::Io(io) if io.kind() == ErrorKind::ConnectionRefused => {
                Failure::new(format!("no server answers at {base}; {hint}"))
            }
            ureq::Error::Timeout(_) => {
                Failure::new(format!("{base} did not answer in {} s", PATIENCE.as_secs()))
            }
            other => Failure::new(format!("cannot speak to {base}: {other}; {hint}")),
        }
    }
}

fn token(base: &str) -> Result<String, Failure> {
    if let Some(token) = std::env::var(TOKEN_VARIABLE)
        .ok()
        .filter(|it| !it.is_empty())
    {
        return Ok(token.trim().to_owned());
    }
    let file = Path::new(DEFAULT_TOKEN_FILE);
    let found = if base == DEFAULT_URL {
        std::fs::read_to_string(file).ok()
    } else {
        None
    };
    let advice = format!(
        "no token for {base}; set {TOKEN_VARIABLE} (dev keeps its own in admin.token of its data folder)"
    );
    found
        .map(|it| it.trim().to_owned())
        .filter(|it| !it.is_empty())
        .ok_or_else(|| Failure::usage(advice))
}

/// A problem (RFC 9457) as one sentence.
fn refused(status: u16, problem: &Value) -> Failure {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let errors = problem["errors"].as_array().filter(|it| it.len() > 1);
    let detail = match errors {
        Some(errors) => {
            let lines = errors
                .iter()
                .map(|it| format!("{}: {}", text(&it["pointer"]), text(&it["detail"])));
            lines.collect::<Vec<_>>().join("; ")
        }
        None => text(&problem["detail"]),
    };
    Failure::new(format!(
        "{detail} (HTTP {status}, request {})",
        text(&problem["instance"])
    ))
}

/// An answer as a type.
pub(super) fn read<T: DeserializeOwned>(value: Value) -> Result<T, Failure> {
    let strange = |error| {
        Failure::new(format!(
            "the server's answer is not understood ({error}); is it of this version?"
        ))
    };
    serde_json::from_value(value).map_err(strange)
}

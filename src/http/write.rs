//! What all writes have in common: dry runs, idempotency keys, preconditions, and waiting.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::app::App;
use super::params::Params;
use super::problem::Problem;
use super::{client_address, limits};
use crate::domain::audit;
use crate::domain::change::{Change, State};
use crate::domain::limits::ClientAddress;
use crate::domain::record::hex;
use crate::domain::request::{Caller, Request};
use crate::workflow::{Idempotency, Origin, Submission};

/// Seconds that one request may wait.
const WAIT_LIMIT: u64 = 60;
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REASON: HeaderName = HeaderName::from_static("fleetwright-reason");
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// How a write is wanted.
pub(super) struct Write {
    dry_run: bool,
    until: State,
    wait: Option<u64>,
    key: Option<String>,
    tags: Tags,
    client: Option<ClientAddress>,
    reason: Option<String>,
    /// Method, path and query, as an idempotency key is bound to them.
    place: (String, String),
}

/// What `If-Match` names (RFC 9110 §13.1.1).
#[derive(Debug, PartialEq, Eq)]
enum Tags {
    /// No header, or `*`.
    Any,
    /// Strong tags, without their quotes. Weak ones never match a write and are left out.
    These(Vec<String>),
}

impl FromRequestParts<Arc<App>> for Write {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let mut params = Params::from_request_parts(parts, app).await?;
        let dry_run = params.flag("dryRun");
        let until = params.word::<State>("until").unwrap_or(State::Merged);
        if !matches!(until, State::Merged | State::Ready) {
            params.wrong("until", "must be merged or ready");
        }
        params.finish()?;
        let path = format!("{} {}", parts.method, parts.uri.path());
        Ok(Self {
            dry_run,
            until,
            wait: wait(&parts.headers),
            key: key(&parts.headers)?,
            tags: tags(&parts.headers)?,
            client: client_address::of(parts, &app.front.trusted_proxies),
            reason: reason(&parts.headers)?,
            place: (path, parts.uri.query().unwrap_or("").to_owned()),
        })
    }
}

impl Write {
    /// Whether only the plan is wanted.
    pub(super) fn dry_run(&self) -> bool {
        self.dry_run
    }

    /// Carries out a write on a store: the plan of a dry run, or the accepted change.
    pub(super) async fn run(
        self,
        app: &Arc<App>,
        caller: Caller,
        request: Request,
        body: &[u8],
    ) -> Result<Response, Problem> {
        if self.dry_run {
            let if_match = self.if_match(app, &caller, &request);
            return super::render::dry_run(app, caller, request, if_match).await;
        }
        let create = matches!(request, Request::Create(_));
        let submission = self.submission(app, &caller, request, body);
        let accepted = app.fleet.submit(&caller, submission).await?;
        let standings = app.fleet.standings(&caller, self.client, create);
        let replayed = accepted.replayed;
        let mut response = self.answer(app, accepted.change).await;
        limits::tell(response.headers_mut(), &standings);
        if replayed {
            let name = HeaderName::from_static("idempotency-replayed");
            response
                .headers_mut()
                .insert(name, header::HeaderValue::from_static("true"));
        }
        Ok(response)
    }

    fn submission(&self, app: &App, caller: &Caller, request: Request, body: &[u8]) -> Submission {
        let (path, query) = &self.place;
        let idempotency = self.key.as_ref().map(|key| Idempotency {
            key: format!("{path} {key}"),
            fingerprint: fingerprint(&[path.as_bytes(), query.as_bytes(), body]),
        });
        Submission {
            if_match: self.if_match(app, caller, &request),
            request,
            idempotency,
            origin: Origin {
                client: self.client,
                owners: None,
            },
            reason: self.reason.clone(),
        }
    }

    fn if_match(&self, app: &App, caller: &Caller, request: &Request) -> Option<String> {
        let current = || current_tag(app, caller, request);
        self.tags().map(|tags| chosen(tags, current()))
    }

    /// The tags that it is held to; none where any content will do.
    pub(super) fn tags(&self) -> Option<&[String]> {
        match &self.tags {
            Tags::Any => None,
            Tags::These(tags) => Some(tags),
        }
    }

    /// 202 with the change; or, where the client waits, 200 as soon as it got there.
    async fn answer(&self, app: &App, accepted: Change) -> Response {
        let mut change = accepted;
        if let Some(seconds) = self.wait {
            let waited = app
                .fleet
                .wait(&change.id, self.until, Duration::from_secs(seconds))
                .await;
            change = waited.unwrap_or(change);
        }
        // A merged change may be overtaken before it is looked at; its commit stays.
        let merged = change.state.is_merged() || change.commit.is_some();
        let there = change.state == State::Ready || (self.until == State::Merged && merged);
        let status = if self.wait.is_some() && there {
            StatusCode::OK
        } else {
            StatusCode::ACCEPTED
        };
        let location = [(header::LOCATION, format!("/api/v1/changes/{}", change.id))];
        let mut response = (status, location, Json(change)).into_response();
        if let Some(applied) = self
            .wait
            .and_then(|seconds| format!("wait={seconds}").parse().ok())
        {
            response
                .headers_mut()
                .insert(HeaderName::from_static("preference-applied"), applied);
        }
        response
    }
}

/// One hash over parts whose borders count.
fn fingerprint(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// Of several tags the one that holds now; the acceptance checks it again. None holds: any of them is refused.
fn chosen(tags: &[String], current: Option<String>) -> String {
    let holds = current.filter(|tag| tags.contains(tag));
    holds.or_else(|| tags.first().cloned()).unwrap_or_default()
}

fn current_tag(app: &App, caller: &Caller, request: &Request) -> Option<String> {
    // What cannot be read has no tag that would hold.
    let view = app.fleet.store_text(caller, request.store()?.as_str());
    Some(view.ok()??.etag)
}

/// The seconds of `Prefer: wait=N` (RFC 7240 §4.3). Preferences that make no sense are passed over (§2).
fn wait(headers: &HeaderMap) -> Option<u64> {
    let values = headers
        .get_all(PREFER)
        .iter()
        .filter_map(|it| it.to_str().ok());
    let mut preferences = values.flat_map(|text| text.split([',', ';']));
    let seconds = preferences.find_map(|it| {
        let (name, value) = it.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("wait")
            .then(|| value.trim().trim_matches('"').parse::<u64>().ok())?
    })?;
    Some(seconds.min(WAIT_LIMIT))
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut all = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = all.next() else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or("");
    let visible = text.bytes().all(|b| b.is_ascii_graphic());
    if all.next().is_none() && visible && (1..=255).contains(&text.len()) {
        return Ok(Some(text.to_owned()));
    }
    let detail = "Idempotency-Key must be there once, with 1 to 255 visible ASCII characters";
    Err(Problem::new(StatusCode::BAD_REQUEST, detail))
}

/// Why a write is wanted, for the commit and the audit: one line of UTF-8.
fn reason(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut all = headers.get_all(REASON).iter();
    let Some(value) = all.next() else {
        return Ok(None);
    };
    let text = std::str::from_utf8(value.as_bytes()).unwrap_or("\0");
    let read = match all.next() {
        None => audit::reason(text),
        Some(_) => Err("must be there once".to_owned()),
    };
    let wrong = |why| Problem::new(StatusCode::BAD_REQUEST, format!("Fleetwright-Reason {why}"));
    read.map(Some).map_err(wrong)
}

fn tags(headers: &HeaderMap) -> Result<Tags, Problem> {
    let mut tags = Vec::new();
    let mut given = false;
    for value in headers.get_all(header::IF_MATCH) {
        let text = value.to_str().unwrap_or("?").trim();
        if text == "*" {
            continue;
        }
        given = true;
        tags.extend(listed(text).ok_or_else(|| {
            let detail =
                "If-Match must list entity tags in quotes, as the ETag header of GET gives them";
            Problem::new(StatusCode::BAD_REQUEST, detail)
        })?);
    }
    Ok(if given { Tags::These(tags) } else { Tags::Any })
}

/// The strong tags of a list. A tag may hold commas (RFC 9110 §8.8.3).
fn listed(text: &str) -> Option<Vec<String>> {
    let mut tags = Vec::new();
    let mut rest = text;
    loop {
        let (weak, quoted) = match rest.strip_prefix("W/") {
            Some(quoted) => (true, quoted),
            None => (false, rest),
        };
        let (tag, after) = quoted.strip_prefix('"')?.split_once('"')?;
        if !weak {
            tags.push(tag.to_owned());
        }
        let after = after.trim_start();
        if after.is_empty() {
            return Some(tags);
        }
        rest = after.strip_prefix(',')?.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
        values
            .iter()
            .map(|it| (name.clone(), it.parse().expect("a header value")))
            .collect()
    }

    #[test]
    fn waits_are_read_and_bounded() {
        let table: [(&[&str], Option<u64>); 7] = [
            (&[], None),
            (&["wait=10"], Some(10)),
            (&["respond-async, wait=10"], Some(10)),
            (&["return=minimal", "Wait = \"7\""], Some(7)),
            (&["wait=600"], Some(60)),
            (&["wait=soon"], None),
            (&["wait"], None),
        ];
        for (values, seconds) in table {
            assert_eq!(wait(&headers(&PREFER, values)), seconds, "{values:?}");
        }
    }

    #[test]
    fn tags_are_read_strictly() {
        let these = |tags: &[&str]| Tags::These(tags.iter().map(|it| (*it).to_owned()).collect());
        let read = |text: &str| tags(&headers(&header::IF_MATCH, &[text]));
        assert_eq!(tags(&HeaderMap::new()).ok(), Some(Tags::Any));
        assert_eq!(read("*").ok(), Some(Tags::Any));
        assert_eq!(read("\"a\"").ok(), Some(these(&["a"])));
        assert_eq!(read("\"a\", W/\"b\", \"c\"").ok(), Some(these(&["a", "c"])));
        assert_eq!(
            read("W/\"b\"").ok(),
            Some(these(&[])),
            "a weak tag never matches"
        );
        assert_eq!(read("\"a,b\",\"c\"").ok(), Some(these(&["a,b", "c"])));
        for bad in ["", "a", "\"a", "\"a\" \"b\"", "\"a\",", "w/\"a\""] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn of_several_tags_the_one_that_holds_is_taken() {
        let tags = ["a".to_owned(), "b".to_owned()];
        assert_eq!(chosen(&tags, Some("b".to_owned())), "b");
        assert_eq!(chosen(&tags, Some("c".to_owned())), "a");
        assert_eq!(chosen(&[], Some("c".to_owned())), "");
    }

    #[test]
    fn keys_are_visible_ascii() {
        assert!(key(&HeaderMap::new()).is_ok_and(|it| it.is_none()));
        assert!(
            key(&headers(&IDEMPOTENCY_KEY, &["a-1"])).is_ok_and(|it| it.as_deref() == Some("a-1"))
        );
        for bad in [vec![""], vec!["a b"], vec!["a", "b"]] {
            assert!(key(&headers(&IDEMPOTENCY_KEY, &bad)).is_err(), "{bad:?}");
        }
        assert!(key(&headers(&IDEMPOTENCY_KEY, &[&"k".repeat(256)])).is_err());
    }

    #[test]
    fn a_reason_is_one_line_of_text() {
        let read = |values: &[&[u8]]| {
            let values = values.iter().map(|it| {
                let value = header::HeaderValue::from_bytes(it).expect("a header value");
                (REASON.clone(), value)
            });
            reason(&values.collect())
        };
        assert!(read(&[]).is_ok_and(|it| it.is_none()));
        assert!(read(&["größer".as_bytes()]).is_ok_and(|it| it.as_deref() == Some("größer")));
        for bad in [&[&b"\xff"[..]][..], &[b"a", b"b"], &[b" "], &[&[b'x'; 201]]] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn fingerprints_keep_the_borders_of_their_parts() {
        assert_ne!(fingerprint(&[b"ab", b"c"]), fingerprint(&[b"a", b"bc"]));
    }
}

//! What operations share: parameters, headers, problems.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::schemas::Schemas;
use crate::domain::change::Change;
use crate::domain::view::Rendered;

/// A media type and what is in it.
pub(super) struct Media {
    /// The type, without parameters.
    pub(super) name: &'static str,
    /// What is in it.
    pub(super) schema: Value,
}

/// JSON of a schema.
pub(super) fn json_of(schema: Value) -> Media {
    let name = "application/json";
    Media { name, schema }
}

/// A change, or the plan of a dry run.
pub(super) fn change_or_plan(s: &mut Schemas) -> Media {
    json_of(json!({"anyOf": [s.told::<Change>(), s.told::<Rendered>()]}))
}

/// Text of another type.
pub(super) fn text_of(name: &'static str, text: &str) -> Media {
    let schema = json!({"type": "string", "description": text});
    Media { name, schema }
}

/// A reference to a shared parameter.
pub(super) fn parameter(name: &str) -> Value {
    json!({"$ref": format!("#/components/parameters/{name}")})
}

/// The shared parameters.
pub(super) fn parameters() -> Value {
    let query = |name: &str, schema: Value, text: &str| json!({"name": name, "in": "query", "schema": schema, "description": text});
    let header = |name: &str, schema: Value, text: &str| json!({"name": name, "in": "header", "schema": schema, "description": text});
    json!({
        "limit": query("limit", json!({"type": "integer", "minimum": 1, "maximum": 200, "default": 50}), "Items of a page."),
        "cursor": query("cursor", json!({"type": "string"}), "`next` of the page before."),
        "dryRun": query("dryRun", json!({"type": "boolean", "default": false}), "Answers the plan and accepts nothing."),
        "until": query("until", json!({"enum": ["merged", "ready"], "default": "merged"}), "What `Prefer: wait=N` waits for."),
        "Idempotency-Key": header(
            "Idempotency-Key", json!({"type": "string", "pattern": "^[!-~]{1,255}$"}),
            "The same key, caller, method, path, query and body: the first accepted answer again, with the same change. \
             Another body: 422. Kept for at least 24 hours.",
        ),
        "If-Match": header(
            "If-Match", json!({"type": "string", "pattern": "^(\\*|(W/)?\"[!#-~]*\"( *, *(W/)?\"[!#-~]*\")*)$"}),
            "The `ETag` of the store as you read it. It has changed since: 412.",
        ),
        "Prefer": header(
            "Prefer", json!({"type": "string"}),
            "`wait=N` (RFC 7240) waits for N seconds, at most 60: 200 when the change got there, else 202.",
        ),
        "Fleetwright-Reason": header(
            "Fleetwright-Reason", json!({"type": "string", "pattern": "^[^\\x00-\\x20\\x7f]([^\\x00-\\x1f\\x7f]{0,198}[^\\x00-\\x20\\x7f])?$"}),
            "Why, in one line of UTF-8, for the commit and the audit.",
        ),
    })
}

/// A header of an answer.
pub(super) fn header(name: &str, required: bool) -> Value {
    let (schema, text) = match name {
        "X-Request-Id" => (
            json!({"type": "string", "pattern": "^[-_.A-Za-z0-9]{1,64}$"}),
            "The request's own id where it is a plain word, else a new one. The server's log has it.",
        ),
        "ETag" => (
            json!({"type": "string", "pattern": "^\"[0-9a-f]{32}\"$"}),
            "Hash of the newest accepted spec, queued changes included, for `If-Match`.",
        ),
        "Location" => (
            json!({"type": "string", "pattern": "^/api/v1/"}),
            "Where the answer can be read again.",
        ),
        "Retry-After" => (
            json!({"type": "integer", "minimum": 1}),
            "Seconds after which to try again.",
        ),
        "RateLimit" => (
            json!({"type": "string"}),
            "What is left of each request limit (draft-ietf-httpapi-ratelimit-headers-10).",
        ),
        "RateLimit-Policy" => (
            json!({"type": "string"}),
            "Quota and window of each request limit (the same draft).",
        ),
        "Idempotency-Replayed" => (
            json!({"enum": ["true"]}),
            "The answer is that of an earlier request with this key.",
        ),
        "Preference-Applied" => (
            json!({"type": "string", "pattern": "^wait=[0-9]+$"}),
            "How long the request waited at most.",
        ),
        "WWW-Authenticate" => (
            json!({"type": "string"}),
            "What to send (RFC 6750), and what is wrong with what was sent.",
        ),
        "Accept" => (json!({"type": "string"}), "The media types that are taken."),
        "Link" => (
            json!({"type": "string"}),
            "The next page, with `rel=\"next\"` (RFC 8288).",
        ),
        other => unreachable!("{other} is described above; the document is made by a test"),
    };
    json!({"required": required, "schema": schema, "description": text})
}

/// An answer without a body yet.
pub(super) fn answer(text: &str) -> Value {
    let id = json!({"$ref": "#/components/headers/X-Request-Id"});
    json!({"description": text, "headers": {"X-Request-Id": id}})
}

/// Names of headers, and whether each is always there.
type Headers = &'static [(&'static str, bool)];

/// What problems mean, and the headers that come with them: the name, and whether always.
#[rustfmt::skip]
const PROBLEMS: [(u16, &str, Headers); 14] = [
    (400, "The address or a header cannot be read, or the body is no JSON.", &[]),
    (401, "No token was sent, or it is none of ours, has run out or was revoked.", &[("WWW-Authenticate", false)]),
    (403, "The caller may not do this.", &[("WWW-Authenticate", false)]),
    (404, "There is no such thing, or none that the caller may see.", &[]),
    (408, "The body did not arrive in time.", &[]),
    (409, "It cannot be done to the store or the change as it is.", &[]),
    (412, "The store has changed since the caller read it.", &[]),
    (413, "The body is larger than is read: 256 KiB, and 25 MB of GitHub's deliveries.", &[]),
    (415, "The body is of another media type, or compressed.", &[("Accept", true)]),
    (421, "`dev` answers at loopback addresses only.", &[]),
    (422, "Parameters or fields are wrong or not allowed; `errors` names each.", &[]),
    (429, "A request limit is reached.", &[("Retry-After", true), ("RateLimit", true), ("RateLimit-Policy", true)]),
    (500, "The server failed; its log has the cause under the request id.", &[]),
    (503, "Not now: too much is queued, a part of the server is away, or it is stopping.", &[("Retry-After", false)]),
];

/// A reference to a shared problem. Outside the API it comes as a page to whoever accepts `text/html`.
pub(super) fn problem(status: u16, page: bool) -> Value {
    json!({"$ref": format!("#/components/responses/{}", name(status, page))})
}

fn name(status: u16, page: bool) -> String {
    let status = StatusCode::from_u16(status).ok();
    let words = status
        .and_then(|it| it.canonical_reason())
        .unwrap_or("Error");
    let end = if page { "OrPage" } else { "" };
    format!("{}{end}", words.replace([' ', '-'], ""))
}

/// The shared problems.
pub(super) fn problems(schema: &Value) -> Map<String, Value> {
    let mut all = Map::new();
    for page in [false, true] {
        for (status, text, headers) in PROBLEMS {
            let mut answer = answer(text);
            answer["content"]["application/problem+json"] = json!({"schema": schema});
            if page {
                answer["content"]["text/html"] = json!({"schema": {"type": "string"}});
            }
            for (name, required) in headers {
                answer["headers"][*name] = header(name, *required);
            }
            all.insert(name(status, page), answer);
        }
    }
    all
}

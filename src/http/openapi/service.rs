//! The operations around the API: the server's state, descriptions, and messages from other systems.

use axum::http::Method;
use serde_json::{Value, json};

use super::operation::Operation;
use super::parts::{Media, json_of, text_of};
use super::schemas::Schemas;
use crate::domain::StoreName;
use crate::domain::audit::REASON_LIMIT;
use crate::domain::change::Change;
use crate::domain::request::CreateRequest;
use crate::domain::schema::StorePatch;
use crate::domain::view::Health;
use crate::http::health::Alive;
use crate::http::webhooks::github::Receipt;
use crate::http::webhooks::{Named, Versioned};

/// The server's state.
pub(super) fn health(s: &mut Schemas) -> Vec<Operation> {
    vec![
        Operation::new(
            Method::GET,
            "/api/health",
            "health",
            "Shows how the server's parts are",
        )
        .answers(
            200,
            "Its parts, whether they are well or not.",
            &[json_of(s.told::<Health>())],
        ),
        Operation::new(
            Method::GET,
            "/healthz",
            "alive",
            "Says that the process answers",
        )
        .answers(200, "It does.", &[json_of(s.told::<Alive>())]),
        Operation::new(
            Method::GET,
            "/readyz",
            "ready",
            "Says whether requests may come",
        )
        .answers(200, "They may.", &[json_of(s.told::<Alive>())])
        .problems(&[503]),
        Operation::new(
            Method::GET,
            "/metrics",
            "metrics",
            "Shows figures for Prometheus",
        )
        .answers(
            200,
            "The figures.",
            &[text_of("text/plain", "Prometheus text format 0.0.4.")],
        ),
    ]
}

/// What describes the rest.
pub(super) fn descriptions() -> Vec<Operation> {
    let object = || json!({"type": "object"});
    let schema = Media {
        name: "application/schema+json",
        schema: object(),
    };
    vec![
        Operation::new(Method::GET, "/openapi.json", "openapi", "This description").answers(
            200,
            "OpenAPI 3.1.",
            &[json_of(object())],
        ),
        Operation::new(Method::GET, "/docs", "docs", "This description as a page").answers(
            200,
            "The page.",
            &[text_of("text/html", "A page without scripts.")],
        ),
        Operation::new(
            Method::GET,
            "/schemas/{name}",
            "schema",
            "Shows the JSON Schema of a file that people write",
        )
        .path(
            "name",
            json!({"enum": ["policy.json", "store.json"]}),
            "`policy.json` or `store.json`.",
        )
        .answers(200, "JSON Schema 2020-12.", &[schema]),
    ]
}

/// Messages from other systems.
pub(super) fn webhooks(s: &mut Schemas) -> Vec<Operation> {
    let text = || json!({"type": "string"});
    let body = message(s);
    let mut operation = Operation::new(Method::POST, "/webhooks/stores", "storeWebhook", "Takes a signed request for a store")
        .about(
            "After Standard Webhooks. There is no such route unless a secret is configured. An `update` carries the store's \
             name and the fields of a merge patch. A bad signature is 401, a time more than five minutes away 400.",
        )
        .header(("webhook-id", true),  text(), "The delivery's id. One seen before: 200 with the first answer.")
        .header(("webhook-timestamp", true),  text(), "Seconds since 1970.")
        .header(("webhook-signature", true),  text(), "The signatures, as `v1,<base64>`.")
        .takes(true, &body, "The message, of whatever media type it says to be.")
        .never(415)
        .problems(&[401, 403, 404, 409, 422, 429, 503]);
    let change = s.told::<Change>();
    for (status, said) in [
        (200, "This delivery was accepted before: its change."),
        (202, "Accepted: the change."),
    ] {
        operation = operation
            .answers(status, said, &[json_of(change.clone())])
            .with(status, "Location", true)
            .with(status, "RateLimit", false)
            .with(status, "RateLimit-Policy", false);
    }
    vec![operation, from_github(s)]
}

/// What the forge tells.
fn from_github(s: &mut Schemas) -> Operation {
    let word = || json!({"type": "string", "pattern": "^[!-~]{1,64}$"});
    Operation::new(Method::POST, "/webhooks/github", "githubWebhook", "Takes a hint from GitHub")
        .about(
            "A webhook of a GitHub App or a repository, with content type JSON. There is no such route unless a secret is \
             configured. A delivery is on disk before it is answered and worked off afterwards. Up to 25 MB are read.",
        )
        .header(
            ("X-Hub-Signature-256", true),
            json!({"type": "string", "pattern": "^sha256=[0-9a-fA-F]{64}$"}),
            "HMAC-SHA256 of the body, with the webhook's secret.",
        )
        .header(("X-GitHub-Event", true), word(), "The event. Of one that says nothing to us nothing follows.")
        .header(("X-GitHub-Delivery", true), word(), "The delivery's id. One seen in the last days does nothing.")
        .takes(true, &json!({"type": "object"}), "The event's payload, as GitHub describes it.")
        .never(422)
        .problems(&[401, 404, 503])
        .answers(
            202,
            "It was taken; whether something follows from it is said.",
            &[json_of(s.told::<Receipt>())],
        )
}

/// A message's body: what `store` is follows from `action`.
fn message(s: &mut Schemas) -> Value {
    // The patch itself is in the document for whoever reads it; a name is no part of it.
    s.asked::<StorePatch>();
    let update = json!({
        "type": "object", "required": ["name"], "properties": {"name": s.asked::<StoreName>()},
        "description": "The store's `name`, and the fields of a StorePatch.",
    });
    let rows = [
        (json!(["create"]), s.asked::<CreateRequest>()),
        (json!(["update"]), update),
        (json!(["upgrade"]), s.asked::<Versioned>()),
        (json!(["suspend", "resume", "delete"]), s.asked::<Named>()),
    ];
    let reason = json!({
        "type": ["string", "null"], "minLength": 1, "maxLength": REASON_LIMIT,
        "description": "Why, in one line, for the commit and the audit.",
    });
    let shapes = rows.map(|(actions, store)| {
        json!({
            "type": "object", "required": ["action", "store"], "additionalProperties": false,
            "properties": {"action": {"enum": actions}, "store": store, "reason": reason},
        })
    });
    json!({"anyOf": shapes})
}

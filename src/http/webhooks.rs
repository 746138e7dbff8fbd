//! `POST /webhooks/stores`: requests for stores from other systems, signed after Standard Webhooks.
//!
//! The signature is checked over the body as it came, before anything is read into it. Whose secret signed a message
//! says who asks, and what may be asked for; policy and limits hold as for everybody else. A delivery id seen before is
//! answered with its first answer: it is kept as idempotency keys are, in the transaction that accepts the request, for
//! two days. Refusals are not kept, so a sender that tries again is judged again.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Request as HttpRequest, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::app::App;
use super::params::Params;
use super::problem::Problem;
use super::{auth, body, client_address, json, limits};
use crate::domain::audit;
use crate::domain::request::{Caller, Refusal, Request, Violation};
use crate::domain::webhook::{WebhookAction, WebhookSource};
use crate::domain::{Owner, StoreName};
use crate::workflow::{Idempotency, Origin, Submission};

pub(super) mod github;
mod signature;

use signature::Delivery;

/// Whether there is a secret at all.
pub(super) fn wanted(app: &App) -> bool {
    let mut sources = app.front.webhooks.iter();
    sources.any(|it| !it.secrets.is_empty())
}

/// The body of a message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    action: WebhookAction,
    store: Map<String, Value>,
    /// Why, for the commit and the audit.
    reason: Option<String>,
}

/// `POST /webhooks/stores`
pub(super) async fn stores(
    State(app): State<Arc<App>>,
    request: HttpRequest,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let bytes = body::read(body, body::LIMIT).await?;
    let delivery = Delivery::read(&parts.headers)?;
    let source = delivery.signed_by(&app.front.webhooks, &bytes)?;
    auth::note(&parts.extensions, &subject(source));
    delivery.check_time(app.fleet.now())?;
    // The id alone says that it is the same delivery.
    let idempotency = Some(Idempotency {
        key: format!("delivery {}", delivery.id()),
        fingerprint: String::new(),
    });
    let params = Params::from_request_parts(&mut parts, &app).await?;
    params.finish()?;
    let message: Message = json::decode(json::read(&bytes)?)?;
    may_ask(source, message.action)?;
    let reason = message.reason.as_deref().map(audit::reason).transpose();
    let reason = reason.map_err(|why| Problem::invalid_field("/reason", why))?;
    let request = request_of(source, message)?;
    let caller = caller(source, &request)?;
    let client = client_address::of(&parts, &app.front.trusted_proxies);
    let create = matches!(request, Request::Create(_));
    let submission = Submission {
        request,
        idempotency,
        if_match: None,
        origin: Origin {
            client,
            owners: (!source.owners.is_empty()).then(|| source.owners.clone()),
        },
        reason,
    };
    let accepted = app.fleet.submit(&caller, submission).await;
    let accepted = accepted.map_err(below_store)?;
    let standings = app.fleet.standings(&caller, client, create);
    let status = if accepted.replayed {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    let place = format!("/api/v1/changes/{}", accepted.change.id);
    let mut response = (status, [(header::LOCATION, place)], Json(accepted.change)).into_response();
    limits::tell(response.headers_mut(), &standings);
    Ok(response)
}

fn may_ask(source: &WebhookSource, action: WebhookAction) -> Result<(), Problem> {
    if source.actions.contains(&action) {
        return Ok(());
    }
    let detail = format!(
        "webhook {} may not ask for {}; an admin lists its actions in the configuration",
        source.name,
        json!(action)
    );
    Err(Problem::new(StatusCode::FORBIDDEN, detail))
}

/// A store and nothing else.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    /// The store.
    name: StoreName,
}

/// A store and the chart version that it shall have.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Versioned {
    /// The store.
    name: StoreName,
    /// The chart version.
    version: String,
    /// Whether it may be an older one.
    #[serde(default, rename = "allowDowngrade")]
    allow_downgrade: bool,
}

/// What a message asks for.
fn request_of(source: &WebhookSource, message: Message) -> Result<Request, Problem> {
    let mut store = message.store;
    match message.action {
        WebhookAction::Create => {
            owned(source, &mut store)?;
            decode(store).map(Request::Create)
        }
        WebhookAction::Update => {
            let name = store.shift_remove("name");
            let Named { name } = decode(Map::from_iter(name.map(|it| ("name".to_owned(), it))))?;
            let patch = store;
            Ok(Request::Update { store: name, patch })
        }
        WebhookAction::Upgrade => {
            let Versioned {
                name,
                version,
                allow_downgrade,
            } = decode(store)?;
            Ok(Request::Upgrade {
                store: name,
                version,
                allow_downgrade,
            })
        }
        WebhookAction::Delete => {
            let Named { name } = decode(store)?;
            Ok(Request::Delete { store: name })
        }
        WebhookAction::Suspend => {
            let Named { name } = decode(store)?;
            Ok(Request::Suspend { store: name })
        }
        WebhookAction::Resume => {
            let Named { name } = decode(store)?;
            Ok(Request::Resume { store: name })
        }
    }
}

/// A new store of a system with one owner is that owner's; any other system has to name him.
fn owned(source: &WebhookSource, store: &mut Map<String, Value>) -> Result<(), Problem> {
    let named = store.get("owner").is_some_and(|it| !it.is_null());
    match source.owners.as_slice() {
        _ if named => Ok(()),
        [owner] => {
            store.insert("owner".to_owned(), json!(owner));
            Ok(())
        }
        _ => {
            let detail = format!(
                "is missing: webhook {} asks for several owners",
                source.name
            );
            Err(Problem::invalid_field("/store/owner", detail))
        }
    }
}

fn decode<T: DeserializeOwned>(store: Map<String, Value>) -> Result<T, Problem> {
    json::decode(Value::Object(store)).map_err(|error| match error {
        json::JsonError::Invalid(found) => Problem::invalid(found.into_iter().map(below).collect()),
        json::JsonError::Malformed(_) => error.into(),
    })
}

/// Places are told as the message has them.
fn below(mut violation: Violation) -> Violation {
    violation.pointer.insert_str(0, "/store");
    violation
}

fn below_store(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Invalid(found) => Problem::invalid(found.into_iter().map(below).collect()),
        other => other.into(),
    }
}

/// Who asks, in Git and in the audit.
fn subject(source: &WebhookSource) -> String {
    format!("webhook:{}", source.name)
}

/// Who asks. Where several owners are concerned, the one of the new store; for the others none is asked for.
fn caller(source: &WebhookSource, request: &Request) -> Result<Caller, Problem> {
    let wanted = match request {
        Request::Create(create) => create.owner.as_deref(),
        _ => None,
    };
    let first = source.owners.first().map(Owner::as_str);
    let owner = first.or(wanted).unwrap_or(&source.name);
    Ok(Caller {
        subject: subject(source),
        role: source.role,
        owner: owner.parse().map_err(|error: crate::domain::BadId| {
            Problem::invalid_field("/store/owner", error.to_string())
        })?,
    })
}

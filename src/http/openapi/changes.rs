//! The operations of `/api/v1/changes` and of the stream of events.

use axum::http::Method;
use serde_json::json;

use super::operation::Operation;
use super::parts::{change_or_plan, json_of, text_of};
use super::schemas::Schemas;
use crate::domain::change::{Action, Change, State};
use crate::domain::view::{Page, PhaseEvent};
use crate::domain::{ChangeId, Owner, StoreName};
use crate::http::actions::Nothing;
use crate::http::changes::Rejection;

/// What a stream says.
const STREAM: &str = "Server-sent events (WHATWG HTML). It begins with `retry` and the `id` of its place, then: `event: change` with a \
    Change as `data`, `event: store` with a PhaseEvent, and `event: reset` when events were missed: read again what you show. \
    Comments keep it alive. It ends with the server, with the token, and after 15 minutes; come back with `Last-Event-ID`.";

/// Every operation on changes.
pub(super) fn all(s: &mut Schemas) -> Vec<Operation> {
    vec![
        list(s),
        show(s),
        follow(s),
        cancel(s),
        approve(s),
        reject(s),
    ]
}

fn list(s: &mut Schemas) -> Operation {
    Operation::new(
        Method::GET,
        "/api/v1/changes",
        "listChanges",
        "Lists changes, newest first",
    )
    .query("state", s.asked::<State>(), "Only in this state.")
    .query("store", s.asked::<StoreName>(), "Only of this store.")
    .query("owner", s.asked::<Owner>(), "Only of stores of this owner.")
    .query("action", s.asked::<Action>(), "Only of this action.")
    .paged()
    .answers(
        200,
        "A page of changes.",
        &[json_of(s.told::<Page<Change>>())],
    )
}

fn show(s: &mut Schemas) -> Operation {
    let operation = one(
        s,
        Method::GET,
        "/api/v1/changes/{id}",
        "getChange",
        "Shows a change",
    );
    answered(s, operation)
}

fn follow(s: &mut Schemas) -> Operation {
    one(
        s,
        Method::GET,
        "/api/v1/changes/{id}/events",
        "followChange",
        "Follows a change until nothing follows",
    )
    .about("It begins with the change as it is.")
    .answers(200, "The stream.", &[text_of("text/event-stream", STREAM)])
}

fn cancel(s: &mut Schemas) -> Operation {
    let operation = one(
        s,
        Method::POST,
        "/api/v1/changes/{id}/cancel",
        "cancelChange",
        "Takes back a change that is not written yet",
    )
    .about("Repeated, it answers the same. A merchant takes back what was asked for in the name of their owner.")
    .takes(false, &s.asked::<Nothing>(), "Nothing, or an empty object.")
    .decides();
    answered(s, operation)
        .with(200, "RateLimit", false)
        .with(200, "RateLimit-Policy", false)
}

fn approve(s: &mut Schemas) -> Operation {
    let operation = one(
        s,
        Method::POST,
        "/api/v1/changes/{id}/approve",
        "approveChange",
        "Approves a change as it would be written now",
    )
    .about(
        "Never your own. Repeated, it answers the same. With `dryRun` it shows what the change would write, with an `ETag`; with that \
         as `If-Match` an approval is for just that.",
    )
    .takes(false, &s.asked::<Nothing>(), "Nothing, or an empty object.")
    .decides()
    .matches();
    let text = "The change as it is afterwards; with `dryRun` what it would write.";
    operation
        .answers(200, text, &[change_or_plan(s)])
        .with(200, "ETag", false)
}

fn reject(s: &mut Schemas) -> Operation {
    let operation = one(
        s,
        Method::POST,
        "/api/v1/changes/{id}/reject",
        "rejectChange",
        "Rejects a change",
    )
    .about("Never your own. Repeated, it answers the same.")
    .takes(false, &s.asked::<Rejection>(), "Why.")
    .decides();
    answered(s, operation)
}

/// The stream of everything that the caller may see.
pub(super) fn stream(s: &mut Schemas) -> Vec<Operation> {
    // What the stream holds is described beside what it is named in.
    s.told::<PhaseEvent>();
    let place = json!({"type": "string"});
    let operation = Operation::new(
        Method::GET,
        "/api/v1/events",
        "followEvents",
        "Follows changes and stores",
    )
    .query("store", s.asked::<StoreName>(), "Only of this store.")
    .query("owner", s.asked::<Owner>(), "Only of stores of this owner.")
    .query(
        "lastEventId",
        place.clone(),
        "As `Last-Event-ID`, for clients that cannot set headers.",
    )
    .header(
        ("Last-Event-ID", false),
        place,
        "Goes on after this event; where it is not known any more, begins with `reset`.",
    )
    .answers(200, "The stream.", &[text_of("text/event-stream", STREAM)]);
    vec![operation]
}

fn one(
    s: &mut Schemas,
    method: Method,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
) -> Operation {
    let change = s.asked::<ChangeId>();
    Operation::new(method, path, id, summary).path("id", change, "The change's id.")
}

fn answered(s: &mut Schemas, operation: Operation) -> Operation {
    operation.answers(
        200,
        "The change as it is afterwards.",
        &[json_of(s.told::<Change>())],
    )
}

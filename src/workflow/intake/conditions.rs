//! What is asked of a request before it is decided: is it a repeat, may it pass, is the store as the caller read it?

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Idempotency, Origin, find_change};
use crate::domain::accept::{Decision, Intent, etag};
use crate::domain::change::{Change, State};
use crate::domain::entry::Kept;
use crate::domain::record::Record;
use crate::domain::request::{Caller, Refusal, Request, Violation};
use crate::domain::{Owner, StoreName};
use crate::workflow::core::Core;
use crate::workflow::desk::Desk;

pub(super) fn target(request: &Request) -> Option<&StoreName> {
    match request {
        Request::Create(_) => None,
        Request::Update { store, .. }
        | Request::Delete { store }
        | Request::Adopt { store, .. } => Some(store),
    }
}

pub(super) fn replay(
    core: &Core,
    desk: &Desk,
    fresh: &HashMap<String, Kept>,
    key: &str,
    given: &Idempotency,
) -> Result<Option<Change>, Refusal> {
    let unavailable = |error: crate::journal::JournalError| Refusal::Unavailable(error.to_string());
    let Some(kept) = fresh
        .get(key)
        .cloned()
        .map_or_else(|| core.journal.kept(key), |it| Ok(Some(it)))
        .map_err(unavailable)?
    else {
        return Ok(None);
    };
    if kept.fingerprint != given.fingerprint {
        let detail = "was used for another request; use a new key for a new request";
        return Err(Refusal::Invalid(vec![Violation::new(
            "/headers/Idempotency-Key",
            detail,
        )]));
    }
    Ok(find_change(core, desk, &kept.change))
}

/// A caller that is held to some owners' stores sees no other.
pub(super) fn in_scope(origin: &Origin, current: Option<&Record>) -> Result<(), Refusal> {
    match (&origin.owners, current) {
        (Some(owners), Some(record)) if !owners.contains(&record.spec.owner) => {
            Err(Refusal::NotFound(record.name().to_string()))
        }
        _ => Ok(()),
    }
}

/// Nor does it give one to another owner.
pub(super) fn gives_in_scope(origin: &Origin, decision: &Decision) -> Result<(), Refusal> {
    let owner = &decision.record.spec.owner;
    match &origin.owners {
        Some(owners) if !owners.contains(owner) => {
            let listed: Vec<&str> = owners.iter().map(Owner::as_str).collect();
            let detail = format!("must be one of {}, for which you ask", listed.join(", "));
            Err(Refusal::Invalid(vec![Violation::new("/owner", detail)]))
        }
        _ => Ok(()),
    }
}

/// A delete of a store that is being deleted answers with the change that deletes it.
pub(super) fn repeated_delete(
    core: &Core,
    desk: &Desk,
    request: &Request,
    current: Option<&Record>,
    caller: &Caller,
) -> Option<Change> {
    let Request::Delete { .. } = request else {
        return None;
    };
    let record = current?;
    let mine =
        caller.role != crate::domain::request::Role::Merchant || record.spec.owner == caller.owner;
    let deletion = record.metadata.deletion.as_ref().filter(|_| mine)?;
    find_change(core, desk, &deletion.change)
}

/// While people decide on a change of a store, nothing is written past them.
pub(super) fn waits_for_people(desk: &Desk, request: &Request) -> Result<(), Refusal> {
    let Some(name) = target(request) else {
        return Ok(());
    };
    let open = desk.changes_of(name).iter().filter_map(|id| desk.entry(id));
    let proposed = open
        .map(|entry| &entry.change)
        .find(|it| it.state == State::Proposed);
    match proposed {
        None => Ok(()),
        Some(change) => Err(Refusal::Conflict(format!(
            "change {} of store {name} waits for approval; wait for it, or cancel it first",
            change.id
        ))),
    }
}

pub(super) fn check_match(if_match: Option<&str>, current: Option<&Record>) -> Result<(), Refusal> {
    let (Some(wanted), Some(record)) = (if_match, current) else {
        return Ok(());
    };
    let has = etag(&record.spec);
    let matches = wanted == "*"
        || wanted
            .split(',')
            .any(|it| it.trim().trim_matches('"') == has);
    if matches {
        return Ok(());
    }
    let text = format!(
        "store {} has changed since you read it; read it again and repeat your change on top",
        record.name()
    );
    Err(Refusal::Precondition(text))
}

/// The fields a patch names, as they are now.
pub(super) fn named_fields(
    decision: &Decision,
    current: Option<&Record>,
) -> Option<Map<String, Value>> {
    let Intent::Update(patch) = &decision.intent else {
        return None;
    };
    let spec = serde_json::to_value(&current?.spec).ok()?;
    Some(
        patch
            .keys()
            .map(|key| (key.clone(), spec.get(key).cloned().unwrap_or(Value::Null)))
            .collect(),
    )
}

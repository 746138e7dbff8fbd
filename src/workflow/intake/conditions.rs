//! What is asked of a request before it is decided: is it a repeat, may it pass, is the store as the caller read it?

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Idempotency, Origin, find_change};
use crate::domain::accept::{Decision, Intent, etag};
use crate::domain::change::{Change, State};
use crate::domain::entry::{Kept, StoreRow};
use crate::domain::phase::Phase;
use crate::domain::record::Record;
use crate::domain::request::{Refusal, Request, Violation};
use crate::domain::{Owner, StoreName};
use crate::workflow::core::Core;
use crate::workflow::desk::Desk;
use crate::workflow::{proposals, query};

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
    match current {
        Some(record) if !owned(origin, &record.spec.owner) => {
            Err(Refusal::NotFound(record.name().to_string()))
        }
        _ => Ok(()),
    }
}

/// Whether an owner is one of those that a caller is held to.
pub(super) fn owned(origin: &Origin, owner: &Owner) -> bool {
    let listed = origin.owners.as_ref();
    listed.is_none_or(|owners| owners.contains(owner))
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

/// A delete of a store that is being deleted, or was, answers with the change that deletes it; `seen` tells whose stores
/// the caller may see.
pub(in crate::workflow) fn repeated_delete(
    core: &Core,
    desk: &Desk,
    request: &Request,
    current: Option<&Record>,
    seen: &dyn Fn(&Owner) -> bool,
) -> Result<Option<Change>, Refusal> {
    let Request::Delete { store } = request else {
        return Ok(None);
    };
    let removed = match current {
        Some(_) => None,
        None => removed(core, store)?.map(|row| row.record),
    };
    let record = current.or(removed.as_ref());
    let deletion = record
        .filter(|record| seen(&record.spec.owner))
        .and_then(|record| record.metadata.deletion.as_ref());
    Ok(deletion.and_then(|it| find_change(core, desk, &it.change)))
}

/// Nothing is done to a store that is gone, and the answer says so as long as its name is remembered.
pub(in crate::workflow) fn gone(
    core: &Core,
    desk: &Desk,
    request: &Request,
    seen: &dyn Fn(&Owner) -> bool,
) -> Result<(), Refusal> {
    let Some(store) = request.store() else {
        return Ok(());
    };
    let row = removed(core, store)?;
    if row.is_none_or(|row| !seen(&row.record.spec.owner)) {
        return Ok(());
    }
    let text = format!("store {store} is deleted and takes no changes");
    Err(with_phase(core, desk, request, Refusal::Illegal(text)))
}

/// The row of a store whose last files were taken.
fn removed(core: &Core, store: &StoreName) -> Result<Option<StoreRow>, Refusal> {
    let row = core.index.store(store);
    let row = row.map_err(|error| Refusal::Unavailable(error.to_string()))?;
    Ok(row.filter(|row| row.removed_at.is_some()))
}

/// A refusal for the sake of a store's phase says which one it is.
pub(in crate::workflow) fn with_phase(
    core: &Core,
    desk: &Desk,
    request: &Request,
    why: Refusal,
) -> Refusal {
    let (Refusal::Illegal(text), Some(store)) = (&why, request.store()) else {
        return why;
    };
    match core.index.store(store) {
        Ok(Some(row)) => {
            let phase = query::phase(core, store, &row).phase;
            Refusal::Illegal(format!("{text} (its phase is {phase})"))
        }
        _ if proposed(desk, store).is_some() => {
            let phase = Phase::AwaitingApproval;
            Refusal::Illegal(format!("{text} (its phase is {phase})"))
        }
        _ => {
            let phase = Phase::Requested;
            Refusal::Illegal(format!(
                "{text} (its phase is {phase}: it is not written yet)"
            ))
        }
    }
}

/// While people decide on a change of a store, nothing is written past them. Whoever does not see the store is told
/// nothing of that.
pub(in crate::workflow) fn waits_for_people(
    core: &Core,
    desk: &Desk,
    request: &Request,
    current: Option<&Record>,
    seen: &dyn Fn(&Owner) -> bool,
) -> Result<(), Refusal> {
    let Some(record) = current.filter(|it| seen(&it.spec.owner)) else {
        return Ok(());
    };
    let name = record.name();
    if core.forge.is_some() {
        return proposals::takes_more(core, desk, name);
    }
    let Some(change) = proposed(desk, name) else {
        return Ok(());
    };
    let text = format!(
        "change {} of store {name} waits for approval; wait for it, or cancel it first",
        change.id
    );
    Err(with_phase(core, desk, request, Refusal::Illegal(text)))
}

/// The change of a store that people decide on.
fn proposed<'a>(desk: &'a Desk, store: &StoreName) -> Option<&'a Change> {
    let open = desk.changes_of(store).iter();
    let mut changes = open.filter_map(|id| Some(&desk.entry(id)?.change));
    changes.find(|it| it.state == State::Proposed)
}

pub(in crate::workflow) fn check_match(
    if_match: Option<&str>,
    current: Option<&Record>,
) -> Result<(), Refusal> {
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

/// The fields that a request names, as they are now.
pub(super) fn named_fields(
    decision: &Decision,
    current: Option<&Record>,
) -> Option<Map<String, Value>> {
    let spec = serde_json::to_value(&current?.spec).ok()?;
    let now = |key: &str| {
        (
            key.to_owned(),
            spec.get(key).cloned().unwrap_or(Value::Null),
        )
    };
    match &decision.intent {
        Intent::Update(patch) => Some(patch.keys().map(|key| now(key)).collect()),
        Intent::Upgrade { .. } => Some(Map::from_iter([now("version")])),
        Intent::Suspend | Intent::Resume => Some(Map::from_iter([now("suspended")])),
        Intent::Rollback(_) => spec.as_object().cloned(),
        Intent::Create(_)
        | Intent::Retry { .. }
        | Intent::Restore
        | Intent::Delete
        | Intent::Adopt { .. } => None,
    }
}

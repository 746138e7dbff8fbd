//! A change is taken back before it is written, and how any change ends that is not.

use std::sync::MutexGuard;

use super::core::Core;
use super::desk::Desk;
use super::intake::find_change;
use super::project::ProjectError;
use super::query::may_see;
use crate::domain::ChangeId;
use crate::domain::change::{Change, State};
use crate::domain::request::{Caller, Refusal, Role};

/// Takes a change back that is not written yet. Nothing is done unless `really`.
pub(super) fn cancel(
    core: &Core,
    caller: &Caller,
    id: &ChangeId,
    really: bool,
) -> Result<Change, Refusal> {
    let desk = core.desk();
    let found = find_change(core, &desk, id).filter(|it| may_see(core, caller, it));
    let mut change = found.ok_or_else(|| Refusal::NotFound(id.to_string()))?;
    if caller.role < Role::Operator && !asked_by_own(&desk, caller, &change) {
        return Err(Refusal::Forbidden(format!(
            "change {id} was asked for by {}, and only they or an operator take it back",
            change.requester
        )));
    }
    if change.state == State::Cancelled {
        return Ok(change);
    }
    let waiting = matches!(
        change.state,
        State::Queued | State::Proposed | State::Approved
    );
    let waits = waiting && !desk.is_taken(id);
    let detail = Some(format!("by {}", caller.subject));
    if !waits || !change.go(State::Cancelled, Core::now(), detail) {
        return Err(past(&change, "cancelled"));
    }
    if really {
        end(core, desk, &change)?;
    }
    Ok(change)
}

/// Ends a change that will not be written.
pub(super) fn end(
    core: &Core,
    mut desk: MutexGuard<'_, Desk>,
    change: &Change,
) -> Result<(), Refusal> {
    // Off the desk before the lock is given up: the writer can no longer take it.
    desk.remove(&change.id);
    drop(desk);
    let ended = core.end(std::slice::from_ref(change));
    ended.map_err(|error: ProjectError| Refusal::Unavailable(error.to_string()))
}

/// It is too late for a change to be … (`what`).
pub(super) fn past(change: &Change, what: &str) -> Refusal {
    let (id, state) = (&change.id, change.state.as_str());
    Refusal::Conflict(format!(
        "change {id} is {state} and cannot be {what} any more"
    ))
}

/// Whether a merchant, or another one of the same owner, asked for a change. What an operator did to a store is not taken
/// back by its owner.
fn asked_by_own(desk: &Desk, caller: &Caller, change: &Change) -> bool {
    let own = |asked: &Caller| asked.role == Role::Merchant && asked.owner == caller.owner;
    let entry = desk.entry(&change.id);
    change.requester == caller.subject || entry.is_some_and(|it| own(&it.caller))
}

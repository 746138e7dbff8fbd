//! A change is taken back before it is written, and how any change ends that is not.

use std::sync::MutexGuard;

use super::Fleet;
use super::core::Core;
use super::desk::Desk;
use super::intake::find_change;
use super::outcome::refused_by_hand;
use super::project::ProjectError;
use super::query::may_see;
use crate::domain::ChangeId;
use crate::domain::change::{Change, State};
use crate::domain::entry::Entry;
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
    let merged = desk.entry(id).is_some_and(|it| it.merged().is_some());
    let waits = (waiting || proposed(&desk, id)) && !desk.is_taken(id) && !merged;
    let detail = Some(format!("by {}", caller.subject));
    if !waits || !change.go(State::Cancelled, Core::now(), detail) {
        return Err(past(&change, "cancelled"));
    }
    if really {
        let entry = desk.entry(id).cloned();
        end(core, desk, &change)?;
        if let Some(entry) = entry.filter(Entry::is_by_hand) {
            lies(core, &entry, &change);
        }
    }
    Ok(change)
}

/// A hand edit that is taken back lies on main without effect.
fn lies(core: &Core, entry: &Entry, change: &Change) {
    let by = change.timeline.last().and_then(|it| it.detail.as_deref());
    let why = format!(
        "was taken back {}; it has no effect",
        by.unwrap_or_default()
    );
    refused_by_hand(core, entry, &why);
    core.wake.notify_one();
}

/// Whether a change is on the branch of a proposal: it is cancelled until that is merged.
fn proposed(desk: &Desk, id: &ChangeId) -> bool {
    desk.entry(id).is_some_and(|it| it.carried.is_some())
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
    // A proposal that carries it goes on without it, or is closed.
    core.propose.notify_one();
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

impl Fleet {
    /// Takes a change back that is not written yet, or only says what that would come to.
    ///
    /// # Errors
    /// When there is no such change, it is not theirs, or it has gone too far.
    pub fn cancel(&self, caller: &Caller, id: &ChangeId, really: bool) -> Result<Change, Refusal> {
        if really {
            super::limits::count_write(&self.0.core, caller)?;
        }
        cancel(&self.0.core, caller, id, really)
    }
}

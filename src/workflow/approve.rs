//! People decide on a change that waits for approval, where no forge does it.
//!
//! An approval is bound to what the change leaves of its store: when that is something else by the time it is written,
//! people are asked again. Must not know: how a person got in.

use jiff::{SignedDuration, Timestamp};

use super::Fleet;
use super::cancel::{end, past};
use super::core::Core;
use super::desk::Desk;
use super::dry_run;
use super::intake::find_change;
use super::proposals;
use crate::domain::approval::{Approval, Needed, digest, given, needed};
use crate::domain::change::{Change, State};
use crate::domain::entry::Entry;
use crate::domain::policy::FleetPolicy;
use crate::domain::record::{Record, Spec};
use crate::domain::request::{Caller, Refusal, Role};
use crate::domain::view::Rendered;
use crate::domain::{ChangeId, Owner};

/// How long people have to decide. A proposal that nobody looked at for so long is asked for again.
const TIME_TO_DECIDE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Has an entry wait for people.
pub(super) fn propose(change: &mut Change, needed: &Needed, now: Timestamp, why: Option<&str>) {
    let sentence = needed.sentence();
    let detail = why.map_or_else(|| sentence.clone(), |why| format!("{why}: {sentence}"));
    if change.go(State::Proposed, now, Some(detail)) {
        change.waiting_for = Some(sentence);
        change.deadline = now.checked_add(TIME_TO_DECIDE).ok();
    }
}

/// What an entry still needs before `record` may be written; none where enough people have agreed to just that.
pub(super) fn unapproved(
    policy: &FleetPolicy,
    entry: &Entry,
    old: Option<&Spec>,
    record: &Record,
) -> Option<Needed> {
    if entry.restores() {
        return None;
    }
    let needed = needed(policy, entry.change.action, old, &record.spec)?;
    (given(&entry.approvals, &digest(record)) < needed.approvals).then_some(needed)
}

/// What a change that waits for people would write now, and the digest that an approval of it is bound to.
pub(super) fn proposed(
    core: &Core,
    caller: &Caller,
    id: &ChangeId,
) -> Result<(Rendered, String), Refusal> {
    let desk = core.desk();
    let change = decidable(core, &desk, caller, id)?;
    let waits = |it: &&Entry| it.change.state == State::Proposed;
    let Some(entry) = desk.entry(id).filter(waits).cloned() else {
        return Err(past(&change, "approved"));
    };
    let record = left_by(&desk, &change)?;
    drop(desk);
    let rendered = dry_run::shown(core, &entry, &record)?;
    Ok((rendered, digest(&record)))
}

/// Agrees to a change; with enough people the writer takes it. Nobody agrees to another content than one of those `seen`.
pub(super) fn approve(
    core: &Core,
    caller: &Caller,
    id: &ChangeId,
    seen: Option<&[String]>,
) -> Result<Change, Refusal> {
    let mut desk = core.desk();
    let change = decidable(core, &desk, caller, id)?;
    let known = desk.entry(id).cloned();
    let agreed = known.as_ref().is_some_and(|it| agreed(it, caller));
    if agreed && change.state != State::Proposed && !change.state.is_end() {
        return Ok(change);
    }
    let Some(mut entry) = known.filter(|_| change.state == State::Proposed) else {
        return Err(past(&change, "approved"));
    };
    let record = left_by(&desk, &change)?;
    let now = Core::now();
    let digest = digest(&record);
    if seen.is_some_and(|seen| !seen.contains(&digest)) {
        let text = format!(
            "change {id} would write something else by now; look at it again (approve?dryRun=true) and approve that"
        );
        return Err(Refusal::Precondition(text));
    }
    entry.approvals.retain(|it| it.by != caller.subject);
    entry.approvals.push(Approval {
        by: caller.subject.clone(),
        at: now,
        digest: digest.clone(),
    });
    let old = old_spec(core, &change)?;
    let policy = core.in_force().policy;
    if let Some(needed) = unapproved(&policy, &entry, old.as_ref(), &record) {
        entry.change.waiting_for = Some(needed.missing(given(&entry.approvals, &digest)));
        entry.change.updated_at = now;
    } else {
        let people = people(&entry, &digest);
        entry
            .change
            .go(State::Approved, now, Some(format!("by {people}")));
        entry.change.waiting_for = Some("the writer".to_owned());
        entry.change.deadline = None;
    }
    let change = entry.change.clone();
    // On disk first: an approval that was answered is not asked for again.
    let kept = core.journal.update(std::slice::from_ref(&entry));
    kept.map_err(|error| Refusal::Unavailable(error.to_string()))?;
    desk.update(entry);
    if change.state == State::Approved {
        desk.put_back(std::slice::from_ref(id));
    }
    core.ring(&change);
    drop(desk);
    core.wake.notify_one();
    Ok(change)
}

/// The record that a change would leave, on top of what its store is by now.
fn left_by(desk: &Desk, change: &Change) -> Result<Record, Refusal> {
    let store = &change.store;
    desk.newest(store)
        .cloned()
        .ok_or_else(|| Refusal::Conflict(format!("store {store} is gone; reject the change")))
}

/// Says no to a change: it ends.
pub(super) fn reject(
    core: &Core,
    caller: &Caller,
    id: &ChangeId,
    reason: &str,
    really: bool,
) -> Result<Change, Refusal> {
    let desk = core.desk();
    let mut change = decidable(core, &desk, caller, id)?;
    if change.state == State::Rejected {
        return Ok(change);
    }
    let colon = if reason.is_empty() { "" } else { ": " };
    let detail = format!("by {}{colon}{reason}", caller.subject);
    let waits = change.state == State::Proposed;
    if !waits || !change.go(State::Rejected, Core::now(), Some(detail)) {
        return Err(past(&change, "rejected"));
    }
    if really {
        end(core, desk, &change)?;
    }
    Ok(change)
}

/// A change that this person may decide on: an operator, and nobody who asked for it or owns what it is about.
fn decidable(core: &Core, desk: &Desk, caller: &Caller, id: &ChangeId) -> Result<Change, Refusal> {
    if caller.role < Role::Operator {
        let text = "deciding on a change needs an operator";
        return Err(Refusal::Forbidden(text.to_owned()));
    }
    let change = find_change(core, desk, id).ok_or_else(|| Refusal::NotFound(id.to_string()))?;
    if desk.entry(id).is_some_and(Entry::is_by_hand) {
        let text = format!(
            "change {id} is a hand edit of main, and is decided by the pull request that brought it"
        );
        return Err(Refusal::Conflict(text));
    }
    if desk.entry(id).is_some_and(|it| it.carried.is_some()) {
        return Err(proposals::decided_there(&change));
    }
    let owners = [
        desk.newest(&change.store).map(|it| it.spec.owner.clone()),
        old_spec(core, &change)?.map(|it| it.owner),
    ];
    let mut owners = owners.into_iter().flatten();
    let own = |owner: Owner| owner == caller.owner;
    if change.requester == caller.subject || owners.any(own) {
        let text = format!(
            "change {id} was asked for by {}, and nobody decides on their own request or store; have another operator \
             look at it",
            change.requester
        );
        return Err(Refusal::Forbidden(text));
    }
    Ok(change)
}

/// The spec that the change replaces.
fn old_spec(core: &Core, change: &Change) -> Result<Option<Spec>, Refusal> {
    let row = core.index.store(&change.store);
    let row = row.map_err(|error| Refusal::Unavailable(error.to_string()))?;
    let row = row.filter(|row| row.uid == change.uid && row.removed_at.is_none());
    Ok(row.map(|row| row.record.spec))
}

fn agreed(entry: &Entry, caller: &Caller) -> bool {
    entry.approvals.iter().any(|it| it.by == caller.subject)
}

fn people(entry: &Entry, digest: &str) -> String {
    let agreed = entry.approvals.iter().filter(|it| it.digest == digest);
    agreed
        .map(|it| it.by.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

impl Fleet {
    /// What a change that waits for approval would write now, and the tag of just that.
    ///
    /// # Errors
    /// When the caller may not decide on it, or it waits for nobody.
    pub fn proposed(&self, caller: &Caller, id: &ChangeId) -> Result<(Rendered, String), Refusal> {
        proposed(&self.0.core, caller, id)
    }

    /// Agrees to a change that waits for approval. `seen`: the tags of [`proposed`](Self::proposed) that the caller agrees
    /// to, or none where they agree to whatever it is now.
    ///
    /// # Errors
    /// When the caller may not decide on it, it waits for nobody, or it is another than the one that was seen.
    pub fn approve(
        &self,
        caller: &Caller,
        id: &ChangeId,
        seen: Option<&[String]>,
    ) -> Result<Change, Refusal> {
        approve(&self.0.core, caller, id, seen)
    }

    /// Says no to a change that waits for approval, or only says what that would come to.
    ///
    /// # Errors
    /// As [`approve`](Self::approve).
    pub fn reject(
        &self,
        caller: &Caller,
        id: &ChangeId,
        reason: &str,
        really: bool,
    ) -> Result<Change, Refusal> {
        reject(&self.0.core, caller, id, reason, really)
    }
}

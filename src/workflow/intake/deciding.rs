//! One request decided: a repeat, a refusal, or an entry on the desk that is to be journaled.
//!
//! Must not know: how entries are journaled, or who waits for the answer.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::conditions::{
    self, check_match, gone, in_scope, named_fields, owned, repeated_delete, replay,
    waits_for_people, with_phase,
};
use super::{Arrival, Batch, Decided, Submission, new_id, newest, room};
use crate::domain::accept::{Circumstances, Decision, Intent, decide};
use crate::domain::approval::needed;
use crate::domain::book::{Held, Life};
use crate::domain::change::{Action, Change};
use crate::domain::entry::{Entry, Kept};
use crate::domain::request::Refusal;
use crate::domain::{ChangeId, Owner, StoreName};
use crate::journal::Acceptance;
use crate::workflow::approve::propose;
use crate::workflow::core::Core;
use crate::workflow::desk::Desk;
use crate::workflow::earlier::earlier;
use crate::workflow::proposals;
use crate::workflow::query::sees;
use crate::workflow::retry::chosen;
use crate::workflow::schemas;

/// What a delete does to data, told with its answer.
const VOLUMES: &str = "the store's namespace goes, and its volume claims with it; whether the data behind them stays is for \
                       the reclaim policy of their volumes";

/// A repeat is answered, a caller over his limit refused, and the rest decided.
pub(super) fn decide_one(
    core: &Core,
    desk: &mut Desk,
    arrival: &Arrival,
    batch: &mut Batch,
) -> Result<Decided, Refusal> {
    let submission = &arrival.submission;
    let key = submission.idempotency.as_ref();
    let key = key.map(|it| (format!("{}\n{}", arrival.caller.subject, it.key), it));
    if let Some((key, given)) = &key
        && let Some(change) = replay(core, desk, &batch.kept, key, given)?
    {
        return Ok(Decided::Known(Box::new(change)));
    }
    let now = Core::now();
    let hit = core.limits.admit(&arrival.caller, submission, now)?;
    let keep = |change: &ChangeId| {
        let (key, given) = key.as_ref()?;
        let answer = Kept {
            fingerprint: given.fingerprint.clone(),
            change: change.clone(),
            at: now,
        };
        Some((key.clone(), answer))
    };
    match decide_new(core, desk, arrival, now, &mut batch.undo) {
        Ok(Fresh::Entry(entry)) => Ok(Decided::New(Box::new(Acceptance {
            kept: keep(&entry.change.id),
            entry: *entry,
            hit,
        }))),
        Ok(Fresh::Same(change)) => {
            let kept = keep(&change.id);
            Ok(Decided::Same(change, kept))
        }
        Err(refusal) => {
            core.limits.refused(hit.as_ref(), &refusal);
            Err(refusal)
        }
    }
}

/// What a request that is no repeat comes to.
enum Fresh {
    Entry(Box<Entry>),
    Same(Box<Change>),
}

fn decide_new(
    core: &Core,
    desk: &mut Desk,
    arrival: &Arrival,
    now: Timestamp,
    undo: &mut Vec<(StoreName, Option<Held>)>,
) -> Result<Fresh, Refusal> {
    let Submission {
        request,
        if_match,
        origin,
        ..
    } = &arrival.submission;
    room::in_queue(desk, core.settings.queue)?;
    let current = request.store().map(|name| newest(core, desk, name));
    let current = current.transpose()?.flatten();
    in_scope(origin, current.as_ref())?;
    let seen = |owner: &Owner| sees(&arrival.caller, owner) && owned(origin, owner);
    if let Some(same) = repeated_delete(core, desk, request, current.as_ref(), &seen)? {
        return Ok(Fresh::Same(Box::new(same)));
    }
    if current.is_none() {
        gone(core, desk, request, &seen)?;
    }
    waits_for_people(core, desk, request, current.as_ref(), &seen)?;
    check_match(if_match.as_deref(), current.as_ref())?;
    let id = new_id(desk, None, now);
    let policy = core.in_force().policy;
    let lifted = core.settings.lift_limits;
    let at = Circumstances {
        policy: &policy,
        book: &desk.book,
        caller: &arrival.caller,
        id: &id,
        proven: &arrival.proven,
        now,
        lifted,
    };
    let earlier = earlier(core, request, current.as_ref())?;
    let chosen = chosen(core, request, current.as_ref());
    let decision = decide(&at, &chosen, current.as_ref(), earlier);
    let decision = decision.map_err(|why| with_phase(core, desk, request, why))?;
    conditions::gives_in_scope(origin, &decision)?;
    room::for_owner(
        desk,
        core.settings.queue,
        &decision.store,
        current
            .as_ref()
            .map_or(&decision.record.spec.owner, |it| &it.spec.owner),
    )?;
    let old = current.as_ref().map(|it| &it.spec);
    schemas::check(core, &policy, old, &decision.record, "")?;
    let expected = if_match
        .as_ref()
        .and_then(|_| named_fields(&decision, current.as_ref()));
    undo.push((
        decision.store.clone(),
        desk.book.get(&decision.store).cloned(),
    ));
    let record = decision.record.clone();
    let needed = needed(&policy, decision.action, old, &record.spec);
    let mut entry = entry_of(desk, decision, id, arrival, expected, now);
    if let Some(needed) = needed.as_ref().filter(|_| core.forge.is_none()) {
        propose(&mut entry.change, needed, now, None);
    }
    proposals::join(core, desk, &mut entry, needed.as_ref());
    desk.put(entry.clone(), Some(record));
    Ok(Fresh::Entry(Box::new(entry)))
}

/// Reserves what a decision takes, and makes its entry.
fn entry_of(
    desk: &mut Desk,
    decision: Decision,
    id: ChangeId,
    arrival: &Arrival,
    expected: Option<Map<String, Value>>,
    now: Timestamp,
) -> Entry {
    let Decision {
        store,
        uid,
        action,
        intent,
        record,
    } = decision;
    let mut held = Held::of(&record, uid.clone());
    if matches!(intent, Intent::Delete) {
        held.life = Life::Leaving;
    }
    // Until it is published the store keeps what it had: the change may still fail.
    let before = desk.book.get(&store).filter(|it| it.life == Life::Live);
    let kept = before.map(|it| it.hosts.clone()).unwrap_or_default();
    held.hosts.extend(
        kept.into_iter()
            .filter(|host| !record.hosts().any(|it| it == host)),
    );
    desk.book.put(store.clone(), held);
    let mut change = Change::queued(id, store, uid, action, arrival.caller.subject.clone(), now);
    if action == Action::Delete {
        change.timeline[0].detail = Some(VOLUMES.to_owned());
    }
    Entry {
        change,
        intent,
        caller: arrival.caller.clone(),
        expected,
        approvals: Vec::new(),
        proven: arrival.proven.clone(),
        reason: arrival.submission.reason.clone(),
        commit: None,
        carried: None,
    }
}

//! Requests come in: decided one after the other, journaled together, answered.
//!
//! Requests that arrive while a batch is being journaled form the next one, so many share one fsync and an idle
//! server answers at once. Nothing is answered before it is on disk.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};

use super::core::Core;
use super::desk::Desk;
use super::secrets;
use crate::domain::accept::{Circumstances, Decision, Intent, decide};
use crate::domain::approval::{Needed, needed};
use crate::domain::book::{Held, Life};
use crate::domain::change::{Change, State};
use crate::domain::entry::{Entry, Kept};
use crate::domain::record::Record;
use crate::domain::request::{Caller, Refusal, Request};
use crate::domain::{ChangeId, StoreName};
use crate::journal::Acceptance;

mod conditions;
mod ids;
mod room;

pub(super) use ids::new_id;

use conditions::{check_match, named_fields, repeated_delete, replay, target, waits_for_people};

/// How many requests share one journal transaction at most.
const BATCH: usize = 1024;

/// A request with its conditions.
#[derive(Debug, Clone)]
pub struct Submission {
    /// What is asked for.
    pub request: Request,
    /// The caller's key for repeats.
    pub idempotency: Option<Idempotency>,
    /// The `ETag` that the store must still have.
    pub if_match: Option<String>,
}

/// A caller's key for repeats of one request.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// The key, as the caller sent it.
    pub key: String,
    /// SHA-256 of method, path, query and body.
    pub fingerprint: String,
}

/// An accepted request.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The change.
    pub change: Change,
    /// Whether this is the answer to an earlier request.
    pub replayed: bool,
}

type Answer = Result<Accepted, Refusal>;

/// One request on its way into the journal.
pub(super) struct Arrival {
    caller: Caller,
    submission: Submission,
    answer: oneshot::Sender<Answer>,
}

/// The door that requests come in by.
#[derive(Clone)]
pub(super) struct Door(mpsc::Sender<Arrival>);

impl Door {
    /// Opens the door and starts the clerk behind it.
    pub(super) fn open(core: Arc<Core>) -> Self {
        let (sender, receiver) = mpsc::channel(BATCH);
        tokio::spawn(clerk(core, receiver));
        Self(sender)
    }

    /// Hands a request in and waits until it is on disk or refused.
    pub(super) async fn submit(&self, caller: &Caller, submission: Submission) -> Answer {
        let stopping =
            || Refusal::Unavailable("the server is stopping; try again in a moment".to_owned());
        let (answer, answered) = oneshot::channel();
        let arrival = Arrival {
            caller: caller.clone(),
            submission,
            answer,
        };
        self.0.send(arrival).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())?
    }
}

async fn clerk(core: Arc<Core>, mut arrivals: mpsc::Receiver<Arrival>) {
    let mut batch = Vec::new();
    while arrivals.recv_many(&mut batch, BATCH).await > 0 {
        let taken = std::mem::take(&mut batch);
        let shared = core.clone();
        let done = tokio::task::spawn_blocking(move || accept_batch(&shared, taken)).await;
        if let Err(error) = done {
            tracing::error!(%error, "the clerk lost a batch; its callers are told that nothing was accepted");
        }
        core.wake.notify_one();
    }
}

/// Decides and journals a batch, then answers. A caller whose answer cannot be journaled is refused.
fn accept_batch(core: &Core, batch: Vec<Arrival>) {
    let mut desk = core.desk();
    let mut acceptances: Vec<Acceptance> = Vec::new();
    let mut kept: HashMap<String, Kept> = HashMap::new();
    let mut undo: Vec<(StoreName, Option<Held>)> = Vec::new();
    let mut answers = Vec::new();
    for arrival in batch {
        let answer =
            decide_safely(core, &mut desk, &arrival, &mut kept, &mut undo).map(|decided| {
                match decided {
                    Decided::New(acceptance) => {
                        let change = acceptance.entry.change.clone();
                        acceptances.push(*acceptance);
                        Accepted {
                            change,
                            replayed: false,
                        }
                    }
                    Decided::Known(change) => Accepted {
                        change: *change,
                        replayed: true,
                    },
                }
            });
        answers.push((arrival.answer, answer));
    }
    let journaled = if acceptances.is_empty() {
        Ok(())
    } else {
        core.journal.accept(&acceptances)
    };
    let (journaled, failure) = (journaled.is_ok(), journaled.err());
    if let Some(error) = failure {
        tracing::error!(%error, "requests were refused because the journal failed");
        take_back(&mut desk, &acceptances, undo);
        for (_, answer) in &mut answers {
            if answer.as_ref().is_ok_and(|it| !it.replayed) {
                let text =
                    "the journal cannot be written, so nothing was accepted; see the server's log";
                *answer = Err(Refusal::Unavailable(text.to_owned()));
            }
        }
    }
    if journaled {
        for acceptance in &acceptances {
            core.accepted(&desk, &acceptance.entry.change);
        }
    }
    drop(desk);
    for (sender, answer) in answers {
        // A client that went away has its request accepted all the same; it finds the change in the list.
        let _gone = sender.send(answer);
    }
}

fn take_back(desk: &mut Desk, acceptances: &[Acceptance], undo: Vec<(StoreName, Option<Held>)>) {
    for acceptance in acceptances {
        desk.remove(&acceptance.entry.change.id);
    }
    for (name, held) in undo.into_iter().rev() {
        match held {
            Some(held) => desk.book.put(name, held),
            None => desk.book.remove(&name),
        }
    }
}

/// A defect in one decision must not take the requests of others with it: the desk is changed last, so nothing is left.
fn decide_safely(
    core: &Core,
    desk: &mut Desk,
    arrival: &Arrival,
    kept: &mut HashMap<String, Kept>,
    undo: &mut Vec<(StoreName, Option<Held>)>,
) -> Result<Decided, Refusal> {
    let decide = AssertUnwindSafe(|| decide_one(core, desk, arrival, kept, undo));
    std::panic::catch_unwind(decide).unwrap_or_else(|_| {
        let text = "the request met a defect of the server and was not accepted; see its log";
        Err(Refusal::Unavailable(text.to_owned()))
    })
}

enum Decided {
    New(Box<Acceptance>),
    Known(Box<Change>),
}

fn decide_one(
    core: &Core,
    desk: &mut Desk,
    arrival: &Arrival,
    kept: &mut HashMap<String, Kept>,
    undo: &mut Vec<(StoreName, Option<Held>)>,
) -> Result<Decided, Refusal> {
    let Submission {
        request,
        idempotency,
        if_match,
    } = &arrival.submission;
    let key = idempotency
        .as_ref()
        .map(|it| format!("{}\n{}", arrival.caller.subject, it.key));
    if let (Some(key), Some(given)) = (&key, idempotency)
        && let Some(change) = replay(core, desk, kept, key, given)?
    {
        return Ok(Decided::Known(Box::new(change)));
    }
    room::in_queue(desk, core.settings.queue)?;
    let current = target(request)
        .map(|name| newest(core, desk, name))
        .transpose()?
        .flatten();
    if let Some(same) = repeated_delete(core, desk, request, current.as_ref(), &arrival.caller) {
        return Ok(Decided::Known(Box::new(same)));
    }
    waits_for_people(desk, request)?;
    check_match(if_match.as_deref(), current.as_ref())?;
    let now = Core::now();
    let id = new_id(desk, None, now);
    let policy = core.in_force().policy;
    let lifted = core.settings.lift_limits;
    let at = Circumstances {
        policy: &policy,
        book: &desk.book,
        caller: &arrival.caller,
        id: &id,
        now,
        lifted,
    };
    let decision = decide(&at, request, current.as_ref())?;
    room::for_owner(
        desk,
        core.settings.queue,
        &decision.store,
        current
            .as_ref()
            .map_or(&decision.record.spec.owner, |it| &it.spec.owner),
    )?;
    secrets::refuse(core, &decision.record.spec, "")?;
    let expected = if_match
        .as_ref()
        .and_then(|_| named_fields(&decision, current.as_ref()));
    undo.push((
        decision.store.clone(),
        desk.book.get(&decision.store).cloned(),
    ));
    let needed = needed(
        &policy,
        decision.action,
        current.as_ref().map(|it| &it.spec),
        &decision.record.spec,
    );
    let entry = enter(
        desk,
        decision,
        id,
        &arrival.caller,
        expected,
        needed.as_ref(),
        now,
    );
    let kept = key.zip(idempotency.as_ref()).map(|(key, given)| {
        let answer = Kept {
            fingerprint: given.fingerprint.clone(),
            change: entry.change.id.clone(),
            at: now,
        };
        kept.insert(key.clone(), answer.clone());
        (key, answer)
    });
    Ok(Decided::New(Box::new(Acceptance { entry, kept })))
}

/// Reserves what a decision takes and puts it on the desk.
fn enter(
    desk: &mut Desk,
    decision: Decision,
    id: ChangeId,
    caller: &Caller,
    expected: Option<Map<String, Value>>,
    needed: Option<&Needed>,
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
    let mut change = Change::queued(id, store, uid, action, caller.subject.clone(), now);
    if let Some(needed) = needed {
        change.go(State::Proposed, now, Some(needed.sentence()));
        change.waiting_for = Some(needed.sentence());
    }
    let entry = Entry {
        change,
        intent,
        caller: caller.clone(),
        expected,
        commit: None,
    };
    desk.put(entry.clone(), Some(record));
    entry
}

/// The newest accepted record of a store: what is queued, else what our commits made of it.
pub(super) fn newest(
    core: &Core,
    desk: &Desk,
    name: &StoreName,
) -> Result<Option<Record>, Refusal> {
    if let Some(record) = desk.newest(name) {
        return Ok(Some(record.clone()));
    }
    let row = core
        .index
        .store(name)
        .map_err(|error| Refusal::Unavailable(error.to_string()))?;
    Ok(row
        .filter(|row| row.removed_at.is_none())
        .map(|row| row.record))
}

/// A change wherever it is: on the desk, in the index, or ended in the journal.
pub(super) fn find_change(core: &Core, desk: &Desk, id: &ChangeId) -> Option<Change> {
    let open = desk.entry(id).map(|it| it.change.clone());
    open.or_else(|| core.index.change(id).ok().flatten())
}

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

use super::approve::propose;
use super::core::Core;
use super::desk::Desk;
use super::earlier::earlier;
use super::query::sees;
use super::secrets;
use crate::domain::accept::{Circumstances, Decision, Intent, decide};
use crate::domain::approval::{Needed, needed};
use crate::domain::book::{Held, Life};
use crate::domain::change::{Action, Change};
use crate::domain::entry::{Entry, Kept};
use crate::domain::limits::ClientAddress;
use crate::domain::record::Record;
use crate::domain::request::{Caller, Refusal, Request};
use crate::domain::{ChangeId, Owner, StoreName};
use crate::journal::Acceptance;

mod conditions;
mod ids;
mod room;

pub(super) use ids::new_id;
pub(super) use room::share;

pub(super) use conditions::with_phase;
use conditions::{
    check_match, gone, in_scope, named_fields, owned, repeated_delete, replay, waits_for_people,
};

/// What a delete does to data, told with its answer.
const VOLUMES: &str = "the store's namespace goes, and its volume claims with it; whether the data behind them stays is for \
                       the reclaim policy of their volumes";

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
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a request comes from, as far as its acceptance asks.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The client's address, where it is known.
    pub client: Option<ClientAddress>,
    /// Only stores of these owners may be touched; none: of all that the caller's role may touch.
    pub owners: Option<Vec<Owner>>,
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

/// What came of a batch, to be journaled together.
#[derive(Default)]
struct Batch {
    acceptances: Vec<Acceptance>,
    /// Answers for repeats that no acceptance carries.
    also: Vec<(String, Kept)>,
    /// All answers for repeats, as later requests of the batch must see them.
    kept: HashMap<String, Kept>,
    /// What stores held before.
    undo: Vec<(StoreName, Option<Held>)>,
}

/// Decides and journals a batch, then answers. A caller whose answer cannot be journaled is refused.
fn accept_batch(core: &Core, arrivals: Vec<Arrival>) {
    let mut desk = core.desk();
    let mut batch = Batch::default();
    let mut answers = Vec::new();
    for arrival in arrivals {
        let decided = decide_safely(core, &mut desk, &arrival, &mut batch);
        let answer = decided.map(|it| batch.take_in(it));
        answers.push((arrival.answer, answer));
    }
    let journaled = if batch.acceptances.is_empty() && batch.also.is_empty() {
        Ok(())
    } else {
        core.journal.accept(&batch.acceptances, &batch.also)
    };
    if let Err(error) = journaled {
        tracing::error!(%error, "requests were refused because the journal failed");
        take_back(core, &mut desk, batch);
        for (_, answer) in &mut answers {
            if answer.as_ref().is_ok_and(|it| !it.replayed) {
                let text =
                    "the journal cannot be written, so nothing was accepted; see the server's log";
                *answer = Err(Refusal::Unavailable(text.to_owned()));
            }
        }
    }
    drop(desk);
    for (sender, answer) in answers {
        // A client that went away has its request accepted all the same; it finds the change in the list.
        let _gone = sender.send(answer);
    }
}

impl Batch {
    fn take_in(&mut self, decided: Decided) -> Accepted {
        let (change, replayed) = match decided {
            Decided::New(acceptance) => {
                let change = acceptance.entry.change.clone();
                self.kept.extend(acceptance.kept.clone());
                self.acceptances.push(*acceptance);
                (change, false)
            }
            Decided::Same(change, kept) => {
                self.kept.extend(kept.clone());
                self.also.extend(kept);
                (*change, false)
            }
            Decided::Known(change) => (*change, true),
        };
        Accepted { change, replayed }
    }
}

fn take_back(core: &Core, desk: &mut Desk, batch: Batch) {
    for acceptance in &batch.acceptances {
        desk.remove(&acceptance.entry.change.id);
    }
    let hits = batch.acceptances.iter().filter_map(|it| it.hit.as_ref());
    core.limits.take_back(hits);
    for (name, held) in batch.undo.into_iter().rev() {
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
    batch: &mut Batch,
) -> Result<Decided, Refusal> {
    let decide = AssertUnwindSafe(|| decide_one(core, desk, arrival, batch));
    std::panic::catch_unwind(decide).unwrap_or_else(|_| {
        let text = "the request met a defect of the server and was not accepted; see its log";
        Err(Refusal::Unavailable(text.to_owned()))
    })
}

enum Decided {
    /// A change of its own.
    New(Box<Acceptance>),
    /// The change that another request made already, and the answer for repeats of this one.
    Same(Box<Change>, Option<(String, Kept)>),
    /// The answer to an earlier request under the same key.
    Known(Box<Change>),
}

/// A repeat is answered, a caller over his limit refused, and the rest decided.
fn decide_one(
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
        gone(core, request, &seen)?;
    }
    waits_for_people(desk, request)?;
    check_match(if_match.as_deref(), current.as_ref())?;
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
    let earlier = earlier(core, request, current.as_ref())?;
    let decision = decide(&at, request, current.as_ref(), earlier);
    let decision = decision.map_err(|why| with_phase(core, request, why))?;
    conditions::gives_in_scope(origin, &decision)?;
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
    Ok(Fresh::Entry(Box::new(entry)))
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
    if action == Action::Delete {
        change.timeline[0].detail = Some(VOLUMES.to_owned());
    }
    if let Some(needed) = needed {
        propose(&mut change, needed, now, None);
    }
    let entry = Entry {
        change,
        intent,
        caller: caller.clone(),
        expected,
        approvals: Vec::new(),
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

//! Requests come in: decided one after the other, journaled together, answered.
//!
//! Requests that arrive while a batch is being journaled form the next one, so many share one fsync and an idle
//! server answers at once. Nothing is answered before it is on disk.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::core::Core;
use super::desk::Desk;
use crate::domain::book::Held;
use crate::domain::change::Change;
use crate::domain::entry::Kept;
use crate::domain::limits::ClientAddress;
use crate::domain::record::Record;
use crate::domain::request::{Caller, Refusal, Request};
use crate::domain::{ChangeId, Host, Owner, StoreName};
use crate::journal::Acceptance;

mod conditions;
mod deciding;
mod ids;
mod room;

pub(super) use conditions::{check_match, gone, repeated_delete, waits_for_people, with_phase};
use deciding::decide_one;
pub(super) use ids::new_id;
pub(super) use room::share;

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
    /// Why, in the caller's words: one line, as [`reason`](crate::domain::audit::reason) lets it through.
    pub reason: Option<String>,
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
    proven: Vec<Host>,
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
    pub(super) async fn submit(
        &self,
        caller: &Caller,
        submission: Submission,
        proven: Vec<Host>,
    ) -> Answer {
        let stopping =
            || Refusal::Unavailable("the server is stopping; try again in a moment".to_owned());
        let (answer, answered) = oneshot::channel();
        let arrival = Arrival {
            caller: caller.clone(),
            submission,
            proven,
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
    } else {
        for acceptance in &batch.acceptances {
            core.accepted(&desk, &acceptance.entry.change);
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

//! What happens to stores and changes, in one order for everybody who listens.
//!
//! Events are numbered where states move and kept in a ring of bounded size; a subscriber holds nothing but the number
//! it wants next. So a slow one costs no memory and holds up nobody: when the ring has gone past it, it is told to read
//! everything anew. Must not know: HTTP, or how an event is written on a wire.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::Fleet;
use super::core::Core;
use crate::domain::change::Change;
use crate::domain::request::Caller;
use crate::domain::view::PhaseEvent;
use crate::domain::{ChangeId, Owner, StoreName};

mod subscription;
#[cfg(test)]
pub(super) mod tests;

pub use subscription::{EventFilter, News, Subscription};

/// How many events are kept for those who come back.
const KEPT: usize = 8192;
/// How many bytes of them.
const KEPT_BYTES: usize = 4 << 20;
/// The least time between two calls to subscribers: what happens meanwhile is told at once.
const GATHER: Duration = Duration::from_millis(5);

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// A change reached a state.
    Change,
    /// A store got into a phase.
    Store,
}

/// One event.
#[derive(Debug)]
pub struct Event {
    /// `<epoch>-<number>`.
    pub id: String,
    /// What it is about.
    pub about: About,
    /// The change as it was then, or the store's phase, as JSON on one line.
    pub data: String,
    number: u64,
    store: StoreName,
    /// None: nobody knows whose the store is, so no merchant hears of it.
    owner: Option<Owner>,
    change: Option<Step>,
    wire: OnceLock<Bytes>,
}

/// What a change's own listeners look at.
#[derive(Debug, Clone)]
struct Step {
    id: ChangeId,
    at: Timestamp,
    last: bool,
}

impl Event {
    /// The event as its face writes it, made once for all subscribers.
    pub fn wire(&self, write: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.wire.get_or_init(|| write(self)).clone()
    }

    /// The store.
    pub fn store(&self) -> &StoreName {
        &self.store
    }
}

/// The events of this process.
pub(super) struct Events {
    /// Tells the numbers of this process from those of others.
    epoch: String,
    ring: RwLock<Ring>,
    /// Wakes the herald. Who makes an event wakes one task, however many listen.
    news: Notify,
    last: watch::Sender<u64>,
    /// What happens before a start is over is no news.
    open: AtomicBool,
}

#[derive(Default)]
struct Ring {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    /// The number of the newest event.
    last: u64,
}

impl Ring {
    /// The number of the oldest event that is kept; the next one where none is.
    fn first(&self) -> u64 {
        self.last + 1 - self.events.len() as u64
    }

    /// The first event from a number on that is wanted, and the number to go on from.
    fn next(&self, from: u64, wanted: impl Fn(&Event) -> bool) -> (Option<Arc<Event>>, u64) {
        let skip = usize::try_from(from.saturating_sub(self.first())).unwrap_or(usize::MAX);
        let found = self.events.iter().skip(skip).find(|it| wanted(it));
        let after = found.map_or(self.last, |it| it.number) + 1;
        (found.cloned(), after)
    }
}

impl Events {
    /// No events yet. `epoch` differs from process to process.
    pub(super) fn new(epoch: String) -> Self {
        Self {
            epoch,
            ring: RwLock::default(),
            news: Notify::new(),
            last: watch::channel(0).0,
            open: AtomicBool::new(false),
        }
    }

    /// From here on what happens is news.
    pub(super) fn begin(&self) {
        self.open.store(true, Ordering::Release);
    }

    /// Whether what happens is news.
    pub(super) fn has_begun(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// A change reached a state.
    pub(super) fn changed(&self, change: &Change, owner: Option<Owner>) {
        let step = Step {
            id: change.id.clone(),
            at: change.updated_at,
            last: is_over(change),
        };
        self.put(About::Change, &change.store, owner, Some(step), change);
    }

    /// A store got into a phase.
    pub(super) fn phase(&self, told: &PhaseEvent) {
        let owner = Some(told.owner.clone());
        self.put(About::Store, &told.name, owner, None, told);
    }

    fn put(
        &self,
        about: About,
        store: &StoreName,
        owner: Option<Owner>,
        change: Option<Step>,
        told: &impl Serialize,
    ) {
        if !self.has_begun() {
            return;
        }
        let data = serde_json::to_string(told).expect("views have string keys");
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        ring.last += 1;
        ring.bytes += data.len();
        let event = Event {
            id: self.id(ring.last),
            about,
            data,
            number: ring.last,
            store: store.clone(),
            owner,
            change,
            wire: OnceLock::new(),
        };
        ring.events.push_back(Arc::new(event));
        while ring.events.len() > KEPT || ring.bytes > KEPT_BYTES {
            let Some(old) = ring.events.pop_front() else {
                break;
            };
            ring.bytes -= old.data.len();
        }
        drop(ring);
        self.news.notify_one();
    }

    fn ring(&self) -> RwLockReadGuard<'_, Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.epoch)
    }

    /// How many subscribers there are.
    pub(super) fn subscribers(&self) -> usize {
        self.last.receiver_count()
    }

    /// The newest events of a store that are still kept, newest first.
    pub(super) fn phases_of(&self, store: &StoreName) -> Vec<Arc<Event>> {
        let ring = self.ring();
        let of_store = |it: &&Arc<Event>| it.about == About::Store && it.store == *store;
        ring.events.iter().rev().filter(of_store).cloned().collect()
    }
}

/// Calls subscribers when there is news, beside those who make it, until the token is cancelled.
pub(super) async fn run(core: Arc<Core>, stop: CancellationToken) {
    let events = &core.events;
    let calling = async {
        loop {
            events.news.notified().await;
            let last = events.ring().last;
            events.last.send_replace(last);
            tokio::time::sleep(GATHER).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = calling => {}
    }
}

/// Whether nothing follows: the change ended, or it is merged and no cluster is watched that would tell more.
pub(super) fn is_over(change: &Change) -> bool {
    change.state.is_end() || (change.state.is_merged() && change.deadline.is_none())
}

impl Fleet {
    /// Listens to what a caller may hear of, from the event after `since` on; from now on where there is none.
    pub fn listen(
        &self,
        caller: &Caller,
        filter: EventFilter,
        since: Option<&str>,
    ) -> Subscription {
        Subscription::to_all(self.0.core.clone(), caller.clone(), filter, since)
    }

    /// Listens to one change until nothing follows; none when there is no such change that the caller may see.
    pub fn follow(&self, caller: &Caller, id: &ChangeId) -> Option<Subscription> {
        let core = self.0.core.clone();
        self.change(caller, id)?;
        Some(Subscription::to_change(core, caller.clone(), id.clone()))
    }
}

//! Accepted requests on their way to the published branch, and the book of what is taken.
//!
//! The desk mirrors the journal in memory: the journal is written first, the desk after it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::leaving::Leaving;
use crate::domain::accept::Intent;
use crate::domain::book::Book;
use crate::domain::change::{Action, Change, State};
use crate::domain::entry::Entry;
use crate::domain::phase::DeletionStep;
use crate::domain::record::Record;
use crate::domain::{ChangeId, CommitId, Owner, StoreName};

mod deletions;
#[cfg(test)]
mod tests;
mod unpublished;

pub(super) use unpublished::Unpublished;

/// What one store has on the desk.
#[derive(Debug, Clone, Default)]
struct OnDesk {
    changes: Vec<ChangeId>,
    /// Whose queue they stand in.
    turn: Option<Owner>,
    /// The newest accepted record, queued changes included.
    newest: Option<Record>,
}

/// How long a create waits for a provisioning slot.
const TIME_FOR_A_SLOT: SignedDuration = SignedDuration::from_hours(24);

/// How much work a group does before it lands. What is left goes into the next one.
const BOUND: Duration = Duration::from_millis(250);

/// What a group may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Take {
    /// How many entries at most.
    pub(super) most: usize,
    /// How long they may be written; the first one is written in any case.
    pub(super) bound: Duration,
    /// None of these stores.
    pub(super) but: BTreeSet<StoreName>,
    /// Only the next entry of this store.
    pub(super) only: Option<StoreName>,
    /// Whether it is looked at which entry the remote refuses: then nothing but entries is written.
    pub(super) searching: bool,
}

impl Take {
    /// As many entries as this, whosever they are.
    pub(super) fn any(most: usize) -> Self {
        Self {
            most,
            bound: BOUND,
            but: BTreeSet::new(),
            only: None,
            searching: false,
        }
    }
}

/// Open entries by change, the order in which they are written, and what is taken.
#[derive(Default)]
pub(super) struct Desk {
    /// What is taken, with what is on the desk included.
    pub(super) book: Book,
    open: BTreeMap<ChangeId, Entry>,
    stores: HashMap<StoreName, OnDesk>,
    queues: BTreeMap<Owner, VecDeque<ChangeId>>,
    turn: Option<Owner>,
    /// Stores whose deletion has a commit due, and of which of its steps.
    teardown: BTreeMap<StoreName, DeletionStep>,
    /// Entries that wait for something else than the writer.
    held: Vec<ChangeId>,
    /// Entries that the writer has taken and not yet told the fate of.
    taken: BTreeSet<ChangeId>,
    /// How many entries are open in each owner's turn.
    shares: HashMap<Owner, usize>,
    /// Stores whose deletion has begun and is not seen to have ended.
    leaving: Leaving,
    /// What our unpublished commits made of records.
    written: HashMap<StoreName, (CommitId, Unpublished)>,
    /// The stores that have open changes, for those who do not hold the desk.
    busy: Busy,
}

/// The stores that have something on the desk. The desk is held while requests are brought to the disk; whoever only
/// reads a store that has nothing there need not wait for that.
#[derive(Debug, Clone, Default)]
pub(super) struct Busy(Arc<RwLock<HashSet<StoreName>>>);

impl Busy {
    /// Whether a store has open changes.
    pub(super) fn holds(&self, store: &StoreName) -> bool {
        let stores = self.0.read().unwrap_or_else(PoisonError::into_inner);
        stores.contains(store)
    }

    fn note(&self, store: &StoreName, open: bool) {
        let mut stores = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if open {
            stores.insert(store.clone());
        } else {
            stores.remove(store);
        }
    }
}

impl Desk {
    /// Which stores have open changes, to be asked without holding the desk.
    pub(super) fn busy(&self) -> Busy {
        self.busy.clone()
    }

    /// How many entries are open.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// How many entries are open in the turn that a store's next entry takes; `owner` is the store's.
    pub(super) fn share(&self, store: &StoreName, owner: &Owner) -> usize {
        let turn = self.stores.get(store).and_then(|it| it.turn.as_ref());
        self.shares.get(turn.unwrap_or(owner)).copied().unwrap_or(0)
    }

    /// How many entries are open in an owner's turn.
    pub(super) fn share_of(&self, owner: &Owner) -> usize {
        self.shares.get(owner).copied().unwrap_or(0)
    }

    /// Whether anything waits for the writer.
    pub(super) fn waits(&self) -> bool {
        !self.queues.is_empty() || !self.teardown.is_empty()
    }

    /// Every entry that is written and not published, oldest first.
    pub(super) fn unpublished(&self) -> Vec<(ChangeId, StoreName)> {
        let written = self
            .open
            .values()
            .filter(|it| it.change.state == State::Written);
        written
            .map(|it| (it.change.id.clone(), it.change.store.clone()))
            .collect()
    }

    /// An open entry.
    pub(super) fn entry(&self, id: &ChangeId) -> Option<&Entry> {
        self.open.get(id)
    }

    /// Every open entry, in order of acceptance.
    pub(super) fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.open.values()
    }

    /// The open changes of a store, oldest first.
    pub(super) fn changes_of(&self, store: &StoreName) -> &[ChangeId] {
        self.stores.get(store).map_or(&[], |it| &it.changes)
    }

    /// The newest accepted record of a store that has open changes.
    pub(super) fn newest(&self, store: &StoreName) -> Option<&Record> {
        self.stores.get(store)?.newest.as_ref()
    }

    /// Notes the newest accepted record of a store that has open changes.
    pub(super) fn set_newest(&mut self, store: &StoreName, record: Option<Record>) {
        if let Some(on_desk) = self.stores.get_mut(store) {
            on_desk.newest = record;
        }
    }

    /// Whether an entry is being written at this moment.
    pub(super) fn is_taken(&self, id: &ChangeId) -> bool {
        self.taken.contains(id)
    }

    /// The writer is done with the entries it took, whatever became of them.
    pub(super) fn end_taking(&mut self) {
        self.taken.clear();
    }

    /// Takes in an accepted entry; `record` is what it leaves, as far as known.
    pub(super) fn put(&mut self, entry: Entry, record: Option<Record>) {
        let id = entry.change.id.clone();
        let owner = self.turn_of(&entry);
        self.busy.note(&entry.change.store, true);
        let store = self.stores.entry(entry.change.store.clone()).or_default();
        store.changes.push(id.clone());
        let turn = store.turn.get_or_insert_with(|| owner.clone());
        *self.shares.entry(turn.clone()).or_default() += 1;
        store.newest = record.or(store.newest.take());
        if entry.change.state == State::Queued && entry.is_for_writer() {
            let queue = self.queues.entry(owner).or_default();
            if entry.is_by_hand() || entry.restores() {
                // On main already, or what a deletion waits for: what was asked for before it is derived on top of it.
                queue.push_front(id.clone());
            } else {
                queue.push_back(id.clone());
            }
        }
        self.open.insert(id, entry);
    }

    /// Replaces an entry that moved on.
    pub(super) fn update(&mut self, entry: Entry) {
        // One that has ended meanwhile stays ended.
        if let Some(there) = self.open.get_mut(&entry.change.id) {
            *there = entry;
        }
    }

    /// Lets an entry go: published, or ended without a commit.
    pub(super) fn remove(&mut self, id: &ChangeId) -> Option<Entry> {
        let entry = self.open.remove(id)?;
        let name = &entry.change.store;
        if let Some(store) = self.stores.get_mut(name) {
            if let Some(turn) = &store.turn {
                give_up(&mut self.shares, turn);
            }
            // Nearly always it is the oldest one.
            store.changes.retain(|it| it != id);
            if store.changes.is_empty() {
                self.stores.remove(name);
                self.busy.note(name, false);
            }
        }
        Some(entry)
    }

    /// The next entry to write: owners take turns, each owner's entries keep their order.
    pub(super) fn next(&mut self) -> Option<ChangeId> {
        loop {
            let after = self.turn.take();
            let following = after.as_ref().and_then(|owner| {
                use std::ops::Bound::{Excluded, Unbounded};
                self.queues
                    .range((Excluded(owner.clone()), Unbounded))
                    .next()
            });
            let owner = following
                .or_else(|| self.queues.iter().next())
                .map(|(owner, _)| owner.clone())?;
            self.turn = Some(owner.clone());
            let queue = self.queues.get_mut(&owner)?;
            let id = queue.pop_front();
            if queue.is_empty() {
                self.queues.remove(&owner);
            }
            // A cancelled entry is off the desk but may still stand in its queue.
            if let Some(id) = id.filter(|id| self.open.contains_key(id)) {
                self.taken.insert(id.clone());
                return Some(id);
            }
        }
    }

    /// Takes what a group may have. Entries of stores that are left out keep their places.
    pub(super) fn take(&mut self, take: &Take) -> Vec<ChangeId> {
        if let Some(store) = &take.only {
            return self.next_of(store).into_iter().collect();
        }
        let (mut taken, mut passed_over) = (Vec::new(), Vec::new());
        while taken.len() < take.most {
            let Some(id) = self.next() else { break };
            let store = self.open.get(&id).map(|it| &it.change.store);
            if store.is_some_and(|it| take.but.contains(it)) {
                passed_over.push(id);
            } else {
                taken.push(id);
            }
        }
        self.put_back(&passed_over);
        taken
    }

    /// The next entry of one store, out of its turn.
    fn next_of(&mut self, store: &StoreName) -> Option<ChangeId> {
        let owner = self.stores.get(store)?.turn.clone()?;
        let queue = self.queues.get_mut(&owner)?;
        let of_store = |id: &ChangeId| {
            let entry = self.open.get(id);
            entry.is_some_and(|it| it.change.store == *store)
        };
        let place = queue.iter().position(of_store)?;
        let id = queue.remove(place)?;
        if queue.is_empty() {
            self.queues.remove(&owner);
        }
        self.taken.insert(id.clone());
        Some(id)
    }

    /// Puts entries back that were taken but not written, in front and in their order.
    pub(super) fn put_back(&mut self, ids: &[ChangeId]) {
        for id in ids.iter().rev() {
            self.taken.remove(id);
            if let Some(owner) = self.open.get(id).map(|entry| self.turn_of(entry)) {
                self.queues.entry(owner).or_default().push_front(id.clone());
            }
        }
    }

    /// What our unpublished commits did is to be done again: their entries wait in the queue and say why, later commits
    /// of deletions are due.
    pub(super) fn start_over(&mut self, now: Timestamp, why: &str) {
        for entry in self.open.values_mut() {
            if entry.change.state == State::Written {
                wait_again(&mut entry.change, now, why);
                entry.commit = None;
            }
        }
        self.requeue();
    }

    /// Everything that is not written waits to be written. Unpublished records are forgotten.
    pub(super) fn requeue(&mut self) {
        self.queues.clear();
        self.held.clear();
        for (store, (_, made)) in std::mem::take(&mut self.written) {
            match made {
                Unpublished::Removed => {
                    self.teardown.insert(store, DeletionStep::Second);
                }
                Unpublished::Store(made) => {
                    self.note_going(&store, &made.record, false);
                    // The change of a deletion's first commit is open until that is published: this was it once more.
                    if made.record.metadata.deletion.is_some() && self.changes_of(&store).is_empty()
                    {
                        self.begin_again(store);
                    }
                }
            }
        }
        let waiting = |entry: &&Entry| {
            matches!(entry.change.state, State::Queued | State::Approved) && entry.is_for_writer()
        };
        let hand_first = self.open.values().filter(|it| it.is_by_hand());
        let others = self.open.values().filter(|it| !it.is_by_hand());
        for entry in hand_first.chain(others).filter(waiting) {
            let owner = self.turn_of(entry);
            let queue = self.queues.entry(owner).or_default();
            queue.push_back(entry.change.id.clone());
        }
    }

    /// Whose turn an entry takes: that of its store's other open changes, so that they keep their order, else that of
    /// the store's owner.
    fn turn_of(&self, entry: &Entry) -> Owner {
        let name = &entry.change.store;
        let held = || self.book.get(name).map(|held| held.owner.clone());
        let on_desk = self.stores.get(name).and_then(|it| it.turn.clone());
        on_desk
            .or_else(held)
            .unwrap_or_else(|| match &entry.intent {
                Intent::Create(record) => record.spec.owner.clone(),
                _ => entry.caller.owner.clone(),
            })
    }

    /// Sets an entry aside that waits for something else, and says what for. A create does not wait for ever.
    pub(super) fn hold(&mut self, id: ChangeId, reason: String) {
        if let Some(entry) = self.open.get_mut(&id) {
            let change = &mut entry.change;
            change.waiting_for = Some(reason);
            if change.action == Action::Create {
                change.deadline = change.created_at.checked_add(TIME_FOR_A_SLOT).ok();
            }
            self.held.push(id);
        }
    }

    /// Whether an entry was set aside.
    pub(super) fn is_held(&self, id: &ChangeId) -> bool {
        self.held.contains(id)
    }

    /// Puts entries that were set aside back into the queue, to be looked at again.
    pub(super) fn release(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.put_back(&held);
    }
}

fn give_up(shares: &mut HashMap<Owner, usize>, turn: &Owner) {
    if let Some(share) = shares.get_mut(turn) {
        *share -= 1;
        if *share == 0 {
            shares.remove(turn);
        }
    }
}

/// A written change waits once more. Its timeline keeps the first writing and the last return, however many there were:
/// a remote may refuse for days.
fn wait_again(change: &mut Change, now: Timestamp, why: &str) {
    if !change.go(State::Queued, now, Some(why.to_owned())) {
        return;
    }
    let steps = &mut change.timeline;
    if let Some(before) = steps.len().checked_sub(3)
        && steps[before].state == State::Queued
        && steps[before].detail.is_some()
    {
        steps.drain(before..before + 2);
    }
}

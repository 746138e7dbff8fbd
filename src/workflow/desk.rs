//! Accepted requests on their way to the published branch, and the book of what is taken.
//!
//! The desk mirrors the journal in memory: the journal is written first, the desk after it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use crate::domain::accept::Intent;
use crate::domain::book::Book;
use crate::domain::change::State;
use crate::domain::entry::Entry;
use crate::domain::record::Record;
use crate::domain::{ChangeId, ClusterName, CommitId, Owner, StoreName};

/// What one store has on the desk.
#[derive(Debug, Clone, Default)]
struct OnDesk {
    changes: Vec<ChangeId>,
    /// Whose queue they stand in.
    turn: Option<Owner>,
    /// The newest accepted record, queued changes included.
    newest: Option<Record>,
}

/// What unpublished commits of ours made of a record.
#[derive(Debug, Clone)]
pub(super) enum Unpublished {
    /// This.
    Record(Box<Record>),
    /// They took it away.
    Removed,
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
    teardown: BTreeSet<StoreName>,
    /// Entries that wait for something else than the writer.
    held: Vec<ChangeId>,
    /// Entries that the writer has taken and not yet told the fate of.
    taken: BTreeSet<ChangeId>,
    /// Stores whose deletion has begun and is not seen to have ended.
    leaving: BTreeMap<ClusterName, BTreeSet<StoreName>>,
    /// What our unpublished commits made of records.
    written: HashMap<StoreName, (CommitId, Unpublished)>,
}

impl Desk {
    /// How many entries are open.
    pub(super) fn len(&self) -> usize {
        self.open.len()
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
        let store = self.stores.entry(entry.change.store.clone()).or_default();
        store.changes.push(id.clone());
        store.turn.get_or_insert_with(|| owner.clone());
        store.newest = record.or(store.newest.take());
        if entry.change.state == State::Queued {
            let queue = self.queues.entry(owner).or_default();
            if by_hand(&entry) {
                // On main already: what was asked for before it is derived on top of it.
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
            store.changes.retain(|it| it != id);
            if store.changes.is_empty() {
                self.stores.remove(name);
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

    /// Puts entries back that were taken but not written, in front and in their order.
    pub(super) fn put_back(&mut self, ids: &[ChangeId]) {
        for id in ids.iter().rev() {
            if let Some(owner) = self.open.get(id).map(|entry| self.turn_of(entry)) {
                self.queues.entry(owner).or_default().push_front(id.clone());
            }
        }
    }

    /// Every entry that was written but not published waits to be written again. Unpublished records are forgotten.
    pub(super) fn requeue(&mut self) {
        self.queues.clear();
        self.written.clear();
        self.held.clear();
        let waiting =
            |entry: &&Entry| matches!(entry.change.state, State::Queued | State::Approved);
        let hand_first = self.open.values().filter(|it| by_hand(it));
        let others = self.open.values().filter(|it| !by_hand(it));
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
            .unwrap_or_else(|| entry.caller.owner.clone())
    }

    /// Sets an entry aside that waits for something else, and says what for.
    pub(super) fn hold(&mut self, id: ChangeId, reason: String) {
        if let Some(entry) = self.open.get_mut(&id) {
            entry.change.waiting_for = Some(reason);
            self.held.push(id);
        }
    }

    /// Puts entries that were set aside back into the queue, to be looked at again.
    pub(super) fn release(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.put_back(&held);
    }

    /// Notes whether a store's deletion is under way.
    pub(super) fn note_leaving(
        &mut self,
        cluster: &ClusterName,
        store: &StoreName,
        under_way: bool,
    ) {
        let stores = self.leaving.entry(cluster.clone()).or_default();
        if under_way {
            stores.insert(store.clone());
        } else {
            stores.remove(store);
        }
    }

    /// How many deletions are under way on a cluster, written and not published ones included, that of one store left
    /// out.
    pub(super) fn leaving(&self, cluster: &ClusterName, but: &StoreName) -> u32 {
        let written = self
            .written
            .iter()
            .filter_map(|(name, (_, made))| match made {
                Unpublished::Record(record) if record.metadata.deletion.is_some() => {
                    (record.spec.cluster == *cluster).then_some(name)
                }
                Unpublished::Record(_) | Unpublished::Removed => None,
            });
        let published = self.leaving.get(cluster).into_iter().flatten();
        let names: BTreeSet<&StoreName> = published.chain(written).collect();
        let count = names.into_iter().filter(|name| *name != but).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// A store whose second deletion commit is due.
    pub(super) fn tear_down(&mut self, store: StoreName) -> bool {
        self.teardown.insert(store)
    }

    /// Takes every store whose second deletion commit is due.
    pub(super) fn take_teardown(&mut self) -> BTreeSet<StoreName> {
        std::mem::take(&mut self.teardown)
    }

    /// What our unpublished commits made of a store's record.
    pub(super) fn written(&self, store: &StoreName) -> Option<Unpublished> {
        self.written.get(store).map(|(_, made)| made.clone())
    }

    /// Notes what an unpublished commit made of a record.
    pub(super) fn note_written(&mut self, store: StoreName, commit: CommitId, made: Unpublished) {
        self.written.insert(store, (commit, made));
    }

    /// Forgets what is published now.
    pub(super) fn forget_written(&mut self, published: impl Fn(&CommitId) -> bool) {
        self.written.retain(|_, (commit, _)| !published(commit));
    }
}

/// Whether an entry takes over what a person did on main.
fn by_hand(entry: &Entry) -> bool {
    matches!(entry.intent, Intent::Adopt { .. })
}

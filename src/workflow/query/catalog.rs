//! What lists are answered from, kept up beside the book; and the bell that tells what moved.
//!
//! A store is put here whenever the book is worked out for it, and its phase whenever somebody finds it. Locks here are
//! held for moments and no other is taken under them, so writer and lists do not wait for each other.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::marks::Marks;
use super::shelf::{Facts, Shelf};
use super::{phase, requested_status};
use crate::domain::change::{Action, Change, State};
use crate::domain::entry::StoreRow;
use crate::domain::phase::{Phase, Status};
use crate::domain::view::PhaseEvent;
use crate::domain::{ClusterName, Owner, StoreName, Uid};
use crate::workflow::core::Core;
use crate::workflow::desk::Desk;

/// Stores and changes as lists see them.
#[derive(Default)]
pub(in crate::workflow) struct Catalog {
    shelf: RwLock<Shelf>,
    marks: RwLock<Marks>,
}

impl Catalog {
    pub(super) fn shelf(&self) -> RwLockReadGuard<'_, Shelf> {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn marks(&self) -> RwLockReadGuard<'_, Marks> {
        self.marks.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn shelf_mut(&self) -> RwLockWriteGuard<'_, Shelf> {
        self.shelf.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes where changes are.
    pub(in crate::workflow) fn note<'a>(&self, changes: impl IntoIterator<Item = &'a Change>) {
        for change in changes {
            self.note_one(change);
        }
    }

    /// Notes where a change is, and says whether it was somewhere else before.
    fn note_one(&self, change: &Change) -> bool {
        let known = self.shelf().known(&change.store);
        let slot = known.unwrap_or_else(|| self.shelf_mut().slot(&change.store));
        let mut marks = self.marks.write().unwrap_or_else(PoisonError::into_inner);
        marks.put(change, slot)
    }

    /// Whose a store is in this life, or was last.
    pub(in crate::workflow) fn owner(&self, name: &StoreName, uid: &Uid) -> Option<Owner> {
        self.shelf().owner(name, uid)
    }

    /// How many stores are in each phase, cluster by cluster.
    pub(in crate::workflow) fn count(&self, each: impl FnMut(&str, Phase, u64)) {
        self.shelf().count(each);
    }
}

impl Core {
    /// Puts a store into the lists as its row and the desk have it now, or takes it out.
    pub(in crate::workflow) fn list_store(
        &self,
        desk: &Desk,
        name: &StoreName,
        row: Option<&StoreRow>,
    ) {
        let changes = desk.changes_of(name).iter().rev();
        let mut open = changes.filter_map(|id| desk.entry(id)).map(|it| &it.change);
        let asked = open.find(|it| row.is_none_or(|row| row.uid != it.uid));
        let (uid, record, status, updated) = match (asked, desk.newest(name), row) {
            (Some(create), Some(newest), _) => (
                &create.uid,
                newest,
                requested_status(create),
                create.updated_at,
            ),
            (_, _, Some(row)) => (
                &row.uid,
                &row.record,
                phase(self, name, row),
                row.updated_at,
            ),
            _ => return self.catalog.shelf_mut().hide(name),
        };
        let told = told(&status);
        let facts = Facts {
            uid,
            spec: &record.spec,
            phase: status.phase,
            told,
            updated,
        };
        let before = self.catalog.shelf_mut().put(name, &facts);
        if before != Some(told) && self.events.has_begun() {
            self.tell_phase(name, uid, record.spec.owner.clone(), status);
        }
    }

    /// An accepted request is in the lists as soon as it is answered, and is told.
    pub(in crate::workflow) fn accepted(&self, desk: &Desk, change: &Change) {
        if self.catalog.owner(&change.store, &change.uid).is_none()
            && let Ok(row) = self.index.store(&change.store)
        {
            self.list_store(desk, &change.store, row.as_ref());
        }
        self.ring(change);
    }

    /// Notes the phase that somebody found a store in, and tells it where it is another one or something else is to be
    /// said of it. The same once more costs a hash and a look.
    pub(in crate::workflow) fn note_phase(&self, name: &StoreName, uid: &Uid, status: &Status) {
        let told = told(status);
        let differs = |it: Option<(Phase, u64)>| it.is_some_and(|(_, before)| before != told);
        if !differs(self.catalog.shelf().phase(name, uid)) {
            return;
        }
        let mut stores = self.catalog.shelf_mut();
        if !differs(stores.phase(name, uid)) {
            return;
        }
        stores.set_phase(name, status.phase, told);
        let owner = stores.owner(name, uid);
        drop(stores);
        if let Some(owner) = owner {
            self.tell_phase(name, uid, owner, status.clone());
        }
    }

    /// A store that is not merged yet has the phase of its creation.
    fn note_asked(&self, change: &Change) {
        let phase = self.catalog.shelf().phase(&change.store, &change.uid);
        if matches!(phase, Some((Phase::Requested | Phase::AwaitingApproval, _))) {
            self.note_phase(&change.store, &change.uid, &requested_status(change));
        }
    }

    fn tell_phase(&self, name: &StoreName, uid: &Uid, owner: Owner, status: Status) {
        self.events.phase(&PhaseEvent {
            name: name.clone(),
            uid: uid.clone(),
            owner,
            phase: status.phase,
            reason: status.reason,
            message: status.message,
            next_step: status.next_step,
            at: Self::now(),
        });
    }

    /// The stores of a cluster among those that are wanted.
    pub(in crate::workflow) fn stores_of(
        &self,
        cluster: &ClusterName,
        wanted: &dyn Fn(&StoreName) -> bool,
    ) -> Vec<StoreName> {
        self.catalog.shelf().of_cluster(cluster.as_str(), wanted)
    }

    /// A change moved on, or something else is to be said of it: lists, listeners and those who wait for it learn of
    /// it. Figures count only that it got to another state.
    pub(in crate::workflow) fn ring(&self, change: &Change) {
        let moved = self.catalog.note_one(change);
        if !change.state.is_merged() && !change.state.is_end() {
            self.note_asked(change);
        }
        if self.events.has_begun() {
            let owner = self.catalog.owner(&change.store, &change.uid);
            self.events.changed(change, owner);
            if moved {
                self.metrics.moved(change);
            }
        }
        // Nobody may be waiting; that is no error.
        let _waiting = self.moved.send(change.id.clone());
    }
}

/// A hash of what is told of a phase. What a request waits for is told by its change, and is no news of the store.
fn told(status: &Status) -> u64 {
    let mut hasher = DefaultHasher::new();
    status.phase.hash(&mut hasher);
    if !matches!(status.phase, Phase::Requested | Phase::AwaitingApproval) {
        (&status.reason, &status.message, &status.next_step).hash(&mut hasher);
    }
    hasher.finish()
}

/// Seconds from the acceptance of a creation to its store being ready.
pub(in crate::workflow) fn provisioned_in(change: &Change) -> Option<f64> {
    let ready = change.action == Action::Create && change.state == State::Ready && !change.noop;
    let took = change.updated_at.duration_since(change.created_at);
    ready.then(|| took.as_secs_f64().max(0.0))
}

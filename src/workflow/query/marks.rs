//! Every change in a few bytes, by id: what lists of changes filter by.
//!
//! The newest million is kept; older ones are read from the index. Must not know: what a change says.

use super::shelf::{Words, ulid};
use crate::domain::ChangeId;
use crate::domain::change::{Action, Change, State};

/// How many changes are kept in memory: 32 bytes each.
pub(super) const MOST: usize = if cfg!(test) { 60 } else { 1_000_000 };

/// One change.
#[derive(Debug, Clone, Copy)]
struct Mark {
    /// The ULID in two halves, so that a mark takes 32 bytes.
    id: (u64, u64),
    store: u32,
    requester: u32,
    state: State,
    action: Action,
}

/// Which changes are wanted, by number.
pub(super) struct WantedChanges<'a> {
    /// In this state.
    pub(super) state: Option<State>,
    /// Of this action.
    pub(super) action: Option<Action>,
    /// Of the store in this slot.
    pub(super) store: Option<u32>,
    /// Whose store or requester makes it worth a look.
    pub(super) seen: &'a dyn Fn(u32, u32) -> bool,
}

/// Changes in the order of their ids.
#[derive(Debug, Default)]
pub(super) struct Marks {
    requesters: Words,
    all: Vec<Mark>,
    /// Whether older ones were let go.
    cut: bool,
}

fn halves(id: u128) -> (u64, u64) {
    ulid::Ulid(id).into()
}

impl Marks {
    /// Notes where a change is now, and says whether it was somewhere else before, as far as that is known.
    pub(super) fn put(&mut self, change: &Change, store: u32) -> bool {
        let mark = Mark {
            id: halves(ulid(change.id.as_str())),
            store,
            requester: self.requesters.number(&change.requester),
            state: change.state,
            action: change.action,
        };
        let mut moved = true;
        match self.all.binary_search_by_key(&mark.id, |it| it.id) {
            Ok(at) => moved = std::mem::replace(&mut self.all[at], mark).state != mark.state,
            // What is older than all that is kept was let go of.
            Err(0) if self.cut => {}
            Err(at) => self.all.insert(at, mark),
        }
        if self.all.len() > MOST {
            self.all.drain(..MOST / 10);
            self.cut = true;
        }
        moved
    }

    /// The number of a requester, if they ever asked for anything.
    pub(super) fn requester(&self, subject: &str) -> Option<u32> {
        self.requesters.known(subject)
    }

    /// Whether there are older changes than those here.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// The oldest change here.
    pub(super) fn oldest(&self) -> Option<ChangeId> {
        self.all.first().and_then(id_of)
    }

    /// Changes from the newest down, before an id, until `most` are found or `steps` were looked at; then the id to go
    /// on from is there.
    pub(super) fn find(
        &self,
        wanted: &WantedChanges<'_>,
        before: Option<&ChangeId>,
        (most, steps): (usize, usize),
    ) -> (Vec<ChangeId>, Option<ChangeId>) {
        let end = before.map_or(self.all.len(), |before| {
            let id = halves(ulid(before.as_str()));
            self.all.partition_point(|it| it.id < id)
        });
        let is = |mark: &Mark| {
            wanted.state.is_none_or(|it| it == mark.state)
                && wanted.action.is_none_or(|it| it == mark.action)
                && wanted.store.is_none_or(|it| it == mark.store)
                && (wanted.seen)(mark.store, mark.requester)
        };
        let mut found = Vec::new();
        for (step, mark) in self.all[..end].iter().rev().enumerate() {
            if is(mark) {
                found.extend(id_of(mark));
            }
            if found.len() == most || step + 1 == steps {
                return (found, id_of(mark));
            }
        }
        (found, None)
    }
}

fn id_of(mark: &Mark) -> Option<ChangeId> {
    ulid::Ulid::from(mark.id).to_string().parse().ok()
}

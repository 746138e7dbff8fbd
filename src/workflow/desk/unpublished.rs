//! What our commits made of records, for as long as they are not published.

use std::collections::HashSet;

use super::Desk;
use crate::domain::{CommitId, StoreName};
use crate::workflow::derive::Made;

/// What unpublished commits of ours made of a record.
#[derive(Debug, Clone)]
pub(in crate::workflow) enum Unpublished {
    /// This.
    Store(Box<Made>),
    /// They took it away.
    Removed,
}

impl Desk {
    /// What our unpublished commits made of a store's record.
    pub(in crate::workflow) fn written(&self, store: &StoreName) -> Option<&Unpublished> {
        self.written.get(store).map(|(_, made)| made)
    }

    /// What one commit made of a store, as long as it is not published and the newest of that store.
    pub(in crate::workflow) fn made_by(
        &self,
        commit: &CommitId,
        store: &StoreName,
    ) -> Option<&Unpublished> {
        let (newest, made) = self.written.get(store)?;
        (newest == commit).then_some(made)
    }

    /// Notes what an unpublished commit made of a record.
    pub(in crate::workflow) fn note_written(
        &mut self,
        store: StoreName,
        commit: CommitId,
        made: Unpublished,
    ) {
        self.forget(&store);
        if let Unpublished::Store(made) = &made {
            self.note_going(&store, &made.record, true);
        }
        self.written.insert(store, (commit, made));
    }

    /// Forgets what is published now.
    pub(in crate::workflow) fn forget_written(&mut self, published: &HashSet<CommitId>) {
        let known = self.written.iter();
        let gone: Vec<StoreName> = known
            .filter(|(_, (commit, _))| published.contains(commit))
            .map(|(store, _)| store.clone())
            .collect();
        for store in gone {
            self.forget(&store);
        }
    }

    fn forget(&mut self, store: &StoreName) {
        if let Some((_, Unpublished::Store(made))) = self.written.remove(store) {
            self.note_going(store, &made.record, false);
        }
    }
}

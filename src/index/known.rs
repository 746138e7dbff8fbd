//! The phases that stores were last seen in, written behind.
//!
//! One moves with nearly every status that changes, and a transaction for each would cost more than the look that found
//! it. So they wait in memory, where every row that is read gets its own, and many are written at once. Who ends without
//! a flush forgets them, as all else that was not flushed. Must not know: how a phase is found.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use redb::ReadableTable as _;

use super::tables::{STORES, decode, encode};
use super::{Index, IndexError};
use crate::domain::entry::StoreRow;
use crate::domain::phase::LastKnown;
use crate::domain::{StoreName, Uid};

/// What the tables do not have yet, with the life of the store that it is about.
#[derive(Default)]
pub(super) struct Waiting(RwLock<BTreeMap<StoreName, (Uid, LastKnown)>>);

impl Waiting {
    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<StoreName, (Uid, LastKnown)>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<StoreName, (Uid, LastKnown)>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What waits for a store. Asked for before its row is read: afterwards it may be neither here nor in the row.
    pub(super) fn of(&self, name: &StoreName) -> Option<(Uid, LastKnown)> {
        self.read().get(name).cloned()
    }

    /// What waits for all stores, as [`of`](Self::of).
    pub(super) fn all(&self) -> BTreeMap<StoreName, (Uid, LastKnown)> {
        self.read().clone()
    }

    /// Lets go of what was written, unless another one has come in its place.
    fn written(&self, all: &BTreeMap<StoreName, (Uid, LastKnown)>) {
        self.write().retain(|name, it| all.get(name) != Some(it));
    }
}

/// The row with what waited for it, unless it is the newer of both.
pub(super) fn over<R>(mut row: StoreRow<R>, waiting: Option<&(Uid, LastKnown)>) -> StoreRow<R> {
    let waiting = waiting.filter(|(uid, known)| {
        let newer = |written: &LastKnown| written.at > known.at;
        *uid == row.uid && !row.known.as_ref().is_some_and(newer)
    });
    if let Some((_, known)) = waiting {
        row.known = Some(known.clone());
    }
    row
}

impl Index {
    /// Notes the phase that a store was seen in. Whoever reads the store from now on finds it.
    pub fn know(&self, name: &StoreName, uid: &Uid, known: LastKnown) {
        let entry = (uid.clone(), known);
        self.known.write().insert(name.clone(), entry);
    }

    /// Writes what was noted since the last time; nothing is done where nothing was.
    pub fn write_known(&self) -> Result<(), IndexError> {
        if self.known.read().is_empty() {
            return Ok(());
        }
        let all = self.write(|txn| {
            // Within the transaction: who writes later writes what is newer.
            let all = self.known.all();
            let mut stores = txn.open_table(STORES)?;
            for (name, (uid, known)) in &all {
                let row = stores.get(name.as_str())?;
                let row = row.and_then(|it| decode::<StoreRow>(it.value()));
                let Some(mut row) = row.filter(|it| it.uid == *uid) else {
                    continue;
                };
                row.known = Some(known.clone());
                stores.insert(name.as_str(), encode(&row).as_slice())?;
            }
            Ok(all)
        })?;
        self.known.written(&all);
        Ok(())
    }
}

/// A row that Git has moved, with what was seen of the same store: whoever reads commits has no opinion of that.
pub(super) fn with_memory_of(row: &StoreRow, there: Option<StoreRow>) -> Cow<'_, StoreRow> {
    match there.filter(|it| it.uid == row.uid) {
        Some(there) if there.memory() != row.memory() => Cow::Owned(StoreRow {
            known: there.known.clone(),
            held: there.held,
            ..row.clone()
        }),
        _ => Cow::Borrowed(row),
    }
}

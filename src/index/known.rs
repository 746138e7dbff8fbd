//! The phases that stores were last seen in, written behind.
//!
//! One moves with nearly every status that changes, and a transaction for each would cost more than the look that found
//! it. So they wait in memory, where every row that is read gets its own, and many are written at once. Who ends without
//! a flush forgets them, as all else that was not flushed. Must not know: how a phase is found.

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

    /// The row with what waits for it.
    pub(super) fn over<R>(&self, name: &StoreName, mut row: StoreRow<R>) -> StoreRow<R> {
        if let Some((uid, known)) = self.read().get(name)
            && *uid == row.uid
        {
            row.known = Some(known.clone());
        }
        row
    }

    /// Lets go of what was written, unless another one has come in its place.
    fn written(&self, all: &BTreeMap<StoreName, (Uid, LastKnown)>) {
        self.write().retain(|name, it| all.get(name) != Some(it));
    }
}

impl Index {
    /// Notes the phase that a store was seen in. Whoever reads the store from now on finds it.
    pub fn know(&self, name: &StoreName, uid: &Uid, known: LastKnown) {
        let entry = (uid.clone(), known);
        self.known.write().insert(name.clone(), entry);
    }

    /// Writes what was noted since the last time; nothing is done where nothing was.
    pub fn write_known(&self) -> Result<(), IndexError> {
        let all = self.known.read().clone();
        if all.is_empty() {
            return Ok(());
        }
        self.write(|txn| {
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
            Ok(())
        })?;
        self.known.written(&all);
        Ok(())
    }
}

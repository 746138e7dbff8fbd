//! What observations change, beside the writer.
//!
//! A look reads rows, thinks, and writes. What the writer published in between is newer than all it thought of, so a
//! store that moved meanwhile is passed by: the next look sees it as it is then.

use std::collections::BTreeSet;

use redb::ReadableTable;

use super::tables::{CHANGES, OPEN, STORES, decode, encode};
use super::{Index, IndexError};
use crate::domain::StoreName;
use crate::domain::change::Change;
use crate::domain::entry::{Projection, StoreRow};

impl Index {
    /// Takes in stores and changes as a look left them, all in one transaction, except those that Git moved meanwhile;
    /// these are named.
    pub fn apply_seen(&self, seen: &Projection) -> Result<BTreeSet<StoreName>, IndexError> {
        self.write(|txn| {
            let mut stores = txn.open_table(STORES)?;
            let mut changes = txn.open_table(CHANGES)?;
            let mut open = txn.open_table(OPEN)?;
            let mut passed_by = BTreeSet::new();
            for (name, row) in &seen.stores {
                let now = stores
                    .get(name.as_str())?
                    .and_then(|it| decode::<StoreRow>(it.value()));
                if now.is_some_and(|now| now.desired != row.desired || now.deploy != row.deploy) {
                    passed_by.insert(name.clone());
                }
            }
            for change in &seen.changes {
                let now = changes
                    .get(change.id.as_str())?
                    .and_then(|it| decode::<Change>(it.value()));
                let over = |now: &Change| now.state.is_end() && now.state != change.state;
                if now.as_ref().is_some_and(over) {
                    passed_by.insert(change.store.clone());
                }
            }
            for (name, row) in &seen.stores {
                if !passed_by.contains(name) {
                    stores.insert(name.as_str(), encode(row).as_slice())?;
                }
            }
            for change in &seen.changes {
                if passed_by.contains(&change.store) {
                    continue;
                }
                changes.insert(change.id.as_str(), encode(change).as_slice())?;
                if change.state.is_end() {
                    open.remove(change.id.as_str())?;
                }
            }
            Ok(passed_by)
        })
    }
}

//! The index: a cache of Git and of the clusters that answers the API quickly.
//!
//! It is thrown away and rebuilt whenever in doubt. Must not know: Git, the journal, or how a phase is derived.
//! No redb type leaves it.

mod audit;
mod known;
mod seen;
mod tables;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use std::sync::{PoisonError, RwLock};

use redb::{
    Database, Durability, ReadOnlyTable, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    WriteTransaction,
};
use serde::de::DeserializeOwned;

use crate::domain::change::Change;
use crate::domain::entry::{Projection, StoreRow};
use crate::domain::view::HistoryItem;
use crate::domain::{ChangeId, ClusterName, CommitId, StoreName, Uid};
use known::Waiting;
use known::{over, with_memory_of};
use tables::{AUDIT, CHANGES, HISTORY, LAST, META, OPEN, STORES, TIP, decode, encode, landed};

/// Why the index cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error(
    "the index {path} cannot be used: {detail}; stop fleetwright and delete the file, it is rebuilt at the next start"
)]
pub struct IndexError {
    path: String,
    detail: String,
}

/// The open index.
pub struct Index {
    db: Database,
    path: PathBuf,
    /// The stores as the newest transaction left them, opened by whoever reads one first: opening costs more than the
    /// reading. None while something is written, so that no old state is kept alive.
    stores: RwLock<Option<StoresTable>>,
    /// Phases that the tables do not have yet.
    known: Waiting,
}

type StoresTable = ReadOnlyTable<&'static str, &'static [u8]>;

impl Index {
    /// Opens the index. One that cannot be read, or is of another version, is set aside and begun anew.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        match Self::try_open(path) {
            Ok(index) => Ok(index),
            Err(error) => {
                tracing::warn!(index.path = %path.display(), %error, "the index is set aside and rebuilt");
                let aside = path.with_extension("redb.broken");
                std::fs::rename(path, aside).map_err(|error| IndexError {
                    path: path.display().to_string(),
                    detail: error.to_string(),
                })?;
                Self::try_open(path)
            }
        }
    }

    fn try_open(path: &Path) -> Result<Self, IndexError> {
        let fail = |detail: String| IndexError {
            path: path.display().to_string(),
            detail,
        };
        let mut builder = redb::Builder::new();
        builder.set_cache_size(8 << 20);
        // Of some damage (a file cut short) the database tells by a panic.
        let opened = catch_unwind(AssertUnwindSafe(|| builder.create(path)));
        let db = opened
            .map_err(|_| fail("it is damaged".to_owned()))?
            .map_err(|error| fail(error.to_string()))?;
        let index = Self {
            db,
            path: path.to_owned(),
            stores: RwLock::default(),
            known: Waiting::default(),
        };
        index.write(tables::create)?;
        Ok(index)
    }

    /// The newest commit of published main that is in the index.
    pub fn tip(&self) -> Result<Option<CommitId>, IndexError> {
        self.read(|txn| {
            let tip = txn
                .open_table(META)?
                .get(TIP)?
                .map(|it| it.value().to_owned());
            Ok(tip.and_then(|it| it.parse().ok()))
        })
    }

    /// The sequence of the newest deploy commit of a cluster that was looked at for what people merged at a forge.
    pub fn landed(&self, cluster: &ClusterName) -> Result<u64, IndexError> {
        self.read(|txn| {
            let meta = txn.open_table(META)?;
            let sequence = meta.get(landed(cluster).as_str())?;
            let known = sequence.and_then(|it| it.value().parse().ok());
            Ok(known.unwrap_or(0))
        })
    }

    /// Forgets everything, before a rebuild.
    pub fn clear(&self) -> Result<(), IndexError> {
        self.write(tables::clear)
    }

    /// Takes in what published commits or observations changed, all or nothing.
    pub fn apply(&self, projection: &Projection) -> Result<(), IndexError> {
        self.write(|txn| {
            let mut stores = txn.open_table(STORES)?;
            for (name, row) in &projection.stores {
                let there = stores.get(name.as_str())?;
                let there = there.and_then(|it| decode::<StoreRow>(it.value()));
                let row = with_memory_of(row, there);
                stores.insert(name.as_str(), encode(&*row).as_slice())?;
            }
            let mut changes = txn.open_table(CHANGES)?;
            let mut open = txn.open_table(OPEN)?;
            for change in &projection.changes {
                changes.insert(change.id.as_str(), encode(change).as_slice())?;
                // A merged change without a deadline is followed by nobody: no cluster is watched.
                let followed = change.deadline.is_some() || !change.state.is_merged();
                if change.state.is_end() || !followed {
                    open.remove(change.id.as_str())?;
                } else {
                    open.insert(change.id.as_str(), change.store.as_str())?;
                }
            }
            let mut history = txn.open_table(HISTORY)?;
            let mut meta = txn.open_table(META)?;
            let last = meta.get(LAST)?.and_then(|it| it.value().parse().ok());
            let mut last: u64 = last.unwrap_or(0);
            for (uid, item) in &projection.history {
                last += 1;
                history.insert((uid.as_str(), last), encode(item).as_slice())?;
            }
            meta.insert(LAST, last.to_string().as_str())?;
            let mut audit = txn.open_table(AUDIT)?;
            for item in &projection.audit {
                let (at, tie) = item.place();
                audit.insert((at, tie.as_str()), encode(item).as_slice())?;
            }
            if let Some(tip) = &projection.tip {
                meta.insert(TIP, tip.as_str())?;
            }
            for (cluster, sequence) in &projection.landed {
                meta.insert(landed(cluster).as_str(), sequence.to_string().as_str())?;
            }
            Ok(())
        })
    }

    /// One store.
    pub fn store(&self, name: &StoreName) -> Result<Option<StoreRow>, IndexError> {
        self.store_as(name)
    }

    /// One store, with its record in a form of the caller's choice.
    pub fn store_as<R: DeserializeOwned>(
        &self,
        name: &StoreName,
    ) -> Result<Option<StoreRow<R>>, IndexError> {
        let waiting = self.known.of(name);
        let row = |table: &StoresTable| -> Result<_, redb::Error> {
            Ok(table.get(name.as_str())?.and_then(|it| decode(it.value())))
        };
        let run = || {
            let opened = self.stores.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(table) = &*opened {
                return row(table);
            }
            drop(opened);
            // Opened under the lock: what a transaction has made old cannot be put here after it.
            let mut opened = self.stores.write().unwrap_or_else(PoisonError::into_inner);
            if opened.is_none() {
                *opened = Some(self.db.begin_read()?.open_table(STORES)?);
            }
            opened.as_ref().map_or(Ok(None), row)
        };
        let found = run().map_err(|error| self.broken(&error))?;
        Ok(found.map(|row| over(row, waiting.as_ref())))
    }

    fn forget_opened(&self) {
        *self.stores.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Stores in order of their names, after a name, as long as `each` wants more.
    pub fn stores(
        &self,
        after: Option<&str>,
        each: &mut dyn FnMut(StoreName, StoreRow) -> bool,
    ) -> Result<(), IndexError> {
        let waiting = self.known.all();
        self.read(|txn| {
            let table = txn.open_table(STORES)?;
            let from = after.map_or(String::new(), |it| format!("{it}\0"));
            for row in table.range(from.as_str()..)? {
                let (name, row) = row?;
                let (Ok(name), Some(row)) = (name.value().parse(), decode(row.value())) else {
                    continue;
                };
                let row = over(row, waiting.get(&name));
                if !each(name, row) {
                    break;
                }
            }
            Ok(())
        })
    }

    /// How many stores the index holds, those that are gone included.
    pub fn len(&self) -> Result<u64, IndexError> {
        self.read(|txn| Ok(txn.open_table(STORES)?.len()?))
    }

    /// Whether the index holds no store.
    pub fn is_empty(&self) -> Result<bool, IndexError> {
        Ok(self.len()? == 0)
    }

    /// One change.
    pub fn change(&self, id: &ChangeId) -> Result<Option<Change>, IndexError> {
        self.read(|txn| {
            Ok(txn
                .open_table(CHANGES)?
                .get(id.as_str())?
                .and_then(|it| decode(it.value())))
        })
    }

    /// Changes from the newest down, before an id, as long as `each` wants more.
    pub fn changes(
        &self,
        before: Option<&str>,
        each: &mut dyn FnMut(Change) -> bool,
    ) -> Result<(), IndexError> {
        self.read(|txn| {
            let table = txn.open_table(CHANGES)?;
            let rows = match before {
                Some(id) => table.range(..id)?,
                None => table.range::<&str>(..)?,
            };
            for row in rows.rev() {
                let (_, change) = row?;
                if decode(change.value()).is_some_and(|it| !each(it)) {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Every change, from the oldest up.
    pub fn every_change(&self, each: &mut dyn FnMut(Change)) -> Result<(), IndexError> {
        self.read(|txn| {
            for row in txn.open_table(CHANGES)?.iter()? {
                if let Some(change) = decode(row?.1.value()) {
                    each(change);
                }
            }
            Ok(())
        })
    }

    /// Merged changes that have not ended, with their stores.
    pub fn open_changes(&self) -> Result<Vec<(ChangeId, StoreName)>, IndexError> {
        self.read(|txn| {
            let table = txn.open_table(OPEN)?;
            let mut all = Vec::new();
            for row in table.iter()? {
                let (id, store) = row?;
                if let (Ok(id), Ok(store)) = (id.value().parse(), store.value().parse()) {
                    all.push((id, store));
                }
            }
            Ok(all)
        })
    }

    /// A store's commits, newest first, each with its place in the order of main; before the place of an earlier page.
    pub fn history(
        &self,
        uid: &Uid,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, HistoryItem)>, IndexError> {
        self.read(|txn| {
            let table = txn.open_table(HISTORY)?;
            let end = (uid.as_str(), before.unwrap_or(u64::MAX));
            let mut items = Vec::new();
            for row in table.range((uid.as_str(), 0)..end)?.rev().take(limit) {
                let (key, item) = row?;
                items.extend(decode(item.value()).map(|it| (key.value().1, it)));
            }
            Ok(items)
        })
    }

    fn write<T>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, IndexError> {
        let run = || -> Result<T, redb::Error> {
            let mut txn = self.db.begin_write()?;
            // A cache: the next transaction that wants it, or a rebuild, makes it durable.
            txn.set_durability(Durability::None)?;
            let done = work(&txn)?;
            self.forget_opened();
            txn.commit()?;
            Ok(done)
        };
        let done = run();
        // Whoever read meanwhile may have opened what is old now.
        self.forget_opened();
        done.map_err(|error| self.broken(&error))
    }

    fn read<T>(
        &self,
        work: impl FnOnce(&redb::ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, IndexError> {
        let run = || -> Result<T, redb::Error> { work(&self.db.begin_read()?) };
        run().map_err(|error| self.broken(&error))
    }

    fn broken(&self, error: &redb::Error) -> IndexError {
        IndexError {
            path: self.path.display().to_string(),
            detail: error.to_string(),
        }
    }

    /// Makes everything so far durable.
    pub fn flush(&self) -> Result<(), IndexError> {
        self.write_known()?;
        let run = || -> Result<(), redb::Error> {
            let mut txn = self.db.begin_write()?;
            txn.set_quick_repair(true);
            txn.commit()?;
            Ok(())
        };
        run().map_err(|error| self.broken(&error))
    }
}

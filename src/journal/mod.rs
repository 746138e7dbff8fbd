//! The journal: what exists nowhere else. Accepted requests until they are published, answers kept for repeats,
//! token hashes, what request limits count, what a forge told, and the people's commits that were vouched for.
//!
//! Never discarded by the program. Must not know: Git, the index, or what an entry means. No redb type leaves it.

mod audit;
mod deliveries;
mod hits;
mod proposals;
mod tables;
mod tokens;

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use jiff::{Timestamp, ToSpan};
use redb::{Database, Durability, ReadableDatabase, WriteTransaction};

use crate::domain::ChangeId;
use crate::domain::change::Change;
use crate::domain::entry::{Entry, Kept};
use crate::domain::limits::Hit;
use tables::{ENDED, ENTRIES, KEPT, META, decode, decode_all, encode};

pub use audit::Chain;
pub use deliveries::Delivery;
pub use tokens::KeptToken;

/// How long a first answer is kept for repeats (API.md asks for 24 hours or more).
const KEEP_HOURS: i64 = 48;

/// Why the journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process has it.
    #[error(
        "{0} is in use by another fleetwright; stop that one, or choose another data folder with --data"
    )]
    InUse(String),
    /// It is damaged, or the disk fails.
    #[error(
        "the journal {path} cannot be used: {detail}; it holds accepted requests, so restore it rather than delete it"
    )]
    Broken {
        /// The file.
        path: String,
        /// What the database says.
        detail: String,
    },
}

/// One request to be accepted, with the key under which its answer is kept.
#[derive(Debug, Clone)]
pub struct Acceptance {
    /// The request.
    pub entry: Entry,
    /// The caller's key and what it stands for.
    pub kept: Option<(String, Kept)>,
    /// What request limits count of it.
    pub hit: Option<Hit>,
}

/// The open journal.
pub struct Journal {
    db: Database,
    path: String,
}

impl Journal {
    /// Opens the journal, or makes a new one, which is there whole or not at all: a file without its beginning would be
    /// taken for one that was damaged.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        if path.exists() {
            return Self::open_file(path, path);
        }
        let aside = path.with_added_extension("new");
        let broken = |error: io::Error| JournalError::Broken {
            path: path.display().to_string(),
            detail: error.to_string(),
        };
        match fs::remove_file(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(broken(error)),
            _ => {}
        }
        let journal = Self::open_file(&aside, path)?;
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        fs::rename(&aside, path)
            .and_then(|()| File::open(folder.unwrap_or(Path::new("."))))
            .and_then(|folder| folder.sync_all())
            .map_err(broken)?;
        Ok(journal)
    }

    /// Opens or makes the journal that lies in `file`; `path` is what errors call it.
    fn open_file(file: &Path, path: &Path) -> Result<Self, JournalError> {
        let name = path.display().to_string();
        let mut builder = redb::Builder::new();
        builder.set_cache_size(8 << 20);
        let broken = |detail: String| JournalError::Broken {
            path: name.clone(),
            detail,
        };
        // Of some damage (a file cut short) the database tells by a panic.
        let opened = catch_unwind(AssertUnwindSafe(|| builder.create(file)));
        let opened = opened.map_err(|_| broken("it is damaged".to_owned()))?;
        let db = opened.map_err(|error| match error {
            redb::DatabaseError::DatabaseAlreadyOpen => JournalError::InUse(name.clone()),
            other => broken(other.to_string()),
        })?;
        let journal = Self { db, path: name };
        journal.write(tables::create)?;
        Ok(journal)
    }

    /// Stores requests that arrived together, and further answers for repeats (`also`): one transaction, one fsync. When
    /// this returns they survive.
    pub fn accept(
        &self,
        batch: &[Acceptance],
        also: &[(String, Kept)],
    ) -> Result<(), JournalError> {
        self.write(|txn| {
            let mut entries = txn.open_table(ENTRIES)?;
            let mut kept = txn.open_table(KEPT)?;
            for one in batch {
                entries.insert(one.entry.change.id.as_str(), encode(&one.entry).as_slice())?;
            }
            let answers = batch.iter().filter_map(|it| it.kept.as_ref());
            for (key, answer) in answers.chain(also) {
                kept.insert(key.as_str(), encode(answer).as_slice())?;
            }
            let hits = batch
                .iter()
                .filter_map(|it| Some((&it.entry.change.id, it.hit.as_ref()?)));
            hits::insert(txn, &hits.collect::<Vec<_>>())
        })
    }

    /// Notes how far entries have come.
    pub fn update(&self, changed: &[Entry]) -> Result<(), JournalError> {
        self.write(|txn| {
            let mut entries = txn.open_table(ENTRIES)?;
            for entry in changed {
                entries.insert(entry.change.id.as_str(), encode(entry).as_slice())?;
            }
            Ok(())
        })
    }

    /// Lets entries go that are on the published branch. This is not synced: a kill may bring them back, and whoever
    /// reads them then finds in Git that they are done.
    pub fn release(&self, published: &[ChangeId]) -> Result<(), JournalError> {
        if published.is_empty() {
            return Ok(());
        }
        self.write_with(Durability::None, |txn| {
            let mut entries = txn.open_table(ENTRIES)?;
            for id in published {
                entries.remove(id.as_str())?;
            }
            Ok(())
        })
    }

    /// Keeps how changes ended that left nothing in Git, and lets their entries go.
    pub fn settle(&self, ended: &[Change]) -> Result<(), JournalError> {
        self.write(|txn| {
            let mut entries = txn.open_table(ENTRIES)?;
            let mut kept = txn.open_table(ENDED)?;
            for change in ended {
                entries.remove(change.id.as_str())?;
                kept.insert(change.id.as_str(), encode(change).as_slice())?;
            }
            Ok(())
        })
    }

    /// Every entry that is not on the published branch yet, in order of acceptance.
    pub fn entries(&self) -> Result<Vec<Entry>, JournalError> {
        self.read(|txn| decode_all(&txn.open_table(ENTRIES)?))
    }

    /// Every change that ended, as it ended.
    pub fn ended(&self) -> Result<Vec<Change>, JournalError> {
        self.read(|txn| decode_all(&txn.open_table(ENDED)?))
    }

    /// The first answer under a key.
    pub fn kept(&self, key: &str) -> Result<Option<Kept>, JournalError> {
        self.read(|txn| {
            Ok(txn
                .open_table(KEPT)?
                .get(key)?
                .and_then(|it| decode(it.value())))
        })
    }

    /// Drops kept answers that are older than two days.
    pub fn forget_old_answers(&self, now: Timestamp) -> Result<(), JournalError> {
        let limit = now.checked_sub(KEEP_HOURS.hours()).unwrap_or(now);
        self.write(|txn| {
            txn.open_table(KEPT)?
                .retain(|_, value| decode::<Kept>(value).is_some_and(|it| it.at > limit))?;
            Ok(())
        })
    }

    /// A remembered fact (`policy`, `seen`).
    pub fn fact(&self, name: &str) -> Result<Option<String>, JournalError> {
        self.read(|txn| {
            Ok(txn
                .open_table(META)?
                .get(name)?
                .map(|it| it.value().to_owned()))
        })
    }

    /// Remembers a fact.
    pub fn remember(&self, name: &str, value: &str) -> Result<(), JournalError> {
        self.write(|txn| {
            txn.open_table(META)?.insert(name, value)?;
            Ok(())
        })
    }

    fn write<T>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, JournalError> {
        self.write_with(Durability::Immediate, work)
    }

    fn write_with<T>(
        &self,
        durability: Durability,
        work: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, JournalError> {
        let run = || -> Result<T, redb::Error> {
            let mut txn = self.db.begin_write()?;
            txn.set_durability(durability)?;
            let done = work(&txn)?;
            txn.commit()?;
            Ok(done)
        };
        run().map_err(|error| self.broken(&error))
    }

    fn read<T>(
        &self,
        work: impl FnOnce(&redb::ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, JournalError> {
        let run = || -> Result<T, redb::Error> { work(&self.db.begin_read()?) };
        run().map_err(|error| self.broken(&error))
    }

    fn broken(&self, error: &redb::Error) -> JournalError {
        JournalError::Broken {
            path: self.path.clone(),
            detail: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kill_left_of_a_new_journal_is_not_taken_for_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.redb");
        fs::write(dir.path().join("journal.redb.new"), [0; 4096]).unwrap();
        let journal = Journal::open(&path).unwrap();
        journal.remember("seen", "it").unwrap();
        assert!(matches!(Journal::open(&path), Err(JournalError::InUse(_))));
        drop(journal);
        let fact = Journal::open(&path).unwrap().fact("seen").unwrap();
        assert_eq!(fact.as_deref(), Some("it"));
        // One that was there and lost its beginning is not replaced.
        fs::write(&path, [0; 4096]).unwrap();
        assert!(matches!(
            Journal::open(&path),
            Err(JournalError::Broken { .. })
        ));
    }
}

//! References: reading them, and moving several of them at once by compare-and-swap.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use git2::{ErrorCode, Repository, Signature, Transaction};

use super::GitError;
use super::object::ObjectId;
use crate::domain::CommitId;

/// How long another process may hold a reference before we give up. Git holds one for milliseconds.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// One reference's move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    /// The full name, such as `refs/heads/main`.
    pub reference: String,
    /// Where it must be; `None`: it must not exist.
    pub old: Option<CommitId>,
    /// Where it goes.
    pub new: CommitId,
}

impl RefUpdate {
    /// A move of `refs/heads/<name>`.
    pub fn branch(name: &str, old: Option<CommitId>, new: CommitId) -> Self {
        Self {
            reference: format!("refs/heads/{name}"),
            old,
            new,
        }
    }
}

/// What became of a set of updates.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Landed {
    /// All references moved.
    Yes,
    /// None moved, for this one was not where its update says.
    Moved {
        /// The reference's full name.
        reference: String,
    },
}

/// Where a reference points; symbolic ones are followed.
pub(super) fn read(repo: &Repository, name: &str) -> Result<Option<CommitId>, GitError> {
    check_name(name)?;
    match repo.refname_to_id(name) {
        Ok(id) => Ok(Some(ObjectId::from_oid(id).commit())),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(GitError::library("read a reference", repo)(error)),
    }
}

/// All direct references whose full name begins with `prefix`, by name.
pub(super) fn list(repo: &Repository, prefix: &str) -> Result<Vec<(String, CommitId)>, GitError> {
    let failed = || GitError::library("list the references", repo);
    let mut found = Vec::new();
    for reference in repo.references().map_err(failed())? {
        let reference = reference.map_err(failed())?;
        // A name that is not UTF-8 is none of ours.
        if let (Ok(name), Some(id)) = (reference.name(), reference.target())
            && name.starts_with(prefix)
        {
            found.push((name.to_owned(), ObjectId::from_oid(id).commit()));
        }
    }
    found.sort();
    Ok(found)
}

/// Moves all references, in the order given, or none.
///
/// Each has a transaction of its own: all are locked first, then compared, then moved. (One transaction for all would
/// move them in an order that nobody knows.)
pub(super) fn update(repo: &Repository, updates: &[RefUpdate]) -> Result<Landed, GitError> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    let mut locked = Vec::with_capacity(updates.len());
    for update in updates {
        check_name(&update.reference)?;
        locked.push(lock(repo, &update.reference, deadline)?);
    }
    for update in updates {
        if read(repo, &update.reference)? != update.old {
            return Ok(Landed::Moved {
                reference: update.reference.clone(),
            });
        }
    }
    let failed = || GitError::library("move a reference", repo);
    // Only written where an operator has switched reflogs on.
    let who = Signature::now("fleetwright", "fleetwright@localhost").map_err(failed())?;
    for (update, transaction) in updates.iter().zip(&mut locked) {
        let new = ObjectId::of_commit(&update.new).oid();
        repo.find_commit(new).map_err(|_| GitError::NoCommit {
            id: update.new.clone(),
        })?;
        transaction
            .set_target(&update.reference, new, Some(&who), "fleetwright")
            .map_err(failed())?;
    }
    for transaction in locked {
        transaction.commit().map_err(failed())?;
    }
    Ok(Landed::Yes)
}

/// Deletes a reference, if it is there.
pub(super) fn forget(repo: &Repository, name: &str) -> Result<(), GitError> {
    check_name(name)?;
    match repo.find_reference(name).and_then(|mut it| it.delete()) {
        Ok(()) => Ok(()),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(()),
        Err(error) => Err(GitError::library("delete a reference", repo)(error)),
    }
}

fn lock<'r>(
    repo: &'r Repository,
    name: &str,
    deadline: Instant,
) -> Result<Transaction<'r>, GitError> {
    loop {
        let mut transaction = repo
            .transaction()
            .map_err(GitError::library("lock a reference", repo))?;
        match transaction.lock_ref(name) {
            Ok(()) => return Ok(transaction),
            Err(error) if error.code() != ErrorCode::Locked => {
                return Err(GitError::library("lock a reference", repo)(error));
            }
            Err(_) if Instant::now() >= deadline => {
                return Err(GitError::Locked {
                    reference: name.to_owned(),
                });
            }
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn check_name(name: &str) -> Result<(), GitError> {
    // The zero byte first: the library panics on it.
    if name.starts_with("refs/") && !name.contains('\0') && git2::Reference::is_valid_name(name) {
        Ok(())
    } else {
        Err(GitError::BadReference {
            name: name.chars().take(200).collect(),
        })
    }
}

/// Deletes the lock files of a repository below `folder`, and gives their paths. Only for the one owner of the
/// repository, when none of its git processes runs: a killed process leaves its locks behind for good.
pub(super) fn clear_locks(repo: &Path, folder: &str) -> Result<Vec<PathBuf>, GitError> {
    let mut cleared = Vec::new();
    clear_below(&repo.join(folder), &mut cleared)?;
    for name in [
        "packed-refs.lock",
        "HEAD.lock",
        "config.lock",
        "shallow.lock",
    ] {
        clear(repo.join(name), &mut cleared)?;
    }
    Ok(cleared)
}

fn clear_below(folder: &Path, cleared: &mut Vec<PathBuf>) -> Result<(), GitError> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(GitError::io("list", folder))?,
    };
    for entry in entries {
        let entry = entry.map_err(GitError::io("list", folder))?;
        let path = entry.path();
        if entry
            .file_type()
            .map_err(GitError::io("look at", &path))?
            .is_dir()
        {
            clear_below(&path, cleared)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "lock")
        {
            // No reference's name can end in .lock.
            clear(path, cleared)?;
        }
    }
    Ok(())
}

fn clear(path: PathBuf, cleared: &mut Vec<PathBuf>) -> Result<(), GitError> {
    match std::fs::remove_file(&path) {
        Ok(()) => cleared.push(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(GitError::io("delete", &path)(error)),
    }
    Ok(())
}

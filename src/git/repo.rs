//! The bare fleet repository: making, opening, and everything that is read from it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::cache::Cache;
use super::handle::{Spare, open_bare};
use super::object::{BlobId, Entry, ObjectId, TreeId};
use super::read::{ObjectKind, Source};
use super::refs::{Landed, RefUpdate};
use super::{
    CommitInfo, GitError, Group, KeyRing, KeyRole, PathChange, commit, diff, history, init,
    keyring, read, refs, stale_locks,
};
use crate::domain::CommitId;

/// One bare Git repository. Calls may run at the same time: each takes a handle of its own.
pub struct FleetRepo {
    path: PathBuf,
    pub(super) spare: Mutex<Spare>,
    cache: Cache,
    /// Whether a power cut might still take back what the references say.
    unsure: AtomicBool,
    /// Held by whoever of us moves references: a lock file of ours is no killed process's.
    moving: Mutex<()>,
}

impl std::fmt::Debug for FleetRepo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FleetRepo")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl FleetRepo {
    /// Makes an empty bare repository with the branch `main` to come, and the folders above it. When this returns, it
    /// survives a power cut.
    ///
    /// # Errors
    /// [`GitError::Exists`] when the folder is there and not empty.
    pub fn init(path: &Path) -> Result<Self, GitError> {
        init::init(path)?;
        Self::open(path)
    }

    /// Opens a bare repository.
    ///
    /// # Errors
    /// [`GitError::NoRepository`] when there is none.
    pub fn open(path: &Path) -> Result<Self, GitError> {
        let failed = GitError::io("find", path);
        let path = path.canonicalize().map_err(failed)?;
        drop(open_bare(&path)?);
        Ok(Self {
            path,
            spare: Mutex::default(),
            cache: Cache::default(),
            // Whoever wrote last may have been killed before the disk had it.
            unsure: AtomicBool::new(true),
            moving: Mutex::default(),
        })
    }

    /// The repository's folder, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Deletes the lock files that killed processes left, and gives their paths. For the one owner of the
    /// repository, at its start; takes half a second where it was killed a moment ago.
    pub fn clear_stale_locks(&self) -> Result<Vec<PathBuf>, GitError> {
        let mut cleared = self.clear_locks("refs", stale_locks::STALE)?;
        cleared.extend(stale_locks::clear_others(&self.path, stale_locks::STALE)?);
        cleared.extend(stale_locks::clear_keeps(&self.path)?);
        Ok(cleared)
    }

    /// Deletes the lock files of an age that a killed process left, those of references below `folder` only.
    pub(super) fn clear_locks(
        &self,
        folder: &str,
        age: Duration,
    ) -> Result<Vec<PathBuf>, GitError> {
        let _alone = self.moving();
        stale_locks::clear_locks(&self.path, folder, age)
    }

    fn moving(&self) -> MutexGuard<'_, ()> {
        // Whoever panicked gave its lock files back.
        self.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the branch `refs/heads/<name>` is; `None` when there is no such branch.
    pub fn branch(&self, name: &str) -> Result<Option<CommitId>, GitError> {
        self.reference(&format!("refs/heads/{name}"))
    }

    /// Where a reference is, by its full name; `None` when there is none.
    pub fn reference(&self, name: &str) -> Result<Option<CommitId>, GitError> {
        refs::read(&self.path, name)
    }

    /// All references whose full name begins with `prefix`, by name.
    pub fn references(&self, prefix: &str) -> Result<Vec<(String, CommitId)>, GitError> {
        refs::list(&self.path, prefix)
    }

    /// Moves references to commits that are there already; as [`Group::land`].
    pub fn update(&self, updates: &[RefUpdate]) -> Result<Landed, GitError> {
        let repo = self.handle()?;
        for update in updates {
            read::commit(&repo, &update.new)?;
        }
        self.move_references(updates)
    }

    /// Makes sure that what the references say survives a power cut, where that is in doubt: at first, and after a
    /// failure of the disk. To be called before anything is built on what they say.
    pub fn confirm(&self) -> Result<(), GitError> {
        if self.unsure.load(Ordering::Acquire) {
            let _alone = self.moving();
            refs::confirm(&self.path)?;
            self.unsure.store(false, Ordering::Release);
        }
        Ok(())
    }

    /// Moves references to commits that are known to be there.
    pub(super) fn move_references(&self, updates: &[RefUpdate]) -> Result<Landed, GitError> {
        if updates.is_empty() {
            return Ok(Landed::Yes);
        }
        let _alone = self.moving();
        let landed = refs::update(&self.path, updates);
        if matches!(landed, Err(GitError::Unsure { .. })) {
            self.unsure.store(true, Ordering::Release);
        }
        landed
    }

    pub(super) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Deletes a reference of the mirror's own; one that is not there is no error. The commits stay.
    pub fn forget(&self, full: &str) -> Result<(), GitError> {
        let _alone = self.moving();
        refs::forget(&self.path, full)
    }

    /// Whether a commit is here.
    pub fn contains(&self, commit: &CommitId) -> Result<bool, GitError> {
        let found = self
            .handle()?
            .object(ObjectId::of_commit(commit), ObjectKind::Commit)?;
        Ok(found.is_some())
    }

    /// The root folder of a commit: equal ids, equal files.
    pub fn tree_of(&self, commit: &CommitId) -> Result<TreeId, GitError> {
        read::root(&self.handle()?, commit).map(TreeId)
    }

    /// The content of a file; `None` when the path is no regular file.
    pub fn read(&self, commit: &CommitId, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        read::file(&self.handle()?, commit, path)
    }

    /// The content that an id names.
    pub fn read_blob(&self, id: &BlobId) -> Result<Vec<u8>, GitError> {
        read::blob(&self.handle()?, id.0)
    }

    /// What a path stands for; `None` when there is nothing, or for the root.
    pub fn entry(&self, commit: &CommitId, path: &str) -> Result<Option<Entry>, GitError> {
        read::entry(&self.handle()?, commit, path)
    }

    /// The names in a folder (`""` is the root); none when there is no such folder.
    pub fn list(&self, commit: &CommitId, dir: &str) -> Result<Vec<Entry>, GitError> {
        read::list(&self.handle()?, commit, dir)
    }

    /// Shows every file, link and submodule below a folder (`""` is the root), with its path from the root.
    pub fn files(
        &self,
        commit: &CommitId,
        dir: &str,
        each: &mut dyn FnMut(&str, &Entry),
    ) -> Result<(), GitError> {
        let repo = self.handle()?;
        match read::folder(&repo, commit, dir)? {
            Some(folder) => read::below(&repo, folder, dir.trim_end_matches('/'), each),
            None => Ok(()),
        }
    }

    /// Reads the folders of a commit, those of single stores left out, so that the next group finds them in memory, and
    /// gives how many there are. Some 10 µs for each that is not there yet.
    pub fn load_folders(&self, commit: &CommitId) -> Result<usize, GitError> {
        let repo = self.handle()?;
        read::folders(&repo, read::root(&repo, commit)?)
    }

    /// Every path that differs between two commits; without `old`, everything in `new`. Costs what differs.
    pub fn diff(
        &self,
        old: Option<&CommitId>,
        new: &CommitId,
    ) -> Result<Vec<PathChange>, GitError> {
        self.diff_folders(old.map(|old| (old, "")), Some((new, "")))
    }

    /// Every path that differs between a folder of one commit and a folder of another. A missing folder is an empty
    /// one; paths are relative to the folders.
    pub fn diff_folders(
        &self,
        old: Option<(&CommitId, &str)>,
        new: Option<(&CommitId, &str)>,
    ) -> Result<Vec<PathChange>, GitError> {
        diff::of_commits(&self.handle()?, old, new)
    }

    /// A commit.
    pub fn commit_info(&self, commit: &CommitId) -> Result<CommitInfo, GitError> {
        commit::read(&self.handle()?, commit)
    }

    /// Commits, each with who signed it as [`signer`](Self::signer) gives it, from one reading.
    pub fn signed_commits(
        &self,
        commits: &[CommitId],
    ) -> Result<Vec<(CommitInfo, Option<String>)>, GitError> {
        let repo = self.handle()?;
        let mut infos = Vec::with_capacity(commits.len());
        let mut claims = Vec::with_capacity(commits.len());
        for id in commits {
            let known = self.cache.signer(ObjectId::of_commit(id));
            let (info, claim) = commit::parse(id, &read::commit(&repo, id)?, known.is_none())?;
            infos.push((info, known));
            claims.push(claim);
        }
        let found = keyring::signers(&claims);
        let both = infos.into_iter().zip(found);
        Ok(both
            .map(|((info, known), found)| (info, known.or(found)))
            .collect())
    }

    /// Every commit that `tip` has and `known` has not, parents before children. All parents are followed: after a
    /// person's `git pull` our commits hang off the second parent of a merge.
    pub fn since(
        &self,
        tip: &CommitId,
        known: Option<&CommitId>,
    ) -> Result<Vec<CommitId>, GitError> {
        history::since(&self.handle()?, tip, known)
    }

    /// Whether `new` is `old` or has it in its history.
    pub fn is_ancestor(&self, old: &CommitId, new: &CommitId) -> Result<bool, GitError> {
        history::is_ancestor(&self.handle()?, old, new)
    }

    /// Fingerprint (`SHA256:…`) of the SSH key that signed exactly this commit; `None` when no signature holds.
    pub fn signer(&self, commit: &CommitId) -> Result<Option<String>, GitError> {
        let id = ObjectId::of_commit(commit);
        if let Some(signer) = self.cache.signer(id) {
            return Ok(Some(signer));
        }
        let signer = commit::signer(&self.handle()?, commit)?;
        if let Some(signer) = &signer {
            self.cache.keep_signer(id, signer.clone());
        }
        Ok(signer)
    }

    /// The role of the trusted key that signed a commit; `None` when none did.
    pub fn verified(&self, commit: &CommitId, keys: &KeyRing) -> Result<Option<KeyRole>, GitError> {
        let signer = self.signer(commit)?;
        Ok(signer.and_then(|fingerprint| keys.role(&fingerprint)))
    }

    /// Whether a file of a commit holds exactly these bytes. Nothing of the file is read.
    pub fn holds(&self, commit: &CommitId, path: &str, bytes: &[u8]) -> Result<bool, GitError> {
        read::holds(&self.handle()?, commit, path, bytes)
    }

    /// Begins a group of commits.
    pub fn group(&self) -> Result<Group<'_>, GitError> {
        self.handle().map(Group::new)
    }
}

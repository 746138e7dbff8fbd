//! Handles of libgit2 on a repository: kept open for the next caller, lent, and renewed when packs were put together.
//! What is read through one comes from memory where it is there.
//!
//! Must not know: what is read, or why.

use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use git2::{Config, ConfigLevel, Repository};

use super::object::ObjectId;
use super::read::{self, ObjectKind, Source};
use super::tree::Tree;
use super::{FleetRepo, GitError};

/// Handles that are kept open for the next caller.
const SPARE_HANDLES: usize = 4;

/// Handles that wait for the next caller. libgit2 never forgets a pack that is gone: it would hold its files open, and
/// look for it at every read. So handles are renewed when packs were put together.
#[derive(Default)]
pub(super) struct Spare {
    handles: Vec<Repository>,
    generation: u64,
}

impl FleetRepo {
    pub(super) fn handle(&self) -> Result<Handle<'_>, GitError> {
        let (spare, generation) = {
            let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
            (spare.handles.pop(), spare.generation)
        };
        let repo = match spare {
            Some(repo) => repo,
            None => configured(self.path())?,
        };
        Ok(Handle {
            repo: Some(repo),
            generation,
            owner: self,
        })
    }

    /// Lets go of every handle: those on loan when they come back.
    pub(super) fn renew_handles(&self) {
        let old = {
            let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
            spare.generation += 1;
            std::mem::take(&mut spare.handles)
        };
        drop(old);
    }
}

/// A handle that reads the repository's own configuration, and nothing else of the machine's.
fn configured(path: &Path) -> Result<Repository, GitError> {
    // We keep what is read again ourselves, once for all handles, and compare names with a faster hash.
    git2::opts::enable_caching(false);
    git2::opts::strict_hash_verification(false);
    let repo = open_bare(path)?;
    let failed = || GitError::library("configure the repository", &repo);
    let mut config = Config::new().map_err(failed())?;
    config
        .add_file(&path.join("config"), ConfigLevel::Local, false)
        .map_err(failed())?;
    repo.set_config(&config).map_err(failed())?;
    Ok(repo)
}

/// Opens a bare repository, whose references lie in it.
pub(super) fn open_bare(path: &Path) -> Result<Repository, GitError> {
    let opened = Repository::open_bare(path);
    let refused = |source| GitError::NoRepository {
        path: path.to_owned(),
        source,
    };
    if path.join("commondir").exists() {
        // Its references lie elsewhere, and we would write ours here.
        let reason = "it belongs to a linked work tree: name the repository itself";
        return Err(refused(reason.into()));
    }
    opened.map_err(|source| refused(source.into()))
}

/// A handle on loan; it goes back to the spare ones.
pub(super) struct Handle<'r> {
    repo: Option<Repository>,
    generation: u64,
    owner: &'r FleetRepo,
}

impl<'r> Handle<'r> {
    /// Whose handle it is.
    pub(super) fn owner(&self) -> &'r FleetRepo {
        self.owner
    }
}

impl Source for Handle<'_> {
    fn object(&self, id: ObjectId, kind: ObjectKind) -> Result<Option<Arc<Vec<u8>>>, GitError> {
        if let Some(bytes) = self.owner.cache().object(id, kind) {
            return Ok(Some(bytes));
        }
        let bytes = read::stored(self, id, kind)?.map(Arc::new);
        if let Some(bytes) = bytes.as_ref().filter(|_| kind == ObjectKind::Commit) {
            // Every look at a file begins with its commit.
            self.owner.cache().keep_object(id, kind, bytes.clone());
        }
        Ok(bytes)
    }

    fn tree(&self, id: ObjectId) -> Result<Option<Tree>, GitError> {
        if let Some(tree) = self.owner.cache().tree(id) {
            return Ok(Some(tree));
        }
        let tree = self.object(id, ObjectKind::Tree)?.and_then(Tree::parse);
        if let Some(tree) = &tree {
            self.owner.cache().keep_tree(id, tree.clone());
        }
        Ok(tree)
    }
}

impl Deref for Handle<'_> {
    type Target = Repository;

    fn deref(&self) -> &Repository {
        self.repo
            .as_ref()
            .expect("a handle holds its repository until it is dropped")
    }
}

impl Drop for Handle<'_> {
    fn drop(&mut self) {
        let spare = &self.owner.spare;
        let mut spare = spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.handles.len() < SPARE_HANDLES && spare.generation == self.generation {
            spare.handles.extend(self.repo.take());
        }
    }
}

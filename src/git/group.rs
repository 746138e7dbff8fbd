//! A group of commits that becomes visible at once.
//!
//! Commits of a group can be read through the group as soon as they are made; nobody else sees them before
//! [`Group::land`] moves the references. What is never landed leaves objects that nothing names, and no other trace.
//! Its objects go to the disk as one pack, when it lands.

use std::collections::HashMap;
use std::sync::Arc;

use super::commit::CommitText;
use super::edit::{self, Sink};
use super::handle::Handle;
use super::object::{Entry, ObjectId, TreeId};
use super::pack::{self, Builder};
use super::read::{self, ObjectKind, Source};
use super::refs::{Landed, RefUpdate};
use super::tree::Tree;
use super::{CommitInfo, GitError, Graft, PathChange, Person, SigningKey, diff};
use crate::domain::CommitId;
use crate::plan::Edits;

/// What a new commit holds: its parent's files, then `grafts`, then `edits`.
#[derive(Debug, Clone, Copy)]
pub struct CommitSpec<'a> {
    /// The commit it follows; `None` begins a history with an empty tree.
    pub parent: Option<&'a CommitId>,
    /// Folders taken over from other commits.
    pub grafts: &'a [Graft<'a>],
    /// Files written and deleted, also inside grafted folders.
    pub edits: &'a Edits,
    /// Whether a commit is made even when no file changes: a signature on top of somebody else's head.
    pub even_if_same: bool,
    /// The message, trailers included.
    pub message: &'a str,
    /// Who asked for it.
    pub author: &'a Person,
    /// Who writes it: the bot.
    pub committer: &'a Person,
    /// When, in seconds since the Unix epoch.
    pub time_seconds: i64,
    /// The key that signs it.
    pub key: &'a SigningKey,
}

/// Commits in the making; see [`FleetRepo::group`](super::FleetRepo::group).
pub struct Group<'r> {
    repo: Handle<'r>,
    pack: Builder,
    /// The newest state of every folder that this group changed.
    fresh: HashMap<ObjectId, Tree>,
    /// Folders as they were before this group changed them.
    replaced: Vec<ObjectId>,
    /// Our commits, and the fingerprints of the keys that signed them.
    signed: Vec<(ObjectId, String)>,
}

impl<'r> Group<'r> {
    pub(super) fn new(repo: Handle<'r>) -> Self {
        Self {
            repo,
            pack: Builder::default(),
            fresh: HashMap::new(),
            replaced: Vec::new(),
            signed: Vec::new(),
        }
    }

    /// Makes a signed commit; `None` when its tree would be its parent's (or empty, without a parent) and
    /// [`CommitSpec::even_if_same`] does not want it all the same.
    ///
    /// # Errors
    /// A path that cannot be written, a missing commit, a failure to sign or store. Nothing is visible then.
    pub fn commit(&mut self, spec: &CommitSpec<'_>) -> Result<Option<CommitId>, GitError> {
        let base = spec
            .parent
            .map(|parent| read::root(self, parent))
            .transpose()?;
        let tree = edit::apply(self, base, spec.grafts, spec.edits)?;
        let same = base == Some(tree) || (base.is_none() && tree == EMPTY_TREE);
        if same && !spec.even_if_same {
            return Ok(None);
        }
        let text = CommitText {
            tree,
            parent: spec.parent,
            author: spec.author,
            committer: spec.committer,
            time: spec.time_seconds,
            message: spec.message,
        };
        let bytes = text.signed(|unsigned| spec.key.sign(unsigned))?;
        let id = self.pack.add(ObjectKind::Commit, &Arc::new(bytes), None);
        self.signed.push((id, spec.key.fingerprint().to_owned()));
        Ok(Some(id.commit()))
    }

    /// Moves the references, all or none: none when one of them is not where its update says.
    ///
    /// All objects are on the disk before the first reference moves, as one pack, and the references move in one step:
    /// after a crash or a power cut all of them have moved or none.
    ///
    /// # Errors
    /// [`GitError::BadReference`], [`GitError::Locked`], failures of the disk. After [`GitError::Unsure`] the
    /// references have moved, and only [`FleetRepo::confirm`](super::FleetRepo::confirm) tells whether for good.
    pub fn land(self, updates: &[RefUpdate]) -> Result<Landed, GitError> {
        let Self {
            repo,
            pack,
            fresh,
            replaced,
            signed,
        } = self;
        if pack.len() == 0 {
            return repo.owner().move_references(updates);
        }
        let recent: Vec<_> = pack
            .whole()
            .filter(|(_, kind, _)| *kind != ObjectKind::Tree)
            .map(|(id, kind, bytes)| (id, kind, Arc::clone(bytes)))
            .collect();
        let installed = pack::file::install(&repo.path().join("objects"), &pack.finish())?;
        let landed = repo.owner().move_references(updates)?;
        if landed == Landed::Yes {
            let cache = repo.owner().cache();
            for id in replaced {
                cache.drop_tree(id);
            }
            for (id, tree) in fresh {
                cache.keep_tree(id, tree);
            }
            for (id, kind, bytes) in recent {
                cache.keep_object(id, kind, bytes);
            }
            for (id, fingerprint) in signed {
                cache.keep_signer(id, fingerprint);
            }
        } else {
            installed.remove();
        }
        Ok(landed)
    }

    /// As [`FleetRepo::tree_of`](super::FleetRepo::tree_of), this group's commits included.
    pub fn tree_of(&self, commit: &CommitId) -> Result<TreeId, GitError> {
        read::root(self, commit).map(TreeId)
    }

    /// As [`FleetRepo::read`](super::FleetRepo::read), this group's commits included.
    pub fn read(&self, commit: &CommitId, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        read::file(self, commit, path)
    }

    /// As [`FleetRepo::entry`](super::FleetRepo::entry), this group's commits included.
    pub fn entry(&self, commit: &CommitId, path: &str) -> Result<Option<Entry>, GitError> {
        read::entry(self, commit, path)
    }

    /// As [`FleetRepo::holds`](super::FleetRepo::holds), this group's commits included.
    pub fn holds(&self, commit: &CommitId, path: &str, bytes: &[u8]) -> Result<bool, GitError> {
        read::holds(self, commit, path, bytes)
    }

    /// As [`FleetRepo::list`](super::FleetRepo::list), this group's commits included.
    pub fn list(&self, commit: &CommitId, dir: &str) -> Result<Vec<Entry>, GitError> {
        read::list(self, commit, dir)
    }

    /// As [`FleetRepo::diff`](super::FleetRepo::diff), this group's commits included.
    pub fn diff(
        &self,
        old: Option<&CommitId>,
        new: &CommitId,
    ) -> Result<Vec<PathChange>, GitError> {
        self.diff_folders(old.map(|old| (old, "")), Some((new, "")))
    }

    /// As [`FleetRepo::diff_folders`](super::FleetRepo::diff_folders), this group's commits included.
    pub fn diff_folders(
        &self,
        old: Option<(&CommitId, &str)>,
        new: Option<(&CommitId, &str)>,
    ) -> Result<Vec<PathChange>, GitError> {
        diff::of_commits(self, old, new)
    }

    /// As [`FleetRepo::commit_info`](super::FleetRepo::commit_info), this group's commits included.
    pub fn commit_info(&self, commit: &CommitId) -> Result<CommitInfo, GitError> {
        super::commit::read(self, commit)
    }
}

/// The name of the tree without entries.
const EMPTY_TREE: ObjectId = ObjectId([
    0x4b, 0x82, 0x5d, 0xc6, 0x42, 0xcb, 0x6e, 0xb9, 0xa0, 0x60, 0xe5, 0x4b, 0xf8, 0xd6, 0x92, 0x88,
    0xfb, 0xee, 0x49, 0x04,
]);

impl Source for Group<'_> {
    fn object(&self, id: ObjectId, kind: ObjectKind) -> Result<Option<Arc<Vec<u8>>>, GitError> {
        match self.pack.read(id, kind) {
            Some(bytes) => Ok(Some(bytes)),
            None => self.repo.object(id, kind),
        }
    }

    fn tree(&self, id: ObjectId) -> Result<Option<Tree>, GitError> {
        if let Some(tree) = self.fresh.get(&id) {
            return Ok(Some(tree.clone()));
        }
        match self.pack.read(id, ObjectKind::Tree) {
            Some(bytes) => Ok(Tree::parse(bytes)),
            None => self.repo.tree(id),
        }
    }
}

impl Sink for Group<'_> {
    fn store_file(&mut self, bytes: &[u8]) -> ObjectId {
        self.pack
            .add(ObjectKind::Blob, &Arc::new(bytes.to_vec()), None)
    }

    fn store_folder(&mut self, tree: Tree, instead_of: Option<(ObjectId, Tree)>) -> ObjectId {
        let base = instead_of
            .as_ref()
            .map(|(id, old)| (*id, old.bytes().as_slice()));
        let id = self.pack.add(ObjectKind::Tree, tree.bytes(), base);
        if let Some((old, _)) = instead_of
            && self.fresh.remove(&old).is_none()
        {
            self.replaced.push(old);
        }
        self.fresh.insert(id, tree);
        id
    }
}

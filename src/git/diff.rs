//! What differs between two folders, by walking down both and skipping what is equal.
//!
//! The cost follows the difference, not the fleet. (libgit2's own tree diff without a pathspec reads everything.)

use std::cmp::Ordering;

use super::GitError;
use super::object::{BlobId, EntryKind, ObjectId};
use super::read::{self, Source};
use super::tree::{Tree, TreeEntry};
use crate::domain::CommitId;

/// One path that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathChange {
    /// The path below the folders that were compared.
    pub path: String,
    /// What was there; `None` when nothing was.
    pub old: Option<BlobId>,
    /// What is there; `None` when nothing is.
    pub new: Option<BlobId>,
    /// `File`, or `Other` when a side is a link or a submodule. Never `Folder`. When both ids are equal, only the
    /// mode differs.
    pub kind: EntryKind,
}

/// All differences between a folder of one commit and a folder of another (`""` is the root), in Git's order of
/// names. A missing folder is an empty one.
pub(super) fn of_commits(
    source: &dyn Source,
    old: Option<(&CommitId, &str)>,
    new: Option<(&CommitId, &str)>,
) -> Result<Vec<PathChange>, GitError> {
    let folder = |side: Option<(&CommitId, &str)>| match side {
        Some((commit, dir)) => read::folder(source, commit, dir),
        None => Ok(None),
    };
    let mut walk = Walk {
        source,
        changes: Vec::new(),
    };
    walk.descend(folder(old)?, folder(new)?, "")?;
    Ok(walk.changes)
}

struct Walk<'a> {
    source: &'a dyn Source,
    changes: Vec<PathChange>,
}

impl Walk<'_> {
    fn descend(
        &mut self,
        old: Option<ObjectId>,
        new: Option<ObjectId>,
        path: &str,
    ) -> Result<(), GitError> {
        if old == new {
            return Ok(());
        }
        let (old, new) = (self.tree(old)?, self.tree(new)?);
        let mut left = old.entries().peekable();
        let mut right = new.entries().peekable();
        loop {
            let order = match (left.peek(), right.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.order(new),
            };
            let old = if order.is_le() { left.next() } else { None };
            let new = if order.is_ge() { right.next() } else { None };
            self.compare(old, new, path)?;
        }
    }

    fn tree(&self, id: Option<ObjectId>) -> Result<Tree, GitError> {
        id.map_or_else(|| Ok(Tree::default()), |id| read::tree(self.source, id))
    }

    /// Two entries of one name, both folders or neither: Git's order pairs no file with a folder.
    fn compare(
        &mut self,
        old: Option<TreeEntry<'_>>,
        new: Option<TreeEntry<'_>>,
        path: &str,
    ) -> Result<(), GitError> {
        let Some(any) = old.or(new).filter(|_| old != new) else {
            return Ok(());
        };
        let entry = any.entry();
        let path = read::join(path, &entry.name);
        if entry.kind == EntryKind::Folder {
            return self.descend(old.map(|e| e.id), new.map(|e| e.id), &path);
        }
        let plain = [old, new]
            .into_iter()
            .flatten()
            .all(|e| e.kind() == EntryKind::File);
        let kind = if plain {
            EntryKind::File
        } else {
            EntryKind::Other
        };
        let (old, new) = (old.map(|e| BlobId(e.id)), new.map(|e| BlobId(e.id)));
        self.changes.push(PathChange {
            path,
            old,
            new,
            kind,
        });
        Ok(())
    }
}

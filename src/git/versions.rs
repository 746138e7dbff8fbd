//! Telling git which trees are versions of one folder, so that it stores them as deltas of one another: a fleet's
//! folders are large and change by one entry. Files are never deltas: reading all records through chains of deltas
//! takes some twelve times as long.
//!
//! Must not know: where objects lie, how a pack is written.

use std::sync::Arc;

use super::GitError;
use super::object::{EntryKind, ObjectId};
use super::read::{self, ObjectKind};
use super::tree::Tree;

/// What git is to call everything that is no version of a folder, and what it is told about that name. The star is
/// for the end of the line, which git takes for a part of the name.
const OTHER: &str = ".other";
pub(super) const ATTRIBUTES: &str = ".other* -delta\n";

/// The root folder's name; any will do.
const ROOT: &str = "root";

/// Shows each object once, with a name for `git pack-objects`: newest commits first, each followed by the folders that
/// are first seen with it, then the rest. `wanted` comes pack by pack: the library looks for an object where it found
/// the last one, and else through all packs. Costs the trees among `wanted`; no other is read.
pub(super) fn named(
    repo: &git2::Repository,
    wanted: &[ObjectId],
    each: &mut dyn FnMut(ObjectId, &str) -> Result<(), GitError>,
) -> Result<(), GitError> {
    let commits = newest_first(repo, wanted)?;
    let mut sorted = wanted.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut naming = Naming {
        repo,
        wanted: &sorted,
        seen: vec![false; sorted.len()],
        each,
    };
    for (commit, root) in commits {
        naming.add(commit, OTHER)?;
        naming.folder(root, "")?;
    }
    for object in &sorted {
        naming.add(*object, OTHER)?;
    }
    Ok(())
}

/// The commits among `wanted`, each with its root folder.
fn newest_first(
    repo: &git2::Repository,
    wanted: &[ObjectId],
) -> Result<Vec<(ObjectId, ObjectId)>, GitError> {
    let failed = || GitError::library("read an object", repo);
    let odb = repo.odb().map_err(failed())?;
    let mut commits = Vec::new();
    for id in wanted {
        let (_, kind) = odb.read_header(id.oid()).map_err(failed())?;
        if kind == git2::ObjectType::Commit {
            let commit = repo.find_commit(id.oid()).map_err(failed())?;
            let root = ObjectId::from_oid(commit.tree_id());
            commits.push((commit.time().seconds(), *id, root));
        }
    }
    // Those of one second stay as they lie.
    commits.sort_by_key(|(time, _, _)| std::cmp::Reverse(*time));
    let commits = commits.into_iter().map(|(_, id, root)| (id, root));
    Ok(commits.collect())
}

struct Naming<'a> {
    repo: &'a git2::Repository,
    /// Sorted.
    wanted: &'a [ObjectId],
    /// Which of them were shown.
    seen: Vec<bool>,
    each: &'a mut dyn FnMut(ObjectId, &str) -> Result<(), GitError>,
}

impl Naming<'_> {
    /// Shows an object, and tells whether it was to be shown and was not yet.
    fn add(&mut self, id: ObjectId, name: &str) -> Result<bool, GitError> {
        let Ok(number) = self.wanted.binary_search(&id) else {
            return Ok(false);
        };
        let new = !std::mem::replace(&mut self.seen[number], true);
        if new {
            (self.each)(id, name)?;
        }
        Ok(new)
    }

    /// Shows a folder and those below it. A folder that is not wanted lies elsewhere, and so does all below it, or it
    /// is found by another commit.
    fn folder(&mut self, id: ObjectId, path: &str) -> Result<(), GitError> {
        let name = if path.is_empty() { ROOT } else { path };
        if !self.add(id, name)? {
            return Ok(());
        }
        // A name is a hint. What cannot be read is for `git fsck` to tell.
        let bytes = read::stored(self.repo, id, ObjectKind::Tree)?;
        let tree = bytes.and_then(|bytes| Tree::parse(Arc::new(bytes)));
        let Some(tree) = tree else {
            return Ok(());
        };
        let folders = tree.entries().filter(|it| it.kind() == EntryKind::Folder);
        for folder in folders {
            self.folder(folder.id, &read::join(path, &folder.entry().name))?;
        }
        Ok(())
    }
}

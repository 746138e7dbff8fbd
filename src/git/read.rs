//! Reading files and folders of a commit.
//!
//! Must not know: where objects lie. Everything is read through [`Source`], so that a group of commits can show what
//! it has not written yet.

use std::sync::Arc;

use super::GitError;
use super::hash::name_of;
use super::object::{Entry, EntryKind, ObjectId};
use super::tree::Tree;
use crate::domain::CommitId;

/// The kinds of object that we read and write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ObjectKind {
    Blob,
    Tree,
    Commit,
}

impl ObjectKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Tree => "tree",
            Self::Commit => "commit",
        }
    }

    pub(super) fn libgit2(self) -> git2::ObjectType {
        match self {
            Self::Blob => git2::ObjectType::Blob,
            Self::Tree => git2::ObjectType::Tree,
            Self::Commit => git2::ObjectType::Commit,
        }
    }
}

/// Where objects come from.
pub(super) trait Source {
    /// The bytes of an object, or `None` when there is none of this name and kind.
    fn object(&self, id: ObjectId, kind: ObjectKind) -> Result<Option<Arc<Vec<u8>>>, GitError>;

    /// A folder, or `None` when there is none of this name.
    fn tree(&self, id: ObjectId) -> Result<Option<Tree>, GitError> {
        Ok(self.object(id, ObjectKind::Tree)?.and_then(Tree::parse))
    }
}

/// The bytes of an object in the repository, however it lies there, if they are what its name says.
pub(super) fn stored(
    repo: &git2::Repository,
    id: ObjectId,
    kind: ObjectKind,
) -> Result<Option<Vec<u8>>, GitError> {
    let odb = repo
        .odb()
        .map_err(GitError::library("open the objects", repo))?;
    let object = match odb.read(id.oid()) {
        Ok(object) if object.kind() == kind.libgit2() => object,
        Ok(_) => return Ok(None),
        Err(error) if error.code() == git2::ErrorCode::NotFound => return Ok(None),
        Err(error) => return Err(GitError::library("read an object", repo)(error)),
    };
    if name_of(kind, object.data()) != id {
        return Err(missing(id, kind)());
    }
    Ok(Some(object.data().to_vec()))
}

fn missing(id: ObjectId, kind: ObjectKind) -> impl FnOnce() -> GitError {
    move || GitError::NoObject {
        wanted: kind.name(),
        id: id.to_string(),
    }
}

/// The bytes of a file's content.
pub(super) fn blob(source: &dyn Source, id: ObjectId) -> Result<Vec<u8>, GitError> {
    let bytes = source.object(id, ObjectKind::Blob)?;
    bytes
        .map(Arc::unwrap_or_clone)
        .ok_or_else(missing(id, ObjectKind::Blob))
}

/// A folder's names.
pub(super) fn tree(source: &dyn Source, id: ObjectId) -> Result<Tree, GitError> {
    source.tree(id)?.ok_or_else(missing(id, ObjectKind::Tree))
}

/// The bytes of a commit.
pub(super) fn commit(source: &dyn Source, id: &CommitId) -> Result<Arc<Vec<u8>>, GitError> {
    let bytes = source.object(ObjectId::of_commit(id), ObjectKind::Commit)?;
    bytes.ok_or_else(|| GitError::NoCommit { id: id.clone() })
}

/// The root folder of a commit, which its first line names.
pub(super) fn root(source: &dyn Source, id: &CommitId) -> Result<ObjectId, GitError> {
    let bytes = commit(source, id)?;
    let line = bytes.strip_prefix(b"tree ").and_then(|rest| rest.get(..40));
    let root = line
        .and_then(|hex| std::str::from_utf8(hex).ok())
        .and_then(ObjectId::from_hex);
    root.ok_or_else(|| GitError::NoObject {
        wanted: "commit",
        id: id.to_string(),
    })
}

/// What `path` stands for in a commit; `None` for the root, and for what is not there.
pub(super) fn entry(
    source: &dyn Source,
    id: &CommitId,
    path: &str,
) -> Result<Option<Entry>, GitError> {
    let mut folder = root(source, id)?;
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        let Some(found) = tree(source, folder)?.get(part).map(|found| found.entry()) else {
            return Ok(None);
        };
        if parts.peek().is_none() {
            return Ok(Some(found));
        }
        if found.kind != EntryKind::Folder {
            return Ok(None);
        }
        folder = found.id;
    }
    Ok(None)
}

/// The folder at `dir` (`""` is the root), or `None` when there is none.
pub(super) fn folder(
    source: &dyn Source,
    id: &CommitId,
    dir: &str,
) -> Result<Option<ObjectId>, GitError> {
    let dir = dir.trim_end_matches('/');
    if dir.is_empty() {
        return root(source, id).map(Some);
    }
    let found = entry(source, id, dir)?;
    Ok(found
        .filter(|entry| entry.kind == EntryKind::Folder)
        .map(|entry| entry.id))
}

/// The content of a regular file.
pub(super) fn file(
    source: &dyn Source,
    id: &CommitId,
    path: &str,
) -> Result<Option<Vec<u8>>, GitError> {
    match entry(source, id, path)? {
        Some(Entry {
            kind: EntryKind::File,
            id,
            ..
        }) => blob(source, id).map(Some),
        _ => Ok(None),
    }
}

/// Whether a regular file holds exactly these bytes: its name says so.
pub(super) fn holds(
    source: &dyn Source,
    id: &CommitId,
    path: &str,
    bytes: &[u8],
) -> Result<bool, GitError> {
    let found = entry(source, id, path)?.filter(|entry| entry.kind == EntryKind::File);
    Ok(found.is_some_and(|entry| entry.id == name_of(ObjectKind::Blob, bytes)))
}

/// The names in a folder; none when there is no such folder.
pub(super) fn list(source: &dyn Source, id: &CommitId, dir: &str) -> Result<Vec<Entry>, GitError> {
    let Some(folder) = folder(source, id, dir)? else {
        return Ok(Vec::new());
    };
    Ok(tree(source, folder)?
        .entries()
        .map(|entry| entry.entry())
        .collect())
}

/// Shows every file, link and submodule below a folder, each with its path below `prefix`.
pub(super) fn below(
    source: &dyn Source,
    folder: ObjectId,
    prefix: &str,
    each: &mut dyn FnMut(&str, &Entry),
) -> Result<(), GitError> {
    for entry in tree(source, folder)?.entries() {
        let entry = entry.entry();
        let path = join(prefix, &entry.name);
        match entry.kind {
            EntryKind::Folder => below(source, entry.id, &path, each)?,
            EntryKind::File | EntryKind::Other => each(&path, &entry),
        }
    }
    Ok(())
}

/// Reads a folder and those below it, and gives how many there are. Where the first and the last folder of one are
/// leaves, so are those between, as a rule: they are left out, being many and soon read when they are wanted.
pub(super) fn folders(source: &dyn Source, folder: ObjectId) -> Result<usize, GitError> {
    let here = tree(source, folder)?;
    let within = here.entries().filter(|it| it.kind() == EntryKind::Folder);
    let within: Vec<ObjectId> = within.map(|it| it.id).collect();
    let (Some(first), Some(last)) = (within.first(), within.last()) else {
        return Ok(1);
    };
    if tree(source, *first)?.is_leaf() && tree(source, *last)?.is_leaf() {
        return Ok(1);
    }
    let mut count = 1;
    for id in within {
        count += folders(source, id)?;
    }
    Ok(count)
}

/// `name` below `folder`, where `""` is the root.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

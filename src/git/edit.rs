//! Making one tree of another: edits and grafts become new tree objects, and only the folders on their paths are read
//! and written.
//!
//! Must not know: commits, references, where objects go (see [`Sink`]).

use std::collections::BTreeMap;

use super::GitError;
use super::object::{EntryKind, ObjectId};
use super::path::check_path;
use super::read::{self, Source};
use super::tree::{FILE, FOLDER, Tree};
use crate::domain::CommitId;
use crate::plan::{Edit, Edits};

/// Where new objects go.
pub(super) trait Sink: Source {
    /// Stores a file's content and gives its name.
    fn store_file(&mut self, bytes: &[u8]) -> ObjectId;
    /// Stores a folder that takes the place of another, and gives its name.
    fn store_folder(&mut self, tree: Tree, instead_of: Option<(ObjectId, Tree)>) -> ObjectId;
}

/// A folder taken over whole from another commit, without reading what is in it.
#[derive(Debug, Clone, Copy)]
pub struct Graft<'a> {
    /// The folder that is replaced.
    pub folder: &'a str,
    /// The commit to take from.
    pub commit: &'a CommitId,
    /// The folder there. When that commit has none, `folder` is removed.
    pub path: &'a str,
}

/// Where a folder comes from, before its children are looked at.
#[derive(Default, Clone, Copy, PartialEq)]
enum Origin {
    /// It is the one that was there.
    #[default]
    Base,
    /// It is this one, or none.
    Graft(Option<ObjectId>),
}

/// What happens to one name. The default is a folder in which nothing happens.
#[derive(Default)]
struct Node<'a> {
    origin: Origin,
    file: Option<&'a Edit>,
    children: BTreeMap<&'a str, Node<'a>>,
}

impl<'a> Node<'a> {
    fn at(&mut self, path: &'a str) -> Result<&mut Self, GitError> {
        check_path(path)?;
        Ok(path
            .split('/')
            .fold(self, |node, part| node.children.entry(part).or_default()))
    }
}

/// Applies `grafts`, then `edits`, to the root folder `base` (`None`: empty), and gives the new root folder.
///
/// A file that is not there can be deleted; a folder that becomes empty vanishes. What stands where a file or a folder
/// belongs is replaced: a stray file must not keep the writer from its own paths.
///
/// # Errors
/// [`GitError::BadPath`]; [`GitError::FolderInTheWay`] when the edits contradict each other.
pub(super) fn apply(
    sink: &mut dyn Sink,
    base: Option<ObjectId>,
    grafts: &[Graft<'_>],
    edits: &Edits,
) -> Result<ObjectId, GitError> {
    let mut root = Node::default();
    for graft in grafts {
        root.at(graft.folder)?.origin =
            Origin::Graft(read::folder(sink, graft.commit, graft.path)?);
    }
    for (path, edit) in edits {
        root.at(path)?.file = Some(edit);
    }
    match folder(sink, base, &root, "")? {
        Some(id) => Ok(id),
        None => Ok(sink.store_folder(Tree::default(), None)),
    }
}

/// The folder `base` after what happens to it; `None` when nothing is left in it.
fn folder(
    sink: &mut dyn Sink,
    base: Option<ObjectId>,
    node: &Node<'_>,
    path: &str,
) -> Result<Option<ObjectId>, GitError> {
    let base = match node.origin {
        Origin::Base => base,
        Origin::Graft(id) => id,
    };
    if node.children.is_empty() {
        return Ok(base);
    }
    let before = base.map_or_else(|| Ok(Tree::default()), |id| read::tree(sink, id))?;
    let mut tree = before.clone();
    let mut changed = false;
    for (name, child) in &node.children {
        changed |= self::child(sink, &mut tree, name, child, &read::join(path, name))?;
    }
    match (changed, tree.is_empty()) {
        (false, _) => Ok(base),
        (true, true) => Ok(None),
        (true, false) => Ok(Some(sink.store_folder(tree, base.map(|id| (id, before))))),
    }
}

/// Does to `name` in `tree` what `node` says; says whether that changed anything.
fn child(
    sink: &mut dyn Sink,
    tree: &mut Tree,
    name: &str,
    node: &Node<'_>,
    path: &str,
) -> Result<bool, GitError> {
    let mut there = tree.get(name).map(|entry| (entry.kind(), entry.id));
    let mut changed = false;
    if let Some(edit) = node.file {
        if node.origin != Origin::Base || (!node.children.is_empty() && *edit != Edit::Delete) {
            return Err(GitError::FolderInTheWay {
                path: path.to_owned(),
            });
        }
        changed = match edit {
            Edit::Put(bytes) => {
                let id = sink.store_file(bytes);
                tree.set(name, FILE, id)
            }
            // A folder is no file: what is in it was not asked for.
            Edit::Delete if matches!(there, Some((EntryKind::Folder, _))) => false,
            Edit::Delete => tree.remove(name),
        };
        there = tree.get(name).map(|entry| (entry.kind(), entry.id));
    }
    if node.origin == Origin::Base && node.children.is_empty() {
        return Ok(changed);
    }
    let base = there
        .filter(|(kind, _)| *kind == EntryKind::Folder)
        .map(|(_, id)| id);
    match (folder(sink, base, node, path)?, there) {
        (Some(id), _) => Ok(tree.set(name, FOLDER, id) || changed),
        // Nothing is left below: a folder goes, a file beside which nothing was to be deleted stays.
        (None, Some((EntryKind::Folder, _))) => Ok(tree.remove(name) || changed),
        (None, _) => Ok(changed),
    }
}

//! A folder as Git stores it: the bytes of a tree object, read and written.
//!
//! Must not know: repositories. Pure.

use std::cmp::Ordering;

use super::object::{Entry, EntryKind, ObjectId};

/// A folder's mode.
pub(super) const FOLDER: u32 = 0o040_000;
/// The mode of the files that we write.
pub(super) const FILE: u32 = 0o100_644;

/// One name in a tree object, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TreeEntry {
    pub(super) mode: u32,
    pub(super) name: Vec<u8>,
    pub(super) id: ObjectId,
}

impl TreeEntry {
    pub(super) fn kind(&self) -> EntryKind {
        match self.mode & 0o170_000 {
            0o040_000 => EntryKind::Folder,
            0o100_000 => EntryKind::File,
            _ => EntryKind::Other,
        }
    }

    pub(super) fn entry(&self) -> Entry {
        let name = String::from_utf8_lossy(&self.name).into_owned();
        Entry {
            name,
            kind: self.kind(),
            id: self.id,
        }
    }

    fn is_folder(&self) -> bool {
        self.kind() == EntryKind::Folder
    }

    /// The order of a tree's names: a folder sorts as if its name ended in a slash.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let key = |entry: &'_ Self| entry.is_folder().then_some(b'/');
        let left = self.name.iter().copied().chain(key(self));
        left.cmp(other.name.iter().copied().chain(key(other)))
    }
}

/// A tree object's content, in the order in which it is stored.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Tree {
    pub(super) entries: Vec<TreeEntry>,
}

impl Tree {
    /// Reads the bytes of a tree object: `<octal mode> <name>\0<20 bytes>`, repeated. `None` when they are none.
    pub(super) fn parse(mut bytes: &[u8]) -> Option<Self> {
        let mut entries = Vec::new();
        while !bytes.is_empty() {
            let space = bytes.iter().position(|byte| *byte == b' ')?;
            let mode = u32::from_str_radix(std::str::from_utf8(&bytes[..space]).ok()?, 8).ok()?;
            bytes = &bytes[space + 1..];
            let end = bytes.iter().position(|byte| *byte == 0)?;
            let (name, rest) = (bytes[..end].to_vec(), &bytes[end + 1..]);
            let id = ObjectId(rest.get(..20)?.try_into().ok()?);
            bytes = &rest[20..];
            entries.push(TreeEntry { mode, name, id });
        }
        Some(Self { entries })
    }

    /// The bytes of the tree object.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.entries.len() * 40);
        for entry in &self.entries {
            bytes.extend_from_slice(format!("{:o} ", entry.mode).as_bytes());
            bytes.extend_from_slice(&entry.name);
            bytes.push(0);
            bytes.extend_from_slice(&entry.id.0);
        }
        bytes
    }

    pub(super) fn get(&self, name: &str) -> Option<&TreeEntry> {
        self.entries
            .iter()
            .find(|entry| entry.name == name.as_bytes())
    }

    /// Makes `name` stand for the object; says whether that changed anything.
    pub(super) fn set(&mut self, name: &str, mode: u32, id: ObjectId) -> bool {
        let entry = TreeEntry {
            mode,
            name: name.as_bytes().to_vec(),
            id,
        };
        if self.get(name) == Some(&entry) {
            return false;
        }
        // Not in place: a file that becomes a folder sorts elsewhere.
        self.remove(name);
        let at = self
            .entries
            .partition_point(|other| other.order(&entry) == Ordering::Less);
        self.entries.insert(at, entry);
        true
    }

    /// Takes `name` out; says whether it was there.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.name != name.as_bytes());
        self.entries.len() != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_git_order_whatever_the_order_of_edits() {
        let id = ObjectId([7; 20]);
        let mut tree = Tree::default();
        for (name, mode) in [
            ("a0", FILE),
            ("a", FOLDER),
            ("a.b", FILE),
            ("a-", FILE),
            ("b", FILE),
        ] {
            assert!(tree.set(name, mode, id));
            assert!(!tree.set(name, mode, id), "a second time changes nothing");
        }
        let names = |tree: &Tree| {
            tree.entries
                .iter()
                .map(|e| e.entry().name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&tree), ["a-", "a.b", "a", "a0", "b"]);
        assert!(tree.set("a", FILE, id));
        assert_eq!(names(&tree), ["a", "a-", "a.b", "a0", "b"]);
        assert_eq!(Tree::parse(&tree.bytes()), Some(tree.clone()));
        assert!(tree.remove("b") && !tree.remove("b"));
        assert_eq!(Tree::parse(b"100644 x\0short"), None);
    }
}

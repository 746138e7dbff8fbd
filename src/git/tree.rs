//! A folder as Git stores it: the bytes of a tree object, read and edited in place.
//!
//! The bytes are kept as they are: a folder of thousands of names is searched and patched far more often than listed.
//! Must not know: repositories. Pure.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use super::object::{Entry, EntryKind, ObjectId};

/// A folder's mode.
pub(super) const FOLDER: u32 = 0o040_000;
/// The mode of the files that we write.
pub(super) const FILE: u32 = 0o100_644;

/// One name in a tree object, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TreeEntry<'a> {
    pub(super) mode: u32,
    pub(super) name: &'a [u8],
    pub(super) id: ObjectId,
}

impl<'a> TreeEntry<'a> {
    pub(super) fn kind(&self) -> EntryKind {
        match self.mode & 0o170_000 {
            0o040_000 => EntryKind::Folder,
            0o100_000 => EntryKind::File,
            _ => EntryKind::Other,
        }
    }

    pub(super) fn entry(&self) -> Entry {
        Entry {
            name: String::from_utf8_lossy(self.name).into_owned(),
            kind: self.kind(),
            id: self.id,
        }
    }

    /// The order of a tree's names: a folder sorts as if its name ended in a slash.
    pub(super) fn order(&self, other: &TreeEntry<'_>) -> Ordering {
        let shorter = self.name.len().min(other.name.len());
        let heads = self.name[..shorter].cmp(&other.name[..shorter]);
        heads.then_with(|| self.tail(shorter).cmp(other.tail(shorter)))
    }

    fn tail(&self, from: usize) -> impl Iterator<Item = u8> + use<'a> {
        let slash = (self.kind() == EntryKind::Folder).then_some(b'/');
        let name: &'a [u8] = self.name;
        name[from..].iter().copied().chain(slash)
    }

    /// Reads the entry that `bytes` begin with: `<octal mode> <name>\0<20 bytes>`. Gives its length too.
    fn read(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let mut mode = 0;
        let mut at = 0;
        while let digit @ b'0'..=b'7' = *bytes.get(at)? {
            mode = mode << 3 | u32::from(digit - b'0');
            at += 1;
        }
        if bytes[at] != b' ' || at == 0 || at > 6 {
            return None;
        }
        let name = &bytes[at + 1..];
        let name = &name[..memchr::memchr(0, name)?];
        let id = at + 1 + name.len() + 1;
        let id_bytes = bytes.get(id..id + 20)?;
        let entry = Self {
            mode,
            name,
            id: ObjectId(id_bytes.try_into().ok()?),
        };
        Some((entry, id + 20))
    }

    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(format!("{:o} ", self.mode).as_bytes());
        to.extend_from_slice(self.name);
        to.push(0);
        to.extend_from_slice(&self.id.0);
    }
}

/// A tree object's content, in the order in which it is stored. A clone shares the bytes until one of both is edited.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Tree(Arc<Vec<u8>>);

/// Where a name stands in a tree.
struct Spot {
    /// Its entry's bytes, when it is there.
    there: Option<Range<usize>>,
    /// Where an entry of that name would begin, as long as the other one is there.
    place: usize,
}

impl Tree {
    /// Takes the bytes of a tree object. `None` when they are none.
    pub(super) fn parse(bytes: Arc<Vec<u8>>) -> Option<Self> {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            rest = &rest[TreeEntry::read(rest)?.1..];
        }
        Some(Self(bytes))
    }

    /// The bytes of the tree object.
    pub(super) fn bytes(&self) -> &Arc<Vec<u8>> {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All names, in order.
    pub(super) fn entries(&self) -> impl Iterator<Item = TreeEntry<'_>> {
        self.spans().map(|(_, entry)| entry)
    }

    pub(super) fn get(&self, name: &str) -> Option<TreeEntry<'_>> {
        self.entries()
            .take_while(|entry| may_come(entry.name, name))
            .find(|entry| entry.name == name.as_bytes())
    }

    /// Makes `name` stand for the object; says whether that changed anything.
    pub(super) fn set(&mut self, name: &str, mode: u32, id: ObjectId) -> bool {
        let entry = TreeEntry {
            mode,
            name: name.as_bytes(),
            id,
        };
        let mut bytes = Vec::with_capacity(name.len() + 28);
        entry.write(&mut bytes);
        let spot = self.spot(&entry);
        let place = spot.place..spot.place;
        match spot.there {
            Some(there) if self.0[there.clone()] == bytes => return false,
            Some(there) if there.start == spot.place => self.put(there, bytes),
            // A file that becomes a folder sorts elsewhere, further ahead or further back.
            Some(there) if there.start > spot.place => {
                self.put(there, Vec::new());
                self.put(place, bytes);
            }
            Some(there) => {
                self.put(place, bytes);
                self.put(there, Vec::new());
            }
            None => self.put(place, bytes),
        }
        true
    }

    /// Takes `name` out; says whether it was there.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let found = self
            .spans()
            .take_while(|(_, entry)| may_come(entry.name, name))
            .find(|(_, entry)| entry.name == name.as_bytes());
        let Some(there) = found.map(|(span, _)| span) else {
            return false;
        };
        self.put(there, Vec::new());
        true
    }

    fn put(&mut self, span: Range<usize>, bytes: Vec<u8>) {
        drop(Arc::make_mut(&mut self.0).splice(span, bytes));
    }

    fn spot(&self, wanted: &TreeEntry<'_>) -> Spot {
        let name = std::str::from_utf8(wanted.name).unwrap_or_default();
        let mut spot = Spot {
            there: None,
            place: 0,
        };
        for (span, entry) in self.spans() {
            if !may_come(entry.name, name) {
                break;
            }
            if entry.order(wanted) == Ordering::Less {
                spot.place = span.end;
            }
            if entry.name == wanted.name {
                spot.there = Some(span);
            }
        }
        spot
    }

    fn spans(&self) -> impl Iterator<Item = (Range<usize>, TreeEntry<'_>)> {
        let mut at = 0;
        std::iter::from_fn(move || {
            // Only bytes that were read once, or written here, get in.
            let (entry, length) = TreeEntry::read(&self.0[at..])?;
            let span = at..at + length;
            at = span.end;
            Some((span, entry))
        })
    }
}

/// Whether `wanted` may still come at or after a name: as a folder it sorts behind all names that begin with it and go
/// on with a character before the slash.
fn may_come(name: &[u8], wanted: &str) -> bool {
    name <= wanted.as_bytes() || name.starts_with(wanted.as_bytes())
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
        let names = |tree: &Tree| tree.entries().map(|e| e.entry().name).collect::<Vec<_>>();
        assert_eq!(names(&tree), ["a-", "a.b", "a", "a0", "b"]);
        assert!(tree.set("a", FILE, id));
        assert_eq!(names(&tree), ["a", "a-", "a.b", "a0", "b"]);
        assert_eq!(Tree::parse(Arc::clone(tree.bytes())), Some(tree.clone()));
        assert!(tree.remove("b") && !tree.remove("b"));
        assert_eq!(Tree::parse(Arc::new(b"100644 x\0short".to_vec())), None);
    }
}

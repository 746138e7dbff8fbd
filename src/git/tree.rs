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
pub(super) struct Tree {
    bytes: Arc<Vec<u8>>,
    /// Where each entry begins.
    starts: Arc<Vec<u32>>,
}

impl Tree {
    /// Takes the bytes of a tree object. `None` when they are none. Names in a wrong order, which git would not write,
    /// are put right: a name must be found whoever wrote the folder.
    pub(super) fn parse(bytes: Arc<Vec<u8>>) -> Option<Self> {
        let mut starts = Vec::with_capacity(bytes.len() / 30);
        let mut at = 0;
        let mut last: Option<TreeEntry<'_>> = None;
        let mut sorted = true;
        while at < bytes.len() {
            let (entry, length) = TreeEntry::read(&bytes[at..])?;
            sorted &= last.is_none_or(|last| last.order(&entry) == Ordering::Less);
            last = Some(entry);
            starts.push(u32::try_from(at).ok()?);
            at += length;
        }
        starts.shrink_to_fit();
        let tree = Self {
            bytes,
            starts: Arc::new(starts),
        };
        Some(if sorted { tree } else { tree.sorted() })
    }

    /// The bytes of the tree object.
    pub(super) fn bytes(&self) -> &Arc<Vec<u8>> {
        &self.bytes
    }

    /// What it takes in memory.
    pub(super) fn size(&self) -> usize {
        self.bytes.capacity() + self.starts.capacity() * size_of::<u32>()
    }

    /// Whether it is a small folder of files alone, as every store has one: quickly read, and dear to keep.
    pub(super) fn is_leaf(&self) -> bool {
        const SMALL: usize = 256;
        self.bytes.len() <= SMALL && self.entries().all(|it| it.kind() != EntryKind::Folder)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// All names, in order.
    pub(super) fn entries(&self) -> impl Iterator<Item = TreeEntry<'_>> {
        (0..self.starts.len()).map(|number| self.entry(number))
    }

    pub(super) fn get(&self, name: &str) -> Option<TreeEntry<'_>> {
        self.number(name).map(|number| self.entry(number))
    }

    /// Makes `name` stand for the object; says whether that changed anything.
    pub(super) fn set(&mut self, name: &str, mode: u32, id: ObjectId) -> bool {
        let entry = TreeEntry {
            mode,
            name: name.as_bytes(),
            id,
        };
        if self.get(name) == Some(entry) {
            return false;
        }
        // Not in place: a file that becomes a folder sorts elsewhere.
        self.remove(name);
        let mut bytes = Vec::with_capacity(name.len() + 28);
        entry.write(&mut bytes);
        let number = self.find(&entry).unwrap_or_else(|place| place);
        let at = self.span(number).start;
        let length = u32::try_from(bytes.len()).expect("a name is shorter than 4 GiB");
        drop(Arc::make_mut(&mut self.bytes).splice(at..at, bytes));
        let starts = Arc::make_mut(&mut self.starts);
        starts.insert(number, u32::try_from(at).expect("trees are below 4 GiB"));
        for start in &mut starts[number + 1..] {
            *start += length;
        }
        true
    }

    /// Takes `name` out; says whether it was there.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let Some(number) = self.number(name) else {
            return false;
        };
        let span = self.span(number);
        let length = u32::try_from(span.len()).expect("a name is shorter than 4 GiB");
        drop(Arc::make_mut(&mut self.bytes).drain(span));
        let starts = Arc::make_mut(&mut self.starts);
        starts.remove(number);
        for start in &mut starts[number..] {
            *start -= length;
        }
        true
    }

    /// Which entry a name is: files and folders sort differently, so it may stand in one of two places.
    fn number(&self, name: &str) -> Option<usize> {
        let probe = |mode| TreeEntry {
            mode,
            name: name.as_bytes(),
            id: ObjectId([0; 20]),
        };
        [FILE, FOLDER]
            .into_iter()
            .find_map(|mode| self.find(&probe(mode)).ok())
    }

    /// The entry that sorts as `probe` does, or the place where it would stand.
    fn find(&self, probe: &TreeEntry<'_>) -> Result<usize, usize> {
        self.starts
            .binary_search_by(|start| self.at(*start).order(probe))
    }

    fn entry(&self, number: usize) -> TreeEntry<'_> {
        self.at(self.starts[number])
    }

    fn at(&self, start: u32) -> TreeEntry<'_> {
        let (entry, _) = TreeEntry::read(&self.bytes[start as usize..])
            .expect("only bytes that were read once, or written here, get in");
        entry
    }

    /// The bytes of an entry; nothing behind the last one.
    fn span(&self, number: usize) -> Range<usize> {
        let start = |number: usize| self.starts.get(number).map(|start| *start as usize);
        let end = self.bytes.len();
        start(number).unwrap_or(end)..start(number + 1).unwrap_or(end)
    }

    fn sorted(&self) -> Self {
        let mut tree = Self::default();
        for entry in self.entries() {
            if let Ok(name) = std::str::from_utf8(entry.name) {
                tree.set(name, entry.mode, entry.id);
            }
        }
        tree
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
        let names = |tree: &Tree| tree.entries().map(|e| e.entry().name).collect::<Vec<_>>();
        assert_eq!(names(&tree), ["a-", "a.b", "a", "a0", "b"]);
        assert!(tree.set("a", FILE, id));
        assert_eq!(names(&tree), ["a", "a-", "a.b", "a0", "b"]);
        assert_eq!(Tree::parse(Arc::clone(tree.bytes())), Some(tree.clone()));
        let mut wrong = Vec::new();
        for entry in tree.entries().collect::<Vec<_>>().iter().rev() {
            entry.write(&mut wrong);
        }
        assert_eq!(Tree::parse(Arc::new(wrong)), Some(tree.clone()));
        assert!(tree.remove("b") && !tree.remove("b"));
        assert_eq!(Tree::parse(Arc::new(b"100644 x\0short".to_vec())), None);
    }
}

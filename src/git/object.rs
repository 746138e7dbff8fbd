//! The names of objects, and what a folder lists.
//!
//! Must not know: how an object is stored.

use std::fmt;

use crate::domain::CommitId;

/// The name of any object: its SHA-1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(pub(super) [u8; 20]);

impl ObjectId {
    /// The same name, said to be a file's content. Whether it is one shows when it is read.
    pub fn blob(self) -> BlobId {
        BlobId(self)
    }

    pub(super) fn oid(self) -> git2::Oid {
        git2::Oid::from_bytes(&self.0).expect("20 bytes are a SHA-1")
    }

    pub(super) fn from_oid(oid: git2::Oid) -> Self {
        let mut bytes = [0; 20];
        bytes.copy_from_slice(&oid.as_bytes()[..20]);
        Self(bytes)
    }

    /// Reads 40 hex digits.
    pub(super) fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 20];
        let digits = text.as_bytes();
        if digits.len() != 40 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            *byte = u8::try_from(high * 16 + low).ok()?;
        }
        Some(Self(bytes))
    }

    pub(super) fn of_commit(id: &CommitId) -> Self {
        Self::from_hex(id.as_str()).expect("a CommitId is 40 hex digits")
    }

    pub(super) fn commit(self) -> CommitId {
        self.to_string()
            .parse()
            .expect("a printed name is 40 lower-case hex digits")
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The name of a file's content: equal names, equal bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobId(pub(super) ObjectId);

/// The name of a folder's whole content: equal names, equal files below.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreeId(pub(super) ObjectId);

macro_rules! prints_as_its_object {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}
prints_as_its_object!(BlobId);
prints_as_its_object!(TreeId);

/// What a name in a folder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file, executable or not.
    File,
    /// A folder.
    Folder,
    /// A symbolic link or a submodule: never followed, and never what it seems to be.
    Other,
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The last part of the path. A name that is not UTF-8 is shown with replacement characters.
    pub name: String,
    /// What it stands for.
    pub kind: EntryKind,
    /// The object it stands for.
    pub id: ObjectId,
}

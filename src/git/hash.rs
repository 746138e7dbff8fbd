//! The names of objects: SHA-1 over `<kind> <size>\0` and the content (gitformat-pack(5), git-hash-object(1)).
//!
//! Must not know: where objects lie. Pure.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};

use super::object::ObjectId;
use super::read::ObjectKind;

/// The name of an object.
pub(super) fn name_of(kind: ObjectKind, bytes: &[u8]) -> ObjectId {
    let mut sha = Sha1::default();
    sha.update(format!("{} {}\0", kind.name(), bytes.len()).as_bytes());
    sha.update(bytes);
    ObjectId(sha.finish())
}

/// A SHA-1 in the making. What collides on purpose is none of our worry here: it names what we wrote ourselves.
pub(super) struct Sha1(Context);

impl Default for Sha1 {
    fn default() -> Self {
        Self(Context::new(&SHA1_FOR_LEGACY_USE_ONLY))
    }
}

impl Sha1 {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> [u8; 20] {
        let digest = self.0.finish();
        digest.as_ref().try_into().expect("a SHA-1 has 20 bytes")
    }
}

/// SHA-1 of some bytes.
pub(super) fn sha1(bytes: &[u8]) -> [u8; 20] {
    let mut sha = Sha1::default();
    sha.update(bytes);
    sha.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_named_as_git_names_them() {
        let names = [
            (
                ObjectKind::Blob,
                "",
                "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
            ),
            (
                ObjectKind::Tree,
                "",
                "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
            ),
            (
                ObjectKind::Blob,
                "hello\n",
                "ce013625030ba8dba906f756967f9e9ca394464a",
            ),
        ];
        for (kind, text, name) in names {
            assert_eq!(name_of(kind, text.as_bytes()).to_string(), name);
        }
    }
}

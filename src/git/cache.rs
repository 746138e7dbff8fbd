//! What was read or written lately, kept in memory by its name.
//!
//! An object's name is the hash of its content, so nothing here can be wrong, only missing: what is missing is read from
//! the repository. Must not know: where objects lie.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::object::ObjectId;
use super::read::ObjectKind;
use super::tree::Tree;

/// How many bytes of folders are kept: more than 100,000 stores have above the folders of the single ones.
const TREES: usize = 64 << 20;
/// How many bytes of small folders are kept: there is one for every store, and each is read again only within a moment.
const LEAVES: usize = 4 << 20;
/// How many bytes of commits and files are kept: the newest ones are read again by those who follow the branches.
const OBJECTS: usize = 8 << 20;
/// How many bytes of signers' fingerprints are kept.
const SIGNERS: usize = 2 << 20;
/// What an entry costs beside its bytes: its place in a table that is never full, and the heads of what it points to.
const OVERHEAD: usize = 192;

/// Folders of the newest commits, and the objects of the last groups.
#[derive(Default)]
pub(super) struct Cache {
    trees: Mutex<Aging<Tree>>,
    leaves: Mutex<Aging<Tree>>,
    objects: Mutex<Aging<(ObjectKind, Arc<Vec<u8>>)>>,
    /// Whose signatures were found to hold: checking one costs more than reading a commit.
    signers: Mutex<Aging<String>>,
}

impl Cache {
    pub(super) fn tree(&self, id: ObjectId) -> Option<Tree> {
        let kept = lock(&self.trees).get(id, TREES);
        kept.or_else(|| lock(&self.leaves).get(id, LEAVES))
    }

    pub(super) fn keep_tree(&self, id: ObjectId, tree: Tree) {
        let size = tree.size();
        if tree.is_leaf() {
            lock(&self.leaves).keep(id, tree, size, LEAVES);
        } else {
            lock(&self.trees).keep(id, tree, size, TREES);
        }
    }

    /// Lets a folder go that no branch shows any more.
    pub(super) fn drop_tree(&self, id: ObjectId) {
        lock(&self.trees).forget(id);
        lock(&self.leaves).forget(id);
    }

    pub(super) fn object(&self, id: ObjectId, kind: ObjectKind) -> Option<Arc<Vec<u8>>> {
        let kept = lock(&self.objects).get(id, OBJECTS)?;
        (kept.0 == kind).then_some(kept.1)
    }

    pub(super) fn keep_object(&self, id: ObjectId, kind: ObjectKind, bytes: Arc<Vec<u8>>) {
        let size = bytes.len();
        lock(&self.objects).keep(id, (kind, bytes), size, OBJECTS);
    }

    pub(super) fn signer(&self, commit: ObjectId) -> Option<String> {
        lock(&self.signers).get(commit, SIGNERS)
    }

    pub(super) fn keep_signer(&self, commit: ObjectId, fingerprint: String) {
        lock(&self.signers).keep(commit, fingerprint, 64, SIGNERS);
    }
}

/// Two ages: what is asked for becomes young again, and when the young fill half of the room, the old ones go.
struct Aging<T> {
    young: HashMap<ObjectId, (usize, T)>,
    old: HashMap<ObjectId, (usize, T)>,
    young_bytes: usize,
}

impl<T> Default for Aging<T> {
    fn default() -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            young_bytes: 0,
        }
    }
}

impl<T: Clone> Aging<T> {
    fn get(&mut self, id: ObjectId, room: usize) -> Option<T> {
        if let Some((_, kept)) = self.young.get(&id) {
            return Some(kept.clone());
        }
        let (size, kept) = self.old.remove(&id)?;
        self.keep(id, kept.clone(), size, room);
        Some(kept)
    }

    fn keep(&mut self, id: ObjectId, value: T, size: usize, room: usize) {
        if self.young_bytes > room / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        if self.young.insert(id, (size, value)).is_none() {
            self.young_bytes += size + OVERHEAD;
        }
    }

    fn forget(&mut self, id: ObjectId) {
        self.old.remove(&id);
        if let Some((size, _)) = self.young.remove(&id) {
            self.young_bytes -= size + OVERHEAD;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every state in between is a smaller cache.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> ObjectId {
        ObjectId([byte; 20])
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let mut aging = Aging::default();
        let room = 10 * (OVERHEAD + 4);
        for n in 0..200 {
            aging.keep(id(n), n, 4, room);
            assert_eq!(aging.get(id(0), room), Some(0), "asked for every time");
            assert!(aging.young.len() + aging.old.len() <= 13);
        }
        assert_eq!(aging.get(id(1), room), None);
        aging.forget(id(0));
        assert_eq!(aging.get(id(0), room), None);
    }
}

//! What the clients know: every change that was answered 202, and when it was asked for and answered.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// One accepted change. `sent` and `answered` are moments of the ledger's own clock: whatever was answered before something
/// else was sent comes first in its store.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    pub(crate) store: String,
    /// One for a deletion's mark and one for its end; one for everything else.
    pub(crate) commits: usize,
    pub(crate) sent: u64,
    pub(crate) answered: u64,
}

/// Shared by all clients.
#[derive(Default)]
pub(crate) struct Ledger {
    clock: AtomicU64,
    accepted: Mutex<BTreeMap<String, Accepted>>,
    /// How often which request was refused with which status.
    refused: Mutex<BTreeMap<String, usize>>,
    /// Requests of which nobody knows whether they were accepted.
    pub(crate) cut: AtomicU64,
    /// Those of them that were sent again under their key.
    pub(crate) repeated: AtomicU64,
}

impl Ledger {
    /// A moment of its own.
    pub(crate) fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// A change was answered 202. A delete may be answered with one that was asked for before.
    pub(crate) fn accepted(&self, change: &str, new: Accepted) {
        let mut all = self.accepted.lock().unwrap();
        match all.get_mut(change) {
            None => drop(all.insert(change.to_owned(), new)),
            Some(known) => {
                assert_eq!(
                    (&known.store, known.commits),
                    (&new.store, new.commits),
                    "{change}"
                );
                known.sent = known.sent.min(new.sent);
                known.answered = known.answered.min(new.answered);
            }
        }
    }

    pub(crate) fn refused(&self, what: String) {
        *self.refused.lock().unwrap().entry(what).or_default() += 1;
    }

    pub(crate) fn all(&self) -> BTreeMap<String, Accepted> {
        self.accepted.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.accepted.lock().unwrap().len()
    }

    pub(crate) fn refusals(&self) -> BTreeMap<String, usize> {
        self.refused.lock().unwrap().clone()
    }
}

//! What each of many holders has of something that is bounded for all: so that no one of them takes it all.
//!
//! Must not know: what is shared, or among whom.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much each holder has. Who has nothing is forgotten.
#[derive(Debug)]
pub(super) struct Shares<K> {
    held: Mutex<HashMap<K, usize>>,
}

impl<K> Default for Shares<K> {
    fn default() -> Self {
        Self {
            held: Mutex::default(),
        }
    }
}

impl<K> Shares<K> {
    fn held(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of a holder's, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share<K: Eq + Hash> {
    of: Arc<Shares<K>>,
    holder: K,
}

impl<K: Eq + Hash + Clone> Shares<K> {
    /// One more for a holder, unless they have as many as they may.
    pub(super) fn take(self: &Arc<Self>, holder: K, most: usize) -> Option<Share<K>> {
        let mut held = self.held();
        let count = held.entry(holder.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        let of = Arc::clone(self);
        Some(Share { of, holder })
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self.of.held();
        if let Some(count) = held.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_a_share_and_others_have_theirs() {
        let shares = Arc::new(Shares::default());
        let first = shares.take("ann", 2).expect("one");
        let second = shares.take("ann", 2);
        assert!(second.is_some() && shares.take("ann", 2).is_none());
        assert!(shares.take("ben", 2).is_some(), "his own");
        drop(first);
        let again = shares.take("ann", 2);
        assert!(again.is_some(), "given back");
        drop((second, again));
        assert!(shares.held().is_empty(), "nobody is remembered");
    }
}

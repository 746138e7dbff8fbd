//! Who rests after trouble, and until when: longer each time, until something succeeds.
//!
//! Pure: the time is an argument. Must not know: what is tried.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The first rest.
pub(super) const FIRST: Duration = Duration::from_secs(1);
/// The longest one.
const LONGEST: Duration = Duration::from_mins(1);

/// Who rests.
#[derive(Debug)]
pub(super) struct Rests<K>(BTreeMap<K, (Duration, Instant)>);

impl<K> Default for Rests<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> Rests<K> {
    /// Whether it rests still.
    pub(super) fn holds(&self, key: &K, now: Instant) -> bool {
        self.0.get(key).is_some_and(|(_, until)| *until > now)
    }

    /// It failed: it rests twice as long as before, or until what is known to be the time. Returns how long.
    pub(super) fn failed(&mut self, key: K, now: Instant, known: Option<Duration>) -> Duration {
        let last = self.0.get(&key).map_or(FIRST / 2, |(wait, _)| *wait);
        let longer = (last * 2).min(LONGEST);
        let wait = known.map_or(longer, |it| it.max(FIRST));
        self.0.insert(key, (longer, now + wait));
        wait
    }

    /// It succeeded.
    pub(super) fn ended(&mut self, key: &K) {
        self.0.remove(key);
    }
}

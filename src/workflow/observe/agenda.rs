//! Which stores are to be looked at next.
//!
//! What changed comes at once. Phases also move without their store having changed: its shard did, its cluster, what
//! Git wants of it, or time passed. Such stores wait here and are taken a few at a time, so that however many they are
//! nothing that changed waits for them, and all of it takes a third of one core at most.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::cluster::Changes;
use crate::domain::record::shard;
use crate::domain::{ClusterName, StoreName};
use crate::index::IndexError;
use crate::workflow::core::Core;

/// How often stores with something under way are looked at without news: deadlines pass silently.
const UNDER_WAY: Duration = Duration::from_secs(2);
/// How often all stores are looked at without news.
const ALWAYS: Duration = Duration::from_mins(1);
/// Stores that changed in one look: what they change is one transaction.
const AT_ONCE: usize = 256;
/// Stores that did not change in one look: some milliseconds.
const BESIDE: usize = 32;
/// How many times as long as such a look took it is waited before the next.
const REST: u32 = 2;

/// What is to be looked at in one cluster, and when.
pub(super) struct Agenda {
    /// Stores that changed.
    fresh: BTreeSet<StoreName>,
    /// Stores with something under way, of this round.
    soon: BTreeSet<StoreName>,
    /// All others that there is some reason to look at.
    later: BTreeSet<StoreName>,
    /// Stores whose phase moves with the time.
    moving: BTreeSet<StoreName>,
    shards: BTreeSet<String>,
    all: bool,
    under_way: bool,
    /// Whether the cluster was ever seen whole.
    synced: bool,
    next_round: Instant,
    next_always: Instant,
    rest_until: Instant,
    /// When the last look ended.
    looked_at: Instant,
}

impl Agenda {
    /// Everything is to be looked at once.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            fresh: BTreeSet::new(),
            soon: BTreeSet::new(),
            later: BTreeSet::new(),
            moving: BTreeSet::new(),
            shards: BTreeSet::new(),
            all: true,
            under_way: true,
            synced: false,
            next_round: now,
            next_always: now + ALWAYS,
            rest_until: now,
            looked_at: now,
        }
    }

    /// Takes in what changed in the cluster.
    pub(super) fn hear(&mut self, changes: Changes) {
        self.fresh.extend(changes.stores);
        self.shards.extend(changes.shards);
        self.all |= changes.cluster;
        self.under_way |= changes.cluster;
    }

    /// What Git wants has moved.
    pub(super) fn published(&mut self) {
        self.under_way = true;
    }

    /// When something is due without news.
    pub(super) fn wake_at(&self) -> Instant {
        if !self.fresh.is_empty() {
            return self.looked_at;
        }
        if self.soon.is_empty() && self.later.is_empty() {
            self.next_round
        } else {
            self.rest_until
        }
    }

    /// The stores to look at now.
    pub(super) fn due(
        &mut self,
        core: &Core,
        cluster: &ClusterName,
        now: Instant,
    ) -> Result<Vec<StoreName>, IndexError> {
        self.all |= now >= self.next_always;
        self.under_way |= now >= self.next_round;
        self.sync(core, cluster, now);
        if self.under_way && self.soon.is_empty() {
            self.under_way = false;
            self.next_round = now + UNDER_WAY;
            // Here because it is regular and rare.
            core.index.write_known()?;
            let open = core.index.open_changes()?;
            self.soon.extend(open.into_iter().map(|(_, store)| store));
            self.soon.extend(std::mem::take(&mut self.moving));
        }
        if self.all || !self.shards.is_empty() {
            let (all, shards) = (self.all, std::mem::take(&mut self.shards));
            let wanted = |name: &StoreName| all || shards.contains(&shard(name));
            self.later.extend(core.stores_of(cluster, &wanted));
            self.all = false;
            if all {
                self.next_always = now + ALWAYS;
            }
        }
        Ok(self.take(now))
    }

    /// The first lists name every store. Before all of them are there a look would find nothing, or that they cannot be
    /// read; then every store counts as changed, for people wait for all of them.
    fn sync(&mut self, core: &Core, cluster: &ClusterName, now: Instant) {
        if self.synced {
            return;
        }
        let Some(seen) = core.watched.get(cluster).map(|it| it.view.cluster()) else {
            return;
        };
        if seen.synced {
            self.synced = true;
            self.fresh.extend(core.stores_of(cluster, &|_| true));
            self.next_always = now + ALWAYS;
        }
        if seen.synced || seen.stale_since.is_none() {
            self.all = false;
            self.shards.clear();
        }
        if !seen.synced {
            self.fresh.clear();
        }
    }

    fn take(&mut self, now: Instant) -> Vec<StoreName> {
        let mut due = take(&mut self.fresh, AT_ONCE);
        if now >= self.rest_until {
            due.extend(take(&mut self.soon, BESIDE));
            let room = BESIDE.saturating_sub(due.len());
            due.extend(take(&mut self.later, room));
        }
        due
    }

    /// Notes how long a look took, and which of the stores in it are moving.
    pub(super) fn looked(
        &mut self,
        due: &[StoreName],
        moving: BTreeSet<StoreName>,
        (began, ended): (Instant, Instant),
    ) {
        for name in due {
            self.moving.remove(name);
        }
        self.moving.extend(moving);
        self.looked_at = ended;
        self.rest_until = ended + (ended - began) * REST;
    }
}

fn take(names: &mut BTreeSet<StoreName>, most: usize) -> Vec<StoreName> {
    let first = std::iter::from_fn(|| names.pop_first());
    first.take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: usize) -> StoreName {
        format!("shop-{number:04}").parse().unwrap()
    }

    fn names(range: std::ops::Range<usize>) -> BTreeSet<StoreName> {
        range.map(name).collect()
    }

    #[test]
    fn what_changed_comes_before_what_waits_and_waits_for_no_rest() {
        let now = Instant::now();
        let mut agenda = Agenda::new(now);
        agenda.later = names(0..1000);
        let due = agenda.take(now);
        assert_eq!(due.len(), BESIDE);
        let took = Duration::from_millis(5);
        agenda.looked(&due, BTreeSet::new(), (now, now + took));
        agenda.hear(Changes {
            stores: [name(2000)].into(),
            ..Changes::default()
        });
        assert_eq!(agenda.take(now + took), [name(2000)]);
        assert_eq!(agenda.wake_at(), now + took * 3);
        assert_eq!(agenda.take(now + took * 3).len(), BESIDE);
    }

    #[test]
    fn however_many_wait_all_are_looked_at() {
        let mut now = Instant::now();
        let mut agenda = Agenda::new(now);
        (agenda.soon, agenda.later) = (names(0..300), names(200..1000));
        let mut seen = BTreeSet::new();
        for _ in 0..100 {
            now = now.max(agenda.rest_until);
            let due = agenda.take(now);
            agenda.looked(&due, BTreeSet::new(), (now, now));
            seen.extend(due);
        }
        assert_eq!(seen, names(0..1000));
    }

    #[test]
    fn a_store_is_moving_for_as_long_as_a_look_says_so() {
        let now = Instant::now();
        let mut agenda = Agenda::new(now);
        agenda.looked(&[name(1)], names(1..2), (now, now));
        assert_eq!(agenda.moving, names(1..2));
        agenda.looked(&[name(1)], BTreeSet::new(), (now, now));
        assert!(agenda.moving.is_empty());
    }
}

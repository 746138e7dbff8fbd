//! Phases that move without a store of their own having changed: its shard's, its cluster's, or with the time.
//!
//! All stores of a cluster are looked at after such news, at a pace that takes a tenth of one core at most.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::phase;
use crate::cluster::Changes;
use crate::domain::record::shard;
use crate::domain::{ClusterName, StoreName};
use crate::index::IndexError;
use crate::workflow::core::Core;

/// The least time between two looks at many stores.
const REST: Duration = Duration::from_secs(1);
/// How many times as long as a look took it is waited before the next.
const SHARE: u32 = 10;
/// How often all stores are looked at without news.
const ALWAYS: Duration = Duration::from_mins(1);

/// What is to be looked at in one cluster, and when.
pub(in crate::workflow) struct Sweep {
    shards: BTreeSet<String>,
    all: bool,
    next: Instant,
    last: Instant,
}

impl Sweep {
    /// Nothing to look at yet.
    pub(in crate::workflow) fn new() -> Self {
        let now = Instant::now();
        Self {
            shards: BTreeSet::new(),
            all: true,
            next: now,
            last: now,
        }
    }

    /// Takes news in.
    pub(in crate::workflow) fn hear(&mut self, changes: &Changes) {
        self.all |= changes.cluster;
        self.shards.extend(changes.shards.iter().cloned());
    }

    /// Looks at what there is news of, when it is time.
    pub(in crate::workflow) fn go_on(
        &mut self,
        core: &Core,
        cluster: &ClusterName,
    ) -> Result<(), IndexError> {
        let began = Instant::now();
        self.all |= began.duration_since(self.last) >= ALWAYS;
        if began < self.next || (!self.all && self.shards.is_empty()) {
            return Ok(());
        }
        let (all, shards) = (self.all, std::mem::take(&mut self.shards));
        self.all = false;
        let wanted = |name: &StoreName| all || shards.contains(&shard(name));
        let names = core.catalog.shelf().of_cluster(cluster.as_str(), &wanted);
        for name in names {
            if let Some(row) = core.index.store(&name)? {
                core.note_phase(&name, &row.uid, &phase(core, &name, &row));
            }
        }
        let ended = Instant::now();
        if all {
            self.last = ended;
        }
        self.next = ended + REST.max((ended - began) * SHARE);
        Ok(())
    }
}

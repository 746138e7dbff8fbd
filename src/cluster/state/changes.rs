//! What changed since somebody last asked.

use std::collections::BTreeSet;

use crate::cluster::kinds::Scope;
use crate::domain::StoreName;

/// What changed since somebody last asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Stores of which an object of their own changed.
    pub stores: BTreeSet<StoreName>,
    /// Shards whose artifact or Kustomization changed, by their two hex digits.
    pub shards: BTreeSet<String>,
    /// Whether something changed that concerns every store: the source, generators, charts, the root, or whether the
    /// cluster can be watched at all.
    pub cluster: bool,
}

impl Changes {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.stores.is_empty() && self.shards.is_empty() && !self.cluster
    }

    /// That something changed that concerns every store, or nothing.
    pub(in crate::cluster) fn of_cluster(cluster: bool) -> Self {
        Self {
            cluster,
            ..Self::default()
        }
    }

    pub(in crate::cluster) fn merge(&mut self, other: Self) {
        self.stores.extend(other.stores);
        self.shards.extend(other.shards);
        self.cluster |= other.cluster;
    }

    pub(super) fn note(&mut self, scope: Scope) {
        match scope {
            Scope::Store(name) => drop(self.stores.insert(name)),
            Scope::Shard(digits) => drop(self.shards.insert(digits)),
            Scope::Cluster => self.cluster = true,
            Scope::Foreign => {}
        }
    }
}

//! What is known of a watched cluster beside what its watches show: what those who tend it note, for people to see.
//!
//! Must not know: how any of it was found out.

use super::core::{Core, lock};
use crate::domain::ClusterName;

/// What is noted of one cluster; the default is: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tended {
    /// Why its Flux could not be asked to fetch, as a sentence.
    pub(super) fetch: Option<String>,
}

impl Tended {
    /// What people must look at, as sentences.
    pub(super) fn alarms(&self) -> Vec<String> {
        self.fetch.iter().cloned().collect()
    }
}

/// What is noted of a cluster.
pub(super) fn of(core: &Core, cluster: &ClusterName) -> Tended {
    lock(&core.tended).get(cluster).cloned().unwrap_or_default()
}

/// Notes something of a cluster.
pub(super) fn note(core: &Core, cluster: &ClusterName, change: impl FnOnce(&mut Tended)) {
    change(lock(&core.tended).entry(cluster.clone()).or_default());
}

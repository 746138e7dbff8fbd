//! Those who tend a watched cluster, each a task of its own, and what they note for people to see.
//!
//! Must not know: how any of it was found out.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::core::{Core, lock};
use super::{fetch, inspect, orphans, resume, volumes};
use crate::domain::orphan::Orphan;
use crate::domain::{ClusterName, StoreName};

/// What is noted of one cluster; the default is: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tended {
    /// Why its Flux could not be asked to fetch, as a sentence.
    pub(super) fetch: Option<String>,
    /// That it runs an older deploy commit than it did, as a sentence.
    pub(super) fallen: Option<String>,
    /// What is outdated or missing of its bootstrap and its Flux, as sentences.
    pub(super) prepared: Vec<String>,
    /// Objects without a record, and records without objects, as found last.
    pub(super) orphans: Vec<Orphan>,
    /// Volumes that outlive their store, as found last.
    pub(super) volumes: BTreeMap<StoreName, Orphan>,
}

impl Tended {
    /// What people must look at, as sentences.
    fn alarms(&self) -> Vec<String> {
        let all = self.fallen.iter().chain(&self.fetch).chain(&self.prepared);
        all.cloned().collect()
    }
}

/// Begins to tend a cluster, until the token is cancelled.
pub(super) fn begin(
    core: &Arc<Core>,
    cluster: &ClusterName,
    stop: &CancellationToken,
) -> Vec<JoinHandle<()>> {
    vec![
        spawn(fetch::run, core, cluster, stop),
        spawn(resume::run, core, cluster, stop),
        spawn(orphans::run, core, cluster, stop),
        spawn(volumes::run, core, cluster, stop),
        spawn(inspect::run, core, cluster, stop),
    ]
}

fn spawn<F: Future<Output = ()> + Send + 'static>(
    tends: impl FnOnce(Arc<Core>, ClusterName, CancellationToken) -> F,
    core: &Arc<Core>,
    cluster: &ClusterName,
    stop: &CancellationToken,
) -> JoinHandle<()> {
    tokio::spawn(tends(core.clone(), cluster.clone(), stop.clone()))
}

/// What people must look at in a cluster, as sentences.
pub(super) fn alarms(core: &Core, cluster: &ClusterName) -> Vec<String> {
    let tended = lock(&core.tended);
    tended.get(cluster).map(Tended::alarms).unwrap_or_default()
}

/// Notes something of a cluster.
pub(super) fn note(core: &Core, cluster: &ClusterName, change: impl FnOnce(&mut Tended)) {
    change(lock(&core.tended).entry(cluster.clone()).or_default());
}

//! Looks for orphans in each watched cluster now and then, and keeps what it found for those who ask.
//!
//! A look reads every store of the cluster, so it takes a twentieth of one core at most. Must not know: what is an orphan
//! (`domain::orphan` says that).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::Fleet;
use super::core::{Core, Watched, lock};
use super::tended::{self, Tended};
use crate::domain::entry::StoreRow;
use crate::domain::observed::StoreSeen;
use crate::domain::orphan::{Orphan, Place, Wanted, orphan};
use crate::domain::record_text::Recorded as _;
use crate::domain::{ClusterName, StoreName};
use crate::index::IndexError;

/// The least time between two looks.
const REST: Duration = Duration::from_secs(15);
/// How many times as long as a look took it is waited before the next.
const SHARE: u32 = 20;
/// Findings that are kept of one cluster. Where there are more, something else is wrong than single stores.
pub(super) const MOST: usize = 1000;

/// Looks after one cluster until the token is cancelled.
pub(super) async fn run(core: Arc<Core>, cluster: ClusterName, stop: CancellationToken) {
    let mut rest = REST;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(rest) => {}
        }
        let (shared, name) = (core.clone(), cluster.clone());
        let began = Instant::now();
        match tokio::task::spawn_blocking(move || look(&shared, &name)).await {
            Ok(Ok(found)) => {
                // A cluster that cannot be seen keeps what was found last.
                if let Some(found) = found {
                    tended::note(&core, &cluster, |it| it.orphans = found);
                }
            }
            Ok(Err(error)) => tracing::warn!(%cluster, %error, "orphans were not looked for"),
            Err(error) => tracing::error!(%cluster, %error, "a look for orphans ended early"),
        }
        rest = REST.max(began.elapsed() * SHARE);
    }
}

/// All that were found, in the order of clusters and names.
pub(super) fn all(core: &Core) -> Vec<Orphan> {
    let tended = lock(&core.tended);
    let found = |it: &Tended| -> Vec<Orphan> {
        let volumes = it.volumes.values();
        it.orphans.iter().chain(volumes).cloned().collect()
    };
    let mut all: Vec<Orphan> = tended.values().flat_map(found).collect();
    all.sort_by(|left, right| {
        let place = |it: &Orphan| (it.cluster.clone(), it.store.clone(), it.reason);
        place(left).cmp(&place(right))
    });
    all
}

/// What is found in a cluster; none while it is not seen as it is now.
fn look(core: &Core, cluster: &ClusterName) -> Result<Option<Vec<Orphan>>, IndexError> {
    let policy = core.in_force().policy;
    let (Some(watched), Some(settings)) = (core.watched.get(cluster), policy.clusters.get(cluster))
    else {
        return Ok(None);
    };
    if !watched.view.cluster().is_current() {
        return Ok(None);
    }
    let place = Place {
        cluster,
        namespace: &settings.namespace,
        prefix: &settings.namespace_prefix,
    };
    let mut names: BTreeSet<StoreName> = watched.view.stores();
    names.extend(core.stores_of(cluster, &|_| true));
    let mut found = Vec::new();
    for name in names {
        found.extend(judge(core, watched, place, &name)?);
        if found.len() >= MOST {
            break;
        }
    }
    // What became stale meanwhile proves nothing.
    Ok(watched.view.cluster().is_current().then_some(found))
}

fn judge(
    core: &Core,
    watched: &Watched,
    place: Place<'_>,
    name: &StoreName,
) -> Result<Option<Orphan>, IndexError> {
    // Seen before it is looked up: what is made between the two has a row by then.
    let seen: StoreSeen = watched.view.store(name).unwrap_or_default();
    let row = core.index.store(name)?;
    Ok(orphan(place, name, &seen, row.as_ref().map(wanted)))
}

/// What Git says of a row's store.
pub(super) fn wanted(row: &StoreRow) -> Wanted<'_> {
    Wanted {
        uid: row.uid.as_str(),
        cluster: &row.record.spec.cluster,
        leaving: row.removed_at.is_some() || row.record.is_being_deleted(),
        gone: row.gone,
        applied: row.applied.as_ref() == Some(&row.desired),
    }
}

/// How many findings a cluster has.
pub(super) fn count(core: &Core, cluster: &ClusterName) -> usize {
    let tended = lock(&core.tended);
    tended
        .get(cluster)
        .map_or(0, |it| it.orphans.len() + it.volumes.len())
}

impl Fleet {
    /// What does not belong together in the clusters and in Git, as found last.
    pub fn orphans(&self) -> Vec<Orphan> {
        all(&self.0.core)
    }
}

//! Which volumes outlive their stores: looked for when a deletion ends, and now and then.
//!
//! What is found is kept in memory and read off the cluster again after a start, so it is never older than that. Must not
//! know: what makes a volume a kept one of a store (`domain::orphan` says that).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::core::{Core, lock};
use super::orphans::{MOST, wanted};
use super::tended;
use crate::domain::change::{Action, State};
use crate::domain::entry::StoreRow;
use crate::domain::orphan::{KeptVolume, Orphan, Place, by_store, volumes_kept};
use crate::domain::record_text::Recorded;
use crate::domain::{ChangeId, ClusterName, StoreName};
use crate::index::IndexError;

/// Time between two looks while there is nothing to tell.
const REST: Duration = Duration::from_mins(10);
/// The same while there is, so that it is seen soon when somebody has put it right.
const REST_FOUND: Duration = Duration::from_secs(30);
/// After a deletion: Kubernetes lets go of volumes a moment later than of the namespace.
const SETTLE: Duration = Duration::from_secs(3);
/// How many times as long as a look took it is waited at least: all volumes of the cluster are listed.
const SHARE: u32 = 20;

/// Looks after one cluster until the token is cancelled.
pub(super) async fn run(core: Arc<Core>, cluster: ClusterName, stop: CancellationToken) {
    let mut moved = core.moved.subscribe();
    let (mut earliest, mut due) = (Instant::now(), Instant::now() + SETTLE);
    let mut late = false;
    loop {
        let heard = tokio::select! {
            () = stop.cancelled() => return,
            heard = moved.recv() => heard,
            () = tokio::time::sleep_until(due.max(earliest)) => {
                let began = Instant::now();
                let found = look(&core, &cluster).await;
                earliest = began + began.elapsed() * SHARE;
                let soon = std::mem::take(&mut late) || found;
                due = began + if soon { REST_FOUND } else { REST };
                continue;
            }
        };
        let ended = match heard {
            Ok(id) => is_deletion(&core, &cluster, &id),
            // So much happened that some was missed: perhaps that.
            Err(RecvError::Lagged(_)) => true,
            Err(RecvError::Closed) => return,
        };
        if ended {
            due = due.min(Instant::now() + SETTLE);
            // A volume that is let go of later than usual is found by one more look.
            late = true;
        }
    }
}

/// What is to be said of the volumes of a store that is gone; none of any other.
pub(super) fn notice<R: Recorded>(core: &Core, row: &StoreRow<R>) -> Option<String> {
    if !row.gone {
        return None;
    }
    let tended = lock(&core.tended);
    let found = tended
        .get(row.record.cluster())?
        .volumes
        .get(row.record.name())?;
    Some(format!("{}; {}", found.message, found.next_step))
}

/// Whether a change has deleted a store from this cluster.
fn is_deletion(core: &Core, cluster: &ClusterName, id: &ChangeId) -> bool {
    let change = core.index.change(id).ok().flatten();
    let ended = change.filter(|it| it.action == Action::Delete && it.state == State::Ready);
    let row = ended.and_then(|it| core.index.store(&it.store).ok().flatten());
    row.is_some_and(|row| row.record.spec.cluster == *cluster)
}

/// Looks at the cluster's volumes; whether to look again soon: some are kept, or that may be known in a moment.
async fn look(core: &Arc<Core>, cluster: &ClusterName) -> bool {
    let Some(watched) = core.watched.get(cluster) else {
        return false;
    };
    // Where the cluster cannot be seen, or this is not to be read, what was found last stays.
    if !watched.view.cluster().is_current() {
        return true;
    }
    let kept = match watched.cluster.kept_volumes().await {
        Ok(kept) => kept,
        Err(error) => {
            tracing::info!(%cluster, "whether volumes are kept is not known: {error}");
            return false;
        }
    };
    let (shared, name) = (Arc::clone(core), cluster.clone());
    let judged = tokio::task::spawn_blocking(move || judge(&shared, &name, &kept)).await;
    match judged {
        Ok(Ok(found)) => {
            let any = !found.is_empty();
            tended::note(core, cluster, |it| it.volumes = found);
            any
        }
        Ok(Err(error)) => {
            tracing::warn!(%cluster, %error, "kept volumes were not looked at");
            true
        }
        Err(error) => {
            tracing::error!(%cluster, %error, "a look at kept volumes ended early");
            true
        }
    }
}

fn judge(
    core: &Core,
    cluster: &ClusterName,
    kept: &[KeptVolume],
) -> Result<BTreeMap<StoreName, Orphan>, IndexError> {
    let policy = core.in_force().policy;
    let Some(settings) = policy.clusters.get(cluster) else {
        return Ok(BTreeMap::new());
    };
    let place = Place {
        cluster,
        namespace: &settings.namespace,
        prefix: &settings.namespace_prefix,
    };
    let mut found = BTreeMap::new();
    for (store, volumes) in by_store(place.prefix, kept) {
        let row = core.index.store(&store)?;
        let orphan = volumes_kept(place, &store, &volumes, row.as_ref().map(wanted));
        found.extend(orphan.map(|it| (store, it)));
        if found.len() >= MOST {
            break;
        }
    }
    Ok(found)
}

//! At a deletion's end: which volumes outlive the store, as a notice of its own.
//!
//! Data that stays is data that somebody pays for, or must still remove by law. Must not know: when a deletion ends.

use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::core::Core;
use super::project::ProjectError;
use crate::domain::change::{Action, State};
use crate::domain::entry::{Projection, StoreRow};
use crate::domain::{ChangeId, ClusterName, StoreName};

/// Waits for the ends of deletions on one cluster until the token is cancelled.
pub(super) async fn run(core: Arc<Core>, cluster: ClusterName, stop: CancellationToken) {
    let mut moved = core.moved.subscribe();
    loop {
        let heard = tokio::select! {
            () = stop.cancelled() => return,
            heard = moved.recv() => heard,
        };
        let id = match heard {
            Ok(id) => id,
            // So much happened that some was missed: a notice is no promise.
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        if let Err(error) = look(&core, &cluster, &id).await {
            tracing::warn!(%cluster, change = %id, %error, "volumes of a deleted store were not noted");
        }
    }
}

async fn look(core: &Core, cluster: &ClusterName, id: &ChangeId) -> Result<(), ProjectError> {
    let Some((name, _)) = deleted(core, cluster, id)? else {
        return Ok(());
    };
    let policy = core.in_force().policy;
    let (Some(watched), Some(settings)) = (core.watched.get(cluster), policy.clusters.get(cluster))
    else {
        return Ok(());
    };
    let namespace = format!("{}{name}", settings.namespace_prefix);
    let kept = match watched.cluster.kept_volumes(&namespace).await {
        Ok(kept) => kept,
        Err(error) => {
            tracing::info!(%cluster, store = %name, "whether volumes are kept is not known: {error}");
            return Ok(());
        }
    };
    // Looked up again: the name may have been taken anew meanwhile.
    let Some((name, row)) = deleted(core, cluster, id)?.filter(|_| !kept.is_empty()) else {
        return Ok(());
    };
    tracing::info!(%cluster, store = %name, volumes = kept.len(), "volumes of a deleted store are kept");
    let notice = Some(sentence(&namespace, &kept));
    core.index.apply_seen(&Projection {
        stores: vec![(name, StoreRow { notice, ..row })],
        ..Projection::default()
    })?;
    Ok(())
}

/// The store that a change has deleted from this cluster, with its row.
fn deleted(
    core: &Core,
    cluster: &ClusterName,
    id: &ChangeId,
) -> Result<Option<(StoreName, StoreRow)>, ProjectError> {
    let change = core.index.change(id)?;
    let ended = change.filter(|it| it.action == Action::Delete && it.state == State::Ready);
    let Some(change) = ended else { return Ok(None) };
    let row = core.index.store(&change.store)?;
    let gone =
        |row: &StoreRow| row.gone && row.uid == change.uid && row.record.spec.cluster == *cluster;
    Ok(row.filter(gone).map(|row| (change.store, row)))
}

fn sentence(namespace: &str, kept: &[String]) -> String {
    const SHOWN: usize = 10;
    let shown: Vec<&str> = kept.iter().take(SHOWN).map(String::as_str).collect();
    let more = kept.len().saturating_sub(SHOWN);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!(
        "volumes that were claimed in namespace {namespace} are kept in the cluster: {}{more}; remove them by hand when \
         their data is not needed any more",
        shown.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notice_names_volumes_and_stays_short() {
        let names = |count: usize| -> Vec<String> {
            (0..count).map(|n| format!("pvc-{n} (Released)")).collect()
        };
        let one = sentence("store-shop", &names(1));
        assert!(
            one.contains("store-shop") && one.contains("pvc-0 (Released);"),
            "{one}"
        );
        let many = sentence("store-shop", &names(500));
        assert!(many.contains("and 490 more") && many.len() < 500, "{many}");
    }
}

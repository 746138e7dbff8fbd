//! What clusters show moves changes on: applied, ready, the second step of a deletion, gone.
//!
//! Level by level: every look compares what Git wants with what is seen now, so a missed event costs nothing. Stores
//! that changed come first ([`agenda`]); everything else is looked at beside them, a few at a time.

use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::core::Core;
use super::project::ProjectError;
use crate::cluster::{Changes, Watcher};
use crate::domain::entry::StoreRow;
use crate::domain::phase::{DeletionStep, Desired};
use crate::domain::record_text::Recorded;
use crate::domain::{ClusterName, CommitId};

mod agenda;
mod look;
mod progress;
#[cfg(test)]
mod tests;

use agenda::Agenda;
pub(super) use look::news;

/// Follows one cluster until the token is cancelled.
pub(super) async fn follow(
    core: Arc<Core>,
    cluster: ClusterName,
    mut watcher: Watcher,
    stop: CancellationToken,
) {
    let mut published = core.published.subscribe();
    let mut agenda = Agenda::new(Instant::now());
    loop {
        let news = tokio::select! {
            () = stop.cancelled() => return,
            changes = watcher.changed() => Some(changes),
            _ = published.changed() => None,
            () = tokio::time::sleep_until(agenda.wake_at().into()) => Some(Changes::default()),
        };
        match news {
            Some(changes) => agenda.hear(changes),
            None => agenda.published(),
        }
        let (shared, name) = (core.clone(), cluster.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let done = look(&shared, &name, &mut agenda);
            (agenda, done)
        });
        match looked.await {
            Ok((going, done)) => {
                agenda = going;
                if let Err(error) = done {
                    tracing::error!(%cluster, %error, "what the cluster shows was not taken in; it is looked at again");
                }
            }
            Err(error) => {
                tracing::error!(%cluster, %error, "a look at the cluster ended early");
                agenda = Agenda::new(Instant::now());
            }
        }
    }
}

/// Looks at what is due.
fn look(core: &Core, cluster: &ClusterName, agenda: &mut Agenda) -> Result<(), ProjectError> {
    let began = Instant::now();
    let due = agenda.due(core, cluster, began)?;
    let moving = look::at(core, cluster, &due)?;
    agenda.looked(&due, moving, (began, Instant::now()));
    Ok(())
}

/// What Git wants of a row's store.
pub(super) fn desired<R: Recorded>(row: &StoreRow<R>) -> Desired {
    let deletion = match (&row.removed_at, row.record.is_being_deleted()) {
        (Some(_), _) => Some(DeletionStep::Second),
        (None, true) => Some(DeletionStep::First),
        (None, false) => None,
    };
    Desired {
        name: row.record.name().clone(),
        uid: row.uid.clone(),
        spec_hash: row.spec_hash.clone(),
        deploy_commit: row.deploy.clone(),
        deletion,
        suspended: row.record.is_suspended(),
        installed: row.installed,
    }
}

/// Whether the commit a cluster has fetched carries a store's desired state.
pub(super) fn contains(core: &Core, desired: &Desired, source: &CommitId) -> Option<bool> {
    let deploy = desired.deploy_commit.as_ref()?;
    if !core.repo.contains(source).ok()? {
        return None;
    }
    core.repo.is_ancestor(deploy, source).ok()
}

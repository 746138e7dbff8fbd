//! What clusters show moves changes on: applied, ready, the second step of a deletion, gone.
//!
//! Level by level: every look compares what Git wants with what is seen now, so a missed event costs nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::core::{Core, Watched};
use super::probes::with_answer;
use super::project::ProjectError;
use super::query::Sweep;
use super::reserve;
use crate::cluster::{Changes, Watcher};
use crate::domain::change::{Action, Change, ChangeError, State};
use crate::domain::entry::{Projection, StoreRow};
use crate::domain::phase::{
    DeletionStep, Desired, Phase, Status, first_deletion_step_done, goal_reached, is_applied,
    is_gone, status,
};
use crate::domain::record_text::Recorded;
use crate::domain::{ClusterName, CommitId, StoreName};

/// How often open changes are looked at without news: deadlines pass silently.
const LOOK: Duration = Duration::from_secs(2);

/// Follows one cluster until the token is cancelled.
pub(super) async fn follow(
    core: Arc<Core>,
    cluster: ClusterName,
    mut watcher: Watcher,
    stop: CancellationToken,
) {
    let mut published = core.published.subscribe();
    let mut sweep = Sweep::new();
    loop {
        let changes = tokio::select! {
            () = stop.cancelled() => return,
            changes = watcher.changed() => changes,
            _ = published.changed() => Changes::default(),
            () = tokio::time::sleep(LOOK) => Changes::default(),
        };
        let (shared, name) = (core.clone(), cluster.clone());
        let mut going = std::mem::replace(&mut sweep, Sweep::new());
        let looked = tokio::task::spawn_blocking(move || {
            look(&shared, &name, &changes)?;
            going.hear(&changes);
            going.go_on(&shared, &name)?;
            Ok::<_, ProjectError>(going)
        });
        match looked.await {
            Ok(Ok(going)) => sweep = going,
            Ok(Err(error)) => {
                tracing::error!(%cluster, %error, "what the cluster shows was not taken in; it is looked at again");
            }
            Err(error) => tracing::error!(%cluster, %error, "a look at the cluster ended early"),
        }
    }
}

/// Looks at the stores that changed, and at all that have something open.
fn look(core: &Core, cluster: &ClusterName, changes: &Changes) -> Result<(), ProjectError> {
    let Some(watched) = core.watched.get(cluster) else {
        return Ok(());
    };
    let mut names: BTreeSet<StoreName> = changes.stores.clone();
    names.extend(
        core.index
            .open_changes()?
            .into_iter()
            .map(|(_, store)| store),
    );
    let mut projection = Projection::default();
    for name in names {
        let Some(row) = core
            .index
            .store(&name)?
            .filter(|row| row.record.spec.cluster == *cluster)
        else {
            continue;
        };
        look_at(core, watched, &name, row, &mut projection)?;
    }
    if projection.stores.is_empty() && projection.changes.is_empty() {
        return Ok(());
    }
    let ended: Vec<Change> = projection
        .changes
        .iter()
        .filter(|it| it.state.is_end())
        .cloned()
        .collect();
    if !ended.is_empty() {
        core.journal.settle(&ended)?;
    }
    core.index.apply(&projection)?;
    let mut desk = core.desk();
    for (name, row) in &projection.stores {
        reserve::settle(core, &mut desk, name, Some(row));
    }
    drop(desk);
    projection
        .changes
        .iter()
        .for_each(|change| core.ring(change));
    Ok(())
}

fn look_at(
    core: &Core,
    watched: &Watched,
    name: &StoreName,
    mut row: StoreRow,
    projection: &mut Projection,
) -> Result<(), ProjectError> {
    let (cluster, seen) = watched.view.both(name);
    let seen = with_answer(core, name, &row.uid, seen);
    let desired = desired(&row);
    let contains = |source: &CommitId| contains(core, &desired, source);
    let now = Core::now();
    let status = status(&desired, Some((&cluster, seen.as_ref())), &contains, now);
    core.note_phase(name, &row.uid, &status);
    let before = row.clone();
    let mut applied = is_applied(&desired, &cluster, seen.as_ref(), now);
    match desired.deletion {
        Some(DeletionStep::First) => {
            applied = first_deletion_step_done(&desired, &cluster, seen.as_ref(), &contains);
            if applied && core.desk().tear_down(name.clone()) {
                core.wake.notify_one();
            }
        }
        Some(DeletionStep::Second) => {
            row.gone |= is_gone(&desired, &cluster, seen.as_ref(), &contains);
        }
        None => {}
    }
    if applied || row.gone {
        row.applied = Some(row.desired.clone());
    }
    if let Some(mut change) = core.index.change(&row.change)?
        && progress(&mut change, &desired, &status, applied || row.gone, now)
    {
        projection.changes.push(change);
    }
    if row != before {
        projection.stores.push((name.clone(), row));
    }
    Ok(())
}

/// Moves a merged change on, and says what it waits for.
fn progress(
    change: &mut Change,
    desired: &Desired,
    status: &Status,
    applied: bool,
    now: jiff::Timestamp,
) -> bool {
    if !change.state.is_merged() || change.state.is_end() {
        return false;
    }
    let before = change.clone();
    if applied {
        change.go(State::Applied, now, Some("the cluster has it".to_owned()));
    }
    let reached = goal_reached(desired, status)
        && (change.action != Action::Delete || status.phase == Phase::Deleted);
    if reached {
        change.go(State::Ready, now, Some(status.message.clone()));
    } else if change.action != Action::Delete && change.deadline.is_some_and(|it| it < now) {
        change.fail(too_late(status), now);
    } else {
        change.waiting_for = Some(waiting(status));
    }
    *change != before
}

/// A change past its deadline says what it was waiting for. A deletion goes on however long it takes.
fn too_late(status: &Status) -> ChangeError {
    ChangeError {
        reason: "DeadlineExceeded".to_owned(),
        message: format!(
            "it was not ready in time; it was waiting for {}",
            waiting(status)
        ),
        next_step: status.next_step.clone(),
    }
}

fn waiting(status: &Status) -> String {
    format!("{} ({}): {}", status.phase, status.reason, status.message)
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

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::Uid;

    fn at(second: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn merged(action: Action) -> Change {
        let id: crate::domain::ChangeId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        let uid = Uid::from(id.clone());
        let mut change = Change::queued(
            id,
            "shop".parse().unwrap(),
            uid,
            action,
            "ann".into(),
            at(0),
        );
        assert!(change.go(State::Merged, at(1), None));
        change.deadline = at(1).checked_add(SignedDuration::from_secs(60)).ok();
        change
    }

    #[test]
    fn a_change_goes_on_with_what_the_cluster_shows_and_ends_at_its_deadline() {
        let status = |phase: Phase| Status {
            phase,
            reason: "InstallFailed".to_owned(),
            message: "the pods do not start".to_owned(),
            next_step: "look at the image".to_owned(),
        };
        let wanted = |change: &Change, deletion| Desired {
            name: change.store.clone(),
            uid: change.uid.clone(),
            spec_hash: String::new(),
            deploy_commit: None,
            deletion,
            suspended: false,
        };
        for (action, phase, applied, second, state) in [
            (Action::Create, Phase::Applying, false, 5, State::Merged),
            (Action::Create, Phase::Failed, true, 5, State::Applied),
            (Action::Create, Phase::Ready, true, 5, State::Ready),
            (Action::Create, Phase::Ready, true, 500, State::Ready),
            (Action::Create, Phase::Failed, true, 500, State::Failed),
            (Action::Delete, Phase::Deleting, true, 500, State::Applied),
            (Action::Delete, Phase::Deleted, true, 500, State::Ready),
        ] {
            let mut change = merged(action);
            let step = (action == Action::Delete).then_some(DeletionStep::Second);
            let desired = wanted(&change, step);
            assert!(progress(
                &mut change,
                &desired,
                &status(phase),
                applied,
                at(second)
            ));
            assert_eq!(change.state, state, "{action:?} {phase} {second}");
        }
        let mut change = merged(Action::Create);
        let desired = wanted(&change, None);
        progress(&mut change, &desired, &status(Phase::Failed), true, at(500));
        let error = change.error.unwrap();
        assert_eq!(error.reason, "DeadlineExceeded");
        assert!(
            error.message.contains("the pods do not start"),
            "{}",
            error.message
        );
    }
}

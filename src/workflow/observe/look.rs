//! One look at some stores: their phases, what the index keeps of them, and the changes that led there.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::progress::{Found, is_followed, progress};
use super::{contains, desired};
use crate::domain::change::{Change, MilestoneName};
use crate::domain::entry::{Projection, StoreRow};
use crate::domain::observed::{ClusterSeen, StoreSeen};
use crate::domain::phase::{
    DeletionStep, Desired, LastKnown, Phase, Status, first_deletion_step_done, installed,
    is_applied, is_gone, reached, status,
};
use crate::domain::{ClusterName, CommitId, StoreName, Uid};
use crate::workflow::core::{Core, Watched};
use crate::workflow::probes::with_answer;
use crate::workflow::project::ProjectError;
use crate::workflow::{query, reserve};

/// What a look changes in the index.
#[derive(Default)]
struct Outcome {
    projection: Projection,
    /// The changes in it, as they were before.
    before: Vec<Change>,
    /// Stores that were found in another phase than before.
    known: Vec<(StoreName, Uid, LastKnown)>,
}

/// Looks at some stores of a cluster; answers those whose phase may move with nothing but the time.
pub(super) fn at(
    core: &Core,
    cluster: &ClusterName,
    names: &[StoreName],
) -> Result<BTreeSet<StoreName>, ProjectError> {
    let mut moving = BTreeSet::new();
    let Some(watched) = core.watched.get(cluster) else {
        return Ok(moving);
    };
    let shared = watched.view.cluster();
    let mut outcome = Outcome::default();
    for name in names {
        let row = core.index.store(name)?;
        let Some(row) = row.filter(|row| row.record.spec.cluster == *cluster) else {
            continue;
        };
        if moves_with_time(look_at(core, (watched, &shared), name, row, &mut outcome)?) {
            moving.insert(name.clone());
        }
    }
    take_in(core, outcome)?;
    Ok(moving)
}

fn look_at(
    core: &Core,
    (watched, shared): (&Watched, &Arc<ClusterSeen>),
    name: &StoreName,
    mut row: StoreRow,
    outcome: &mut Outcome,
) -> Result<Phase, ProjectError> {
    let change = core.index.change(&row.change)?;
    if row.gone && change.as_ref().is_none_or(|it| it.state.is_end()) {
        // Nothing will be seen of it any more: asking Git and the cluster again is for nothing.
        core.note_phase(name, &row.uid, &query::gone());
        return Ok(Phase::Deleted);
    }
    let desired = desired(&row);
    // What destroys something asks for both at the same moment.
    let (cluster, seen) = if desired.deletion.is_some() {
        watched.view.both(name)
    } else {
        (Arc::clone(shared), watched.view.store(name))
    };
    let cluster = cluster.as_ref();
    let seen = with_answer(core, name, &row, seen);
    let contains = |source: &CommitId| contains(core, &desired, source);
    let now = Core::now();
    let status = if row.gone {
        query::gone()
    } else {
        let sight = Some((cluster, seen.as_ref()));
        status(&desired, sight, &contains, row.known.as_ref(), now)
    };
    let memory = row.memory().at(&status, desired.suspended);
    let status = status.with_memory(&memory);
    core.note_phase(name, &row.uid, &status);
    let known = LastKnown::after(row.known.clone(), &status, now);
    if known != row.known
        && let Some(known) = &known
    {
        outcome
            .known
            .push((name.clone(), row.uid.clone(), known.clone()));
    }
    let before = kept(&row);
    row.known = known;
    row.held = memory.held;
    row.installed = row
        .installed
        .or_else(|| installed(&desired, seen.as_ref(), &status));
    let applied = note_applied(core, (cluster, seen.as_ref()), &desired, &mut row, now);
    if let Some(change) = change {
        let sight = (cluster, seen.as_ref());
        let reached = if is_followed(&change, now) {
            reached(&desired, sight, &contains, &change.milestones, now)
        } else {
            Vec::new()
        };
        let found = Found {
            desired: &desired,
            status: &status,
            applied,
            reached: &reached,
            now,
        };
        note_change(change, &row, &found, outcome);
    }
    if kept(&row) != before {
        outcome.projection.stores.push((name.clone(), row));
    }
    Ok(status.phase)
}

/// What a store was found to be, where that is something else than before.
pub(in crate::workflow) fn news(
    row: &StoreRow,
    found: &Status,
    now: Timestamp,
) -> Option<LastKnown> {
    let known = LastKnown::after(row.known.clone(), found, now);
    known.filter(|it| row.known.as_ref() != Some(it))
}

/// What a look may change of a row, but for the phase, which is noted beside it.
fn kept(row: &StoreRow) -> impl PartialEq + use<> {
    (
        row.installed,
        row.applied.clone(),
        row.gone,
        row.held.clone(),
    )
}

/// Notes in a row how far its cluster is, and says whether Flux has what Git wants.
fn note_applied(
    core: &Core,
    (cluster, seen): (&ClusterSeen, Option<&StoreSeen>),
    desired: &Desired,
    row: &mut StoreRow,
    now: Timestamp,
) -> bool {
    let contains = |source: &CommitId| contains(core, desired, source);
    let applied = match desired.deletion {
        Some(DeletionStep::First) => {
            let done = first_deletion_step_done(desired, cluster, seen, &contains);
            if done && core.desk().tear_down(desired.name.clone()) {
                core.wake.notify_one();
            }
            done
        }
        Some(DeletionStep::Second) => {
            row.gone |= is_gone(desired, cluster, seen, &contains);
            row.gone
        }
        None => is_applied(desired, cluster, seen, now),
    };
    if applied {
        row.applied = Some(row.desired.clone());
    }
    applied
}

/// Moves a change on. It keeps what the store is remembered by: a rebuilt index has it from there.
fn note_change(mut change: Change, row: &StoreRow, found: &Found<'_>, outcome: &mut Outcome) {
    let before = change.clone();
    change.first_deployed = row.installed.or(change.first_deployed);
    let moved = progress(&mut change, found);
    if moved || change != before {
        outcome.before.push(before);
        outcome.projection.changes.push(change);
    }
}

/// Takes in what a look found, as far as nobody else moved it meanwhile, and tells it.
fn take_in(core: &Core, outcome: Outcome) -> Result<(), ProjectError> {
    let Outcome {
        projection,
        before,
        known,
    } = outcome;
    let unchanged = projection.stores.is_empty() && projection.changes.is_empty();
    let passed_by = if unchanged {
        BTreeSet::new()
    } else {
        apply(core, &projection)?
    };
    // After the rows: what a row remembers beside the phase follows from the phase before this one.
    for (name, uid, known) in known {
        if !passed_by.contains(&name) {
            core.index.know(&name, &uid, known);
        }
    }
    for (change, before) in projection.changes.iter().zip(&before) {
        if passed_by.contains(&change.store) {
            continue;
        }
        core.ring(change);
        let answering = MilestoneName::Answering;
        let late = before.state.is_end() && before.milestones.at(answering).is_none();
        if late && change.milestones.at(answering).is_some() {
            core.metrics.answering(change);
        }
    }
    Ok(())
}

/// Puts what a look found into journal, index and book; the stores that somebody else moved meanwhile are named.
fn apply(core: &Core, projection: &Projection) -> Result<BTreeSet<StoreName>, ProjectError> {
    let ended = projection.changes.iter().filter(|it| it.state.is_end());
    let ended: Vec<Change> = ended.cloned().collect();
    if !ended.is_empty() {
        core.journal.settle(&ended)?;
    }
    let passed_by = core.index.apply_seen(projection)?;
    let mut desk = core.desk();
    for (name, row) in &projection.stores {
        if !passed_by.contains(name) {
            reserve::settle(core, &mut desk, name, Some(row));
        }
    }
    Ok(passed_by)
}

/// Whether a store in this phase may get into another one by nothing but the passing of time.
fn moves_with_time(phase: Phase) -> bool {
    matches!(
        phase,
        Phase::Committed | Phase::Applying | Phase::Provisioning | Phase::Deleting
    )
}

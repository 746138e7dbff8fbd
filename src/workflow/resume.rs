//! Puts right what somebody suspended by hand, without a right to write in the cluster.
//!
//! A change of our own, the action `retry`, gives the store a fresh token. With it the content of its shard moves, the
//! shard's Kustomization applies the store's Kustomization again and that the `HelmRelease`, both with `suspend: false`:
//! kustomize-controller applies server-side and takes fields back from whoever edited them (`ResourceManager.apply` of
//! fluxcd/pkg/ssa forces conflicts). Nobody needs to agree, for it is what Git holds already. A deletion that waits for
//! a suspended release goes on by itself once it is seen resumed (`holds.rs`). A store whose deletion has begun takes no
//! changes: there the first commit of the deletion is written once more, with a fresh token likewise.
//!
//! A suspended root or shard is not put right: nothing applies those but the cluster's own root, so they are alarms.
//! Must not know: how a change is written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::core::{Core, Watched};
use super::desk::Desk;
use super::intake::new_id;
use super::observe::{contains, desired};
use super::project::ProjectError;
use super::reserve;
use crate::domain::accept::Intent;
use crate::domain::change::{Action, Change, State};
use crate::domain::entry::{Entry, Kept, StoreRow};
use crate::domain::phase::first_deletion_step_held;
use crate::domain::policy::ClusterPolicy;
use crate::domain::record_text::Recorded as _;
use crate::domain::request::{Caller, Role};
use crate::domain::resumption::{Suspended, patience, suspended};
use crate::domain::{ClusterName, CommitId, StoreName, Uid};
use crate::journal::Acceptance;

/// Who asks for what nobody asked for.
pub(super) const OURSELVES: &str = "fleetwright";
/// How often is looked for suspensions.
const LOOK: Duration = Duration::from_secs(2);
/// For how long earlier repairs make the next one wait longer.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// Looks after one cluster until the token is cancelled.
pub(super) async fn run(core: Arc<Core>, cluster: ClusterName, stop: CancellationToken) {
    let mut watch = Watch::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let (shared, name) = (core.clone(), cluster.clone());
        let mut going = std::mem::take(&mut watch);
        let turn = move || {
            let done = turn(&shared, &name, &mut going);
            (going, done)
        };
        match tokio::task::spawn_blocking(turn).await {
            Ok((kept, Ok(()))) => watch = kept,
            Ok((kept, Err(error))) => {
                watch = kept;
                tracing::warn!(%cluster, %error, "what is suspended by hand was not looked at; it is tried again");
            }
            Err(error) => tracing::error!(%cluster, %error, "a look for suspensions ended early"),
        }
    }
}

/// Suspensions under way, and what was put right before.
#[derive(Debug, Default)]
struct Watch {
    since: BTreeMap<(StoreName, i64), Timestamp>,
    repairs: BTreeMap<Uid, Vec<Timestamp>>,
}

impl Watch {
    /// Since when a suspension is seen.
    fn since(&mut self, store: &StoreName, what: &Suspended, now: Timestamp) -> Timestamp {
        let key = (store.clone(), what.generation);
        *self.since.entry(key).or_insert(now)
    }

    fn earlier(&self, uid: &Uid) -> u32 {
        let count = self.repairs.get(uid).map_or(0, Vec::len);
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Forgets suspensions that are over, and repairs that are long ago.
    fn forget(&mut self, held: &BTreeSet<StoreName>, now: Timestamp) {
        self.since.retain(|(store, _), _| held.contains(store));
        let limit = now.checked_sub(REMEMBERED).unwrap_or_default();
        for repairs in self.repairs.values_mut() {
            repairs.retain(|it| *it > limit);
        }
        self.repairs.retain(|_, it| !it.is_empty());
    }
}

fn turn(core: &Core, cluster: &ClusterName, watch: &mut Watch) -> Result<(), ProjectError> {
    let Some(watched) = core.watched.get(cluster) else {
        return Ok(());
    };
    let held = watched.view.held();
    let now = Core::now();
    watch.forget(&held, now);
    // What is not current may have been resumed long ago.
    if held.is_empty() || !watched.view.cluster().is_current() {
        return Ok(());
    }
    let policy = core.in_force().policy;
    let grace = policy.clusters.get(cluster);
    let grace = grace.map_or(i64::MAX, ClusterPolicy::resume_seconds);
    for store in held {
        let row = core.index.store(&store)?;
        let row = row.filter(|row| row.record.spec.cluster == *cluster);
        let Some((row, what)) = row.and_then(|row| wanted(core, watched, row)) else {
            continue;
        };
        let leaving = row.record.is_being_deleted();
        let waits = leaving || deletion_waits(&core.desk(), &store);
        let age = now.as_second() - watch.since(&store, &what, now).as_second();
        if age < patience(grace, watch.earlier(&row.uid), waits) {
            continue;
        }
        let repairs = if leaving {
            begin_again(core, &row)
        } else {
            put_right(core, &row, &what, now)?
        };
        if repairs {
            let uid = row.uid.clone();
            watch.repairs.entry(uid).or_default().push(now);
        }
    }
    Ok(())
}

/// What of a store is suspended and shall run.
fn wanted(core: &Core, watched: &Watched, row: StoreRow) -> Option<(StoreRow, Suspended)> {
    if row.removed_at.is_some() {
        return None;
    }
    let (cluster, seen) = watched.view.both(row.record.name());
    let seen = seen?;
    let what = suspended(&seen, row.uid.as_str())?;
    if row.record.is_being_deleted() {
        let desired = desired(&row);
        let contains = |source: &CommitId| contains(core, &desired, source);
        if !first_deletion_step_held(&desired, &cluster, Some(&seen), &contains) {
            return None;
        }
    }
    Some((row, what))
}

/// Has the first commit of a deletion written once more: what is being deleted takes no other change. False while a
/// commit of that store is on its way.
fn begin_again(core: &Core, row: &StoreRow) -> bool {
    let name = row.record.name();
    let mut desk = core.desk();
    if desk.written(name).is_some() || !desk.begin_again(name.clone()) {
        return false;
    }
    drop(desk);
    core.wake.notify_one();
    tracing::info!(store = %name, "suspended by hand in the cluster while it is deleted; the first commit of the deletion is written once more");
    true
}

/// Whether all that the store waits for is a deletion that was asked for.
fn deletion_waits(desk: &Desk, store: &StoreName) -> bool {
    let ids = desk.changes_of(store);
    !ids.is_empty() && only_deletions(desk, store)
}

fn only_deletions(desk: &Desk, store: &StoreName) -> bool {
    let entries = desk
        .changes_of(store)
        .iter()
        .filter_map(|id| desk.entry(id));
    entries.into_iter().all(|it| {
        it.change.action == Action::Delete
            && it.change.state == State::Queued
            && it.is_for_writer()
            && !it.is_by_hand()
    })
}

/// Accepts a change that puts a suspension right; false where there is one for it already, or another change of the store
/// does the same by and by.
fn put_right(
    core: &Core,
    row: &StoreRow,
    what: &Suspended,
    now: Timestamp,
) -> Result<bool, ProjectError> {
    let name = row.record.name();
    let key = format!(
        "{OURSELVES}\nresume/{}/{}/{}",
        row.uid, what.kind, what.generation
    );
    let mut desk = core.desk();
    if !only_deletions(&desk, name) || core.journal.kept(&key)?.is_some() {
        return Ok(false);
    }
    let entry = entry(&desk, row, what, now);
    let kept = Kept {
        fingerprint: String::new(),
        change: entry.change.id.clone(),
        at: now,
    };
    let batch = [Acceptance {
        entry: entry.clone(),
        kept: Some((key, kept)),
        hit: None,
    }];
    core.journal.accept(&batch, &[])?;
    desk.put(entry.clone(), None);
    reserve::settle(core, &mut desk, name, Some(row));
    drop(desk);
    core.ring(&entry.change);
    core.wake.notify_one();
    let (kind, change) = (what.kind, &entry.change.id);
    tracing::info!(store = %name, kind, %change, "suspended by hand in the cluster; a change of our own puts it right");
    Ok(true)
}

fn entry(desk: &Desk, row: &StoreRow, what: &Suspended, now: Timestamp) -> Entry {
    let name = row.record.name();
    let caller = Caller {
        subject: OURSELVES.to_owned(),
        role: Role::Operator,
        owner: row.record.spec.owner.clone(),
    };
    let change = Change::queued(
        new_id(desk, None, now),
        name.clone(),
        row.uid.clone(),
        Action::Retry,
        OURSELVES.to_owned(),
        now,
    );
    Entry {
        change,
        intent: Intent::Restore,
        caller,
        expected: None,
        approvals: Vec::new(),
        proven: Vec::new(),
        reason: Some(format!(
            "somebody suspended the store's {} in the cluster",
            what.kind
        )),
        commit: None,
        carried: None,
    }
}

//! Why an accepted change waits although the writer is free: a provisioning slot, a grace period, a cluster that is busy
//! deleting, or something held by hand. What waits holds up nothing but later changes of its own store, and says what it
//! waits for.

use jiff::SignedDuration;

use super::core::Core;
use super::provisioning::Slots;
use crate::domain::ClusterName;
use crate::domain::accept::Intent;
use crate::domain::change::Action;
use crate::domain::entry::Entry;
use crate::domain::policy::FleetPolicy;
use crate::domain::record::Record;

/// What a create on a cluster waits for; none when there is a slot for it.
pub(super) fn no_slot(
    policy: &FleetPolicy,
    cluster: &ClusterName,
    slots: &Slots,
) -> Option<String> {
    let (limit, taken) = (policy.limits.provisions_at_once, slots.taken(cluster));
    (taken >= limit).then(|| {
        format!(
            "a provisioning slot: {taken} new stores are under way on cluster {cluster}, which is the limit"
        )
    })
}

/// What a deletion waits for; none when it may be written. `begun` counts deletions that this group begins.
pub(super) fn hold(
    core: &Core,
    policy: &FleetPolicy,
    entry: &Entry,
    record: Option<&Record>,
    begun: u32,
) -> Option<String> {
    let record = record
        .filter(|it| entry.change.action == Action::Delete && it.metadata.deletion.is_none())?;
    if core.settings.lift_limits {
        return None;
    }
    grace(policy, entry)
        .or_else(|| busy(core, policy, record, begun))
        .or_else(|| held_by_hand(core, record))
}

/// A delete can be cancelled until its grace period is over. A record removed by hand is gone already.
fn grace(policy: &FleetPolicy, entry: &Entry) -> Option<String> {
    if matches!(entry.intent, Intent::Adopt { .. }) {
        return None;
    }
    let seconds = SignedDuration::from_secs(policy.grace_seconds());
    let until = entry.change.created_at.checked_add(seconds).ok()?;
    (until > Core::now()).then(|| {
        format!("its grace period, which ends at {until:.0}; cancel the change to keep the store")
    })
}

/// Namespaces that go all at once would keep a cluster from everything else.
fn busy(core: &Core, policy: &FleetPolicy, record: &Record, begun: u32) -> Option<String> {
    let cluster = &record.spec.cluster;
    let limit = policy.clusters.get(cluster)?.deletes_at_once;
    let under_way = core.desk().leaving(cluster, record.name()) + begun;
    (under_way >= limit).then(|| {
        format!(
            "other deletions: {under_way} are under way on cluster {cluster}, which is the limit"
        )
    })
}

/// A release that is suspended is not uninstalled when it goes, so its objects would stay.
fn held_by_hand(core: &Core, record: &Record) -> Option<String> {
    let seen = core
        .watched
        .get(&record.spec.cluster)?
        .view
        .store(record.name())?;
    let suspended = seen.release.is_some_and(|release| release.suspended);
    suspended.then(|| format!("its HelmRelease {}, which somebody suspended by hand: Flux would not uninstall it. A change of Fleetwright's own resumes it", record.name()))
}

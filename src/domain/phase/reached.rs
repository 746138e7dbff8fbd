//! How far a cluster has come with the desired state, as milestones of the change that led to it.

use jiff::Timestamp;

use super::look::Look;
use super::words::SUSPENDED;
use super::{Contains, Desired, Phase, Status, is_applied, release, running};
use crate::domain::change::{MilestoneName, Milestones};
use crate::domain::observed::{ClusterSeen, StoreSeen};

/// The milestones in the cluster that are reached now, in their order; of those already in `before` none is looked at
/// again. Nothing is reached while the watch is stale.
pub fn reached(
    desired: &Desired,
    (cluster, seen): (&ClusterSeen, Option<&StoreSeen>),
    contains: Contains<'_>,
    before: &Milestones,
    now: Timestamp,
) -> Vec<MilestoneName> {
    use MilestoneName::{Answering, Applied, Fetched, Installed, WorkloadsReady};
    if !cluster.synced || cluster.is_stale(now) {
        return Vec::new();
    }
    let look = Look::new(desired, (cluster, seen), contains, now);
    let applied = desired.deletion.is_none() && is_applied(desired, cluster, seen, now);
    let release = look.seen.release.as_ref().filter(|_| applied);
    let installed = release.is_some_and(release::is_ready);
    let ready = installed && running::workloads_ready(&look) == Some(true);
    let probe = look.seen.probe.as_ref().filter(|_| !desired.suspended);
    let answering = installed && probe.is_some_and(|it| it.well);
    // Asking Git is dear, and what is applied was fetched.
    let fetched = before.at(Fetched).is_some() || applied || look.in_source() == Some(true);
    let all = [
        (Fetched, fetched),
        (Applied, applied),
        (Installed, installed),
        (WorkloadsReady, ready),
        (Answering, answering),
    ];
    let new = all.into_iter().filter(|(_, is)| *is).map(|(name, _)| name);
    new.filter(|name| before.at(*name).is_none()).collect()
}

/// When Helm first deployed the release of a store that is found where Git wants it: to be remembered, so that one
/// which is deployed afresh is told from it.
pub fn installed(
    desired: &Desired,
    seen: Option<&StoreSeen>,
    status: &Status,
) -> Option<Timestamp> {
    let off = status.phase == Phase::Suspended && status.reason == SUSPENDED;
    let well = desired.deletion.is_none() && (off || status.phase == Phase::Ready);
    let release = seen?.release.as_ref().filter(|_| well)?;
    running::first_deployed(release)
}

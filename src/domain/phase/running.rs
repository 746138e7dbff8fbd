//! A release that Flux says is Ready for the newest spec: whether the store is well all the same.
//!
//! Flux looks at nothing after the release, so whatever else is seen is asked here, the gravest first. Must not know:
//! releases on their way.

use super::live::{self, Outlook};
use super::look::{Look, SETTLE_SECONDS};
use super::words::{NOT_ANSWERING, SUSPENDED, live_step};
use super::{Phase, Status, pending};
use crate::domain::observed::{ReleaseSeen, Truth};

/// Seconds after which workloads that are not ready are in no rollout any more: pods may take this long to start.
const ROLLOUT_SECONDS: i64 = 60;
/// Answers in a row after which a shop that does not answer well is not just restarting.
pub const SILENT_ANSWERS: u32 = 3;

pub(super) fn status(look: &Look<'_>, release: &ReleaseSeen) -> Status {
    let wrong = namespace_gone(look)
        .or_else(|| reinstalled(look, release))
        .or_else(|| unwell(look))
        .or_else(|| drifted(release))
        .or_else(|| refused(look))
        .or_else(|| applier_gone(look))
        .or_else(|| unsettled(look))
        .or_else(|| rolling_out(look));
    wrong
        .or_else(|| switched_off(look))
        .or_else(|| not_answering(look))
        .unwrap_or_else(|| well(release))
}

/// Adds to a status what the store's namespace shows of its cause: "context deadline exceeded" helps nobody.
pub(super) fn explained(look: &Look<'_>, status: Status) -> Status {
    let explains = matches!(
        status.phase,
        Phase::Applying | Phase::Provisioning | Phase::Failed | Phase::Degraded
    );
    let found = live::trouble(&look.seen.live).filter(|_| explains && !look.desired.suspended);
    let Some(found) = found else {
        return status;
    };
    let next_step = if found.outlook == Outlook::Starting {
        status.next_step
    } else {
        found.next_step.to_owned()
    };
    Status {
        message: format!("{}; {}", status.message, found.sentence),
        next_step,
        ..status
    }
}

/// Whether something in the store's namespace will not come right by itself.
pub(super) fn is_broken(look: &Look<'_>) -> bool {
    live::trouble(&look.seen.live).is_some_and(|it| it.outlook == Outlook::Broken)
}

/// Whether the store's workloads are ready; none where none is seen, or none shall run.
pub(super) fn workloads_ready(look: &Look<'_>) -> Option<bool> {
    let any = !look.seen.live.workloads.is_empty() && !look.desired.suspended;
    any.then(|| live::trouble(&look.seen.live).is_none())
}

/// One that only lost its label is not seen either; what runs in it still is.
fn namespace_gone(look: &Look<'_>) -> Option<Status> {
    let live = &look.seen.live;
    let empty = live.workloads.is_empty() && live.pods.is_empty();
    let gone = look.seen.namespace.is_none() && empty && look.quiet();
    let message = "the store's namespace is gone from the cluster with all that was in it, data included, or has lost its label; Helm does not know yet";
    let step = "find out who deleted it; retry has Flux make the store afresh, then restore its data from a backup";
    gone.then(|| Status::new(Phase::Failed, "NamespaceMissing", message, step))
}

/// Helm keeps the moment of the first deployment over upgrades. Another one than when the store was last found ready
/// means that it began anew, with empty volumes as far as anybody knows.
fn reinstalled(look: &Look<'_>, release: &ReleaseSeen) -> Option<Status> {
    let (before, now) = (look.desired.installed?, first_deployed(release)?);
    let message = format!(
        "the release was deployed afresh at {now:.0}, though the store was ready before, deployed at {before:.0}: its data is probably lost"
    );
    let step = "restore the data from a backup, or find the volumes again; when it is meant to be new, say so by a retry of the store";
    (before != now).then(|| Status::new(Phase::Degraded, "Reinstalled", message, step))
}

/// When Helm first deployed what is there now.
pub(super) fn first_deployed(release: &ReleaseSeen) -> Option<jiff::Timestamp> {
    release.history.first()?.first_deployed
}

fn unwell(look: &Look<'_>) -> Option<Status> {
    let found = live::trouble(&look.seen.live).filter(|_| !look.desired.suspended)?;
    let lasts = match found.outlook {
        Outlook::Broken => true,
        Outlook::Waiting => look.short_for(SETTLE_SECONDS),
        Outlook::Starting => look.short_for(ROLLOUT_SECONDS),
    };
    let message = format!("Flux has released it, but {}", found.sentence);
    lasts.then(|| Status::new(Phase::Degraded, &found.reason, message, found.next_step))
}

fn drifted(release: &ReleaseSeen) -> Option<Status> {
    let condition = release.meta.conditions.with("Drifted", Truth::True)?;
    let message = format!(
        "objects of the store were changed in the cluster: {}",
        condition.quoted()
    );
    // helm-controller 1.6 reports drift and leaves it; it applies a release again only when its spec has changed.
    let step = "find out who changed them; Flux puts them back with the store's next update";
    Some(Status::new(Phase::Degraded, "Drifted", message, step))
}

/// The release may be live while another object of the store, a quota say, is refused.
fn refused(look: &Look<'_>) -> Option<Status> {
    let applier = look.seen.kustomization.as_ref()?;
    let failure = pending::applier_failure(look, applier)?;
    (failure.phase == Phase::Failed).then_some(Status {
        phase: Phase::Degraded,
        ..failure
    })
}

fn applier_gone(look: &Look<'_>) -> Option<Status> {
    let gone = look.seen.kustomization.is_none() && look.quiet();
    let message = "the release runs, but the store's Kustomization is not in the cluster: later changes do not reach it";
    let step = "find out who deleted it; retry, or the shard's next reconciliation, makes it again";
    gone.then(|| Status::new(Phase::Degraded, "KustomizationMissing", message, step))
}

/// What is not seen was removed, or its watch is behind: the next seconds tell. It is not well meanwhile.
fn unsettled(look: &Look<'_>) -> Option<Status> {
    let namespace = look.seen.namespace.is_none().then_some("namespace");
    let applier = look.seen.kustomization.is_none().then_some("Kustomization");
    let missing = namespace.or(applier).filter(|_| !look.quiet())?;
    let message =
        format!("Flux has released it, but the store's {missing} is not seen in the cluster");
    Some(Status::new(Phase::Applying, "Applying", message, ""))
}

fn rolling_out(look: &Look<'_>) -> Option<Status> {
    let found = live::trouble(&look.seen.live).filter(|_| !look.desired.suspended)?;
    let message = format!("Flux has released it; {}", found.sentence);
    Some(Status::new(Phase::Applying, "RollingOut", message, ""))
}

fn switched_off(look: &Look<'_>) -> Option<Status> {
    let message = "the shop is switched off; its data is kept";
    let step = "resume it to switch it on";
    let off = look.desired.suspended;
    off.then(|| Status::new(Phase::Suspended, SUSPENDED, message, step))
}

fn not_answering(look: &Look<'_>) -> Option<Status> {
    let probe = look.seen.probe.as_ref()?;
    let message = format!(
        "its workloads are ready, but it does not answer as a shop does since {:.0}: {}",
        probe.since, probe.message
    );
    let silent = !probe.well && probe.times >= SILENT_ANSWERS;
    let step = live_step(NOT_ANSWERING);
    silent.then(|| Status::new(Phase::Degraded, NOT_ANSWERING, message, step))
}

fn well(release: &ReleaseSeen) -> Status {
    let newest = release.history.first();
    let version = newest.map_or("", |it| it.chart_version.as_str());
    let message = if version.is_empty() {
        "the release runs as Git wants it".to_owned()
    } else {
        format!("the release runs as Git wants it (chart {version})")
    };
    Status::new(Phase::Ready, "Ready", message, "")
}

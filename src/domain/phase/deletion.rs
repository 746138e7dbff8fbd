//! A deletion's two steps: what is still there, whether the second may follow, and when nothing is left.
//!
//! An absence counts only while every watch is healthy, and only where an applier shows that it has seen the commit:
//! a store that never reached the cluster also has no `HelmRelease`.

use jiff::Timestamp;

use super::look::{Look, RESUME_BY_HAND};
use super::words::{SUSPENDED_IN_CLUSTER, next_step};
use super::{Contains, DeletionStep, Desired, Phase, Status, namespace, pending};
use crate::domain::observed::{ClusterSeen, Condition, KustomizationSeen, StoreSeen, Truth};

/// Seconds without news after which a namespace that still names remaining content is called stuck. Its own moment of
/// deletion is of the cluster's clock, which may differ from ours by more than this.
const NAMESPACE_PATIENCE: i64 = 60;
/// Seconds after which any deletion is called slow: twice Flux's default timeout of five minutes, and the ten minutes
/// by which two clocks may differ.
const PATIENCE: i64 = 1200;

/// Whether the first commit of a deletion has done its work, so that the second may be written: the store's
/// Kustomization is Ready at that revision with the Namespace among its objects, and the `HelmRelease` is gone.
/// Where the cluster refuses even the Namespace (its name is somebody else's) nothing of the store is there at all,
/// and that is as good. False while any watch fails.
pub fn first_deletion_step_done(
    desired: &Desired,
    cluster: &ClusterSeen,
    seen: Option<&StoreSeen>,
    contains: Contains<'_>,
) -> bool {
    let look = Look::new(desired, (cluster, seen), contains, Timestamp::MAX);
    cluster.is_current() && desired.deletion == Some(DeletionStep::First) && look.first_done()
}

/// Whether a deletion stands still after its first commit because somebody suspended the store's Kustomization: its shard
/// has applied that commit, and so nothing resumes it. Not where the `HelmRelease` is suspended too: Flux would drop it
/// without uninstalling it.
pub fn first_deletion_step_held(
    desired: &Desired,
    cluster: &ClusterSeen,
    seen: Option<&StoreSeen>,
    contains: Contains<'_>,
) -> bool {
    let look = Look::new(desired, (cluster, seen), contains, Timestamp::MAX);
    cluster.is_current() && desired.deletion == Some(DeletionStep::First) && look.first_held()
}

/// Whether a store is gone: `HelmRelease`, Namespace and Kustomization are not there, and its shard has applied the
/// second commit. False while any watch fails.
pub fn is_gone(
    desired: &Desired,
    cluster: &ClusterSeen,
    seen: Option<&StoreSeen>,
    contains: Contains<'_>,
) -> bool {
    let look = Look::new(desired, (cluster, seen), contains, Timestamp::MAX);
    cluster.is_current() && desired.deletion == Some(DeletionStep::Second) && look.second_done()
}

impl Look<'_> {
    fn first_done(&self) -> bool {
        let applier = self.seen.kustomization.as_ref();
        self.seen.release.is_none()
            && applier.is_some_and(|applier| self.released(applier) || self.never_there(applier))
    }

    fn released(&self, applier: &KustomizationSeen) -> bool {
        let ready =
            applier.meta.conditions.ready() && applier.meta.observed() && !applier.suspended;
        ready
            && self.at_target(applier.last_applied_revision.as_deref())
            && applier.holds_namespace()
    }

    fn never_there(&self, applier: &KustomizationSeen) -> bool {
        let refused = applier
            .meta
            .conditions
            .with("Ready", Truth::False)
            .is_some();
        let tried = self.at_target(applier.last_attempted_revision.as_deref());
        refused
            && tried
            && !applier.suspended
            && applier.inventory.is_empty()
            && self.seen.namespace.is_none()
    }

    fn first_held(&self) -> bool {
        let applier = self.seen.kustomization.as_ref();
        let release = self.seen.release.as_ref();
        applier.is_some_and(|it| it.suspended)
            && !release.is_some_and(|it| it.suspended)
            && self.shard_has_applied()
    }

    fn second_done(&self) -> bool {
        !self.seen.present() && self.shard_has_applied()
    }

    fn shard_has_applied(&self) -> bool {
        let shard = self.seen.shard.as_ref();
        shard.is_some_and(|shard| self.at_target(shard.last_applied_revision.as_deref()))
    }
}

pub(super) fn status(look: &Look<'_>, step: DeletionStep) -> Status {
    let done = step == DeletionStep::Second && look.second_done();
    if done {
        return Status::new(
            Phase::Deleted,
            "Deleted",
            "nothing of the store is left in the cluster",
            "",
        );
    }
    let stuck = held(look)
        .or_else(|| uninstall_failed(look))
        .or_else(|| namespace_stuck(look));
    let waits = || {
        pending::not_published(look)
            .or_else(|| pending::not_in_source(look))
            .or_else(|| pending::not_in_shard(look))
    };
    let status = stuck.or_else(waits).unwrap_or_else(|| match step {
        DeletionStep::First => first(look),
        DeletionStep::Second => second(look),
    });
    Status {
        phase: Phase::Deleting,
        ..status
    }
}

fn deleting(reason: &str, message: impl Into<String>, next_step: &str) -> Status {
    Status::new(Phase::Deleting, reason, message, next_step)
}

fn held(look: &Look<'_>) -> Option<Status> {
    let kind = look.held_kind()?;
    let message =
        format!("the store's {kind} is suspended in the cluster, so nothing would be uninstalled");
    Some(deleting(SUSPENDED_IN_CLUSTER, message, RESUME_BY_HAND))
}

fn uninstall_failed(look: &Look<'_>) -> Option<Status> {
    let conditions = &look.seen.release.as_ref()?.meta.conditions;
    let is_it = |condition: &&Condition| condition.reason == "UninstallFailed";
    let found = ["Ready", "Released"]
        .into_iter()
        .find_map(|kind| conditions.with(kind, Truth::False).filter(is_it))?;
    let message = format!("Helm cannot uninstall the release: {}", found.quoted());
    Some(deleting(
        "UninstallFailed",
        message,
        next_step("UninstallFailed"),
    ))
}

fn namespace_stuck(look: &Look<'_>) -> Option<Status> {
    let seen = look.seen.namespace.as_ref()?;
    let since = seen.meta.deleting_since?;
    let held = namespace::held(seen).filter(|_| look.quiet_for(NAMESPACE_PATIENCE))?;
    let message = format!(
        "the namespace is being removed since {since:.0} and something holds it: {}",
        held.sentence
    );
    Some(deleting("NamespaceStuck", message, held.next_step))
}

fn first(look: &Look<'_>) -> Status {
    if look.first_done() {
        return deleting(
            "ReleaseGone",
            "the release is uninstalled; the second commit takes the rest away",
            "",
        );
    }
    let failure = look
        .seen
        .kustomization
        .as_ref()
        .and_then(|applier| pending::applier_failure(look, applier));
    if let Some(failure) = failure {
        return failure;
    }
    match &look.seen.release {
        Some(release) => slow(
            look,
            release.meta.deleting_since,
            "Uninstalling",
            "Helm is uninstalling the release",
        ),
        None => deleting(
            "Applying",
            "Flux is applying the first step of the deletion",
            "",
        ),
    }
}

fn second(look: &Look<'_>) -> Status {
    let seen = &look.seen;
    if seen.release.is_some() {
        let step = "find out who made it again; delete the HelmRelease in the cluster by hand";
        return deleting(
            "ReleaseRemains",
            "a HelmRelease of the store is in the cluster again",
            step,
        );
    }
    if let Some(namespace) = &seen.namespace {
        return slow(
            look,
            namespace.meta.deleting_since,
            "RemovingNamespace",
            "the namespace and all that is in it are being removed",
        );
    }
    deleting(
        "Applying",
        "Flux is applying the second step of the deletion",
        "",
    )
}

/// What goes on, with a hint where it takes much longer than it should.
fn slow(look: &Look<'_>, since: Option<Timestamp>, reason: &str, message: &str) -> Status {
    let old = |since: &Timestamp| look.now.as_second() - since.as_second() >= PATIENCE;
    let patient = |since: &Timestamp| old(since) && look.quiet_for(NAMESPACE_PATIENCE);
    let Some(since) = since.filter(patient) else {
        return deleting(reason, message, "");
    };
    let next_step = "look at the object's conditions and finalizers in the cluster";
    deleting(
        reason,
        format!("{message}, since {since:.0} already"),
        next_step,
    )
}

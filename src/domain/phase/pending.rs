//! Why the desired state is not live yet: how far the deploy commit has come on its way through Flux.

use super::look::{Look, RESUME_BY_HAND};
use super::words::{names, next_step};
use super::{Phase, Status};
use crate::domain::observed::{Condition, Failure, KustomizationSeen, Truth};

/// How attempts of kustomize-controller fail (`api/v1/condition_types.go`).
const ATTEMPT_FAILED: [&str; 4] = [
    "BuildFailed",
    "HealthCheckFailed",
    "PruneFailed",
    "ReconciliationFailed",
];

pub(super) fn status(look: &Look<'_>) -> Status {
    let on_the_way = not_published(look)
        .or_else(|| not_in_source(look))
        .or_else(|| not_in_shard(look));
    on_the_way.unwrap_or_else(|| match &look.seen.kustomization {
        None => without_applier(look),
        Some(applier) => by_applier(look, applier),
    })
}

/// No published deploy commit carries it.
pub(super) fn not_published(look: &Look<'_>) -> Option<Status> {
    let waiting = || {
        let message = "it is in Git, but no published deploy commit carries it yet";
        Status::new(
            Phase::Committed,
            "NotPublished",
            message,
            "wait; if it stays, look at the server's health: a push may be refused",
        )
    };
    look.desired.deploy_commit.is_none().then(waiting)
}

/// The cluster has not fetched it.
pub(super) fn not_in_source(look: &Look<'_>) -> Option<Status> {
    let known = look.in_source();
    if known == Some(true) {
        return None;
    }
    if let Some(alarm) = look.cluster.source_trouble(look.now) {
        return Some(Status::new(
            Phase::Committed,
            "SourceFailed",
            alarm.message,
            alarm.next_step,
        ));
    }
    let fetched = look
        .cluster
        .source
        .as_ref()
        .and_then(|source| source.revision.as_deref());
    let message = match (fetched, known) {
        (None, _) => "it is in Git; Flux has not fetched the fleet repository yet".to_owned(),
        (Some(revision), Some(_)) => {
            format!("it is in Git; Flux has not fetched it yet and is at {revision}")
        }
        (Some(revision), None) => {
            format!("it is in Git; Flux is at {revision}, which is not known to this server")
        }
    };
    let step = "wait: Flux fetches when it is told to, or else at its interval";
    Some(Status::new(
        Phase::Committed,
        "WaitingForSource",
        message,
        step,
    ))
}

/// The shard's artifact does not have it.
pub(super) fn not_in_shard(look: &Look<'_>) -> Option<Status> {
    if look.in_shard() {
        return None;
    }
    if let Some(alarm) = look.cluster.source_trouble(look.now) {
        return Some(Status::new(
            Phase::Committed,
            "SourceFailed",
            alarm.message,
            alarm.next_step,
        ));
    }
    let message = "Flux has fetched it; the artifact of the store's shard is not made yet";
    let step = "wait a moment; if it stays, look at the ArtifactGenerator shards in the cluster";
    Some(Status::new(
        Phase::Committed,
        "WaitingForArtifact",
        message,
        step,
    ))
}

/// The store's own Kustomization does not exist: it is the shard's to make, and the shard's is the root's.
fn without_applier(look: &Look<'_>) -> Status {
    let Some(shard) = &look.seen.shard else {
        return without_shard(look);
    };
    if shard.suspended {
        let message = "the Kustomization of the store's shard is suspended in the cluster";
        return Status::new(Phase::Applying, "ShardSuspended", message, RESUME_BY_HAND);
    }
    match shard.failure() {
        Some(condition) => shard_failed(look, condition),
        None => applying("the Kustomization of the store's shard is being applied"),
    }
}

fn without_shard(look: &Look<'_>) -> Status {
    let trouble = look
        .cluster
        .alarms(look.now)
        .into_iter()
        .find(|alarm| alarm.reason.starts_with("Root"));
    match trouble {
        Some(alarm) => Status::new(
            Phase::Applying,
            "RootBlocked",
            alarm.message,
            alarm.next_step,
        ),
        None => applying("the store's shard is being made in the cluster"),
    }
}

fn shard_failed(look: &Look<'_>, condition: &Condition) -> Status {
    let own = format!("store-{}", look.desired.name);
    if names(&condition.message, &own) {
        let message = format!(
            "the cluster refuses the store's Kustomization: {}",
            condition.quoted()
        );
        return Status::new(
            Phase::Failed,
            &condition.reason,
            message,
            next_step(&condition.reason),
        );
    }
    let message = format!(
        "the store's shard cannot be applied: {}",
        condition.quoted()
    );
    let step =
        "look at the object that the message names; it holds up every new store of this shard";
    Status::new(Phase::Applying, "ShardBlocked", message, step)
}

fn by_applier(look: &Look<'_>, applier: &KustomizationSeen) -> Status {
    if let Some(failed) = applier_failure(look, applier) {
        return failed;
    }
    let at_target = look.at_target(applier.last_applied_revision.as_deref());
    let contradicts = at_target && applier.meta.conditions.ready() && look.quiet();
    if contradicts {
        let message = match look.seen.release {
            Some(_) => {
                "Flux has applied the store's files, yet its HelmRelease is not as rendered: something else writes it"
            }
            None => {
                "Flux has applied the store's files, yet its HelmRelease is not there: somebody removed it"
            }
        };
        let step = "find out who changed the HelmRelease in the cluster; retry makes Flux apply the files again";
        return Status::new(Phase::Failed, "NotInSync", message, step);
    }
    applying("Flux is applying the store's files")
}

/// What the store's own Kustomization says is wrong with the desired state, if it has tried that. It applies only
/// this store's objects, so its failure is the store's. While it tries again, the failure before still stands.
pub(super) fn applier_failure(look: &Look<'_>, applier: &KustomizationSeen) -> Option<Status> {
    let now = applier.meta.conditions.with("Ready", Truth::False);
    if let Some((phase, what, condition)) = now.and_then(|condition| hindered(look, condition)) {
        return Some(failure(phase, what, condition));
    }
    let stands = |failure: &&Failure| {
        let tried = look.at_target(failure.revision.as_deref());
        tried && hindered(look, &failure.condition).is_none()
    };
    let before = applier.last_failure.as_ref().filter(stands);
    let attempted = || look.at_target(applier.last_attempted_revision.as_deref());
    let condition = now
        .filter(|_| attempted())
        .or(before.map(|failure| &failure.condition));
    let known =
        condition.map(|it| failure(Phase::Failed, "Flux cannot apply the store's files", it));
    known.or_else(|| failed_before_start(look, applier))
}

/// How the attempt before ended is not said while the next one runs, and a start forgets it.
fn failed_before_start(look: &Look<'_>, applier: &KustomizationSeen) -> Option<Status> {
    let runs = applier.meta.conditions.with("Ready", Truth::Unknown);
    runs.filter(|_| look.at_target(applier.last_attempted_revision.as_deref()))?;
    let reason = look.before_start()?.reason.as_str();
    let message = "Flux could not apply the store's files before this server was started, and is trying again";
    let failed = ATTEMPT_FAILED.contains(&reason);
    failed.then(|| Status::new(Phase::Failed, reason, message, next_step(reason)))
}

/// What keeps it from trying at all. Its attempted revision does not move then.
fn hindered<'a>(
    look: &Look<'_>,
    condition: &'a Condition,
) -> Option<(Phase, &'static str, &'a Condition)> {
    let folder = format!("stores/{}", look.desired.name);
    let (phase, what) = match condition.reason.as_str() {
        "DependencyNotReady" | "HealthCheckCanceled" => (Phase::Applying, "Flux waits"),
        "ArtifactFailed" if names(&condition.message, &folder) => {
            (Phase::Failed, "Flux does not find the store's files")
        }
        "ArtifactFailed" => (Phase::Applying, "Flux cannot fetch the store's files"),
        _ => return None,
    };
    Some((phase, what, condition))
}

fn failure(phase: Phase, what: &str, condition: &Condition) -> Status {
    let message = format!("{what}: {}", condition.quoted());
    Status::new(
        phase,
        &condition.reason,
        message,
        next_step(&condition.reason),
    )
}

fn applying(message: &str) -> Status {
    Status::new(Phase::Applying, "Applying", message, "")
}

//! What became of the desired state once it is on the live `HelmRelease`.
//!
//! Two traps are kept in mind. `Ready=True` may still be about the spec before: only the generation and the request
//! that the controller reports as handled prove otherwise. And with retries on, a release that can never succeed is
//! neither stalled nor failed to kstatus; only the reason of Ready tells.

use super::words::{SUSPENDED, next_step};
use super::{Look, Phase, Status, pending};
use crate::domain::observed::{Condition, ReleaseSeen, Truth};

pub(super) fn status(look: &Look<'_>, release: &ReleaseSeen) -> Status {
    let conditions = &release.meta.conditions;
    if conditions.0.is_empty() {
        return not_observed(look);
    }
    let stalled = conditions
        .with("Stalled", Truth::True)
        .filter(|condition| is_about_newest(release, condition));
    if let Some(condition) = stalled {
        return given_up(release, condition);
    }
    if is_ready(release) {
        return running(look, release);
    }
    let failed = conditions
        .with("Ready", Truth::False)
        .filter(|condition| is_about_newest(release, condition));
    if let Some(condition) = failed {
        return not_ready(release, condition);
    }
    retrying(release).unwrap_or_else(|| progress(release))
}

/// Whether a condition speaks of the newest spec. Its own generation is believed here, because blocked releases
/// report no other; it is never believed for success (Flux's patch helper may move it too early).
fn is_about_newest(release: &ReleaseSeen, condition: &Condition) -> bool {
    let generation = release.meta.generation;
    let own = condition
        .observed_generation
        .is_some_and(|observed| observed >= generation);
    release.attempted() || (own && release.meta.handled())
}

/// Ready for the newest spec and request. A routine look (Reconciling with reason Progressing) begins with Ready
/// still True and makes it Unknown before Helm acts, so it does not count against it.
fn is_ready(release: &ReleaseSeen) -> bool {
    let conditions = &release.meta.conditions;
    let reconciling = conditions.with("Reconciling", Truth::True);
    let routine = reconciling.is_none_or(|condition| condition.reason == "Progressing");
    conditions.ready() && release.meta.observed() && release.meta.handled() && routine
}

fn not_observed(look: &Look<'_>) -> Status {
    if !look.quiet() {
        return Status::new(
            Phase::Applying,
            "Applying",
            "the HelmRelease is applied; Flux is about to look at it",
            "",
        );
    }
    let message = "the HelmRelease is applied, but no helm-controller has looked at it";
    let step = "check that helm-controller runs and watches this namespace";
    Status::new(Phase::Committed, "NotObserved", message, step)
}

/// Flux has stopped trying.
fn given_up(release: &ReleaseSeen, stalled: &Condition) -> Status {
    let ready = release.meta.conditions.with("Ready", Truth::False);
    let reason = ready.map_or(stalled.reason.as_str(), |condition| {
        condition.reason.as_str()
    });
    let why = ready
        .map(|condition| format!("; {}", condition.quoted()))
        .unwrap_or_default();
    let message = format!("Flux has stopped trying ({}){why}", stalled.quoted());
    let phase = if release.ever_served() {
        Phase::Degraded
    } else {
        Phase::Failed
    };
    Status::new(phase, reason, message, next_step(&stalled.reason))
}

fn running(look: &Look<'_>, release: &ReleaseSeen) -> Status {
    if let Some(condition) = release.meta.conditions.with("Drifted", Truth::True) {
        let message = format!(
            "objects of the store were changed in the cluster: {}",
            condition.quoted()
        );
        return Status::new(
            Phase::Degraded,
            "Drifted",
            message,
            "find out who changed them; retry with mode force puts them back",
        );
    }
    // The release may be live while another object of the store, a quota say, is refused.
    let refused = look
        .seen
        .kustomization
        .as_ref()
        .and_then(|applier| pending::applier_failure(look, applier));
    if let Some(failure) = refused.filter(|failure| failure.phase == Phase::Failed) {
        return Status {
            phase: Phase::Degraded,
            ..failure
        };
    }
    if look.desired.suspended {
        return Status::new(
            Phase::Suspended,
            SUSPENDED,
            "the shop is switched off; its data is kept",
            "resume it to switch it on",
        );
    }
    let version = release
        .history
        .first()
        .map_or("", |newest| newest.chart_version.as_str());
    let message = format!("the release runs as Git wants it (chart {version})");
    let message = if version.is_empty() {
        "the release runs as Git wants it".to_owned()
    } else {
        message
    };
    Status::new(Phase::Ready, "Ready", message, "")
}

/// Ready=False: the reason decides, and whether anything ran before that still serves.
fn not_ready(release: &ReleaseSeen, condition: &Condition) -> Status {
    let (phase, what) = match condition.reason.as_str() {
        "DependencyNotReady" | "SourceNotReady" | "ArtifactFailed" | "HealthCheckCanceled" => {
            (Phase::Applying, "Flux waits before it can release")
        }
        "InstallFailed" => (Phase::Failed, "the installation fails"),
        "RollbackFailed" => (Phase::Failed, "the upgrade failed and so did going back"),
        "UninstallSucceeded" | "UninstallFailed" => {
            (Phase::Failed, "the installation failed and is taken away")
        }
        "ValuesError" | "ChartMutateError" | "RESTClientError" => {
            (Phase::Failed, "the release cannot be prepared")
        }
        "RollbackSucceeded" => (
            Phase::Degraded,
            "the upgrade failed; the version before runs again",
        ),
        _ if release.ever_served() => (
            Phase::Degraded,
            "the version before may still serve, the newest does not",
        ),
        _ => (Phase::Failed, "the release fails"),
    };
    let message = format!("{what}{}: {}", attempts(release), condition.quoted());
    Status::new(
        phase,
        &condition.reason,
        message,
        next_step(&condition.reason),
    )
}

/// A further attempt runs at a spec that has failed before: still failing until it succeeds, or phases would flap
/// with every retry.
fn retrying(release: &ReleaseSeen) -> Option<Status> {
    if !release.attempted() || release.failures == 0 {
        return None;
    }
    let last = release.meta.conditions.with("Released", Truth::False);
    let (phase, reason) = if release.ever_served() {
        (Phase::Degraded, "UpgradeFailed")
    } else {
        (Phase::Failed, "InstallFailed")
    };
    let reason = last.map_or(reason, |condition| condition.reason.as_str());
    let why = last
        .map(|condition| format!("; the last ended with {}", condition.quoted()))
        .unwrap_or_default();
    let message = format!("Flux is trying again{}{why}", attempts(release));
    Some(Status::new(phase, reason, message, next_step(reason)))
}

fn attempts(release: &ReleaseSeen) -> String {
    match release
        .failures
        .max(release.install_failures)
        .max(release.upgrade_failures)
    {
        0 => String::new(),
        1 => " (1 failed attempt)".to_owned(),
        n => format!(" ({n} failed attempts)"),
    }
}

fn progress(release: &ReleaseSeen) -> Status {
    let conditions = &release.meta.conditions;
    let step = conditions
        .with("Reconciling", Truth::True)
        .or_else(|| conditions.with("Ready", Truth::Unknown));
    let detail = step
        .map(|condition| format!(": {}", condition.quoted()))
        .unwrap_or_default();
    // The first look at a release ends only after its installation, though Helm's history may show it deployed before.
    let looked = release
        .meta
        .observed_generation
        .is_some_and(|observed| observed >= 0);
    if looked && release.ever_served() {
        return Status::new(
            Phase::Applying,
            "Upgrading",
            format!("Flux is bringing the release forward{detail}"),
            "",
        );
    }
    Status::new(
        Phase::Provisioning,
        "Installing",
        format!("Flux is installing the release{detail}"),
        "",
    )
}

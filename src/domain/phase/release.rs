//! What became of the desired state once it is on the live `HelmRelease`.
//!
//! Two traps are kept in mind. `Ready=True` may still be about the spec before: only the generation and the request
//! that the controller reports as handled prove otherwise. And with retries on, a release that can never succeed is
//! neither stalled nor failed to kstatus; only the reason of Ready tells.

use super::words::next_step;
use super::{Look, Phase, Status, running};
use crate::domain::observed::{Condition, ReleaseSeen, Truth};

pub(super) fn status(look: &Look<'_>, release: &ReleaseSeen) -> Status {
    if is_ready(release) && stalled(release).is_none() {
        return running::status(look, release);
    }
    running::explained(look, on_its_way(look, release))
}

fn stalled(release: &ReleaseSeen) -> Option<&Condition> {
    let stalled = release.meta.conditions.with("Stalled", Truth::True);
    stalled.filter(|condition| is_about_newest(release, condition))
}

fn on_its_way(look: &Look<'_>, release: &ReleaseSeen) -> Status {
    let conditions = &release.meta.conditions;
    if conditions.0.is_empty() {
        return not_observed(look);
    }
    if let Some(condition) = stalled(release) {
        return given_up(look, release, condition);
    }
    let failed = failure(release).filter(|condition| is_about_newest(release, condition));
    if let Some(condition) = failed {
        return not_ready(look, release, condition);
    }
    retrying(look, release).unwrap_or_else(|| progress(release))
}

/// What Ready says of a failure, or else what Flux has done about it since: Ready stays as it was when a release is
/// uninstalled for its failure (helm-controller 1.6), and that is gone with the next attempt.
fn failure(release: &ReleaseSeen) -> Option<&Condition> {
    let conditions = &release.meta.conditions;
    let ready = conditions.with("Ready", Truth::False)?;
    let remedy = conditions.get("Remediated");
    let uninstalled = remedy.filter(|it| it.reason.starts_with("Uninstall"));
    Some(uninstalled.unwrap_or(ready))
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
pub(super) fn is_ready(release: &ReleaseSeen) -> bool {
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
fn given_up(look: &Look<'_>, release: &ReleaseSeen, stalled: &Condition) -> Status {
    let failed = failure(release);
    let reason = failed.map_or(stalled.reason.as_str(), |condition| {
        condition.reason.as_str()
    });
    let why = failed
        .map(|condition| format!("; {}", condition.quoted()))
        .unwrap_or_default();
    let message = format!("Flux has stopped trying ({}){why}", stalled.quoted());
    let phase = if served(look, release) && !serves_no_more(reason) {
        Phase::Degraded
    } else {
        Phase::Failed
    };
    Status::new(phase, reason, message, next_step(&stalled.reason))
}

/// Whether a version before may still serve. Helm keeps two versions of a release, so after some failed upgrades its history
/// has none that ever served; then what is remembered of the store counts.
fn served(look: &Look<'_>, release: &ReleaseSeen) -> bool {
    let upgrades = release.upgrade_failures > 0 && release.install_failures == 0;
    release.ever_served() || (upgrades && look.desired.installed.is_some())
}

/// Whether Flux's own remedy for a failure has left nothing that serves, whatever the history holds: it went back in
/// vain, or took all away.
fn serves_no_more(reason: &str) -> bool {
    matches!(
        reason,
        "RollbackFailed" | "UninstallSucceeded" | "UninstallFailed"
    )
}

/// Ready=False: the reason decides, and whether anything ran before that still serves.
fn not_ready(look: &Look<'_>, release: &ReleaseSeen, condition: &Condition) -> Status {
    // Before a retry and as it begins the reason is Progressing, and only between that ProgressingWithRetry.
    let reconciling = release.meta.conditions.with("Reconciling", Truth::True);
    let again = reconciling.is_some();
    let (phase, what) = match condition.reason.as_str() {
        "DependencyNotReady" | "SourceNotReady" | "ArtifactFailed" | "HealthCheckCanceled" => {
            (Phase::Applying, "Flux waits before it can release")
        }
        "InstallFailed" if again && may_pass(look, release) => (
            Phase::Provisioning,
            "the installation did not succeed at first and is tried again",
        ),
        "InstallFailed" => (Phase::Failed, "the installation fails"),
        "RollbackFailed" => (Phase::Failed, "the upgrade failed and so did going back"),
        "UninstallSucceeded" | "UninstallFailed" => {
            (Phase::Failed, "the release failed and Flux takes it away")
        }
        "ValuesError" | "ChartMutateError" | "RESTClientError" => {
            (Phase::Failed, "the release cannot be prepared")
        }
        "RollbackSucceeded" => (
            Phase::Degraded,
            "the upgrade failed; the version before runs again",
        ),
        _ if served(look, release) => (
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

/// Whether a failed installation may have been slow only: it failed once, and nothing in the store's namespace says
/// that it cannot succeed.
fn may_pass(look: &Look<'_>, release: &ReleaseSeen) -> bool {
    failures(release) < 2 && !served(look, release) && !running::is_broken(look)
}

/// A further attempt runs at a spec that has failed before: still failing until it succeeds, or phases would flap
/// with every retry.
fn retrying(look: &Look<'_>, release: &ReleaseSeen) -> Option<Status> {
    if !release.attempted() || release.failures == 0 {
        return None;
    }
    let last = release.meta.conditions.with("Released", Truth::False);
    let (phase, reason) = if served(look, release) {
        (Phase::Degraded, "UpgradeFailed")
    } else if may_pass(look, release) {
        (Phase::Provisioning, "InstallFailed")
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

fn failures(release: &ReleaseSeen) -> i64 {
    let by_kind = release.install_failures.max(release.upgrade_failures);
    release.failures.max(by_kind)
}

fn attempts(release: &ReleaseSeen) -> String {
    match failures(release) {
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

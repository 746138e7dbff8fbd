//! Rows 4 and 10 to 19: the desired state is on the live release.

use super::*;

fn progressing(message: &str) -> Condition {
    is("Reconciling", Truth::True, "Progressing", message)
}

#[test]
fn row_4_suspended_by_hand() {
    let mut scene = scene();
    scene.release().suspended = true;
    let status = scene.shows(Phase::Suspended, "SuspendedInCluster");
    scene.desired.suspended = true;
    assert!(
        !goal_reached(&scene.desired, &status),
        "held by hand is not switched off"
    );
    scene.release().suspended = false;
    scene.applier().suspended = true;
    assert!(
        scene
            .shows(Phase::Suspended, "SuspendedInCluster")
            .message
            .contains("Kustomization")
    );
}

#[test]
fn row_10_flux_has_stopped_trying() {
    let mut scene = scene();
    let stalled = is(
        "Stalled",
        Truth::True,
        "RetriesExceeded",
        "Failed to upgrade after 1 attempt(s)",
    );
    scene.release().meta.conditions = Conditions(vec![
        is("Ready", Truth::False, "UpgradeFailed", "timed out"),
        stalled.clone(),
    ]);
    scene.release().history = vec![served(2, "failed"), served(1, "superseded")];
    let status = scene.shows(Phase::Degraded, "UpgradeFailed");
    assert!(status.message.contains("RetriesExceeded") && status.message.contains("timed out"));
    scene.release().meta.conditions = Conditions(vec![
        is("Ready", Truth::False, "RollbackSucceeded", "back"),
        stalled.clone(),
    ]);
    scene.release().history = vec![served(3, "deployed"), served(2, "failed")];
    scene.shows(Phase::Degraded, "RollbackSucceeded");
    scene.release().meta.conditions = Conditions(vec![
        is("Ready", Truth::False, "InstallFailed", "no"),
        stalled,
    ]);
    scene.release().history = vec![served(1, "failed")];
    scene.shows(Phase::Failed, "InstallFailed");
}

#[test]
fn row_11_ready_only_for_the_newest_generation_and_request() {
    let mut scene = scene();
    let status = scene.shows(Phase::Ready, "Ready");
    assert!(goal_reached(&scene.desired, &status));
    assert!(is_applied(
        &scene.desired,
        &scene.cluster,
        Some(&scene.store),
        now()
    ));
    scene
        .release()
        .meta
        .conditions
        .0
        .push(progressing("Fulfilling prerequisites"));
    scene.shows(Phase::Ready, "Ready");
    scene.release().meta.requested_at = Some("token".into());
    scene.shows(Phase::Applying, "Upgrading");
    scene.release().meta.last_handled = Some("token".into());
    scene.shows(Phase::Ready, "Ready");
    scene.release().meta.generation = 3;
    scene.shows(Phase::Applying, "Upgrading");
    assert!(!is_applied(
        &scene.desired,
        &scene.cluster,
        Some(&scene.store),
        now()
    ));
}

#[test]
fn switched_off_is_suspended() {
    let mut scene = scene();
    scene.desired.suspended = true;
    let status = scene.shows(Phase::Suspended, words::SUSPENDED);
    assert!(goal_reached(&scene.desired, &status));
}

#[test]
fn row_12_drifted_or_partly_refused_is_degraded() {
    let mut scene = scene();
    scene.release().meta.conditions.0.push(is(
        "Drifted",
        Truth::True,
        "DriftDetected",
        "1 object changed",
    ));
    scene.shows(Phase::Degraded, "Drifted");
    let mut scene = super::scene();
    scene.applier().meta.conditions = not_ready("ReconciliationFailed", "ResourceQuota refused");
    assert!(
        scene
            .shows(Phase::Degraded, "ReconciliationFailed")
            .message
            .contains("ResourceQuota")
    );
}

#[test]
fn row_13_remediated() {
    let expected = [
        ("RollbackSucceeded", Phase::Degraded),
        ("RollbackFailed", Phase::Failed),
        ("UninstallSucceeded", Phase::Failed),
        ("UninstallFailed", Phase::Failed),
    ];
    for (reason, phase) in expected {
        let mut scene = scene();
        // as helm-controller leaves Ready: only going back moves it
        let uninstalls = reason.starts_with("Uninstall");
        let ready = if uninstalls { "UpgradeFailed" } else { reason };
        scene.release().meta.conditions = not_ready(ready, "m");
        scene
            .release()
            .meta
            .conditions
            .0
            .push(is("Remediated", Truth::True, reason, "m"));
        scene.shows(phase, reason);
        // and where Flux then stops trying, though an older revision served once
        let stalled = is("Stalled", Truth::True, "RetriesExceeded", "m");
        scene.release().meta.conditions.0.push(stalled);
        scene.release().history = vec![served(2, "failed"), served(1, "superseded")];
        scene.shows(phase, reason);
    }
}

#[test]
fn row_14_a_failed_installation_fails_the_store_at_its_second_failure_and_stays_so_while_it_is_tried_again()
 {
    let failed = "Deployment/store not ready";
    for (failures, phase) in [(1, Phase::Provisioning), (2, Phase::Failed)] {
        let mut scene = scene();
        scene.release().history = vec![served(1, "failed")];
        scene.release().failures = failures;
        // as Flux writes it one after another, before and after it says that it tries again
        for reconciling in ["Progressing", "ProgressingWithRetry", "Progressing"] {
            scene.release().meta.conditions = not_ready("InstallFailed", failed);
            let reconciling = is("Reconciling", Truth::True, reconciling, "m");
            scene.release().meta.conditions.0.push(reconciling);
            let status = scene.shows(phase, "InstallFailed");
            assert!(status.message.contains(failed) && status.message.contains("failed attempt"));
            assert!(!status.next_step.is_empty() && !goal_reached(&scene.desired, &status));
        }
        scene.release().meta.conditions = Conditions(vec![
            is("Ready", Truth::Unknown, "Progressing", "Running 'upgrade'"),
            is("Released", Truth::False, "InstallFailed", failed),
            progressing("Running 'upgrade' action"),
        ]);
        let status = scene.shows(phase, "InstallFailed");
        assert!(status.message.contains("trying again"));
        scene.release().meta.generation = 3;
        scene.shows(Phase::Provisioning, "Installing");
    }
}

#[test]
fn row_14_a_first_failure_is_the_end_where_nobody_tries_again_or_nothing_can_succeed() {
    let mut scene = scene();
    scene.release().history = vec![served(1, "failed")];
    scene.release().failures = 1;
    scene.release().meta.conditions = not_ready("InstallFailed", "m");
    scene.shows(Phase::Failed, "InstallFailed");
    scene.release().meta.conditions.0.push(is(
        "Reconciling",
        Truth::True,
        "ProgressingWithRetry",
        "m",
    ));
    scene.shows(Phase::Provisioning, "InstallFailed");
    scene.store.live = alive::with_pod("ImagePullBackOff", "Back-off pulling image");
    scene.shows(Phase::Failed, "InstallFailed");
}

#[test]
fn row_15_a_failed_upgrade_is_degraded_while_something_serves() {
    for reason in ["UpgradeFailed", "TestFailed"] {
        let mut scene = scene();
        scene.release().history = vec![served(2, "failed"), served(1, "superseded")];
        scene.release().meta.conditions = not_ready(reason, "m");
        scene.shows(Phase::Degraded, reason);
        scene.release().history = vec![served(2, "failed"), served(1, "failed")];
        scene.shows(Phase::Failed, reason);
        // Helm keeps two versions: the one that served is gone from its history after some attempts
        scene.desired.installed = Some(ago(3600));
        scene.release().upgrade_failures = 3;
        scene.shows(Phase::Degraded, reason);
        scene.release().install_failures = 1;
        scene.shows(Phase::Failed, reason);
    }
}

#[test]
fn row_16_blocked_waits_and_a_bad_configuration_fails() {
    for reason in [
        "DependencyNotReady",
        "SourceNotReady",
        "ArtifactFailed",
        "HealthCheckCanceled",
    ] {
        let mut scene = scene();
        scene.release().meta.conditions = not_ready(reason, "m");
        scene.shows(Phase::Applying, reason);
    }
    for reason in ["ValuesError", "RESTClientError", "ChartMutateError"] {
        let mut scene = scene();
        scene.release().meta.observed_generation = Some(1);
        scene.release().last_attempted_generation = Some(1);
        let mut condition = is("Ready", Truth::False, reason, "m");
        condition.observed_generation = Some(2);
        scene.release().meta.conditions = Conditions(vec![condition.clone()]);
        scene.shows(Phase::Failed, reason);
        condition.observed_generation = Some(1);
        scene.release().meta.conditions = Conditions(vec![condition]);
        scene.shows(Phase::Applying, "Upgrading");
    }
}

#[test]
fn a_reason_nobody_has_heard_of_is_not_green() {
    let mut scene = scene();
    scene.release().meta.conditions = not_ready("BrandNew", "m");
    scene.shows(Phase::Degraded, "BrandNew");
    scene.release().history.clear();
    scene.shows(Phase::Failed, "BrandNew");
}

#[test]
fn rows_17_and_18_under_way() {
    let mut scene = scene();
    let unknown = is(
        "Ready",
        Truth::Unknown,
        "Progressing",
        "Running 'install' action with timeout of 5m0s",
    );
    scene.release().meta.conditions = Conditions(vec![unknown]);
    scene.shows(Phase::Applying, "Upgrading");
    scene.release().history.clear();
    assert!(
        scene
            .shows(Phase::Provisioning, "Installing")
            .message
            .contains("Running 'install'")
    );
}

#[test]
fn row_19_nobody_looks_at_the_release() {
    let mut scene = scene();
    scene.release().meta.conditions = Conditions::default();
    scene.shows(Phase::Committed, "NotObserved");
    scene.store.changed_at = Some(ago(1));
    scene.shows(Phase::Applying, "Applying");
}

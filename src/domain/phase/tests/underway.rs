//! Rows 5 to 9: the desired state is not live yet, and why.

use super::*;

#[test]
fn what_is_not_published_is_committed() {
    let mut scene = scene().outdated();
    scene.desired.deploy_commit = None;
    scene.shows(Phase::Committed, "NotPublished");
}

#[test]
fn row_5_the_source_is_behind() {
    let mut scene = scene().outdated();
    scene.source().revision = Some(format!("deploy/local@sha1:{BEFORE}"));
    scene.shows(Phase::Committed, "WaitingForSource");
    scene.source().revision =
        Some("deploy/local@sha1:3333333333333333333333333333333333333333".into());
    assert!(
        scene
            .shows(Phase::Committed, "WaitingForSource")
            .message
            .contains("not known to this server")
    );
    scene.source().revision = None;
    scene.source().meta.conditions = Conditions::default();
    scene.shows(Phase::Committed, "WaitingForSource");
}

#[test]
fn row_6_the_source_fails() {
    let cases: [fn(&mut Scene); 5] = [
        |scene| scene.source().meta.conditions = not_ready("AuthenticationFailed", "no"),
        |scene| {
            scene.source().meta.conditions.0.push(is(
                "SourceVerified",
                Truth::False,
                "InvalidCommitSignature",
                "no",
            ));
        },
        |scene| {
            scene
                .source()
                .meta
                .conditions
                .0
                .push(is("Stalled", Truth::True, "URLInvalid", "no"));
        },
        |scene| scene.source().suspended = true,
        |scene| scene.cluster.source = None,
    ];
    for change in cases {
        let mut scene = scene().outdated();
        scene.source().revision = Some(format!("deploy/local@sha1:{BEFORE}"));
        change(&mut scene);
        scene.shows(Phase::Committed, "SourceFailed");
        assert!(!scene.cluster.alarms(now()).is_empty());
    }
}

#[test]
fn a_chart_that_cannot_be_built_is_an_alarm_and_no_running_store_is_ill_of_it() {
    let mut scene = scene();
    let build = is(
        "BuildFailed",
        Truth::True,
        "ChartPackageError",
        "no Chart.yaml",
    );
    let meta = Meta {
        conditions: Conditions(vec![build]),
        ..Meta::default()
    };
    let chart = ChartSeen {
        meta,
        ..ChartSeen::default()
    };
    let charts = &mut scene.cluster.charts;
    charts.insert("woocommerce-2.0.0".to_owned(), chart);
    let alarms = scene.cluster.alarms(now());
    assert_eq!(alarms[0].reason, "ChartFailed");
    assert!(alarms[0].message.contains("no Chart.yaml"), "{alarms:?}");
    scene.shows(Phase::Ready, "Ready");
}

#[test]
fn row_6a_the_shard_is_not_cut() {
    let mut scene = scene().outdated();
    let behind = Some(format!("deploy/local@sha1:{BEFORE}"));
    scene.store.artifact = Some(ArtifactSeen {
        origin: behind,
        ..ArtifactSeen::default()
    });
    scene.shows(Phase::Committed, "WaitingForArtifact");
    scene.store.artifact = None;
    scene.shows(Phase::Committed, "WaitingForArtifact");
    let shards = scene
        .cluster
        .generators
        .get_mut("shards")
        .expect("it is in the scene");
    shards.meta.conditions = not_ready("BuildFailed", "no files match pattern");
    let status = scene.shows(Phase::Committed, "SourceFailed");
    assert!(status.message.contains("no files match pattern"));
    scene.cluster.generators.remove("shards");
    assert!(
        scene
            .shows(Phase::Committed, "SourceFailed")
            .message
            .contains("missing")
    );
}

#[test]
fn row_7_the_shard_blocks_or_refuses_the_store() {
    let mut scene = scene().outdated();
    scene.store.kustomization = None;
    scene.shows(Phase::Applying, "Applying");
    scene.shard().meta.conditions = not_ready("BuildFailed", "store-other.yaml is no YAML");
    scene.shows(Phase::Applying, "ShardBlocked");
    scene.shard().meta.conditions = not_ready(
        "ReconciliationFailed",
        "Kustomization/fleet/store-shop dry-run failed",
    );
    scene.shows(Phase::Failed, "ReconciliationFailed");
    scene.shard().suspended = true;
    scene.shows(Phase::Applying, "ShardSuspended");
    scene.store.shard = None;
    scene.shows(Phase::Applying, "Applying");
    scene.cluster.root = Some(KustomizationSeen {
        meta: Meta {
            conditions: not_ready("AccessDenied", "no"),
            ..meta(None)
        },
        ..applier(None, OLD)
    });
    scene.shows(Phase::Applying, "RootBlocked");
}

#[test]
fn row_7_the_store_s_own_kustomization_fails() {
    for reason in [
        "BuildFailed",
        "ReconciliationFailed",
        "PruneFailed",
        "AccessDenied",
        "HealthCheckFailed",
    ] {
        let mut scene = scene().outdated();
        scene.applier().meta.conditions = not_ready(reason, "quota refused");
        assert!(
            scene
                .shows(Phase::Failed, reason)
                .message
                .contains("quota refused")
        );
        scene.applier().last_attempted_revision = Some(OLD.into());
        scene.applier().last_applied_revision = Some(OLD.into());
        scene.shows(Phase::Applying, "Applying");
    }
    let mut scene = scene().outdated();
    scene.applier().meta.conditions = not_ready(
        "ArtifactFailed",
        "kustomization path not found: stat /tmp/k/stores/shop: no such file",
    );
    scene.shows(Phase::Failed, "ArtifactFailed");
    scene.applier().meta.conditions = not_ready("ArtifactFailed", "failed to download archive");
    scene.shows(Phase::Applying, "ArtifactFailed");
    scene.applier().meta.conditions = not_ready("DependencyNotReady", "x");
    scene.shows(Phase::Applying, "DependencyNotReady");
}

#[test]
fn a_failure_stands_while_it_is_tried_again_and_no_longer_than_its_revision() {
    let mut scene = scene().outdated();
    let mut before = scene.applier().clone();
    before.meta.conditions = not_ready("ReconciliationFailed", "quota refused");
    before.remember(None);
    scene.applier().last_applied_revision = Some(OLD.into());
    scene.applier().meta.conditions =
        Conditions(vec![is("Ready", Truth::Unknown, "Progressing", "")]);
    scene.applier().remember(Some(&before));
    scene.shows(Phase::Failed, "ReconciliationFailed");
    before.last_attempted_revision = Some(OLD.into());
    before.remember(None);
    scene.applier().remember(Some(&before));
    scene.shows(Phase::Applying, "Applying");
    scene.applier().meta.conditions = ready();
    scene.applier().remember(Some(&before));
    assert_eq!(scene.applier().last_failure, None);
}

#[test]
fn row_8_the_applier_is_at_work() {
    let mut scene = scene().outdated();
    scene.applier().last_applied_revision = Some(OLD.into());
    scene.shows(Phase::Applying, "Applying");
    scene.applier().last_applied_revision = Some(NEW.into());
    scene.applier().meta.conditions =
        Conditions(vec![is("Ready", Truth::Unknown, "Progressing", "")]);
    scene.shows(Phase::Applying, "Applying");
}

#[test]
fn row_9_all_is_applied_and_yet_the_release_differs() {
    let mut scene = scene().outdated();
    scene.store.changed_at = Some(ago(1));
    scene.shows(Phase::Applying, "Applying");
    scene.store.changed_at = Some(ago(60));
    scene.shows(Phase::Failed, "NotInSync");
    scene.store.release = None;
    assert!(
        scene
            .shows(Phase::Failed, "NotInSync")
            .message
            .contains("not there")
    );
}

#[test]
fn a_cluster_that_reads_the_repository_itself_is_asked_by_commit() {
    let mut scene = scene().outdated();
    scene.store.artifact = None;
    scene.cluster.generators.clear();
    let behind = format!("deploy/local@sha1:{BEFORE}");
    for part in [
        &mut scene.store.kustomization,
        &mut scene.store.shard,
        &mut scene.cluster.root,
    ] {
        let part = part.as_mut().expect("it is in the scene");
        part.source.kind = "GitRepository".into();
        part.last_applied_revision = Some(behind.clone());
    }
    scene.shows(Phase::Applying, "Applying");
    scene.applier().last_applied_revision = Some(format!("deploy/local@sha1:{WANTED}"));
    scene.shows(Phase::Failed, "NotInSync");
    scene.release().meta.spec_hash = Some("H".into());
    scene.shows(Phase::Ready, "Ready");
}

//! Every row of the mapping once, under its number: none may be forgotten. Its traps are tested beside it.

use super::*;

type Change = fn(Scene) -> Scene;

fn stale(mut scene: Scene) -> Scene {
    scene.cluster.stale_since = Some(ago(60));
    scene
}

fn leaving(mut scene: Scene) -> Scene {
    scene.desired.deletion = Some(DeletionStep::First);
    scene.release().meta.deleting_since = Some(ago(1));
    scene
}

fn gone(mut scene: Scene) -> Scene {
    scene.desired.deletion = Some(DeletionStep::Second);
    scene.store.kustomization = None;
    scene.store.release = None;
    scene.store.namespace = None;
    scene
}

fn held(mut scene: Scene) -> Scene {
    scene.release().suspended = true;
    scene
}

fn behind(scene: Scene) -> Scene {
    let mut scene = scene.outdated();
    scene.source().revision = Some(format!("deploy/local@sha1:{BEFORE}"));
    scene
}

fn not_fetched(scene: Scene) -> Scene {
    let mut scene = behind(scene);
    scene.source().meta.conditions = not_ready("AuthenticationFailed", "no");
    scene
}

fn not_cut(scene: Scene) -> Scene {
    let mut scene = scene.outdated();
    scene.store.artifact = None;
    let failing = GeneratorSeen {
        meta: Meta {
            conditions: not_ready("BuildFailed", "no files match"),
            ..meta(None)
        },
    };
    scene.cluster.generators.insert("shards".into(), failing);
    scene
}

fn not_applied(scene: Scene) -> Scene {
    let mut scene = scene.outdated();
    scene.applier().meta.conditions = not_ready("ReconciliationFailed", "quota refused");
    scene
}

fn blocked_shard(scene: Scene) -> Scene {
    let mut scene = scene.outdated();
    scene.store.kustomization = None;
    scene.shard().meta.conditions = not_ready("BuildFailed", "store-other.yaml is no YAML");
    scene
}

fn being_applied(scene: Scene) -> Scene {
    let mut scene = scene.outdated();
    scene.applier().last_applied_revision = Some(OLD.into());
    scene
}

fn with(mut scene: Scene, conditions: Vec<Condition>) -> Scene {
    scene.release().meta.conditions = Conditions(conditions);
    scene
}

fn given_up(mut scene: Scene) -> Scene {
    scene.release().history = vec![served(2, "failed"), served(1, "superseded")];
    let ready = is("Ready", Truth::False, "UpgradeFailed", "m");
    let stalled = is("Stalled", Truth::True, "RetriesExceeded", "m");
    with(scene, vec![ready, stalled])
}

fn drifted(mut scene: Scene) -> Scene {
    let drifted = is("Drifted", Truth::True, "DriftDetected", "m");
    scene.release().meta.conditions.0.push(drifted);
    scene
}

fn rolled_back(scene: Scene) -> Scene {
    let ready = is("Ready", Truth::False, "RollbackSucceeded", "m");
    with(scene, vec![ready])
}

fn install_failed_once(mut scene: Scene) -> Scene {
    scene.release().history = vec![served(1, "failed")];
    scene.release().install_failures = 1;
    let ready = is("Ready", Truth::False, "InstallFailed", "m");
    let retrying = is("Reconciling", Truth::True, "ProgressingWithRetry", "m");
    with(scene, vec![ready, retrying])
}

fn install_failed_twice(scene: Scene) -> Scene {
    let mut scene = install_failed_once(scene);
    scene.release().install_failures = 2;
    scene
}

fn upgrade_failed(mut scene: Scene) -> Scene {
    scene.release().history = vec![served(2, "failed"), served(1, "superseded")];
    let ready = is("Ready", Truth::False, "UpgradeFailed", "m");
    with(scene, vec![ready])
}

fn blocked(scene: Scene) -> Scene {
    let ready = is("Ready", Truth::False, "SourceNotReady", "m");
    with(scene, vec![ready])
}

fn bad_values(scene: Scene) -> Scene {
    let ready = is("Ready", Truth::False, "ValuesError", "m");
    with(scene, vec![ready])
}

fn installing(mut scene: Scene) -> Scene {
    scene.release().history.clear();
    let ready = is("Ready", Truth::Unknown, "Progressing", "m");
    with(scene, vec![ready])
}

fn upgrading(scene: Scene) -> Scene {
    let ready = is("Ready", Truth::Unknown, "Progressing", "m");
    with(scene, vec![ready])
}

fn not_observed(scene: Scene) -> Scene {
    with(scene, Vec::new())
}

const ROWS: &[(&str, Change, Phase, &str)] = &[
    ("1", stale, Phase::Unknown, "ClusterUnreachable"),
    ("2", leaving, Phase::Deleting, "Uninstalling"),
    ("3", gone, Phase::Deleted, "Deleted"),
    ("4", held, Phase::Suspended, "SuspendedInCluster"),
    ("5", behind, Phase::Committed, "WaitingForSource"),
    ("6", not_fetched, Phase::Committed, "SourceFailed"),
    ("6a", not_cut, Phase::Committed, "SourceFailed"),
    ("7", not_applied, Phase::Failed, "ReconciliationFailed"),
    ("7", blocked_shard, Phase::Applying, "ShardBlocked"),
    ("8", being_applied, Phase::Applying, "Applying"),
    ("9", Scene::outdated, Phase::Failed, "NotInSync"),
    ("10", given_up, Phase::Degraded, "UpgradeFailed"),
    ("11", |scene| scene, Phase::Ready, "Ready"),
    ("12", drifted, Phase::Degraded, "Drifted"),
    ("13", rolled_back, Phase::Degraded, "RollbackSucceeded"),
    (
        "14",
        install_failed_once,
        Phase::Provisioning,
        "InstallFailed",
    ),
    ("14", install_failed_twice, Phase::Failed, "InstallFailed"),
    ("15", upgrade_failed, Phase::Degraded, "UpgradeFailed"),
    ("16", blocked, Phase::Applying, "SourceNotReady"),
    ("16", bad_values, Phase::Failed, "ValuesError"),
    ("17", installing, Phase::Provisioning, "Installing"),
    ("18", upgrading, Phase::Applying, "Upgrading"),
    ("19", not_observed, Phase::Committed, "NotObserved"),
];

#[test]
fn every_row_gives_its_phase() {
    for (row, change, phase, reason) in ROWS {
        let status = change(scene()).status();
        let found = (status.phase, status.reason.as_str());
        assert_eq!(found, (*phase, *reason), "row {row}: {}", status.message);
    }
}

#[test]
fn no_row_is_left_out() {
    let all = (1..=19).map(|row| row.to_string()).chain(["6a".to_owned()]);
    for row in all {
        let cases = ROWS.iter().filter(|(it, ..)| *it == row);
        assert!(cases.count() > 0, "row {row} has no case");
    }
}

#[test]
fn what_became_of_another_commit_is_not_told_of_this_one() {
    for change in [
        given_up,
        rolled_back,
        install_failed_twice,
        upgrade_failed,
        bad_values,
    ] {
        // The live release carries another spec hash: whatever it says is about that.
        let mut scene = change(scene()).outdated();
        scene.applier().last_applied_revision = Some(OLD.into());
        scene.shows(Phase::Applying, "Applying");
        let seen = Some(&scene.store);
        assert!(!is_applied(&scene.desired, &scene.cluster, seen, now()));
    }
    // A later commit of somebody else, far past ours: ours is in it, and applied by its hash.
    let mut scene = scene();
    scene.source().revision =
        Some("deploy/local@sha1:3333333333333333333333333333333333333333".into());
    scene.applier().last_attempted_revision = Some("latest@sha256:later".into());
    scene.applier().meta.conditions = not_ready("ReconciliationFailed", "of a later revision");
    scene.shows(Phase::Ready, "Ready");
    let seen = Some(&scene.store);
    assert!(is_applied(&scene.desired, &scene.cluster, seen, now()));
}

#[test]
fn the_way_through_the_cluster_has_its_milestones() {
    use crate::domain::change::MilestoneName::{Applied, Fetched, Installed};
    use crate::domain::change::Milestones;
    let cases: [(Change, &[_]); 5] = [
        (stale, &[]),
        (behind, &[]),
        (being_applied, &[Fetched]),
        (upgrading, &[Fetched, Applied]),
        (|scene| scene, &[Fetched, Applied, Installed]),
    ];
    for (number, (change, expected)) in cases.into_iter().enumerate() {
        let scene = change(scene());
        let seen = (&scene.cluster, Some(&scene.store));
        let none = Milestones::begin(now());
        let found = reached(&scene.desired, seen, &contains, &none, now());
        assert_eq!(found, expected, "case {number}");
        let mut all = none.clone();
        found.iter().for_each(|name| all.reach(*name, now()));
        assert!(reached(&scene.desired, seen, &contains, &all, now()).is_empty());
    }
}

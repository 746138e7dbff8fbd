//! Rows 2 and 3: a store on its way out.

use super::*;

fn first() -> Scene {
    let mut scene = scene();
    scene.desired.deletion = Some(DeletionStep::First);
    scene
}

fn second() -> Scene {
    let mut scene = scene();
    scene.desired.deletion = Some(DeletionStep::Second);
    scene.store = StoreSeen {
        artifact: scene.store.artifact,
        shard: scene.store.shard,
        ..StoreSeen::default()
    };
    scene
}

fn first_done(scene: &Scene) -> bool {
    first_deletion_step_done(
        &scene.desired,
        &scene.cluster,
        Some(&scene.store),
        &contains,
    )
}

fn gone(scene: &Scene) -> bool {
    let gone = is_gone(
        &scene.desired,
        &scene.cluster,
        Some(&scene.store),
        &contains,
    );
    assert_eq!(gone, scene.status().phase == Phase::Deleted);
    gone
}

#[test]
fn row_2_deleted_by_hand_while_git_wants_it() {
    let mut scene = scene();
    scene.release().meta.deleting_since = Some(ago(1));
    assert!(
        scene
            .shows(Phase::Deleting, "DeletedInCluster")
            .next_step
            .contains("who deleted it")
    );
}

#[test]
fn row_2_the_first_step_waits_for_the_release() {
    let mut scene = first();
    scene.release().meta.deleting_since = Some(ago(1));
    scene.shows(Phase::Deleting, "Uninstalling");
    scene.release().meta.deleting_since = Some(ago(1500));
    assert!(
        !scene
            .shows(Phase::Deleting, "Uninstalling")
            .next_step
            .is_empty()
    );
    assert!(!first_done(&scene));
    scene.release().meta.conditions = not_ready("UninstallFailed", "hook failed");
    assert!(
        scene
            .shows(Phase::Deleting, "UninstallFailed")
            .message
            .contains("hook failed")
    );
    scene.release().suspended = true;
    scene.shows(Phase::Deleting, "SuspendedInCluster");
    scene.store.release = None;
    scene.shows(Phase::Deleting, "ReleaseGone");
    assert!(first_done(&scene));
}

#[test]
fn the_first_step_is_done_only_when_the_applier_proves_it() {
    let cases: [fn(&mut Scene); 9] = [
        |scene| scene.applier().inventory.clear(),
        |scene| scene.applier().last_applied_revision = Some(OLD.into()),
        |scene| scene.applier().meta.observed_generation = Some(1),
        |scene| {
            scene.applier().meta.conditions =
                Conditions(vec![is("Ready", Truth::Unknown, "Progressing", "")]);
        },
        |scene| scene.applier().suspended = true,
        |scene| scene.store.kustomization = None,
        |scene| {
            scene.store.artifact.as_mut().expect("there").origin = Some(format!("b@sha1:{BEFORE}"));
        },
        |scene| scene.cluster.stale_since = Some(ago(1)),
        |scene| scene.cluster.synced = false,
    ];
    for (number, change) in cases.into_iter().enumerate() {
        let mut scene = first();
        scene.store.release = None;
        assert!(first_done(&scene));
        change(&mut scene);
        assert!(!first_done(&scene), "case {number}");
    }
}

#[test]
fn a_store_whose_namespace_is_somebody_else_s_can_be_deleted() {
    let mut scene = first();
    scene.store.release = None;
    scene.store.namespace = None;
    scene.applier().inventory.clear();
    scene.applier().last_applied_revision = None;
    scene.applier().meta.conditions = not_ready(
        "ReconciliationFailed",
        "namespaces \"store-shop\" is forbidden",
    );
    assert!(first_done(&scene));
    scene.applier().last_attempted_revision = Some(OLD.into());
    assert!(!first_done(&scene));
}

#[test]
fn the_first_step_on_its_way() {
    let mut scene = first();
    scene.source().revision = Some(format!("deploy/local@sha1:{BEFORE}"));
    scene.shows(Phase::Deleting, "WaitingForSource");
    let mut scene = first();
    scene.desired.deploy_commit = None;
    scene.shows(Phase::Deleting, "NotPublished");
    let mut scene = first();
    scene.applier().meta.conditions = not_ready("ReconciliationFailed", "refused");
    scene.shows(Phase::Deleting, "ReconciliationFailed");
    assert!(!first_done(&scene));
}

#[test]
fn row_2_the_second_step_waits_for_the_namespace() {
    let mut scene = second();
    scene.store.namespace = super::scene().store.namespace;
    scene.shows(Phase::Deleting, "RemovingNamespace");
    let namespace = scene.store.namespace.as_mut().expect("just put there");
    namespace.meta.deleting_since = Some(ago(900));
    scene.store.changed_at = Some(ago(30));
    namespace.meta.conditions.0.push(is(
        "NamespaceContentRemaining",
        Truth::True,
        "SomeResourcesRemain",
        "pods. has 1",
    ));
    scene.shows(Phase::Deleting, "RemovingNamespace");
    // By the cluster's clock it began long ago, or has not yet: ours decides.
    scene.store.changed_at = Some(ago(60));
    assert!(
        scene
            .shows(Phase::Deleting, "NamespaceStuck")
            .message
            .contains("pods. has 1")
    );
    assert!(!gone(&scene));
    scene.store.release = super::scene().store.release;
    scene.store.namespace = None;
    scene.shows(Phase::Deleting, "ReleaseRemains");
}

#[test]
fn row_3_deleted_when_all_is_gone_and_the_shard_has_applied_it() {
    let scene = second();
    assert!(gone(&scene));
    assert!(goal_reached(
        &scene.desired,
        &scene.shows(Phase::Deleted, "Deleted")
    ));
    let cases: [fn(&mut Scene); 5] = [
        |scene| scene.shard().last_applied_revision = Some(OLD.into()),
        |scene| scene.store.shard = None,
        |scene| scene.store.kustomization = super::scene().store.kustomization,
        |scene| scene.store.release = super::scene().store.release,
        |scene| scene.desired.deletion = Some(DeletionStep::First),
    ];
    for change in cases {
        let mut scene = second();
        change(&mut scene);
        assert!(!gone(&scene));
    }
    let mut scene = second();
    scene.cluster.stale_since = Some(ago(1));
    assert!(!is_gone(
        &scene.desired,
        &scene.cluster,
        Some(&scene.store),
        &contains
    ));
    assert!(!is_gone(&scene.desired, &scene.cluster, None, &contains));
}

/// What is different, and whether the deletion is held then.
type Case = (fn(&mut Scene), bool);

#[test]
fn a_begun_deletion_is_held_once_nothing_else_resumes_its_applier() {
    let held = |change: fn(&mut Scene)| {
        let mut scene = first();
        scene.applier().suspended = true;
        change(&mut scene);
        let sight = Some(&scene.store);
        first_deletion_step_held(&scene.desired, &scene.cluster, sight, &contains)
    };
    let cases: [Case; 9] = [
        (|_| {}, true),
        (|scene| scene.store.release = None, true),
        (|scene| scene.applier().suspended = false, false),
        (|scene| scene.desired.deletion = None, false),
        (
            |scene| scene.desired.deletion = Some(DeletionStep::Second),
            false,
        ),
        // the commit itself resumes it
        (
            |scene| scene.shard().last_applied_revision = Some(OLD.into()),
            false,
        ),
        (|scene| scene.store.shard = None, false),
        // Flux would drop the release and leave what it made
        (|scene| scene.release().suspended = true, false),
        (|scene| scene.cluster.synced = false, false),
    ];
    for (number, (change, expected)) in cases.into_iter().enumerate() {
        assert_eq!(held(change), expected, "case {number}");
    }
}

//! What people do to a store's objects in the cluster is told, and ends when it is put right.

use serde_json::{Value, json};

use crate::hands::{
    home, kubectl, patch, patch_in, play, ready_store, reconcile, slots_for_all, told, update,
};
use crate::remains::{self, listed, unlisted};
use crate::support::api::accepted;
use crate::support::eventually;
use crate::world::{SOON, World};

/// What keeps an object from going until somebody takes it off.
const HELD: &str = "example.com/held";

#[test]
fn what_is_done_by_hand_is_told() {
    // two deletions are held up, others go on beside them
    let policy = |text: &str| slots_for_all(text).replace("deletesAtOnce: 2", "deletesAtOnce: 4");
    let mut world = World::with_policy(&policy);
    play(
        &world,
        &[
            ("suspended", suspended),
            ("deleted", deleted),
            ("drifted", drifted),
            ("held release", held_release),
            ("held namespace", held_namespace),
            ("suspended while it is deleted", suspended_late),
            ("without a record", remains::no_record),
            ("of another uid", remains::other_uid),
            ("kept volumes", remains::kept_volumes),
        ],
    );
    remains::kept_volumes_without_an_index(&mut world);
    world.audit();
}

fn suspended(world: &World) {
    let api = world.api();
    ready_store(world, "paused");
    suspend(world, "store-paused");
    let held = told(
        &api,
        "paused",
        "Suspended",
        "SuspendedInCluster",
        "Kustomization",
    );
    // and how it was before is told beside it
    assert_eq!(held["lastKnown"]["phase"], "Ready", "{held}");
    let before = held["message"].as_str().unwrap_or_default();
    assert!(before.contains("before that it was Ready, since"), "{held}");
    patch(
        world,
        "kustomization",
        "store-paused",
        &json!({"spec": {"suspend": false}}),
    );
    let resumed = api.store_in("paused", "Ready", SOON);
    assert_eq!(resumed["lastKnown"], Value::Null, "{resumed}");
}

fn deleted(world: &World) {
    let api = world.api();
    ready_store(world, "removed");
    // while Helm uninstalls it, and after
    kubectl(
        world,
        &[
            "delete",
            "helmrelease",
            "removed",
            "--namespace",
            "fleet",
            "--wait=false",
        ],
    );
    told(
        &api,
        "removed",
        "Deleting",
        "DeletedInCluster",
        "HelmRelease",
    );
    told(
        &api,
        "removed",
        "Failed",
        "NotInSync",
        "somebody removed it",
    );
    let missing = json!(["helmrelease/removed"]);
    let found = listed(&api, "removed", "ObjectsMissing", &|it| {
        it["objects"] == missing
    });
    let step = found["nextStep"].as_str().unwrap_or_default();
    assert!(step.contains("fleetwright store retry removed"), "{found}");
    let again = accepted(api.post("/api/v1/stores/removed/retry", &json!({})));
    api.change_in(&again, "ready", SOON);
    api.store_in("removed", "Ready", SOON);
    unlisted(&api, "removed");
}

fn drifted(world: &World) {
    let api = world.api();
    ready_store(world, "edited");
    let deployment = |replicas: i32| {
        let patch = json!({"spec": {"replicas": replicas}});
        patch_in(world, &home("edited"), "deployment", "store-web", &patch);
    };
    deployment(3);
    reconcile(world, "helmrelease", "edited");
    told(
        &api,
        "edited",
        "Degraded",
        "Drifted",
        "Deployment/store-edited/store-web",
    );
    // Flux upgrades a drifted release only when its spec changes
    let changed = update(
        &api,
        "edited",
        &json!({"values": {"title": "As Git wants it"}}),
    );
    api.change_in(&changed, "ready", SOON);
    api.store_in("edited", "Ready", SOON);
    let web = world.object("deployment", &home("edited"), "store-web");
    assert_eq!(web.expect("it is there")["spec"]["replicas"], 1);
}

fn held_release(world: &World) {
    let api = world.api();
    ready_store(world, "clingy");
    hold(world, &home("clingy"), "service", "store-web", true);
    let removed = api.remove("clingy");
    told(
        &api,
        "clingy",
        "Deleting",
        "UninstallFailed",
        "Service/store-clingy/store-web",
    );
    hold(world, &home("clingy"), "service", "store-web", false);
    api.change_in(&removed, "ready", SOON);
    api.store_in("clingy", "Deleted", SOON);
}

/// The first commit of the deletion is applied, so nothing in Git would resume what is suspended after it.
fn suspended_late(world: &World) {
    let api = world.api();
    ready_store(world, "halted");
    hold(world, &home("halted"), "service", "store-web", true);
    let removed = api.remove("halted");
    let deleting = ("Deleting", "UninstallFailed");
    told(
        &api,
        "halted",
        deleting.0,
        deleting.1,
        "Service/store-halted",
    );
    suspend(world, "store-halted");
    eventually("Flux applies it again", SOON, || {
        let applier = world.object("kustomization", "fleet", "store-halted");
        let applier = applier.ok_or("it is gone")?;
        if applier["spec"]["suspend"] == true {
            Err(applier["spec"].to_string())
        } else {
            Ok(())
        }
    });
    hold(world, &home("halted"), "service", "store-web", false);
    api.change_in(&removed, "ready", SOON);
    api.store_in("halted", "Deleted", SOON);
    // one change: its first step twice, its second once
    assert_eq!(world.commits_of(&removed), 3);
    let (_, audit) = api.get("/api/v1/audit?store=halted");
    let told = |it: &Value| it["reason"].to_string().contains("somebody suspended");
    let why = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| told(it));
    assert_eq!(why.count(), 1, "{audit}");
}

fn suspend(world: &World, name: &str) {
    let suspend = json!({"spec": {"suspend": true}});
    patch(world, "kustomization", name, &suspend);
}

fn held_namespace(world: &World) {
    let api = world.api();
    ready_store(world, "remains");
    let home = home("remains");
    // not Helm's, so only the namespace's end meets it
    let leftover = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "leftover", "namespace": home, "finalizers": [HELD]}});
    world
        .bed
        .kubectl_apply(&leftover.to_string())
        .expect("applied");
    let removed = api.remove("remains");
    let stuck = eventually("the stuck namespace is told", SOON * 2, || {
        let shop = api.store("remains");
        if shop["reason"] == "NamespaceStuck" {
            Ok(shop)
        } else {
            Err(shop.to_string())
        }
    });
    let message = stuck["message"].as_str().unwrap();
    for words in [HELD, "left are configmaps (1)"] {
        assert!(message.contains(words), "{words}: {stuck}");
    }
    hold(world, &home, "configmap", "leftover", false);
    api.change_in(&removed, "ready", SOON);
    assert!(!world.has("namespace", "", &home));
}

fn hold(world: &World, namespace: &str, kind: &str, name: &str, on: bool) {
    let finalizers = if on { json!([HELD]) } else { Value::Null };
    let metadata = json!({"metadata": {"finalizers": finalizers}});
    patch_in(world, namespace, kind, name, &metadata);
}

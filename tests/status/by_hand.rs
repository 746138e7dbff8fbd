//! What people do to a store's objects in the cluster is told, and ends when it is put right.

use serde_json::{Value, json};

use crate::hands::{
    home, kubectl, patch, patch_in, play, ready_store, reconcile, slots_for_all, told, update,
};
use crate::support::api::accepted;
use crate::support::eventually;
use crate::world::{SOON, World};

/// What keeps an object from going until somebody takes it off.
const HELD: &str = "example.com/held";

#[test]
fn what_is_done_by_hand_is_told() {
    let world = World::with_policy(&slots_for_all);
    play(
        &world,
        &[
            ("suspended", suspended),
            ("deleted", deleted),
            ("drifted", drifted),
            ("held release", held_release),
            ("held namespace", held_namespace),
        ],
    );
    world.audit();
}

fn suspended(world: &World) {
    let api = world.api();
    ready_store(world, "paused");
    patch(
        world,
        "kustomization",
        "store-paused",
        &json!({"spec": {"suspend": true}}),
    );
    told(
        &api,
        "paused",
        "Suspended",
        "SuspendedInCluster",
        "Kustomization",
    );
    patch(
        world,
        "kustomization",
        "store-paused",
        &json!({"spec": {"suspend": false}}),
    );
    api.store_in("paused", "Ready", SOON);
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
    let again = accepted(api.post("/api/v1/stores/removed/retry", &json!({})));
    api.change_in(&again, "ready", SOON);
    api.store_in("removed", "Ready", SOON);
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
    assert!(
        stuck["message"]
            .as_str()
            .is_some_and(|it| it.contains(HELD)),
        "{stuck}"
    );
    hold(world, &home, "configmap", "leftover", false);
    api.change_in(&removed, "ready", SOON);
    assert!(!world.has("namespace", "", &home));
}

fn hold(world: &World, namespace: &str, kind: &str, name: &str, on: bool) {
    let finalizers = if on { json!([HELD]) } else { Value::Null };
    let metadata = json!({"metadata": {"finalizers": finalizers}});
    patch_in(world, namespace, kind, name, &metadata);
}

//! What Flux does not look at: to it these stores are Ready all the while, or it does not know yet.

use serde_json::{Value, json};

use crate::hands::{home, kubectl, patch_in, play, ready_store, reconcile, slots_for_all, told};
use crate::onlooker::{Onlooker, not_green_again};
use crate::probe;
use crate::remains::{listed, unlisted};
use crate::support::api::accepted;
use crate::world::{SOON, World};

#[test]
fn what_flux_does_not_look_at_is_told() {
    let policy = |text: &str| probe::with_probe(&slots_for_all(text));
    let mut world = World::with_policy(&policy);
    play(
        &world,
        &[
            ("quota", over_quota),
            ("unschedulable", unscheduled),
            ("failed job", failed_job),
            ("lost volume", lost_volume),
            ("Kustomization removed", applier_gone),
            ("namespace removed", namespace_gone),
            ("deployed afresh", reinstalled),
        ],
    );
    probe::asked(&mut world);
    world.audit();
}

/// A pod that goes is not made again: the quota of its namespace is used up.
fn over_quota(world: &World) {
    ready_store(world, "crowded");
    let quota = |pods: &str| json!({"spec": {"hard": {"pods": pods}}});
    let home = home("crowded");
    patch_in(world, &home, "resourcequota", "store", &quota("0"));
    let pods = ["delete", "pods", "--all", "--wait=false", "--namespace"];
    kubectl(world, &[&pods[..], &[&home]].concat());
    let api = world.api();
    told(
        &api,
        "crowded",
        "Degraded",
        "QuotaExceeded",
        "exceeded quota",
    );
    patch_in(world, &home, "resourcequota", "store", &quota("10"));
    api.store_in("crowded", "Ready", SOON);
}

/// No node has what the pods want.
fn unscheduled(world: &World) {
    ready_store(world, "homeless");
    let node =
        |disk: Value| json!({"spec": {"template": {"spec": {"nodeSelector": {"disk": disk}}}}});
    let home = home("homeless");
    patch_in(
        world,
        &home,
        "deployment",
        "store-web",
        &node(json!("none")),
    );
    let api = world.api();
    told(&api, "homeless", "Degraded", "Unschedulable", "store-web");
    patch_in(world, &home, "deployment", "store-web", &node(Value::Null));
    api.store_in("homeless", "Ready", SOON);
}

/// A job of the store's fails; of a series the newest counts.
fn failed_job(world: &World) {
    ready_store(world, "idle");
    let labels = json!({"fleetwright.dev/store": "idle"});
    // kwok's chaos stage ends its container
    let chaos = json!({"pod-container-running-failed.stage.kwok.x-k8s.io": "true"});
    let context = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    let container = json!({"name": "job", "image": "job", "securityContext": context});
    let pod = json!({
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    });
    let job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "import", "namespace": home("idle"), "labels": labels},
        "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": chaos}, "spec": pod}},
    });
    world.bed.kubectl_apply(&job.to_string()).unwrap();
    let api = world.api();
    told(&api, "idle", "Degraded", "JobFailed", "import");
    let home = home("idle");
    kubectl(world, &["delete", "job", "import", "--namespace", &home]);
    api.store_in("idle", "Ready", SOON);
}

/// The volume behind a claim is gone, and comes back.
fn lost_volume(world: &World) {
    ready_store(world, "careless");
    let home = home("careless");
    let claim = world.object("persistentvolumeclaim", &home, "store-files");
    let name = claim.expect("the store has a claim")["spec"]["volumeName"].clone();
    let name = name.as_str().expect("it is bound");
    let mut volume = world.object("persistentvolume", "", name).expect("bound");
    let gone = ["delete", "persistentvolume", name, "--wait=false"];
    kubectl(world, &gone);
    // as long as it is not being deleted, the finalizer comes back
    let free = json!({"metadata": {"finalizers": null}});
    patch_in(world, "default", "persistentvolume", name, &free);
    let api = world.api();
    told(&api, "careless", "Degraded", "VolumeLost", "store-files");

    let metadata = volume["metadata"].as_object_mut().unwrap();
    metadata.retain(|key, _| key == "name" || key == "annotations");
    volume.as_object_mut().unwrap().remove("status");
    world.bed.kubectl_apply(&volume.to_string()).unwrap();
    api.store_in("careless", "Ready", SOON);
}

/// The store runs on, and nothing would apply its next change.
fn applier_gone(world: &World) {
    ready_store(world, "adrift");
    let onlooker = Onlooker::begins(world.api());
    let args = ["delete", "kustomization", "store-adrift", "--namespace"];
    kubectl(world, &[&args[..], &["fleet"]].concat());
    let api = world.api();
    told(&api, "adrift", "Degraded", "KustomizationMissing", "");
    not_green_again(&onlooker.saw(), "adrift");
    let missing = json!(["kustomization/store-adrift"]);
    listed(&api, "adrift", "ObjectsMissing", &|it| {
        it["objects"] == missing
    });
    retry(world, "adrift");
    unlisted(&api, "adrift");
}

/// Somebody who means it removes the namespace with all that is in it.
fn namespace_gone(world: &World) {
    ready_store(world, "erased");
    let home = home("erased");
    let onlooker = Onlooker::begins(world.api());
    let mark = "fleetwright.dev/deleting=by-hand";
    kubectl(world, &["annotate", "namespace", &home, mark]);
    kubectl(world, &["delete", "namespace", &home, "--wait=false"]);
    let api = world.api();
    told(&api, "erased", "Deleting", "DeletedInCluster", "Namespace");
    told(
        &api,
        "erased",
        "Failed",
        "NamespaceMissing",
        "data included",
    );
    not_green_again(&onlooker.saw(), "erased");
    retry(world, "erased");
}

/// Helm forgets the release and installs it afresh: over lost volumes, as far as anybody knows.
fn reinstalled(world: &World) {
    ready_store(world, "newborn");
    let home = home("newborn");
    let secrets = [
        "delete",
        "secrets",
        "--selector",
        "owner=helm",
        "--namespace",
    ];
    kubectl(world, &[&secrets[..], &[&home]].concat());
    reconcile(world, "helmrelease", "newborn");
    let api = world.api();
    told(
        &api,
        "newborn",
        "Degraded",
        "Reinstalled",
        "deployed afresh",
    );
    retry(world, "newborn");
}

/// Asks for a retry and waits until the store is well again.
fn retry(world: &World, name: &str) {
    let api = world.api();
    let path = format!("/api/v1/stores/{name}/retry");
    let change = accepted(api.post(&path, &json!({})));
    api.change_in(&change, "ready", SOON);
    api.store_in(name, "Ready", SOON);
}

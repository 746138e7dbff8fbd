//! What becomes of releases: never pulled, crashing, rolled back, given up, waiting, refused, overtaken.

use serde_json::{Value, json};

use crate::hands::{
    home, kubectl, patch, play, ready_store, shop, slots_for_all, told, update, with_image,
};
use crate::support::api::accepted;
use crate::support::eventually;
use crate::world::{SOON, World};

const BROKEN: &str = "does-not-exist/shop";
const GOOD: &str = "wordpress";

#[test]
fn what_becomes_of_a_release_is_told() {
    let world = World::with_policy(&slots_for_all);
    play(
        &world,
        &[
            ("never pulled", never_pulled),
            ("crash loop", crashes),
            ("crash loop of what was Ready", crashes_later),
            ("image of what was Ready", unpulled_later),
            ("rolled back", rolled_back),
            ("retries exhausted", given_up),
            ("dependency of the release", release_waits),
            ("dependency of the Kustomization", kustomization_waits),
            ("access denied", denied),
            ("superseded", superseded),
        ],
    );
    world.audit();
}

fn never_pulled(world: &World) {
    let api = world.api();
    ready_store(world, "unpulled");
    let broken = update(&api, "unpulled", &with_image(BROKEN));
    told(
        &api,
        "unpulled",
        "Degraded",
        "UpgradeFailed",
        "Helm upgrade failed",
    );
    // the failure of the later commit is not blamed on the one before
    let repaired = update(&api, "unpulled", &with_image(GOOD));
    api.change_in(&repaired, "ready", SOON);
    api.store_in("unpulled", "Ready", SOON);
    let (_, broken) = api.get(&format!("/api/v1/changes/{broken}"));
    assert_ne!(broken["state"], "ready", "{broken}");
}

/// kwok's chaos stage ends each of its containers after a second or two, again and again.
fn crashes(world: &World) {
    let api = world.api();
    let mut body = shop("crashing");
    body["values"] =
        json!({"podLabels": {"pod-init-container-running-failed.stage.kwok.x-k8s.io": "true"}});
    api.create(&body);
    api.store_in("crashing", "Failed", SOON * 2);
    told(
        &api,
        "crashing",
        "Failed",
        "InstallFailed",
        "Helm install failed",
    );
    let calm = json!({"values": {"podLabels": null}});
    update(&api, "crashing", &calm);
    api.store_in("crashing", "Ready", SOON);
}

/// To Flux the release is Ready all the while: only the pods tell.
fn crashes_later(world: &World) {
    ready_store(world, "weary");
    let chaos = |on: Value| json!({"pod-container-running-failed.stage.kwok.x-k8s.io": on});
    let template = |on: Value| json!({"spec": {"template": {"metadata": {"labels": chaos(on)}}}});
    edit(world, "weary", &template(json!("true")));
    unwell(world, "weary", "store-web");
    edit(world, "weary", &template(Value::Null));
    world.api().store_in("weary", "Ready", SOON);
}

fn unpulled_later(world: &World) {
    ready_store(world, "emptied");
    let image = |image: &str| json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}});
    let web = world
        .object("deployment", &home("emptied"), "store-web")
        .unwrap();
    let good = web["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    edit(world, "emptied", &image(BROKEN));
    let shop = unwell(world, "emptied", "ImagePullBackOff");
    assert_eq!(shop["reason"], "ImagePullBackOff", "{shop}");
    edit(world, "emptied", &image(good.as_str().unwrap()));
    world.api().store_in("emptied", "Ready", SOON);
}

/// Changes the shop's Deployment as an administrator does who means well.
fn edit(world: &World, name: &str, patch: &Value) {
    let text = patch.to_string();
    let home = home(name);
    let args = [
        "patch",
        "deployment",
        "store-web",
        "--namespace",
        &home,
        "--type=strategic",
        "--patch",
        &text,
    ];
    kubectl(world, &args);
}

/// Waits until a store is told to be Degraded for whatever reason, in words that hold `words`, with a next step.
fn unwell(world: &World, name: &str, words: &str) -> Value {
    let api = world.api();
    eventually(&format!("store {name} is unwell ({words})"), SOON, || {
        let shop = api.store(name);
        let text = |field: &str| shop[field].as_str().unwrap_or_default().to_owned();
        let told = text("phase") == "Degraded" && text("message").contains(words);
        if told && !text("nextStep").is_empty() {
            Ok(shop.clone())
        } else {
            Err(shop.to_string())
        }
    })
}

/// We render no remediation, so the administrator gives it to the live release: it stays ours by name, labels and hash.
fn remedy(world: &World, name: &str, remediation: &Value) {
    let upgrade = json!({"strategy": {"name": "RemediateOnFailure", "retryInterval": null}, "remediation": remediation});
    let values = json!({"image": {"repository": BROKEN}});
    let spec = json!({"timeout": "5s", "upgrade": upgrade, "values": values});
    patch(world, "helmrelease", name, &json!({"spec": spec}));
}

fn rolled_back(world: &World) {
    let api = world.api();
    ready_store(world, "returned");
    remedy(
        world,
        "returned",
        &json!({"retries": 2, "strategy": "rollback"}),
    );
    told(
        &api,
        "returned",
        "Degraded",
        "RollbackSucceeded",
        "Helm rollback",
    );
    put_right(world, "returned");
}

fn given_up(world: &World) {
    let api = world.api();
    ready_store(world, "exhausted");
    remedy(
        world,
        "exhausted",
        &json!({"retries": 0, "remediateLastFailure": false}),
    );
    told(
        &api,
        "exhausted",
        "Degraded",
        "UpgradeFailed",
        "RetriesExceeded",
    );
    // the retry has Flux apply Git's spec over that of the administrator, and begin to count anew
    let retried = accepted(api.post("/api/v1/stores/exhausted/retry", &json!({})));
    api.change_in(&retried, "ready", SOON);
    api.store_in("exhausted", "Ready", SOON);
    let live = world.object("helmrelease", "fleet", "exhausted").unwrap();
    let asked = &live["metadata"]["annotations"];
    for annotation in ["requestedAt", "resetAt"] {
        let asked = &asked[format!("reconcile.fluxcd.io/{annotation}")];
        assert_eq!(asked, retried.as_str(), "{annotation}: {live}");
    }
}

fn put_right(world: &World, name: &str) {
    let upgrade =
        json!({"strategy": {"name": "RetryOnFailure", "retryInterval": "3s"}, "remediation": null});
    let values = json!({"image": {"repository": GOOD}});
    let spec = json!({"timeout": "20s", "upgrade": upgrade, "values": values});
    patch(world, "helmrelease", name, &json!({"spec": spec}));
    world.api().store_in(name, "Ready", SOON);
}

fn release_waits(world: &World) {
    let api = world.api();
    ready_store(world, "patient");
    let on = json!([{"name": "nobody"}]);
    patch(
        world,
        "helmrelease",
        "patient",
        &json!({"spec": {"dependsOn": on}}),
    );
    told(&api, "patient", "Applying", "DependencyNotReady", "nobody");
    patch(
        world,
        "helmrelease",
        "patient",
        &json!({"spec": {"dependsOn": null}}),
    );
    api.store_in("patient", "Ready", SOON);
}

fn kustomization_waits(world: &World) {
    let api = world.api();
    ready_store(world, "queued");
    let on = json!([{"name": "nobody"}]);
    patch(
        world,
        "kustomization",
        "store-queued",
        &json!({"spec": {"dependsOn": on}}),
    );
    let change = update(&api, "queued", &json!({"plan": "medium"}));
    told(&api, "queued", "Applying", "DependencyNotReady", "nobody");
    patch(
        world,
        "kustomization",
        "store-queued",
        &json!({"spec": {"dependsOn": null}}),
    );
    api.change_in(&change, "ready", SOON);
}

/// Flux under its lock-down refuses a reference into another namespace.
fn denied(world: &World) {
    let api = world.api();
    ready_store(world, "prying");
    let elsewhere = |namespace: Value| json!({"spec": {"chartRef": {"namespace": namespace}}});
    patch(world, "helmrelease", "prying", &elsewhere(json!("default")));
    told(
        &api,
        "prying",
        "Degraded",
        "AccessDenied",
        "cannot access HelmChart default/",
    );
    patch(world, "helmrelease", "prying", &elsewhere(Value::Null));
    api.store_in("prying", "Ready", SOON);
}

fn superseded(world: &World) {
    let api = world.api();
    ready_store(world, "hasty");
    // Flux does not get to the first before the second is there
    patch(
        world,
        "kustomization",
        "store-hasty",
        &json!({"spec": {"dependsOn": [{"name": "nobody"}]}}),
    );
    let first = update(&api, "hasty", &with_image(BROKEN));
    api.change_in(&first, "merged", SOON);
    let second = update(&api, "hasty", &with_image(GOOD));
    let ended = api.change_in(&first, "superseded", SOON);
    assert_eq!(ended["supersededBy"], second.as_str(), "{ended}");
    patch(
        world,
        "kustomization",
        "store-hasty",
        &json!({"spec": {"dependsOn": null}}),
    );
    api.change_in(&second, "ready", SOON);
    eventually(
        "the store is Ready and the first stays superseded",
        SOON,
        || {
            let (_, first) = api.get(&format!("/api/v1/changes/{first}"));
            let shop = api.store("hasty");
            if first["state"] == "superseded" && shop["phase"] == "Ready" {
                Ok(())
            } else {
                Err(format!("{first} {shop}"))
            }
        },
    );
}

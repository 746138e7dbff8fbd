//! What becomes of releases: never pulled, crashing, waiting, refused, written over, overtaken.

use serde_json::{Value, json};

use crate::hands::{
    home, kubectl, patch, play, ready_store, shop, slots_for_all, told, update, with_image,
};
use crate::remediation;
use crate::support::api::accepted;
use crate::support::eventually;
use crate::world::{SOON, World};

pub(crate) const BROKEN: &str = "does-not-exist/shop";
pub(crate) const GOOD: &str = "wordpress";

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
            ("rolled back", remediation::rolled_back),
            ("rollback fails", remediation::rollback_fails),
            ("uninstalled by Flux", remediation::uninstalled),
            ("uninstalling by Flux fails", remediation::uninstall_fails),
            ("retries exhausted", remediation::given_up),
            ("dependency of the release", release_waits),
            ("dependency of the Kustomization", kustomization_waits),
            ("access denied", denied),
            ("values that are not there", without_values),
            ("not as rendered", written_over),
            ("superseded", superseded),
            ("overtaken by a failure", overtaken_by_a_failure),
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
    hold_back(world, "queued", true);
    let change = update(&api, "queued", &json!({"plan": "medium"}));
    told(&api, "queued", "Applying", "DependencyNotReady", "nobody");
    hold_back(world, "queued", false);
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

/// The release takes values from a `ConfigMap` that nobody has made.
fn without_values(world: &World) {
    let api = world.api();
    ready_store(world, "wanting");
    let from = |from: Value| json!({"spec": {"valuesFrom": from}});
    let nobody = json!([{"kind": "ConfigMap", "name": "nobody"}]);
    patch(world, "helmrelease", "wanting", &from(nobody));
    told(&api, "wanting", "Failed", "ValuesError", "fleet/nobody");
    patch(world, "helmrelease", "wanting", &from(Value::Null));
    api.store_in("wanting", "Ready", SOON);
}

/// Somebody writes over what says which spec the live release was rendered from.
fn written_over(world: &World) {
    let api = world.api();
    ready_store(world, "disguised");
    let hash = json!({"fleetwright.dev/spec-hash": "of-nobody"});
    let theirs = json!({"metadata": {"annotations": hash}});
    patch(world, "helmrelease", "disguised", &theirs);
    let words = "not as rendered";
    let found = told(&api, "disguised", "Failed", "NotInSync", words);
    let step = found["nextStep"].as_str().unwrap();
    assert!(step.contains("retry"), "{found}");
    let again = accepted(api.post("/api/v1/stores/disguised/retry", &json!({})));
    api.change_in(&again, "ready", SOON);
    api.store_in("disguised", "Ready", SOON);
}

/// Flux does not get to a store's files while this is on.
fn hold_back(world: &World, name: &str, on: bool) {
    let nobody = json!([{"name": "nobody"}]);
    let depends = json!({"spec": {"dependsOn": if on { nobody } else { Value::Null }}});
    patch(world, "kustomization", &format!("store-{name}"), &depends);
}

/// A good change is still under way when a bad one comes: the failure is the bad one's alone.
fn overtaken_by_a_failure(world: &World) {
    let api = world.api();
    ready_store(world, "blamed");
    hold_back(world, "blamed", true);
    let good = update(&api, "blamed", &json!({"values": {"title": "Good"}}));
    api.change_in(&good, "merged", SOON);
    let bad = update(&api, "blamed", &with_image(BROKEN));
    api.change_in(&bad, "merged", SOON);
    hold_back(world, "blamed", false);
    told(&api, "blamed", "Degraded", "UpgradeFailed", "Helm upgrade");
    let change = |id: &str| api.get(&format!("/api/v1/changes/{id}")).1;
    let (first, second) = (change(&good), change(&bad));
    assert_eq!(first["state"], "superseded", "{first}");
    assert_eq!(first["supersededBy"], bad.as_str(), "{first}");
    assert_eq!(first["error"], Value::Null, "{first}");
    let waits = second["waitingFor"].as_str().unwrap_or_default();
    assert!(waits.contains("UpgradeFailed"), "{second}");
    let repaired = update(&api, "blamed", &with_image(GOOD));
    api.change_in(&repaired, "ready", SOON);
    api.store_in("blamed", "Ready", SOON);
    let first = change(&good);
    assert_eq!(first["state"], "superseded", "{first}");
}

fn superseded(world: &World) {
    let api = world.api();
    ready_store(world, "hasty");
    // Flux does not get to the first before the second is there
    hold_back(world, "hasty", true);
    let first = update(&api, "hasty", &with_image(BROKEN));
    api.change_in(&first, "merged", SOON);
    let second = update(&api, "hasty", &with_image(GOOD));
    let ended = api.change_in(&first, "superseded", SOON);
    assert_eq!(ended["supersededBy"], second.as_str(), "{ended}");
    hold_back(world, "hasty", false);
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

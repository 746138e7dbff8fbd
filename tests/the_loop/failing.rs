//! A release that cannot succeed says so with Flux's own words, and can still be deleted.

use serde_json::json;

use crate::support::eventually;
use crate::world::{SOON, World};

#[test]
fn a_release_that_cannot_succeed_is_told_and_deleted() {
    let world = World::begin();
    let api = world.api();

    // an image that no registry has: the pods never start, Helm's wait runs out
    let body = json!({"name": "broken", "engine": "woocommerce", "owner": "alice", "values": {"image": {"repository": "does-not-exist/shop"}}});
    api.create(&body);
    let shop = eventually("the store is told to have failed", SOON, || {
        let shop = api.store("broken");
        if shop["phase"] == "Failed" && shop["reason"] == "InstallFailed" {
            Ok(shop)
        } else {
            Err(shop.to_string())
        }
    });
    assert!(
        shop["message"]
            .as_str()
            .unwrap()
            .contains("Helm install failed"),
        "{shop}"
    );
    assert!(!shop["nextStep"].as_str().unwrap().is_empty(), "{shop}");
    let release = world
        .object("helmrelease", "fleet", "broken")
        .expect("the release is there");
    assert_eq!(
        release["status"]["installFailures"].as_i64().unwrap_or(1),
        1,
        "told at its first failure"
    );

    // delete works from there
    let deleted = api.remove("broken");
    api.change_in(&deleted, "ready", SOON);
    assert!(!world.has("namespace", "", "store-broken"));
}

#[test]
fn what_is_suspended_by_hand_is_put_right_and_a_deletion_waits_for_that() {
    let grace = "readyDeadline: 15m\n    resumeAfter: 5s\n";
    let world = World::with_policy(&|text| text.replace("readyDeadline: 15m\n", grace));
    let api = world.api();
    api.create(&json!({"name": "shop", "engine": "woocommerce", "owner": "alice"}));
    api.store_in("shop", "Ready", SOON);
    let (_, clusters) = api.get("/api/v1/clusters");
    assert_eq!(clusters["items"][0]["alarms"], json!([]), "{clusters}");
    let suspend = |kind: &str, name: &str| {
        let args = [
            "patch",
            kind,
            name,
            "--namespace",
            "fleet",
            "--type=merge",
            "--patch",
            "{\"spec\":{\"suspend\":true}}",
        ];
        world
            .bed
            .kubectl_ok(&args)
            .expect("the administrator may do this");
    };
    // the store's Kustomization: after the grace a change of our own resumes it
    suspend("kustomization", "store-shop");
    api.store_in("shop", "Suspended", SOON);
    eventually("it is put right", SOON, || {
        let (_, list) = api.get("/api/v1/changes?store=shop&action=retry");
        let change = &list["items"][0];
        if change["requester"] == "fleetwright" && change["state"] == "ready" {
            Ok(())
        } else {
            Err(list.to_string())
        }
    });
    let applier = world
        .object("kustomization", "fleet", "store-shop")
        .expect("it is there");
    assert_eq!(applier["spec"]["suspend"], json!(false));

    // Flux would drop a suspended release without uninstalling it: it is resumed at once, and then deleted
    suspend("helmrelease", "shop");
    api.store_in("shop", "Suspended", SOON);
    let removed = api.remove("shop");
    api.change_in(&removed, "ready", SOON);
    assert!(!world.has("namespace", "", "store-shop"));
    let (_, list) = api.get("/api/v1/changes?store=shop&action=retry");
    let count = list["items"].as_array().map(Vec::len);
    assert_eq!(count, Some(2), "one change for each suspension: {list}");
}

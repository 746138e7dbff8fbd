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
        if shop["phase"] == "Failed" || shop["phase"] == "Degraded" {
            Ok(shop)
        } else {
            Err(shop.to_string())
        }
    });
    assert_eq!(shop["reason"], "InstallFailed", "{shop}");
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
fn a_release_suspended_by_hand_is_waited_for_before_it_is_deleted() {
    let world = World::begin();
    let api = world.api();
    api.create(&json!({"name": "shop", "engine": "woocommerce", "owner": "alice"}));
    api.store_in("shop", "Ready", SOON);
    let suspend = |on: bool| {
        let patch = format!("{{\"spec\":{{\"suspend\":{on}}}}}");
        let args = [
            "patch",
            "helmrelease",
            "shop",
            "--namespace",
            "fleet",
            "--type=merge",
            "--patch",
            &patch,
        ];
        world
            .bed
            .kubectl_ok(&args)
            .expect("the administrator may do this");
    };
    suspend(true);
    api.store_in("shop", "Suspended", SOON);
    // Flux would drop a suspended release without uninstalling it
    let removed = api.remove("shop");
    eventually("it says what it waits for", SOON, || {
        let (_, change) = api.get(&format!("/api/v1/changes/{removed}"));
        let waits = change["waitingFor"].as_str();
        if waits.is_some_and(|it| it.contains("suspended by hand")) {
            Ok(())
        } else {
            Err(change.to_string())
        }
    });
    assert!(world.has("helmrelease", "fleet", "shop"));
    suspend(false);
    api.change_in(&removed, "ready", SOON);
    assert!(!world.has("namespace", "", "store-shop"));
}

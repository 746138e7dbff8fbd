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

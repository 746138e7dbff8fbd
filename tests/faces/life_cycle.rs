//! A store's life by its actions: upgrade, suspend, resume, rollback, retry, delete.

use serde_json::{Value, json};

use crate::support::git::{Person, git};
use crate::wire::{Dev, Reply};

/// Asks for an action on `shop` and waits until it is merged.
fn act(dev: &Dev, action: &str, body: &str) -> Reply {
    let headers = [("Content-Type", "application/json"), ("Prefer", "wait=30")];
    let path = format!("/api/v1/stores/shop/{action}");
    dev.send("POST", &path, &headers, body)
}

fn merged(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

fn patch(dev: &Dev, body: &Value) -> Value {
    let headers = [
        ("Content-Type", "application/merge-patch+json"),
        ("Prefer", "wait=30"),
    ];
    merged(&dev.send("PATCH", "/api/v1/stores/shop", &headers, &body.to_string()))
}

fn spec(dev: &Dev) -> Value {
    dev.get("/api/v1/stores/shop").json()["record"]["spec"].clone()
}

#[test]
fn a_shop_goes_off_and_comes_back() {
    let dev = Dev::start();
    dev.create("shop");
    let off = merged(&act(&dev, "suspend", ""));
    assert_eq!(off["action"], "suspend", "{off}");
    assert_eq!(spec(&dev)["suspended"], true);
    let again = act(&dev, "suspend", "{}");
    again.assert_problem(409);
    assert!(again.text.contains("its phase is "), "{again:?}");
    act(&dev, "retry", "").assert_problem(409);
    merged(&act(&dev, "resume", ""));
    assert_eq!(spec(&dev).get("suspended"), None);
    act(&dev, "resume", "").assert_problem(409);
    act(&dev, "suspend", "{\"for\": \"ever\"}").assert_problem(422);
    act(&dev, "suspend", "[").assert_problem(400);
    dev.json("POST", "/api/v1/stores/nowhere/suspend", &json!({}))
        .assert_problem(404);
}

#[test]
fn versions_and_retries() {
    let dev = Dev::start();
    dev.create("shop");
    act(&dev, "upgrade", "").assert_problem(422);
    let unknown = act(&dev, "upgrade", "{\"version\": \"99.0.0\"}");
    unknown.assert_problem(422);
    assert_eq!(unknown.json()["errors"][0]["pointer"], "/version");
    let version = spec(&dev)["version"].clone();
    let same = merged(&act(
        &dev,
        "upgrade",
        &json!({"version": version}).to_string(),
    ));
    assert_eq!(same["noop"], true, "{same}");

    let retried = merged(&act(&dev, "retry", "{\"mode\": \"force\"}"));
    let token = json!({"token": retried["id"], "mode": "force"});
    assert_eq!(spec(&dev)["retry"], token);
    merged(&act(&dev, "retry", ""));
    assert_eq!(spec(&dev)["retry"]["mode"], "reset");
    act(&dev, "retry", "{\"mode\": \"harder\"}").assert_problem(422);
}

#[test]
fn a_rollback_goes_to_the_state_before_or_to_any_that_is_named() {
    let dev = Dev::start();
    let first = dev.create("shop");
    let nowhere = act(&dev, "rollback", "");
    nowhere.assert_problem(409);
    assert!(nowhere.text.contains("its phase is"), "{nowhere:?}");
    let second = patch(&dev, &json!({"plan": "medium"}));
    patch(&dev, &json!({"owner": "bob", "plan": "large"}));

    merged(&act(&dev, "rollback", ""));
    let back = spec(&dev);
    assert_eq!(
        (&back["plan"], &back["owner"]),
        (&json!("medium"), &json!("bob"))
    );
    merged(&act(
        &dev,
        "rollback",
        &json!({"to": first["commit"]}).to_string(),
    ));
    assert_eq!(spec(&dev)["plan"], "small");
    merged(&act(
        &dev,
        "rollback",
        &json!({"to": second["id"]}).to_string(),
    ));
    assert_eq!(spec(&dev)["plan"], "medium");

    let unknown = act(&dev, "rollback", "{\"to\": \"main~3\"}");
    unknown.assert_problem(422);
    assert_eq!(unknown.json()["errors"][0]["pointer"], "/to");
    let dry = act(
        &dev,
        "rollback?dryRun=true",
        &json!({"to": first["id"]}).to_string(),
    );
    assert!(
        merged(&dry)["diff"]
            .as_str()
            .unwrap()
            .contains("+  plan: small"),
        "{dry:?}"
    );
}

#[test]
fn a_rollback_knows_one_life_of_a_name_only() {
    let dev = Dev::start();
    let former = dev.create("shop");
    let headers = [("Prefer", "wait=30")];
    let gone = merged(&dev.send("DELETE", "/api/v1/stores/shop", &headers, ""));
    let told = gone["timeline"][0]["detail"].as_str().unwrap();
    assert!(told.contains("volume claims"), "{told}");
    crate::support::eventually("it is gone", std::time::Duration::from_secs(20), || {
        let store = dev.get("/api/v1/stores/shop").json();
        if store["phase"] == "Deleted" {
            Ok(())
        } else {
            Err(store.to_string())
        }
    });
    let refused = act(&dev, "suspend", "");
    refused.assert_problem(409);
    assert!(refused.text.contains("its phase is Deleted"), "{refused:?}");
    let again = dev.send("DELETE", "/api/v1/stores/shop", &[], "");
    assert_eq!((again.status, &again.json()["id"]), (202, &gone["id"]));

    dev.create("shop");
    let other_life = json!({"to": former["commit"]}).to_string();
    act(&dev, "rollback", &other_life).assert_problem(422);
}

#[test]
fn a_policy_that_renders_otherwise_makes_stores_outdated_until_their_next_change() {
    let dev = Dev::start();
    dev.create("shop");
    let outdated = || dev.get("/api/v1/stores/shop").json()["outdated"].clone();
    let folder = tempfile::tempdir().expect("a folder");
    let bare = dev.data.join("fleet.git");
    let ann = Person::clones(bare.to_str().expect("a plain path"), folder.path());
    let vouched = |from: &'static str, to: &'static str| {
        ann.pushes("main", "Change the policy", &|clone: &std::path::Path| {
            let path = clone.join("fleetwright.yaml");
            let there = std::fs::read_to_string(&path).expect("the policy");
            assert!(there.contains(from), "{there}");
            std::fs::write(path, there.replacen(from, to, 1)).expect("written");
        });
        let tip = git(&bare, &["rev-parse", "main"]);
        let said = dev.json("POST", "/api/v1/vouch", &json!({"commit": tip.trim()}));
        assert_eq!(said.status, 204, "{said:?}");
    };
    // Given a store of today's policy; a price is no part of what is rendered.
    assert_eq!(outdated(), false);
    vouched("price: 1\n", "price: 2\n");
    assert_eq!(outdated(), false);
    // When the quota of its plan changes, then it is outdated, and a dry run shows what moves along.
    vouched("pods: \"10\"", "pods: \"12\"");
    assert_eq!(outdated(), true);
    let patch_of = json!({"volumes": {}, "values": {}});
    let body = json!({"name": "shop", "patch": patch_of});
    let plan = dev.json("POST", "/api/v1/render", &body);
    assert!(plan.text.contains("+    pods: \\\"12\\\""), "{plan:?}");
    // When it is changed for another reason, then that is done with.
    merged(&act(&dev, "suspend", ""));
    assert_eq!(outdated(), false);
    let files = dev.get("/api/v1/stores/shop/manifests").text;
    assert!(files.contains("pods: \\\"12\\\""), "{files}");
}

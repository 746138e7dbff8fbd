//! A store's life by HTTP: asked for, in Git, changed, deleted; and the server started again in between.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::git::git;
use crate::wire::{Dev, Reply};

fn settled(dev: &Dev, accepted: &Reply) -> Value {
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let place = accepted.header("location").to_owned();
    let id = accepted.json()["id"].as_str().unwrap_or("?").to_owned();
    assert_eq!(place, format!("/api/v1/changes/{id}"));
    eventually("the change is merged", Duration::from_secs(20), || {
        let change = dev.get(&place).json();
        let merged = ["merged", "applied", "ready"]
            .iter()
            .any(|it| change["state"] == *it);
        if merged {
            Ok(change)
        } else {
            Err(change.to_string())
        }
    })
}

#[test]
fn a_store_is_created_changed_and_deleted() {
    let dev = Dev::start();
    let body = json!({"name": "shop", "engine": "woocommerce"});
    let created = settled(&dev, &dev.json("POST", "/api/v1/stores", &body));
    assert_eq!(
        (&created["action"], &created["store"]),
        (&json!("create"), &json!("shop"))
    );
    let commit = created["commit"]
        .as_str()
        .expect("a merged change has its commit");

    let shown = dev.get("/api/v1/stores/shop");
    assert_eq!(shown.status, 200);
    assert!(shown.header("etag").starts_with('"'), "{shown:?}");
    let store = shown.json();
    assert_eq!(store["phase"], "Committed");
    assert_eq!(store["uid"], created["id"]);
    assert_eq!(store["revisions"]["desired"], commit);
    let next = store["nextStep"].as_str().unwrap_or("");
    assert!(
        next.contains("kubeconfig"),
        "it says why it goes no further: {store}"
    );
    let listed = dev.get("/api/v1/stores?q=sho&phase=Committed").json();
    assert_eq!(listed["items"][0]["name"], "shop");

    let plan = json!({"plan": "medium"});
    let updated = settled(&dev, &dev.json("PATCH", "/api/v1/stores/shop", &plan));
    assert_eq!(updated["action"], "update");
    let store = dev.get("/api/v1/stores/shop").json();
    assert_eq!(store["record"]["spec"]["plan"], "medium");

    let deletion = dev.send("DELETE", "/api/v1/stores/shop", &[], "");
    let deleted = settled(&dev, &deletion);
    assert_eq!(deleted["action"], "delete");
    eventually("the store is deleted", Duration::from_secs(20), || {
        let store = dev.get("/api/v1/stores/shop").json();
        if store["phase"] == "Deleted" {
            Ok(())
        } else {
            Err(store.to_string())
        }
    });
    let log = git(
        &dev.data.join("fleet.git"),
        &["log", "--format=%s", "main", "--", "stores"],
    );
    assert_eq!(
        log.lines().count(),
        4,
        "create, update, and a deletion in two steps: {log}"
    );
    let actions = history(&dev);
    assert_eq!(actions, ["delete", "delete", "update", "create"]);

    let again = settled(&dev, &dev.json("POST", "/api/v1/stores", &body));
    assert_ne!(
        again["uid"], created["uid"],
        "the name is free again, for another store"
    );
    assert_eq!(
        history(&dev),
        ["create"],
        "a new store has nothing of its name's former life"
    );
}

fn history(dev: &Dev) -> Vec<String> {
    let page = dev.get("/api/v1/stores/shop/history").json();
    let items = page["items"].as_array().expect("a list");
    for item in items {
        let trailers = &item["trailers"];
        assert_eq!(trailers["Fleetwright-Action"], item["action"], "{item}");
        assert_eq!(trailers["Requested-By"], "token:admin", "{item}");
        let author = item["author"].as_str().expect("an author");
        assert!(author.ends_with('>'), "{item}");
    }
    items
        .iter()
        .map(|it| it["action"].as_str().unwrap_or("?").to_owned())
        .collect()
}

#[test]
fn a_deletion_asked_for_twice_is_one_change() {
    let dev = Dev::start();
    dev.create("shop");
    let first = dev.send("DELETE", "/api/v1/stores/shop", &[], "");
    let second = dev.send("DELETE", "/api/v1/stores/shop", &[], "");
    assert_eq!((first.status, second.status), (202, 202), "{second:?}");
    assert_eq!(first.json()["id"], second.json()["id"]);
}

#[test]
fn started_again_it_goes_on_where_it_was() {
    let mut dev = Dev::start();
    let body = json!({"name": "shop", "engine": "woocommerce"}).to_string();
    let headers = [
        ("Content-Type", "application/json"),
        ("Idempotency-Key", "once"),
    ];
    let first = dev.send("POST", "/api/v1/stores", &headers, &body);
    let change = settled(&dev, &first);
    let token = dev.token.clone();
    dev.server.kill_and_restart();
    dev.find();
    assert_eq!(dev.token, token, "the token stays");
    assert_eq!(dev.get("/api/v1/stores/shop").json()["phase"], "Committed");
    let kept = dev
        .get(&format!(
            "/api/v1/changes/{}",
            change["id"].as_str().unwrap_or("?")
        ))
        .json();
    assert_eq!(kept["commit"], change["commit"]);
    let replayed = dev.send("POST", "/api/v1/stores", &headers, &body);
    assert_eq!(replayed.status, 202, "{replayed:?}");
    assert_eq!(
        replayed.json()["id"],
        change["id"],
        "the key is remembered across restarts"
    );
    let commits = git(
        &dev.data.join("fleet.git"),
        &["log", "--format=%H", "main", "--", "stores"],
    );
    assert_eq!(commits.lines().count(), 1);
}

#[test]
fn where_no_cluster_is_watched_merged_is_the_end_and_says_so() {
    let dev = Dev::start();
    let change = dev.create("shop");
    assert_eq!(change["state"], "merged");
    let said = change["waitingFor"].as_str().unwrap_or("");
    assert!(said.contains("no cluster is watched"), "{change}");
    assert_eq!(
        change["deadline"],
        Value::Null,
        "nobody would see whether it is kept"
    );
}

//! Lists over the wire: orders, filters, cursors; a store's events and files; health and HEAD.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::git::Person;
use crate::wire::{Dev, Reply};

fn names(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{reply:?}");
    let items = reply.json()["items"].as_array().expect("items").clone();
    let name = |it: &Value| it["name"].as_str().expect("a name").to_owned();
    items.iter().map(name).collect()
}

/// Everything that a list gives, page by page, with something done between two pages.
fn pages(dev: &Dev, path: &str, mut between: impl FnMut(usize)) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    for page in 0.. {
        let reply = dev.get(&format!("{path}&limit=3{cursor}"));
        assert_eq!(reply.status, 200, "{reply:?}");
        let json = reply.json();
        all.extend(json["items"].as_array().expect("items").iter().cloned());
        match json["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
        between(page);
    }
    all
}

fn fleet() -> Dev {
    let dev = Dev::start_with(&["--no-limits"]);
    for (name, plan, owner) in [
        ("cherry", "small", "ann"),
        ("apple", "medium", "ann"),
        ("banana", "small", "bob"),
        ("elder", "small", "ann"),
        ("date", "medium", "bob"),
    ] {
        let body = json!({"name": name, "plan": plan, "owner": owner, "engine": "woocommerce"});
        let headers = [("Content-Type", "application/json"), ("Prefer", "wait=30")];
        let reply = dev.send("POST", "/api/v1/stores", &headers, &body.to_string());
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    dev
}

#[test]
fn stores_are_filtered_and_sorted() {
    let dev = fleet();
    let list = |query: &str| names(&dev.get(&format!("/api/v1/stores?{query}")));
    let asked = ["cherry", "apple", "banana", "elder", "date"];
    assert_eq!(list(""), ["apple", "banana", "cherry", "date", "elder"]);
    assert_eq!(
        list("sort=-name"),
        ["elder", "date", "cherry", "banana", "apple"]
    );
    assert_eq!(list("sort=createdAt"), asked);
    let newest: Vec<&str> = asked.iter().rev().copied().collect();
    assert_eq!(list("sort=-createdAt"), newest);
    assert_eq!(list("owner=ann"), ["apple", "cherry", "elder"]);
    assert_eq!(list("owner=ann&plan=small&sort=-name"), ["elder", "cherry"]);
    assert_eq!(list("engine=woocommerce&cluster=local&q=an"), ["banana"]);
    assert_eq!(list("q=apple.localtest"), ["apple"]);
    assert_eq!(list("phase=Committed").len(), 5);
    for nothing in [
        "phase=Ready",
        "owner=cyd",
        "plan=none",
        "version=9.9.9",
        "engine=medusa",
        "q=zzz",
    ] {
        assert!(list(nothing).is_empty(), "{nothing}");
    }

    let patch = dev.send(
        "PATCH",
        "/api/v1/stores/banana",
        &[
            ("Content-Type", "application/merge-patch+json"),
            ("Prefer", "wait=30"),
        ],
        r#"{"plan":"medium"}"#,
    );
    assert_eq!(patch.status, 200, "{patch:?}");
    assert_eq!(list("sort=-updatedAt&limit=1"), ["banana"]);
    assert_eq!(list("plan=medium"), ["apple", "banana", "date"]);
    let gone = dev.send(
        "DELETE",
        "/api/v1/stores/apple",
        &[("Prefer", "wait=30")],
        "",
    );
    assert!(gone.status < 300, "{gone:?}");
    crate::support::eventually(
        "the store is gone",
        std::time::Duration::from_secs(20),
        || match list("phase=Deleted").as_slice() {
            [one] if one == "apple" => Ok(()),
            other => Err(format!("{other:?}")),
        },
    );
    assert_eq!(list(""), ["banana", "cherry", "date", "elder"]);

    let wrong = dev.get("/api/v1/stores?sort=plan");
    assert_eq!(
        (wrong.status, wrong.pointers()),
        (422, vec!["/query/sort".to_owned()])
    );
}

#[test]
fn cursors_survive_what_comes_between_pages() {
    let dev = fleet();
    let all: BTreeSet<String> = names(&dev.get("/api/v1/stores")).into_iter().collect();
    for sort in [
        "name",
        "-name",
        "createdAt",
        "-createdAt",
        "updatedAt",
        "-updatedAt",
    ] {
        let letter = sort
            .trim_start_matches('-')
            .chars()
            .next()
            .expect("a letter");
        let down = if sort.starts_with('-') { "d" } else { "u" };
        let seen = pages(&dev, &format!("/api/v1/stores?sort={sort}"), |page| {
            for first in ["a", "z"] {
                dev.create(&format!("{first}{letter}{down}{page}"));
            }
        });
        let seen: Vec<&str> = seen.iter().filter_map(|it| it["name"].as_str()).collect();
        let once: BTreeSet<String> = seen.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(once.len(), seen.len(), "{sort}: {seen:?}");
        assert!(once.is_superset(&all), "{sort}: {seen:?}");
    }
    let cursor = dev.get("/api/v1/stores?limit=1").json()["next"].clone();
    let cursor = cursor.as_str().expect("there are more");
    for path in [
        "/api/v1/stores?cursor=apple".to_owned(),
        format!("/api/v1/stores?sort=-name&cursor={cursor}"),
        format!("/api/v1/changes?cursor={cursor}"),
        "/api/v1/stores/apple/history?cursor=1".to_owned(),
        "/api/v1/stores/apple/events?cursor=".to_owned(),
    ] {
        let reply = dev.get(&path);
        assert_eq!(
            (reply.status, reply.pointers()),
            (422, vec!["/query/cursor".to_owned()]),
            "{path}"
        );
    }
}

#[test]
fn changes_are_filtered_and_paged() {
    let dev = fleet();
    dev.send("DELETE", "/api/v1/stores/cherry", &[], "");
    let stores = |query: &str| -> Vec<String> {
        let of = |it: &Value| it["store"].as_str().expect("a store").to_owned();
        let found = pages(&dev, &format!("/api/v1/changes?{query}"), |_| {});
        let ids: Vec<&str> = found.iter().filter_map(|it| it["id"].as_str()).collect();
        assert!(
            ids.windows(2).all(|it| it[0] > it[1]),
            "newest first: {ids:?}"
        );
        found.iter().map(of).collect()
    };
    assert_eq!(
        stores("action=create"),
        ["date", "elder", "banana", "apple", "cherry"]
    );
    assert_eq!(stores("action=create&owner=bob"), ["date", "banana"]);
    assert_eq!(stores("action=delete"), ["cherry"]);
    assert_eq!(stores("store=cherry"), ["cherry", "cherry"]);
    assert!(stores("state=failed").is_empty());
    assert!(stores("owner=cyd").is_empty());
}

#[test]
fn a_store_has_its_events_and_its_files() {
    let dev = Dev::start();
    let change = dev.create("shop");
    let events = dev.get("/api/v1/stores/shop/events").json();
    let events = events["items"].as_array().expect("items");
    let told: Vec<(&str, &str)> = events
        .iter()
        .filter_map(|it| Some((it["kind"].as_str()?, it["reason"].as_str()?)))
        .collect();
    for wanted in [
        ("change", "queued"),
        ("change", "written"),
        ("phase", "Requested"),
        ("phase", "Committed"),
    ] {
        assert!(told.contains(&wanted), "{wanted:?} in {told:?}");
    }
    assert!(
        events
            .iter()
            .all(|it| it["kind"] != "change" || it["change"] == change["id"])
    );
    let times: Vec<&str> = events.iter().filter_map(|it| it["at"].as_str()).collect();
    let paged = pages(&dev, "/api/v1/stores/shop/events?", |_| {});
    assert_eq!(&paged, events, "{times:?}");

    let files = dev.get("/api/v1/stores/shop/manifests").json();
    let files = files["items"].as_array().expect("items");
    let paths: Vec<&str> = files.iter().filter_map(|it| it["path"].as_str()).collect();
    assert!(
        paths[0].starts_with("stores/") && paths[0].ends_with("/shop.yaml"),
        "{paths:?}"
    );
    for end in [
        "/sync/store-shop.yaml",
        "/stores/shop/tenant.yaml",
        "/stores/shop/release.yaml",
    ] {
        assert!(
            paths.iter().any(|it| it.ends_with(end)),
            "{end} in {paths:?}"
        );
    }
    assert!(
        files[0]["content"]
            .as_str()
            .is_some_and(|it| it.contains("kind: Store"))
    );
    for missing in ["events", "manifests"] {
        dev.get(&format!("/api/v1/stores/none/{missing}"))
            .assert_problem(404);
    }
}

#[test]
fn health_names_every_part_and_head_is_get_without_a_body() {
    let dev = Dev::start();
    dev.create("shop");
    let health = dev.get("/api/health").json();
    assert_eq!(health["status"], "ok", "{health}");
    let checks = &health["checks"];
    for (part, status) in [
        ("index", "ok"),
        ("git", "ok"),
        ("forge", "none"),
        ("policy", "ok"),
    ] {
        assert_eq!(checks[part]["status"], status, "{part}: {health}");
    }
    assert_eq!(checks["clusters"]["local"]["status"], "ok", "{health}");
    for path in [
        "/healthz",
        "/readyz",
        "/api/health",
        "/api/v1/stores",
        "/api/v1/stores/shop",
        "/metrics",
        "/api/v1/events",
    ] {
        let head = dev.send("HEAD", path, &[], "");
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
        assert!(!head.header("content-type").is_empty(), "{path}");
    }
    let head = dev.send("HEAD", "/api/v1/stores/none", &[], "");
    assert_eq!((head.status, head.text.as_str()), (404, ""));
}

#[test]
fn a_broken_policy_on_main_shows_and_changes_nothing() {
    let dev = Dev::start();
    dev.create("before");
    let folder = tempfile::tempdir().expect("a folder");
    let bare = dev.data.join("fleet.git");
    let ann = Person::clones(bare.to_str().expect("a plain path"), folder.path());
    let policy = |text: &'static str| {
        move |clone: &std::path::Path| {
            let path = clone.join("fleetwright.yaml");
            let there = std::fs::read_to_string(&path).expect("the policy");
            let (from, to) = text.split_once(" -> ").expect("two texts");
            assert!(there.contains(from), "{there}");
            std::fs::write(path, there.replace(from, to)).expect("it can be written");
        }
    };
    let health = || dev.get("/api/health").json();
    let in_force = health()["checks"]["policy"]["commit"].clone();
    ann.pushes(
        "main",
        "Break it",
        &policy("kind: FleetPolicy -> kind: FleetPoetry"),
    );
    let said = health();
    assert_eq!(said["status"], "degraded", "{said}");
    let check = &said["checks"]["policy"];
    assert_eq!(
        (&check["status"], &check["commit"]),
        (&json!("degraded"), &in_force)
    );
    assert!(
        check["message"]
            .as_str()
            .is_some_and(|it| it.contains("kind")),
        "{said}"
    );
    dev.create("after");

    ann.pushes(
        "main",
        "Put it right",
        &policy("FleetPoetry -> FleetPolicy"),
    );
    let said = health();
    assert_eq!(
        said["checks"]["policy"],
        json!({"status": "ok", "commit": in_force, "message": null})
    );
    ann.pushes("main", "Another one", &policy("stores: 50 -> stores: 60"));
    let said = health();
    assert_eq!(
        said["checks"]["policy"]["status"], "ok",
        "one that waits is no fault: {said}"
    );
    let message = said["checks"]["policy"]["message"].as_str().unwrap_or("");
    assert!(message.contains("vouches"), "{said}");
}

//! A store's whole life, and the index that can be thrown away at any time.

use serde_json::{Value, json};

use crate::launcher::{Options, Testbed};
use crate::support::api::Api;
use crate::support::eventually;
use crate::support::process::{Server, run};
use crate::world::{SOON, World, text};

#[test]
fn a_store_is_created_updated_and_deleted() {
    let world = World::begin();
    let api = world.api();

    // created: a commit is pushed, Flux installs it, the API says Ready with the commit that is applied
    let created = api.create(&json!({"name": "shop", "engine": "woocommerce", "owner": "alice", "values": {"title": "Alice: \"the\" shop"}}));
    let shop = api.store_in("shop", "Ready", SOON);
    let change = api.change_in(&created, "ready", SOON);
    assert_eq!(change["commit"], shop["revisions"]["desired"]);
    assert_eq!(shop["revisions"]["applied"], shop["revisions"]["desired"]);
    assert_eq!(world.commits_of(&created), 1);
    let release = world
        .object("helmrelease", "fleet", "shop")
        .expect("the release is there");
    assert_eq!(release["spec"]["values"]["workers"], 4);
    let timeline: Vec<&str> = change["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["state"].as_str())
        .collect();
    assert_eq!(
        timeline,
        ["queued", "written", "merged", "applied", "ready"]
    );
    assert_eq!(
        steps(&change),
        [
            "accepted",
            "committed",
            "pushed",
            "merged",
            "fetched",
            "applied",
            "installed",
            "workloadsReady"
        ]
    );

    // updated
    let (status, updated) = api.patch("/api/v1/stores/shop", &json!({"plan": "medium"}));
    assert_eq!(status, 202, "{updated}");
    api.change_in(updated["id"].as_str().unwrap(), "ready", SOON);
    let release = world
        .object("helmrelease", "fleet", "shop")
        .expect("the release is there");
    assert_eq!(release["spec"]["values"]["workers"], 6);
    assert_eq!(api.store("shop")["record"]["spec"]["plan"], "medium");

    // deleted, in two commits of one change
    let deleted = api.remove("shop");
    assert_eq!(
        api.remove("shop"),
        deleted,
        "a repeated delete is the same change"
    );
    let (status, _) = api.post(
        "/api/v1/stores",
        &json!({"name": "shop", "engine": "woocommerce", "owner": "alice"}),
    );
    assert_eq!(status, 409, "the name is not free before the store is gone");
    api.store_in("shop", "Deleted", SOON);
    api.change_in(&deleted, "ready", SOON);
    assert_eq!(world.commits_of(&deleted), 2);
    assert!(!world.has("helmrelease", "fleet", "shop"));
    assert!(!world.has("namespace", "", "store-shop"));
    let left = |branch: &str| {
        world
            .files(branch, "")
            .into_iter()
            .filter(|it| it.contains("shop"))
            .count()
    };
    assert_eq!(
        (left("main"), left("deploy/local")),
        (0, 0),
        "no file of the store is left"
    );

    // the name is free again, for its owner only
    let (status, _) = api.post(
        "/api/v1/stores",
        &json!({"name": "shop", "engine": "woocommerce", "owner": "bob"}),
    );
    assert_eq!(status, 409);
    let again = api.create(&json!({"name": "shop", "engine": "woocommerce", "owner": "alice"}));
    let again = api.change_in(&again, "ready", SOON);
    assert_ne!(again["uid"], change["uid"]);
    let (_, history) = api.get("/api/v1/stores/shop/history");
    assert_eq!(
        history["items"].as_array().unwrap().len(),
        1,
        "a name used again shows nothing of its former life"
    );
    figures_hold_every_step(&api);
    world.audit();
}

/// The steps that a change has reached, in their order.
fn steps(change: &Value) -> Vec<&str> {
    let all = change["milestones"].as_array().unwrap().iter();
    all.map(|it| it["name"].as_str().unwrap()).collect()
}

/// `/metrics` counts each step of each change once, except the first, before which there is none.
fn figures_hold_every_step(api: &Api) {
    let (_, changes) = api.get("/api/v1/changes");
    let changes = changes["items"].as_array().unwrap();
    assert_eq!(changes.len(), 4, "{changes:?}");
    for step in [
        "committed",
        "pushed",
        "merged",
        "fetched",
        "applied",
        "installed",
        "workloadsReady",
    ] {
        let reached = changes
            .iter()
            .filter(|it| steps(it).contains(&step))
            .count();
        assert!(reached > 0, "no change has reached {step}");
        let line =
            format!("fleetwright_change_step_duration_seconds_count{{step=\"{step}\"}} {reached}");
        eventually(&line, SOON, || {
            let (_, figures) = api.get("/metrics");
            let figures = figures.as_str().unwrap_or_default();
            let counted = figures.lines().any(|it| it == line);
            counted.then_some(()).ok_or_else(|| figures.to_owned())
        });
    }
}

#[test]
fn the_index_is_a_cache() {
    let mut world = World::begin();
    let api = world.api();
    for name in ["one", "two", "three"] {
        api.create(&json!({"name": name, "engine": "woocommerce", "owner": "alice"}));
    }
    for name in ["one", "two", "three"] {
        api.store_in(name, "Ready", SOON);
    }
    let removed = api.remove("two");
    api.change_in(&removed, "ready", SOON);
    let (_, bigger) = api.patch("/api/v1/stores/three", &json!({"plan": "medium"}));
    api.change_in(bigger["id"].as_str().unwrap(), "ready", SOON);
    let told = |api: &crate::support::api::Api| {
        let (_, changes) = api.get("/api/v1/changes");
        let states: Vec<(String, String, String)> = changes["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| {
                (
                    it["id"].to_string(),
                    it["state"].to_string(),
                    it["commit"].to_string(),
                )
            })
            .collect();
        let stores: Vec<_> = ["one", "two", "three"]
            .iter()
            .map(|name| {
                let store = api.store(name);
                let (_, history) = api.get(&format!("/api/v1/stores/{name}/history"));
                (
                    store["phase"].clone(),
                    store["uid"].clone(),
                    store["record"].clone(),
                    store["revisions"].clone(),
                    history,
                )
            })
            .collect();
        (states, stores)
    };
    let before = told(&api);

    world.server.kill();
    std::fs::remove_file(world.data.join("index.redb")).unwrap();
    world.server.restart();

    let api = world.api();
    for (name, phase) in [("one", "Ready"), ("two", "Deleted"), ("three", "Ready")] {
        api.store_in(name, phase, SOON);
    }
    api.change_in(bigger["id"].as_str().unwrap(), "ready", SOON);
    api.change_in(&removed, "ready", SOON);
    assert_eq!(told(&api), before);
}

#[test]
fn dev_closes_the_loop_as_the_reader_of_its_own_bootstrap() {
    let bed = Testbed::start(Options::default()).expect("the testbed starts");
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let args = ["dev", "--data", &text(&data), "--listen", "127.0.0.1:0"];
    let mut dev = Server::start(&args, &data);
    let address = std::fs::read_to_string(data.join("address")).unwrap();
    let bootstrap = run(&["cluster", "bootstrap", "local", "--data", &text(&data)]);
    bed.kubectl_apply(&bootstrap)
        .expect("the bootstrap applies");
    dev.kill();

    // with the account that the bootstrap makes for us, and nothing more
    let reader = dir.path().join("reader.kubeconfig");
    std::fs::write(&reader, reader_kubeconfig(&bed)).unwrap();
    let listen = address.trim().trim_start_matches("http://").to_owned();
    let args = [
        "dev",
        "--data",
        &text(&data),
        "--listen",
        &listen,
        "--kubeconfig",
        &text(&reader),
    ];
    let dev = Server::start(&args, &data);
    let api = dev.api();
    let created = api.create(&json!({"name": "shop", "engine": "woocommerce"}));
    let began = std::time::Instant::now();
    api.change_in(&created, "ready", SOON);
    let (_, clusters) = api.get("/api/v1/clusters");
    assert_eq!(
        clusters["items"][0]["source"]["verified"], true,
        "{clusters}"
    );
    // the interval is a minute: only a fetch that was asked for is this quick
    assert!(began.elapsed() < std::time::Duration::from_secs(45));
    let removed = api.remove("shop");
    api.change_in(&removed, "ready", SOON);
}

/// The administrator's kubeconfig with the reader's token in place of the certificate.
fn reader_kubeconfig(bed: &Testbed) -> String {
    let token = bed.kubectl_ok(&[
        "create",
        "token",
        "fleetwright-reader",
        "--namespace",
        "fleet",
    ]);
    let admin = std::fs::read_to_string(bed.kubeconfig()).unwrap();
    let mut config: serde_json::Value = serde_yaml::from_str(&admin).unwrap();
    config["users"][0]["user"] = json!({"token": token.unwrap().trim()});
    config.to_string()
}

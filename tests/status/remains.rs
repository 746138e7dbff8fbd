//! What does not belong together is listed, and following what the list says puts it right: orphans and kept volumes.

use std::process::Command;

use serde_json::{Value, json};

use crate::hands::{home, kubectl, patch_in, ready_store, shop};
use crate::support::api::Api;
use crate::support::eventually;
use crate::support::process::PROGRAM;
use crate::world::{SOON, World};

/// The store whose volumes outlive it.
pub(crate) const KEEPER: &str = "keeper";
/// The uid of a store of before.
const FORMER: &str = "01JAAAAAAAAAAAAAAAAAAAAAAA";

/// Somebody's namespace and release look like a store's, and no store is in Git.
pub(crate) fn no_record(world: &World) {
    let api = world.api();
    own_namespace(world, "ghost");
    let chart = json!({"kind": "HelmChart", "name": "nowhere"});
    let release = json!({
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "ghost", "namespace": "fleet", "labels": labels("ghost")},
        "spec": {"interval": "1h", "chartRef": chart},
    });
    world.bed.kubectl_apply(&release.to_string()).unwrap();
    let both = json!(["helmrelease/ghost", "namespace/store-ghost"]);
    let found = listed(&api, "ghost", "NoRecord", &|it| it["objects"] == both);
    assert_eq!(found["uid"], FORMER, "{found}");
    let (_, clusters) = api.get("/api/v1/clusters");
    assert_ne!(clusters["items"][0]["orphans"], 0, "{clusters}");
    let table = command_line(world);
    let row = table.lines().find(|it| it.contains("ghost"));
    assert!(row.is_some_and(|it| it.contains("NoRecord")), "{table}");
    assert!(
        table.contains("kubectl -n fleet delete helmrelease/ghost"),
        "{table}"
    );

    follow(world, &found);
    unlisted(&api, "ghost");
}

/// What is left of an earlier store of that name is in the way of the present one.
pub(crate) fn other_uid(world: &World) {
    let api = world.api();
    own_namespace(world, "reborn");
    api.create(&shop("reborn"));
    let found = listed(&api, "reborn", "OtherUid", &|it| it["uid"] == FORMER);
    assert_eq!(found["objects"], json!(["namespace/store-reborn"]));
    let shop = api.store("reborn");
    assert_ne!(shop["phase"], "Ready", "{shop}");

    follow(world, &found);
    api.store_in("reborn", "Ready", SOON);
    unlisted(&api, "reborn");
}

/// A store whose volumes are to be kept is deleted: it says which, and so does the list.
pub(crate) fn kept_volumes(world: &World) {
    let api = world.api();
    ready_store(world, KEEPER);
    let kept = volumes_of(world, &home(KEEPER));
    assert!(!kept.is_empty(), "the store has volumes");
    for volume in &kept {
        let retain = json!({"spec": {"persistentVolumeReclaimPolicy": "Retain"}});
        patch_in(world, "default", "persistentvolume", volume, &retain);
    }
    let removed = api.remove(KEEPER);
    api.change_in(&removed, "ready", SOON * 2);
    names_all(&api, &kept);
}

/// What is kept in the cluster outlives the index, and is told until somebody removes it.
pub(crate) fn kept_volumes_without_an_index(world: &mut World) {
    let kept = volumes_of(world, &home(KEEPER));
    world.server.kill();
    std::fs::remove_file(world.data.join("index.redb")).unwrap();
    world.server.restart();
    let api = world.api();
    let found = names_all(&api, &kept);
    follow(world, &found);
    unlisted(&api, KEEPER);
    let shop = api.store(KEEPER);
    assert_eq!(
        (&shop["phase"], &shop["notice"]),
        (&json!("Deleted"), &Value::Null)
    );
}

/// Waits until the list and the deleted store name all of the volumes; answers what is listed.
fn names_all(api: &Api, volumes: &[String]) -> Value {
    let objects: Vec<String> = volumes
        .iter()
        .map(|it| format!("persistentvolume/{it}"))
        .collect();
    let found = listed(api, KEEPER, "VolumeKept", &|it| {
        it["objects"] == json!(objects)
    });
    let shop = api.store_in(KEEPER, "Deleted", SOON);
    let notice = shop["notice"].as_str().unwrap_or_default();
    assert!(volumes.iter().all(|it| notice.contains(it)), "{shop}");
    found
}

/// The volumes that claims of a namespace have or had.
fn volumes_of(world: &World, namespace: &str) -> Vec<String> {
    let text = kubectl(world, &["get", "persistentvolumes", "--output", "json"]);
    let all: Value = serde_json::from_str(&text).unwrap();
    let items = all["items"].as_array().unwrap();
    let own = items
        .iter()
        .filter(|it| it["spec"]["claimRef"]["namespace"] == namespace);
    let names = own.map(|it| it["metadata"]["name"].as_str().unwrap().to_owned());
    names.collect()
}

fn labels(store: &str) -> Value {
    json!({"fleetwright.dev/store": store, "fleetwright.dev/uid": FORMER})
}

/// The namespace of a store of before.
fn own_namespace(world: &World, store: &str) {
    let metadata = json!({"name": home(store), "labels": labels(store)});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
    world.bed.kubectl_apply(&namespace.to_string()).unwrap();
}

/// Waits until a store is listed for a reason, with something to do, as `fits` wants it.
pub(crate) fn listed(api: &Api, store: &str, reason: &str, fits: &dyn Fn(&Value) -> bool) -> Value {
    eventually(&format!("{store} is listed as {reason}"), SOON, || {
        let all = api.get("/api/v1/orphans").1["items"].take();
        let items = all.as_array().cloned().unwrap_or_default();
        let mut found = items
            .into_iter()
            .filter(|it| it["store"] == store && it["reason"] == reason);
        let found = found.find(|it| it["nextStep"] != "" && it["message"] != "" && fits(it));
        found.ok_or(all.to_string())
    })
}

/// Waits until nothing is listed of a store.
pub(crate) fn unlisted(api: &Api, store: &str) {
    eventually(&format!("{store} is listed no more"), SOON, || {
        let all = api.get("/api/v1/orphans").1;
        let mut items = all["items"].as_array().into_iter().flatten();
        if items.any(|it| it["store"] == store) {
            Err(all.to_string())
        } else {
            Ok(())
        }
    });
}

/// What the command line lists.
fn command_line(world: &World) -> String {
    let api = world.api();
    let mut command = Command::new(PROGRAM);
    command.args(["cluster", "orphans"]);
    command.env("FLEETWRIGHT_URL", api.base());
    command.env("FLEETWRIGHT_TOKEN", api.token());
    let out = command.output().expect("the program starts");
    assert!(out.status.success(), "{out:?}");
    String::from_utf8(out.stdout).expect("text")
}

/// Does what a finding says is to be done: its commands, one after the other, as they stand there.
fn follow(world: &World, found: &Value) {
    let step = found["nextStep"].as_str().expect("a sentence");
    let parts = step.split("; ").flat_map(|it| it.split(" && "));
    let commands = parts.filter_map(|it| Some(it.split_at(it.find("kubectl ")?).1));
    let mut count = 0;
    for command in commands {
        let words: Vec<&str> = command.split(' ').skip(1).collect();
        kubectl(world, &words);
        count += 1;
    }
    assert!(count > 0, "{step} has a command");
}

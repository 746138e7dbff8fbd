//! What Flux does after a failed upgrade where somebody has told it to: going back, taking away, giving up.

use serde_json::{Value, json};

use crate::hands::{home, kubectl, patch, patch_in, ready_store, told};
use crate::releases::{BROKEN, GOOD};
use crate::support::api::accepted;
use crate::world::{SOON, World};

/// We render no remediation, so the administrator gives it to the live release: it stays ours by name, labels and hash.
fn remedy(world: &World, name: &str, remediation: &Value) {
    let upgrade = json!({"strategy": {"name": "RemediateOnFailure", "retryInterval": null}, "remediation": remediation});
    let values = json!({"image": {"repository": BROKEN}});
    let spec = json!({"timeout": "5s", "upgrade": upgrade, "values": values});
    patch(world, "helmrelease", name, &json!({"spec": spec}));
}

pub(crate) fn rolled_back(world: &World) {
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

/// Neither the new pod nor the one before may run any more, so going back fails as well.
pub(crate) fn rollback_fails(world: &World) {
    let api = world.api();
    ready_store(world, "stranded");
    let home = home("stranded");
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "no-pods", "namespace": home}, "spec": {"hard": {"pods": "0"}}});
    world.bed.kubectl_apply(&quota.to_string()).unwrap();
    remedy(world, "stranded", &last_failure("rollback"));
    let words = "Helm rollback";
    told(&api, "stranded", "Failed", "RollbackFailed", words);
    let quota = ["delete", "resourcequota", "no-pods", "--namespace", &home];
    kubectl(world, &quota);
    put_right(world, "stranded");
}

/// Nothing of the shop is left, though an older revision of it once served.
pub(crate) fn uninstalled(world: &World) {
    let api = world.api();
    ready_store(world, "cleared");
    remedy(world, "cleared", &last_failure("uninstall"));
    let words = "Helm uninstall";
    told(&api, "cleared", "Failed", "UninstallSucceeded", words);
    assert!(!world.has("deployment", &home("cleared"), "store-web"));
    // the next attempt installs it afresh, and that is told as well until somebody says that it is meant
    repair(world, "cleared");
    let words = "its data is probably lost";
    told(&api, "cleared", "Degraded", "Reinstalled", words);
    let meant = accepted(api.post("/api/v1/stores/cleared/retry", &json!({})));
    api.change_in(&meant, "ready", SOON);
}

/// What Flux should take away is held by a finalizer.
pub(crate) fn uninstall_fails(world: &World) {
    let api = world.api();
    ready_store(world, "adhering");
    let hold = |on: Value| {
        let finalizers = json!({"metadata": {"finalizers": on}});
        let home = home("adhering");
        patch_in(world, &home, "service", "store-web", &finalizers);
    };
    hold(json!(["example.com/held"]));
    remedy(world, "adhering", &last_failure("uninstall"));
    let words = "Helm uninstall";
    told(&api, "adhering", "Failed", "UninstallFailed", words);
    hold(Value::Null);
    let removed = api.remove("adhering");
    api.change_in(&removed, "ready", SOON);
}

/// The remediation of the first failure, which is the last as well: Flux does it once and then stands still.
fn last_failure(strategy: &str) -> Value {
    json!({"retries": 0, "remediateLastFailure": true, "strategy": strategy})
}

pub(crate) fn given_up(world: &World) {
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
    repair(world, name);
    world.api().store_in(name, "Ready", SOON);
}

/// The release as we render it.
fn repair(world: &World, name: &str) {
    let upgrade =
        json!({"strategy": {"name": "RetryOnFailure", "retryInterval": "3s"}, "remediation": null});
    let values = json!({"image": {"repository": GOOD}});
    let spec = json!({"timeout": "20s", "upgrade": upgrade, "values": values});
    patch(world, "helmrelease", name, &json!({"spec": spec}));
}

//! What an administrator does to a cluster by hand, and what a store is told to be afterwards.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::launcher::Testbed;
use crate::support::api::Api;
use crate::support::eventually;
use crate::world::{SOON, World, text};

/// A scenario and what it is called when it fails.
pub(crate) type Scenario = (&'static str, fn(&World));

/// Plays scenarios side by side in one world. Each has stores of its own, in shards of their own, so none moves another's.
pub(crate) fn play(world: &World, scenarios: &[Scenario]) {
    let failed: Vec<&str> = std::thread::scope(|scope| {
        let runs: Vec<_> = scenarios
            .iter()
            .map(|&(name, run)| (name, scope.spawn(move || run(world))))
            .collect();
        let ends = runs.into_iter();
        let failed = ends.filter_map(|(name, run)| run.join().is_err().then_some(name));
        failed.collect()
    });
    assert!(failed.is_empty(), "failed: {}", failed.join("; "));
}

/// A store of the tests' engine that is Ready.
pub(crate) fn ready_store(world: &World, name: &str) -> Value {
    let api = world.api();
    api.create(&shop(name));
    // all stores of a world are installed at the same time
    api.store_in(name, "Ready", SOON * 2)
}

/// The tests' policy, with a slot for each of the stores that are played side by side.
pub(crate) fn slots_for_all(policy: &str) -> String {
    policy.replace("{stores: 1000,", "{stores: 1000, provisionsAtOnce: 20,")
}

/// The request for a store.
pub(crate) fn shop(name: &str) -> Value {
    json!({"name": name, "engine": "woocommerce", "owner": "alice"})
}

/// The request for a store, or the update of one, whose image no registry has.
pub(crate) fn with_image(repository: &str) -> Value {
    json!({"values": {"image": {"repository": repository}}})
}

/// Asks for an update and returns the change's id.
pub(crate) fn update(api: &Api, name: &str, patch: &Value) -> String {
    let (status, change) = api.patch(&format!("/api/v1/stores/{name}"), patch);
    assert_eq!(status, 202, "{change}");
    change["id"]
        .as_str()
        .expect("a change has an id")
        .to_owned()
}

/// Waits until a store is told to be in a phase for a reason, in words that hold `words`, with a next step.
pub(crate) fn told(api: &Api, name: &str, phase: &str, reason: &str, words: &str) -> Value {
    let what = format!("store {name} is told to be {phase} ({reason}: {words})");
    eventually(&what, SOON, || {
        let shop = api.store(name);
        let message = shop["message"].as_str().unwrap_or_default();
        let step = shop["nextStep"].as_str().unwrap_or_default();
        let told = shop["phase"] == phase && shop["reason"] == reason;
        if told && message.contains(words) && !step.is_empty() {
            Ok(shop)
        } else {
            Err(shop.to_string())
        }
    })
}

/// Changes a Flux object of the fleet by a merge patch, as the administrator.
pub(crate) fn patch(world: &World, kind: &str, name: &str, patch: &Value) {
    patch_in(world, "fleet", kind, name, patch);
}

/// Changes an object of any namespace by a merge patch, as the administrator.
pub(crate) fn patch_in(world: &World, namespace: &str, kind: &str, name: &str, patch: &Value) {
    let text = patch.to_string();
    let args = [
        "patch",
        kind,
        name,
        "--namespace",
        namespace,
        "--type=merge",
        "--patch",
        &text,
    ];
    kubectl(world, &args);
}

/// Makes Flux look at an object now, as `flux reconcile` does.
pub(crate) fn reconcile(world: &World, kind: &str, name: &str) {
    let token = jiff::Timestamp::now().to_string();
    let annotations = json!({"reconcile.fluxcd.io/requestedAt": token});
    patch(
        world,
        kind,
        name,
        &json!({"metadata": {"annotations": annotations}}),
    );
}

/// Runs kubectl as the administrator, who may do this.
pub(crate) fn kubectl(world: &World, args: &[&str]) -> String {
    let done = world.bed.kubectl_ok(args);
    done.unwrap_or_else(|error| panic!("the administrator may do this: {error}"))
}

/// The namespace of a store.
pub(crate) fn home(name: &str) -> String {
    format!("store-{name}")
}

/// Our own account is there before the bootstrap is applied, so that the server can be started with its token.
const READER: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: fleet}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: fleetwright-reader, namespace: fleet}
";

/// A kubeconfig of the account that the bootstrap gives us; it may nothing before that is applied.
pub(crate) fn as_reader(bed: &Testbed, dir: &Path) -> PathBuf {
    bed.kubectl_apply(READER).unwrap();
    let args = ["create", "token", "fleetwright-reader", "--namespace=fleet"];
    let reader = bed.kubectl_ok(&args).unwrap();
    let admin = std::fs::read_to_string(bed.kubeconfig()).unwrap();
    let mut config: Value = serde_yaml::from_str(&admin).unwrap();
    config["users"][0]["user"] = json!({"token": reader.trim()});
    let kubeconfig = dir.join("reader.kubeconfig");
    std::fs::write(&kubeconfig, config.to_string()).unwrap();
    kubeconfig
}

/// Builds a library that is preloaded into the server, so that its surroundings are other than they are.
pub(crate) fn preloaded(dir: &Path, name: &str, source: &str, define: &str) -> String {
    let (code, library) = (
        dir.join(format!("{name}.c")),
        dir.join(format!("{name}.so")),
    );
    std::fs::write(&code, source).expect("a temporary folder takes files");
    let made = Command::new("cc")
        .args(["-shared", "-fPIC", define, "-o"])
        .args([&library, &code])
        .arg("-ldl")
        .status();
    assert!(made.is_ok_and(|it| it.success()), "a C compiler works");
    text(&library)
}

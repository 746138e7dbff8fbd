//! What is wrong with a cluster as a whole is told in `/api/v1/clusters` and `/api/health`, until it is put right. The server
//! is our own account there, with the rights that the bootstrap gives it. All stores share these parts, so each scenario
//! comes after the one before.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::hands::{as_reader, patch, patch_in, reconcile, shop, told, update};
use crate::launcher::{Component, Options, Testbed};
use crate::support::api::Api;
use crate::support::eventually;
use crate::support::git::git;
use crate::world::{SOON, World};

#[test]
fn what_is_wrong_with_a_cluster_is_told_until_it_is_put_right() {
    let world = World::with(Options::default(), &str::to_owned, &|bed, dir| {
        // so nobody looks at the GitRepository that the bootstrap makes
        bed.stop(Component::SourceController);
        for controller in ["kustomize-controller", "helm-controller"] {
            runs_with(bed, controller, &[ACCOUNT]);
        }
        json!([{"name": "local", "kubeconfig": as_reader(bed, dir)}])
    });
    lock_down(&world);
    not_looked_at(&world);
    unread(&world);
    suspended_root(&world);
    gone_back(&world);
    world.audit();
}

const ACCOUNT: &str = "--default-service-account=default";
const NO_CROSS: &str = "--no-cross-namespace-refs=true";
const GATE: &str = "--feature-gates=ExternalArtifact=true";

/// Flux without its lock-down, and without what shards need, is an alarm that names the controller and the flag, until it
/// has the flag. Flux itself runs beside these Deployments.
fn lock_down(world: &World) {
    let (api, bed) = (world.api(), &world.bed);
    for told in [
        "helm-controller runs without --no-cross-namespace-refs=true",
        "kustomize-controller runs without --no-cross-namespace-refs=true",
        "kustomize-controller runs without --feature-gates=ExternalArtifact=true",
    ] {
        alarm(&api, told);
    }
    let (_, health) = api.get("/api/health");
    let cluster = &health["checks"]["clusters"]["local"];
    assert_eq!(cluster["status"], "degraded", "{health}");
    let told = cluster["alarms"].to_string();
    assert!(told.contains(NO_CROSS), "{health}");
    // the flag that they have is not missed, nor is a gate of helm-controller
    assert!(!told.contains("--default-service-account"), "{health}");
    assert!(
        !told.contains("helm-controller runs without --feature"),
        "{health}"
    );

    runs_with(bed, "kustomize-controller", &[NO_CROSS, GATE]);
    runs_with(bed, "helm-controller", &[NO_CROSS, ACCOUNT]);
    quiet(&api, "helm-controller runs without");
    let told = alarm(&api, "kustomize-controller runs without");
    assert!(told.contains(ACCOUNT), "{told}");
    runs_with(bed, "kustomize-controller", &[NO_CROSS, GATE, ACCOUNT]);
    quiet(&api, "runs without");
}

/// Puts a Deployment into the cluster as `flux install` labels it, without pods.
fn runs_with(bed: &Testbed, controller: &str, flags: &[&str]) {
    let app = json!({"app": controller});
    let containers = json!([{"name": "manager", "image": controller, "args": flags}]);
    let deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": controller,
            "namespace": "flux-system",
            "labels": {"app.kubernetes.io/part-of": "flux"},
        },
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": app},
            "template": {"metadata": {"labels": app}, "spec": {"containers": containers}},
        },
    });
    bed.kubectl_apply(&deployment.to_string())
        .expect("the Deployment is there");
}

/// Nobody has looked at the `GitRepository`, so it has no conditions that could tell.
fn not_looked_at(world: &World) {
    let api = world.api();
    let created = api.create(&shop("waiting"));
    alarm(&api, "the GitRepository has no artifact");
    told(
        &api,
        "waiting",
        "Committed",
        "SourceFailed",
        "no source-controller has looked at it",
    );
    world.bed.restart(Component::SourceController).unwrap();
    api.change_in(&created, "ready", SOON * 2);
    quiet(&api, "artifact");
}

/// One rule is taken from our account: what cannot be read is named with the rule that gives the right, and the rest goes on.
fn unread(world: &World) {
    let api = world.api();
    let role = world.object("clusterrole", "", "fleet-reader").unwrap();
    let rules = role["rules"].clone();
    let mut fewer = rules.clone();
    for rule in fewer.as_array_mut().unwrap() {
        let resources = rule["resources"].as_array_mut().unwrap();
        resources.retain(|it| it != "pods");
    }
    assert_ne!(fewer, rules);
    patch_in(
        world,
        "default",
        "clusterrole",
        "fleet-reader",
        &json!({"rules": fewer}),
    );
    let blind = || api.get("/api/health").1["checks"]["clusters"]["local"].take();
    eventually("the missing right is told", SOON, || {
        let told = blind();
        let text = told["blind"].to_string();
        let named = text.contains("Pod objects cannot be read")
            && text.contains("resources: [pods], verbs: [get, list, watch]");
        if named && told["status"] == "degraded" {
            Ok(())
        } else {
            Err(told.to_string())
        }
    });
    let change = update(&api, "waiting", &json!({"values": {"title": "Unread"}}));
    api.change_in(&change, "ready", SOON);
    api.store_in("waiting", "Ready", SOON);

    patch_in(
        world,
        "default",
        "clusterrole",
        "fleet-reader",
        &json!({"rules": rules}),
    );
    eventually("nothing is missing any more", SOON, || {
        let told = blind();
        if told["blind"] == json!([]) {
            Ok(())
        } else {
            Err(told.to_string())
        }
    });
}

fn suspended_root(world: &World) {
    let api = world.api();
    let suspend = |on: bool| {
        let spec = json!({"spec": {"suspend": on}});
        patch(world, "kustomization", "root", &spec);
    };
    suspend(true);
    alarm(&api, "the root Kustomization is suspended");
    suspend(false);
    quiet(&api, "the root Kustomization");
}

/// Somebody moves the deploy branch to a commit of ours from before, where the repository lets nobody else put it right for
/// a while: its signature is good, so Flux takes it, and only its number tells.
fn gone_back(world: &World) {
    let api = world.api();
    world.synced();
    let hook = world.remote.join("hooks/update");
    std::fs::write(&hook, "#!/bin/sh\n[ \"$1\" != refs/heads/deploy/local ]\n").unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let branch = "refs/heads/deploy/local";
    git(&world.remote, &["update-ref", branch, "deploy/local~1"]);
    reconcile(world, "gitrepository", "fleet");
    let told = alarm(&api, "went back from deploy commit number");
    assert!(told.contains("somebody moved deploy/local"), "{told}");

    std::fs::remove_file(hook).unwrap();
    quiet(&api, "went back");
    world.synced();
    api.store_in("waiting", "Ready", SOON);
}

fn alarms(api: &Api) -> Vec<String> {
    let (_, clusters) = api.get("/api/v1/clusters");
    let all = clusters["items"][0]["alarms"].as_array().unwrap();
    all.iter().map(|it| it.as_str().unwrap().into()).collect()
}

/// Waits for an alarm with some words. Some are looked for once a minute.
pub(crate) fn alarm(api: &Api, words: &str) -> String {
    eventually(&format!("an alarm says: {words}"), SOON, || {
        let alarms = alarms(api);
        let told = alarms.iter().find(|it| it.contains(words)).cloned();
        told.ok_or_else(|| alarms.join("\n"))
    })
}

/// Waits until no alarm has these words.
pub(crate) fn quiet(api: &Api, words: &str) {
    eventually(&format!("no alarm says: {words}"), SOON, || {
        let told = alarms(api).into_iter().find(|it| it.contains(words));
        told.map_or(Ok(()), Err)
    });
}

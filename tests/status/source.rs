//! What keeps a commit from the cluster, and what the cluster refuses of it. All stores share these parts, so each
//! scenario comes after the one before.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::alarms::{alarm, quiet};
use crate::foreign;
use crate::hands::{home, kubectl, patch, reconcile, shop, told, update};
use crate::launcher::Component;
use crate::support::eventually;
use crate::world::{SOON, World};

#[test]
fn what_keeps_a_commit_from_the_cluster_is_told() {
    let world = World::begin();
    for name in ["full", "broken", "late"] {
        world.api().create(&shop(name));
    }
    for name in ["full", "broken", "late"] {
        world.api().store_in(name, "Ready", SOON);
    }
    quota(&world);
    schema(&world);
    not_looked_at(&world);
    not_fetched(&world);
    artifact_missing(&world);
    not_built(&world);
    bad_folder(&world);
    foreign::unsigned_head(&world);
    foreign::blocked_shard(&world);
    world.audit();
}

/// The dry run of the store's files is refused by a quota that somebody else has put into its namespace.
fn quota(world: &World) {
    let api = world.api();
    let hard = json!({"count/networkpolicies.networking.k8s.io": "0"});
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "strict", "namespace": home("full")}, "spec": {"hard": hard}});
    world.bed.kubectl_apply(&quota.to_string()).unwrap();
    kubectl(
        world,
        &[
            "delete",
            "networkpolicy",
            "dns",
            "--namespace",
            &home("full"),
        ],
    );
    let change = update(&api, "full", &json!({"plan": "medium"}));
    told(
        &api,
        "full",
        "Failed",
        "ReconciliationFailed",
        "exceeded quota: strict",
    );
    kubectl(
        world,
        &[
            "delete",
            "resourcequota",
            "strict",
            "--namespace",
            &home("full"),
        ],
    );
    api.change_in(&change, "ready", SOON);
}

/// The cluster's Flux is older than what is rendered: it does not know a field.
fn schema(world: &World) {
    let api = world.api();
    let crd = "helmreleases.helm.toolkit.fluxcd.io";
    let text = kubectl(world, &["get", "crd", crd, "--output", "json"]);
    let good: Value = serde_json::from_str(&text).unwrap();
    let mut older = good["spec"].clone();
    for version in older["versions"].as_array_mut().unwrap() {
        let spec = "/schema/openAPIV3Schema/properties/spec/properties";
        let fields = version.pointer_mut(spec).unwrap().as_object_mut().unwrap();
        fields.remove("driftDetection");
    }
    patch(
        world,
        "crd",
        crd,
        &json!({"spec": {"versions": older["versions"]}}),
    );
    api.create(&shop("modern"));
    told(
        &api,
        "modern",
        "Failed",
        "ReconciliationFailed",
        ".spec.driftDetection",
    );
    patch(
        world,
        "crd",
        crd,
        &json!({"spec": {"versions": good["spec"]["versions"]}}),
    );
    api.store_in("modern", "Ready", SOON);
}

/// helm-controller is gone, so nobody looks at the new release.
fn not_looked_at(world: &World) {
    let api = world.api();
    world.bed.stop(Component::HelmController);
    api.create(&shop("unseen"));
    told(
        &api,
        "unseen",
        "Committed",
        "NotObserved",
        "no helm-controller",
    );
    world.bed.restart(Component::HelmController).unwrap();
    api.store_in("unseen", "Ready", SOON);
}

fn not_fetched(world: &World) {
    let api = world.api();
    let address = |url: &str| json!({"spec": {"url": url}});
    // nobody listens there
    patch(
        world,
        "gitrepository",
        "fleet",
        &address("http://127.0.0.1:1/fleet.git"),
    );
    let change = update(&api, "late", &json!({"values": {"title": "Late"}}));
    told(
        &api,
        "late",
        "Committed",
        "SourceFailed",
        "connection refused",
    );
    patch(world, "gitrepository", "fleet", &address(&world.git.url));
    api.change_in(&change, "ready", SOON);
}

fn artifact_missing(world: &World) {
    let api = world.api();
    let shard = fleetwright::domain::record::shard(&"late".parse().unwrap());
    world.bed.stop(Component::SourceWatcher);
    kubectl(
        world,
        &[
            "delete",
            "externalartifact",
            &format!("shard-{shard}"),
            "--namespace",
            "fleet",
            "--wait=false",
        ],
    );
    let gone = json!({"metadata": {"finalizers": null}});
    if world.has("externalartifact", "fleet", &format!("shard-{shard}")) {
        patch(world, "externalartifact", &format!("shard-{shard}"), &gone);
    }
    let change = update(&api, "late", &json!({"values": {"title": "Later"}}));
    told(
        &api,
        "late",
        "Committed",
        "WaitingForArtifact",
        "the artifact of the store's shard",
    );
    world.bed.restart(Component::SourceWatcher).unwrap();
    api.change_in(&change, "ready", SOON);
}

/// A person gets a file that is no YAML into the store's folder.
fn not_built(world: &World) {
    let api = world.api();
    let shard = fleetwright::domain::record::shard(&"broken".parse().unwrap());
    let folder = format!("clusters/local/shards/{shard}/stores/broken");
    let person = Intruder::lets_in(world, &json!({}));
    Intruder::pushes(world, &format!("{folder}/mine.yaml"), "kind: [no\n");
    told(&api, "broken", "Degraded", "BuildFailed", "mine.yaml");
    person.leaves(world);
    api.store_in("broken", "Ready", SOON);
}

/// A person adds a folder among the shards whose name is no label value, and the generator stops for every shard.
fn bad_folder(world: &World) {
    let api = world.api();
    patch(
        world,
        "gitrepository",
        "fleet",
        &json!({"spec": {"suspend": true}}),
    );
    let change = update(&api, "late", &json!({"values": {"title": "Latest"}}));
    told(
        &api,
        "late",
        "Committed",
        "SourceFailed",
        "the GitRepository is suspended",
    );
    api.change_in(&change, "merged", SOON);
    let person = Intruder::lets_in(world, &json!({"ignore": null}));
    Intruder::pushes(
        world,
        "clusters/local/shards/Not a label!/sync/x.yaml",
        "a: b\n",
    );
    patch(
        world,
        "gitrepository",
        "fleet",
        &json!({"spec": {"suspend": false}}),
    );
    let shop = told(
        &api,
        "late",
        "Committed",
        "SourceFailed",
        "the ArtifactGenerator shards fails",
    );
    assert!(
        shop["message"].to_string().contains("path pattern"),
        "{shop}"
    );
    alarm(&api, "the ArtifactGenerator shards fails");
    // the shops of before look fine to Flux, and are
    assert_eq!(api.store("broken")["phase"], "Ready");
    person.leaves(world);
    api.change_in(&change, "ready", SOON);
    quiet(&api, "ArtifactGenerator");
}

/// A person whose push to the deploy branch stays there for a while: the repository refuses ours, and the cluster
/// neither verifies nor ignores anything.
pub(crate) struct Intruder {
    before: Value,
}

impl Intruder {
    pub(crate) fn lets_in(world: &World, more: &Value) -> Self {
        let hook = world.remote.join("hooks/update");
        let only_ann = "#!/bin/sh\n[ \"$1\" != refs/heads/deploy/local ] || [ \"$(git log -1 --format=%an \"$3\")\" = Ann ]\n";
        std::fs::write(&hook, only_ann).unwrap();
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
        let source = world.object("gitrepository", "fleet", "fleet").unwrap();
        let before =
            json!({"verify": source["spec"]["verify"], "ignore": source["spec"]["ignore"]});
        let mut spec = json!({"verify": null});
        spec.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        patch(world, "gitrepository", "fleet", &json!({"spec": spec}));
        Self { before }
    }

    pub(crate) fn pushes(world: &World, path: &str, text: &str) {
        world
            .ann()
            .pushes("deploy/local", "A file of mine", &|clone| {
                let path = clone.join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            });
        reconcile(world, "gitrepository", "fleet");
    }

    /// Our pushes are taken again, so that the branch is put right; then the cluster is what it was.
    pub(crate) fn leaves(self, world: &World) {
        std::fs::remove_file(world.remote.join("hooks/update")).unwrap();
        eventually("the branch is put right", SOON, || {
            let author = crate::support::git::git(
                &world.remote,
                &["log", "-1", "--format=%an", "deploy/local"],
            );
            if author == "Ann" {
                Err("not yet".to_owned())
            } else {
                Ok(())
            }
        });
        patch(
            world,
            "gitrepository",
            "fleet",
            &json!({"spec": self.before}),
        );
        reconcile(world, "gitrepository", "fleet");
    }
}

#[test]
fn a_full_service_range_and_a_missed_deadline_are_told() {
    // eight addresses, of which five are for Services to come
    let options = crate::launcher::Options {
        service_cluster_ip_range: "10.0.0.0/29".to_owned(),
        ..crate::launcher::Options::default()
    };
    let world = World::with(
        options,
        &|text| {
            let short = text.replace(
                "deletesAtOnce: 2",
                "deletesAtOnce: 2\n    readyDeadline: 30s",
            );
            assert_ne!(short, text);
            short
        },
        &|bed, _| json!([{"name": "local", "kubeconfig": bed.kubeconfig()}]),
    );
    let api = world.api();
    let filler = |n: usize| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": format!("filler-{n}"), "namespace": "default"}, "spec": {"ports": [{"port": 80}]}}).to_string()
    };
    let taken = (0..20)
        .take_while(|&n| world.bed.kubectl_apply(&filler(n)).is_ok())
        .count();
    assert!(taken > 0, "some Services fit");

    let created = api.create(&shop("last"));
    // The first attempt may fail for a moment's reason; by the second, which is an upgrade to Flux, it is not that.
    told(&api, "last", "Failed", "UpgradeFailed", "range is full");
    let late = api.change_in(&created, "failed", SOON);
    assert_eq!(late["error"]["reason"], "DeadlineExceeded", "{late}");
    assert!(
        late["error"]["message"]
            .to_string()
            .contains("range is full"),
        "{late}"
    );
    assert_ne!(late["error"]["nextStep"], "", "{late}");

    kubectl(
        &world,
        &["delete", "service", "filler-0", "--namespace", "default"],
    );
    api.store_in("last", "Ready", SOON);
}

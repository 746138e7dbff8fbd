//! A real Flux Receiver, asked by a reader that may write nothing; and a bootstrap that somebody changed by hand.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::alarms::{alarm, quiet};
use crate::hands::{as_reader, kubectl, patch, ready_store, shop};
use crate::launcher::{Component, Options, Testbed};
use crate::support::eventually;
use crate::support::process::run;
use crate::world::{SOON, World, text};

/// What a person makes before the bootstrap is applied: the Secret of the Receiver.
const SECRET: &str = "
apiVersion: v1
kind: Secret
metadata: {name: fleetwright-receiver, namespace: fleet}
stringData: {token: 5f0c1e}
";

#[test]
fn a_reader_that_writes_nothing_asks_a_receiver_and_tells_what_was_changed_by_hand() {
    let world = World::with(Options::default(), &str::to_owned, &clusters);
    let api = world.api();
    let args = ["--for=condition=Ready", "receiver/fleetwright", "-nfleet"];
    kubectl(&world, &[&["wait", "--timeout=90s"][..], &args].concat());

    // the reader may not even ask by an annotation: RBAC refuses, before any admission policy is asked
    let refused = asks_by_annotation(&world).unwrap_err();
    assert!(refused.contains("cannot patch resource"), "{refused}");
    fenced(&world);

    // two objects of the bootstrap are changed by hand: Flux fetches every hour now
    let fence = "fleet-releases.fleetwright.dev";
    let hourly = json!({"spec": {"interval": "1h"}});
    patch(&world, "gitrepository", "fleet", &hourly);
    kubectl(
        &world,
        &["delete", "validatingadmissionpolicybinding", fence],
    );

    // so only the Receiver can bring a store to the cluster within a minute and a half
    ready_store(&world, "first");
    let said = world.bed.log(Component::NotificationController).unwrap();
    let asked = "resource 'GitRepository/fleet.fleet' annotated";
    assert!(said.contains(asked), "{said}");
    let told = alarm(&api, "was changed after it was applied");
    for words in [
        "GitRepository fleet (spec.interval)",
        &format!("ValidatingAdmissionPolicyBinding {fence} (missing)"),
        "not read: Secret fleet-deploy-keys;",
        "bootstrap local | kubectl diff --server-side -f -",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }

    // with a wrong token nothing is fetched, and that is told
    std::fs::write(token(world.dir.path()), "another").unwrap();
    api.create(&shop("second"));
    let told = alarm(&api, "the Flux Receiver at 127.0.0.1:");
    assert!(
        told.contains("answered 404") && told.contains("Secret fleetwright-receiver"),
        "{told}"
    );
    assert!(!told.contains("/hook/"), "{told}");
    assert!(!world.has("helmrelease", "fleet", "second"));

    // the same at the path that Flux shows: there a wrong signature is refused
    let shown = world.object("receiver", "fleet", "fleetwright").unwrap();
    let path = shown["status"]["webhookPath"].as_str().unwrap();
    let url = format!("{}{path}", world.bed.webhooks());
    let file = token(world.dir.path());
    let receiver = fleetwright::workflow::Receiver::new(&url, &file).unwrap();
    let refused = receiver.ask("fleet", "c0ffee").unwrap_err().to_string();
    assert!(refused.contains("answered 400"), "{refused}");

    // the right token counts without a restart
    std::fs::write(file, "5f0c1e\n").unwrap();
    api.store_in("second", "Ready", SOON * 2);
    quiet(&api, "the Flux Receiver at");

    // the bootstrap is applied again: the cluster is as it was rendered, all of it that may be read
    let config = text(&world.dir.path().join("config.yaml"));
    let bootstrap = run(&["cluster", "bootstrap", "local", "--config", &config]);
    let again = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    world.bed.kubectl_with_input(&again, &bootstrap).unwrap();
    quiet(&api, "bootstrap");
}

/// What the API server says to the reader that sets the annotation.
fn asks_by_annotation(world: &World) -> Result<String, String> {
    let asked = world.bed.kubectl_ok(&[
        "annotate",
        "gitrepository/fleet",
        "reconcile.fluxcd.io/requestedAt=now",
        "--overwrite",
        "--namespace=fleet",
        "--as=system:serviceaccount:fleet:fleetwright-reader",
    ]);
    asked.map_err(|error| error.to_string())
}

/// As cluster-admin the reader is held by the admission policy, which lets nothing through.
fn fenced(world: &World) {
    let lift = [
        "create",
        "clusterrolebinding",
        "lift",
        "--clusterrole=cluster-admin",
        "--serviceaccount=fleet:fleetwright-reader",
    ];
    kubectl(world, &lift);
    eventually("admission refuses the reader", SOON, || {
        let refused = asks_by_annotation(world).expect_err("the reader wrote");
        if refused.contains("fleetwright-reader changes nothing") {
            Ok(())
        } else {
            Err(refused)
        }
    });
    kubectl(world, &["delete", "clusterrolebinding", "lift"]);
}

/// notification-controller runs; the server has the reader's token, and the address of the Receiver without its path.
fn clusters(bed: &Testbed, dir: &Path) -> Value {
    bed.restart(Component::NotificationController).unwrap();
    let kubeconfig = as_reader(bed, dir);
    bed.kubectl_apply(SECRET).unwrap();
    std::fs::write(token(dir), "5f0c1e").unwrap();
    let receiver = json!({"url": bed.webhooks(), "tokenFile": token(dir)});
    json!([{"name": "local", "kubeconfig": kubeconfig, "receiver": receiver}])
}

fn token(dir: &Path) -> PathBuf {
    dir.join("receiver.token")
}

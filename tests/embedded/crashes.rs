//! kill -9 at every moment of the embedded path: one commit per change, branches in step, nothing forgotten.

use serde_json::json;

use crate::{Dev, SOON};

#[test]
fn killed_at_any_moment_every_accepted_request_becomes_one_commit() {
    let mut dev = Dev::start_with(&["--no-limits"]);
    let mut accepted = Vec::new();
    for round in 0..20_u64 {
        let api = dev.api();
        for n in 0..4 {
            accepted.push(
                api.create(&json!({"name": format!("s{round}-{n}"), "engine": "woocommerce"})),
            );
        }
        // From before the first commit to after the last reference: a group takes some 30 ms.
        std::thread::sleep(std::time::Duration::from_millis(round * 3));
        dev.server.kill_and_restart();
    }
    let api = dev.api();
    for change in &accepted {
        api.change_in(change, "merged", SOON);
        assert_eq!(dev.commits_of(change), 1);
    }
    dev.audit();
}

#[test]
fn a_deletion_goes_on_after_a_kill_between_its_steps() {
    let mut dev = Dev::start();
    for name in ["a", "b", "c"] {
        dev.made(name);
        let removed = dev.api().remove(name);
        dev.server.kill_and_restart();
        dev.api().store_in(name, "Deleted", SOON);
        assert_eq!(dev.commits_of(&removed), 2);
    }
    dev.audit();
}

#[test]
fn how_changes_ended_survives_a_kill_and_the_loss_of_the_index() {
    let mut dev = Dev::start();
    dev.made("shop");
    let api = dev.api();
    let (_, nothing) = api.patch("/api/v1/stores/shop", &json!({"plan": "small"}));
    let nothing = nothing["id"].as_str().unwrap().to_owned();
    let ended = api.change_in(&nothing, "ready", SOON);
    assert_eq!(ended["noop"], true);
    dev.server.kill();
    std::fs::remove_file(dev.repo.with_file_name("index.redb")).unwrap();
    dev.server.restart();
    assert_eq!(dev.api().change_in(&nothing, "ready", SOON), ended);
}

#[test]
fn a_fleet_does_not_start_with_another_deploy_key() {
    let mut dev = Dev::start();
    dev.made("shop");
    dev.server.kill();
    let data = dev.repo.parent().unwrap();
    for file in ["deploy", "deploy.pub"] {
        std::fs::remove_file(data.join("keys").join(file)).unwrap();
    }
    let args = [
        "dev",
        "--data",
        data.to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
    ];
    let out = std::process::Command::new(crate::support::process::PROGRAM)
        .args(args)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success(), "{said}");
    assert!(
        said.contains("no commit of deploy/local was signed with our deploy key"),
        "{said}"
    );
}

//! However it is merged: main is found to hold what was approved, and only then the clusters get it.

use serde_json::json;

use crate::github::{Method, Role, Rules};
use crate::support::eventually;
use crate::support::git::git;
use crate::world::{Given, SOON, World};

#[test]
fn a_person_merges_in_each_of_three_methods() {
    let world = World::with(Given::rules(
        &json!([{"when": {}, "require": {"approvals": 1, "merge": "person"}}]),
    ));
    let (bob, carol) = (world.person("bob"), world.person("carol"));
    for (store, method) in [
        ("one", Method::Merge),
        ("two", Method::Squash),
        ("three", Method::Rebase),
    ] {
        let change = world.ask(store);
        let number = world.proposed(&change);
        bob.approves(number);
        world.change_in(&change, "approved");
        assert!(world.github.pull(number).open, "a person merges it");
        let commit = carol.merges(number, method).unwrap();
        let merged = world.change_in(&change, "merged");
        assert_eq!(merged["commit"], commit.as_str(), "{store}");
        let (_, history) = world.api().get(&format!("/api/v1/stores/{store}/history"));
        assert_eq!(history["items"][0]["change"], change.as_str());
    }
    world.audit();
}

#[test]
fn github_merges_by_itself_once_the_checks_pass() {
    let world = World::with(Given::rules(
        &json!([{"when": {}, "require": {"approvals": 1, "merge": "auto"}}]),
    ));
    world.github.settings(|it| it.allow_auto_merge = true);
    world.github.rules(
        "main",
        Rules {
            checks: vec![
                "ci".into(),
                "fleetwright/render".into(),
                "fleetwright/approval".into(),
            ],
            bypass: vec![world.github.app().bot_login],
            ..Rules::default()
        },
    );
    let change = world.ask("shop");
    let number = world.proposed(&change);
    world.person("bob").approves(number);
    let pull = world.pull_when("auto-merge is armed", number, |it| it.auto_merge.is_some());
    assert!(pull.open);
    world.github.checks(&pull.head, "ci", "success");
    world.change_in(&change, "merged");
    world.audit();
}

#[test]
fn it_goes_through_the_merge_queue() {
    let world = World::begin();
    world.github.rules(
        "main",
        Rules {
            merge_queue: true,
            pull_request: true,
            checks: vec!["fleetwright/approval".into(), "fleetwright/render".into()],
            bypass: vec![world.github.app().bot_login],
            ..Rules::default()
        },
    );
    let change = world.ask("shop");
    let number = world.proposed(&change);
    world.person("bob").approves(number);
    eventually("it is merged by the queue", SOON, || {
        world.github.process_merge_queue();
        let pull = world.github.pull(number);
        if pull.merged.is_some() {
            Ok(())
        } else {
            Err(format!("{pull:?}"))
        }
    });
    world.change_in(&change, "merged");
    world.audit();
}

#[test]
fn what_was_merged_without_approval_has_no_effect_until_it_is_approved() {
    let world = World::begin();
    let root = world.github.user("root", Role::Admin);
    let change = world.ask("shop");
    let number = world.proposed(&change);
    let before = world.github.head("deploy/local");
    // When an admin merges past everybody.
    root.merges(number, Method::Squash).unwrap();
    // Then it is shown, and no cluster gets it.
    eventually("it is shown", SOON, || {
        let (_, foreign) = world.api().get("/api/v1/foreign");
        let text = foreign.to_string();
        if text.contains("merged without") {
            Ok(())
        } else {
            Err(text)
        }
    });
    assert_eq!(world.github.head("deploy/local"), before);
    let (_, waiting) = world.api().get(&format!("/api/v1/changes/{change}"));
    assert_eq!(waiting["state"], "proposed");
    // When somebody approves it after all, then it is deployed.
    world.person("bob").approves(number);
    world.change_in(&change, "merged");
    world.audit();
}

#[test]
fn a_lost_index_finds_what_was_merged_in_git_alone() {
    let mut world = World::begin();
    let bob = world.person("bob").id();
    for store in ["one", "two"] {
        let change = world.ask(store);
        let number = world.proposed(&change);
        world.person("bob").approves(number);
        world.change_in(&change, "merged");
    }
    let all = |world: &World| {
        [
            "stores/one/history",
            "stores/two/history",
            "audit",
            "stores",
            "changes",
        ]
        .map(|path| world.api().get(&format!("/api/v1/{path}")).1)
    };
    let before = all(&world);
    assert!(before[2].to_string().contains(&format!("github:bob:{bob}")));
    world.server.stop();
    std::fs::remove_file(world.dir.path().join("data/index.redb")).unwrap();
    world.server.restart();
    let after = all(&world);
    for (before, after) in before.iter().zip(&after) {
        // What only the journal knew of a change (its pull request, its steps) is not in Git.
        for (before, after) in before["items"]
            .as_array()
            .unwrap()
            .iter()
            .zip(after["items"].as_array().unwrap())
        {
            for key in [
                "change",
                "commit",
                "store",
                "actor",
                "action",
                "approvedBy",
                "spec",
                "uid",
                "phase",
                "id",
                "state",
            ] {
                assert_eq!(before[key], after[key], "{key}");
            }
        }
        assert_eq!(
            before["items"].as_array().unwrap().len(),
            after["items"].as_array().unwrap().len()
        );
    }
    world.audit();
    let log = git(
        &world.github.repository(),
        &["log", "-1", "--format=%B", "deploy/local"],
    );
    assert!(log.contains("Fleetwright-Merged: {"), "{log}");
}

#[test]
fn the_bot_waits_for_the_checks_that_main_requires_though_it_may_bypass_them() {
    let world = World::begin();
    world.github.rules(
        "main",
        Rules {
            ruleset: true,
            checks: vec!["ci".into(), "fleetwright/render".into()],
            bypass: vec![world.github.app().bot_login],
            ..Rules::default()
        },
    );
    let change = world.ask("shop");
    let number = world.proposed(&change);
    let head = world.github.pull(number).head;
    world.github.checks(&head, "ci", "failure");
    world.person("bob").approves(number);
    eventually("it waits for the check", SOON, || {
        let (_, body) = world.api().get(&format!("/api/v1/changes/{change}"));
        let text = body["waitingFor"].as_str().unwrap_or("").to_owned();
        if text.contains("requires: ci") {
            Ok(())
        } else {
            Err(text)
        }
    });
    assert!(world.github.pull(number).open);
    world.github.checks(&head, "ci", "success");
    world.change_in(&change, "merged");
    world.audit();
}

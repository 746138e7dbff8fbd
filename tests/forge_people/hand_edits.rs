//! Hand edits that need approval: those of approved pull requests count, all others lie without effect.

use serde_json::Value;

use crate::github::Method;
use crate::github::faults::{Effect, Fault};
use crate::support::eventually;
use crate::world::{SOON, World, record};

#[test]
fn an_approved_pull_request_counts_however_it_is_merged() {
    let world = World::begin();
    let (ann, bob) = (world.writer("ann"), world.writer("bob"));
    for (store, method) in [
        ("merged", Method::Merge),
        ("squashed", Method::Squash),
        ("rebased", Method::Rebase),
    ] {
        world.made(store);
        let pull = world.asks(&ann, store, &record(store), "plan: small", "plan: medium");
        bob.approves(pull);
        ann.merges(pull, method).unwrap();
        world.has_plan(store, "medium");
        let change = world.newest(store);
        assert_eq!(change["state"], "merged", "{change}");
        let steps = change["timeline"].as_array().unwrap();
        let approved: Vec<&Value> = steps
            .iter()
            .filter(|it| it["state"] == "approved")
            .collect();
        assert_eq!(approved.len(), 1, "{change}");
        assert_eq!(
            approved[0]["detail"],
            format!("by bob, in pull request #{pull}")
        );
    }
}

#[test]
fn what_nobody_approved_lies_on_main_and_says_what_is_missing() {
    let world = World::begin();
    let (ann, bob) = (world.writer("ann"), world.writer("bob"));
    for store in ["alone", "remarked", "pushed"] {
        world.made(store);
    }
    let pull = world.asks(
        &ann,
        "alone",
        &record("alone"),
        "plan: small",
        "plan: medium",
    );
    ann.merges(pull, Method::Squash).unwrap();
    world.lies(
        &record("alone"),
        &format!("pull request #{pull}: approval by 1 person"),
    );
    // What was pushed after the approval was approved by nobody.
    let pull = world.asks(
        &ann,
        "later",
        &record("remarked"),
        "plan: small",
        "plan: medium",
    );
    bob.approves(pull);
    let more = world
        .on_main(&record("remarked"))
        .replace("plan: small", "plan: medium\n  deletionProtection: true");
    ann.pushes("later", "One more thing", &[(&record("remarked"), &more)]);
    ann.merges(pull, Method::Merge).unwrap();
    world.lies(&record("remarked"), "bob approved another content");
    // No pull request brought it.
    let edited = world
        .on_main(&record("pushed"))
        .replace("plan: small", "plan: medium");
    ann.pushes("main", "Straight to main", &[(&record("pushed"), &edited)]);
    world.lies(&record("pushed"), "it came by no pull request");
    for store in ["alone", "remarked", "pushed"] {
        world.has_plan(store, "small");
        let change = world.newest(store);
        assert_eq!(change["error"]["reason"], "ApprovalRequired", "{change}");
    }
}

#[test]
fn what_is_looked_up_survives_a_kill() {
    let mut world = World::begin();
    world.made("shop");
    let down = Fault::next("GET", "*/commits/*/pulls", Effect::Status(503)).times(1_000);
    world.github.fault(down);
    let pull = world.asks(
        &world.writer("ann"),
        "bigger",
        &record("shop"),
        "plan: small",
        "plan: medium",
    );
    world.writer("bob").approves(pull);
    world.writer("ann").merges(pull, Method::Squash).unwrap();
    eventually("the edit waits", SOON, || {
        let change = world.newest("shop");
        let waits = change["state"] == "proposed";
        waits.then_some(()).ok_or_else(|| change.to_string())
    });
    let waiting = world.newest("shop")["waitingFor"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(waiting.contains("is looked up"), "{waiting}");

    world.server.kill_and_restart();
    world.github.heal();

    world.has_plan("shop", "medium");
}

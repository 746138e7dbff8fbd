//! Policy by pull request: approved it is in force, otherwise it lies without effect and says why.

use serde_json::{Value, json};

use crate::github::{Method, Role};
use crate::support::eventually;
use crate::world::{SOON, World};

const POLICY: &str = "fleetwright.yaml";

/// The limits of the policy in force.
fn limits(world: &World) -> Value {
    world.api().get("/api/v1/limits").1
}

fn in_force(world: &World, text: &str) {
    eventually(&format!("in force: {text}"), SOON, || {
        let limits = limits(world).to_string();
        let there = limits.contains(text);
        there.then_some(()).ok_or(limits)
    });
}

#[test]
fn an_approved_policy_is_in_force_and_another_is_not() {
    let world = World::begin();
    let (ann, bob) = (world.writer("ann"), world.writer("bob"));
    let pull = world.asks(&ann, "alone", POLICY, "  stores: 50\n", "  stores: 51\n");
    ann.merges(pull, Method::Squash).unwrap();
    world.lies(
        POLICY,
        &format!("pull request #{pull}: approval by 1 person"),
    );
    let reader = world.github.user("eve", Role::Read);
    let pull = world.asks(&ann, "read", POLICY, "  stores: 51\n", "  stores: 52\n");
    reader.approves(pull);
    ann.merges(pull, Method::Squash).unwrap();
    world.lies(
        POLICY,
        &format!("pull request #{pull}: approval by 1 person"),
    );

    let pull = world.asks(&ann, "approved", POLICY, "  stores: 52\n", "  stores: 53\n");
    bob.approves(pull);
    ann.merges(pull, Method::Merge).unwrap();

    in_force(&world, "53");
    let (_, foreign) = world.api().get("/api/v1/foreign");
    assert_eq!(foreign["items"], json!([]));
}

#[test]
fn an_approved_policy_that_cannot_be_used_says_why() {
    let world = World::begin();
    let (ann, bob) = (world.writer("ann"), world.writer("bob"));
    let pull = world.asks(&ann, "broken", POLICY, "  stores: 50\n", "  stores: many\n");
    bob.approves(pull);
    ann.merges(pull, Method::Squash).unwrap();
    world.lies(POLICY, "it was approved, but the policy of commit");
}

#[test]
fn another_pull_request_carries_nothing_along() {
    let world = World::begin();
    let (ann, bob) = (world.writer("ann"), world.writer("bob"));
    let pushed = world
        .on_main(POLICY)
        .replace("  stores: 50\n", "  stores: 51\n");
    ann.pushes("main", "Straight to main", &[(POLICY, &pushed)]);
    // Its head holds that policy as well, but shows nobody that it is new.
    ann.pushes("docs", "Say more", &[("docs.md", "more\n")]);
    let pull = ann.opens("docs", "main", "Say more").unwrap();
    bob.approves(pull);
    ann.merges(pull, Method::Squash).unwrap();
    world.lies(POLICY, "fleetwright.yaml came by no pull request");
}

//! A GitHub that fails, forgets to tell, tells twice, or lets a token run out: nothing is done twice, nothing is lost.

use std::time::Duration;

use serde_json::json;

use crate::github::Rules;
use crate::github::faults::{Effect, Fault};
use crate::github::webhooks::Plan;
use crate::support::eventually;
use crate::world::{Given, SOON, World};

/// Opens and merges one change, with something in the way.
fn goes_through(world: &World, store: &str) -> u64 {
    let change = world.ask(store);
    let number = world.proposed(&change);
    world.person("bob").approves(number);
    world.change_in(&change, "merged");
    number
}

#[test]
fn answers_that_are_lost_are_looked_for() {
    for (method, path) in [
        ("POST", "/repos/acme/fleet/pulls"),
        ("PUT", "/repos/acme/fleet/pulls/*/merge"),
        ("POST", "/repos/acme/fleet/check-runs"),
    ] {
        for effect in [
            Effect::StatusAfter(502),
            Effect::Status(503),
            Effect::CloseAfter,
            Effect::Close,
            Effect::HtmlAfter,
        ] {
            let world = World::begin();
            let name = format!("{effect:?}");
            world.github.fault(Fault::next(method, path, effect));
            let number = goes_through(&world, "shop");
            let pulls = world.github.pulls();
            assert_eq!(pulls.len(), 1, "{method} {path} {name}: {pulls:?}");
            assert_eq!(pulls[0].number, number);
            world.audit();
        }
    }
}

#[test]
fn without_webhooks_polling_finds_the_same() {
    let world = World::with(Given {
        forge: json!({"poll": "1s"}),
        webhooks: false,
        ..Given::default()
    });
    goes_through(&world, "shop");
    let change = world.ask("other");
    let number = world.proposed(&change);
    world.person("bob").comments(number, "/fleetwright cancel");
    world.change_in(&change, "cancelled");
    world.audit();
}

#[test]
fn webhooks_that_come_twice_late_or_out_of_order_change_nothing() {
    for plan in [Plan::Twice, Plan::Shuffled, Plan::Late(300)] {
        let world = World::begin();
        world.github.deliver(plan);
        goes_through(&world, "shop");
        assert_eq!(world.github.pulls().len(), 1);
        world.audit();
    }
}

#[test]
fn a_token_that_ran_out_is_replaced() {
    let world = World::begin();
    goes_through(&world, "one");
    world.github.advance(Duration::from_hours(3));
    goes_through(&world, "two");
    let minted = world.github.calls();
    let minted = minted
        .iter()
        .filter(|it| it.path.ends_with("/access_tokens"))
        .count();
    assert!(minted >= 2, "{minted}");
    world.audit();
}

#[test]
fn a_token_that_runs_out_within_a_push_is_replaced() {
    let world = World::begin();
    let push = "/acme/fleet.git/git-receive-pack";
    // Given a token that is good when the push begins, and not when its objects arrive: of a proposal's branch, then of
    // main and the deploy branch.
    let lost = || {
        let calls = world.github.calls();
        calls
            .iter()
            .filter(|it| it.path.ends_with(push) && it.status == 401)
            .count()
    };
    let fault = || Fault::next("POST", push, Effect::TokensRanOut);
    world.github.fault(fault());
    let change = world.ask("shop");
    let number = world.proposed(&change);
    assert_eq!(lost(), 1);
    world.github.fault(fault());
    world.person("bob").approves(number);
    world.change_in(&change, "merged");
    // Then both arrived, once each.
    assert_eq!(lost(), 2);
    assert_eq!(world.github.pulls().len(), 1);
    world.audit();
}

#[test]
fn what_github_does_not_allow_is_said() {
    let world = World::begin();
    world.github.grant(|it| {
        it.remove("pull_requests");
    });
    world.github.advance(Duration::from_hours(3));
    world.ask("shop");
    eventually("health says what is wrong", SOON, || {
        let (_, health) = world.api().get("/api/health");
        let text = health["checks"].to_string();
        if text.contains("not granted") && health["status"] == "degraded" {
            Ok(())
        } else {
            Err(health.to_string())
        }
    });
    assert!(world.github.pulls().is_empty());
}

#[test]
fn a_rule_that_forbids_our_push_is_said_and_loses_nothing() {
    let rule = json!([{"when": {"actions": ["delete"]}, "require": {"approvals": 1}}]);
    let world = World::with(Given::rules(&rule));
    // Given a rule for main that the bot may not bypass.
    world.github.rules(
        "main",
        Rules {
            pull_request: true,
            ..Rules::default()
        },
    );
    // When something is asked for that needs nobody's approval.
    let change = world.ask("shop");
    eventually("health says who refuses", SOON, || {
        let (_, health) = world.api().get("/api/health");
        let text = health["checks"]["git"]["message"].to_string();
        if text.contains("refuses our push") && text.contains("GH0") {
            Ok(())
        } else {
            Err(health.to_string())
        }
    });
    // Then it waits, and comes through when the rule is mended.
    world.github.rules(
        "main",
        Rules {
            pull_request: true,
            bypass: vec![world.github.app().bot_login],
            ..Rules::default()
        },
    );
    world.change_in(&change, "merged");
    world.audit();
}

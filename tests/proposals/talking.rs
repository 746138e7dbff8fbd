//! Comments that are commands, issues that are requests, and what the bot says.

use serde_json::json;

use crate::github::Role;
use crate::support::eventually;
use crate::world::{Given, SOON, World};

#[test]
fn a_comment_takes_a_change_back_for_those_who_may() {
    let mut given = Given::default();
    given.policy["owners"] = json!({"alice": {"github": ["alice"]}});
    let world = World::with(given);
    let mallory = world.github.user("mallory", Role::Read);
    let change = world.ask("shop");
    let number = world.proposed(&change);
    mallory.comments(number, "/fleetwright cancel");
    let said = eventually("mallory is answered", SOON, || {
        let said = world.github.comments(number);
        if said.len() > 1 {
            Ok(said)
        } else {
            Err(format!("{said:?}"))
        }
    });
    assert!(said[1].contains("speaks for no owner"), "{said:?}");
    assert!(world.github.pull(number).open);
    world
        .person("bob")
        .comments(number, "/fleetwright cancel\nnot now");
    let change = world.change_in(&change, "cancelled");
    let by = change["timeline"].as_array().unwrap().last().unwrap()["detail"].to_string();
    assert!(by.contains("github:bob:"), "{by}");
    world.pull_when("the pull request is closed", number, |it| !it.open);
    world.audit();
}

#[test]
fn an_issue_from_the_form_becomes_a_store_of_its_author() {
    let world = World::with(Given {
        policy: json!({"owners": {"alice": {"github": ["alice"]}}, "approval": []}),
        ..Given::default()
    });
    let alice = world.github.user("alice", Role::Read);
    let number = alice.opens_issue("A store, please", &form("shop"), &["store-request"]);
    let store = eventually("the store is there", SOON, || {
        let (status, body) = world.api().get("/api/v1/stores/shop");
        if status == 200 {
            Ok(body)
        } else {
            Err(body.to_string())
        }
    });
    assert_eq!(store["record"]["spec"]["owner"], "alice", "{store}");
    eventually("the issue is closed", SOON, || {
        if world.github.issue_is_open(number) {
            Err(format!("{:?}", world.github.comments(number)))
        } else {
            Ok(())
        }
    });
    // A form that asks for what there is not gets one answer.
    let other = alice.opens_issue(
        "Another",
        &form("other").replace("woocommerce", "gopher"),
        &["store-request"],
    );
    eventually("it is refused", SOON, || {
        if world.github.issue_is_open(other) {
            Err(format!("{:?}", world.github.comments(other)))
        } else {
            Ok(())
        }
    });
    let said = world.github.comments(other);
    assert!(said.len() == 1 && said[0].contains("not taken"), "{said:?}");
    world.audit();
}

fn form(name: &str) -> String {
    [
        ("Name", name),
        ("Engine", "woocommerce"),
        ("Plan", "_No response_"),
        ("Cluster", "local"),
        ("Host", "_No response_"),
        ("Version", "_No response_"),
        ("Settings", "_No response_"),
        ("Reason", "Spring sale"),
        (
            "Cost",
            "- [x] The price of the plan counts against my budget",
        ),
    ]
    .map(|(heading, answer)| format!("### {heading}\n\n{answer}"))
    .join("\n\n")
}

#[test]
fn a_hostile_title_stays_text() {
    let world = World::begin();
    let title = "</details>\n```\n@octocat fixes #1 <img src=x onerror=alert(1)> https://evil.example `rm -rf`";
    let mut body = crate::world::shop("shop");
    body["values"] = json!({"title": title.replace('\n', " ")});
    let change = world.api().create(&body);
    let number = world.proposed(&change);
    let text = world.github.pull(number).body.unwrap();
    let outside = outside_of_fences(&text);
    assert!(
        !outside.contains("@octocat") && !outside.contains("<img"),
        "{text}"
    );
    assert!(text.len() <= 65_536);
    world.person("bob").approves(number);
    world.change_in(&change, "merged");
    world.audit();
}

/// The lines of a Markdown text that are in no code block.
fn outside_of_fences(text: &str) -> String {
    let (mut outside, mut fence) = (String::new(), None);
    for line in text.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            None if ticks >= 3 => fence = Some(ticks),
            Some(open) if ticks >= open && line.trim_matches('`').is_empty() => fence = None,
            Some(_) => {}
            None => outside.push_str(line),
        }
    }
    outside
}

#[test]
fn one_comment_tells_how_it_goes() {
    let world = World::begin();
    let change = world.ask("shop");
    let number = world.proposed(&change);
    world.person("bob").approves(number);
    world.change_in(&change, "merged");
    let said = eventually("it is told", SOON, || {
        let said = world.github.comments(number);
        if said.is_empty() {
            Err("nothing".to_owned())
        } else {
            Ok(said)
        }
    });
    assert!(said.len() == 1 && said[0].contains("merged"), "{said:?}");
    let branch = format!("fleetwright/{change}");
    eventually("the branch is gone", SOON, || {
        world.github.head(&branch).map_or(Ok(()), Err)
    });
    world.audit();
}

//! People decide: they approve, refuse, merge and close.

use serde_json::json;

use crate::support::eventually;
use crate::world::{Given, SOON, World};

#[test]
fn one_approves_and_the_bot_merges() {
    // Given a request that needs one approval.
    let world = World::begin();
    let change = world.ask("shop");
    let number = world.proposed(&change);
    let pull = world.github.pull(number);
    assert_eq!(pull.branch, format!("fleetwright/{change}"));
    assert_eq!(
        world.github.head("main"),
        Some(pull.base_sha.clone()),
        "nothing is on main yet"
    );
    // When a person who may write approves it.
    world.person("bob").approves(number);
    // Then it is merged and deployed, and the change says who agreed.
    let merged = world.change_in(&change, "merged");
    let commit = world.github.pull(number).merged.unwrap().commit;
    assert_eq!(merged["commit"], commit);
    assert_eq!(merged["pullRequest"]["state"], "merged");
    let states: Vec<&str> = merged["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["state"].as_str().unwrap())
        .collect();
    assert_eq!(
        states,
        ["queued", "written", "proposed", "approved", "merged"]
    );
    assert_eq!(world.api().store("shop")["phase"], "Committed");
    world.audit();
}

#[test]
fn nobody_decides_on_their_own_and_a_no_holds_it_up() {
    // Given a store of alice, who may write to the repository.
    let mut given = Given::default();
    given.policy["owners"] = json!({"alice": {"github": ["alice"]}});
    let world = World::with(given);
    let (alice, bob, carol) = (
        world.person("alice"),
        world.person("bob"),
        world.person("carol"),
    );
    let change = world.ask("shop");
    let number = world.proposed(&change);
    // When its owner approves it, and a person wants it changed, then it waits.
    alice.approves(number);
    carol.requests_changes(number, "Not on a Friday");
    bob.approves(number);
    let waiting = eventually("carol holds it up", SOON, || {
        let (_, change) = world.api().get(&format!("/api/v1/changes/{change}"));
        let text = change["waitingFor"].as_str().unwrap_or("").to_owned();
        if text.contains("carol") {
            Ok(change)
        } else {
            Err(text)
        }
    });
    assert_eq!(waiting["state"], "proposed");
    assert!(world.github.pull(number).open);
    // When she is content, then bob's word counts.
    carol.approves(number);
    world.change_in(&change, "merged");
    world.audit();
}

#[test]
fn a_person_closes_it_and_says_why() {
    let world = World::begin();
    let bob = world.person("bob");
    let change = world.ask("shop");
    let number = world.proposed(&change);
    // When somebody says why, and closes the pull request.
    bob.comments(number, "We have enough shops");
    bob.closes(number);
    // Then the change is rejected with their name and words, and nothing of it is on main.
    let rejected = world.change_in(&change, "rejected");
    let detail = rejected["timeline"].as_array().unwrap().last().unwrap()["detail"].to_string();
    assert!(
        detail.contains("github:bob:") && detail.contains("enough shops"),
        "{detail}"
    );
    assert_eq!(rejected["pullRequest"]["state"], "closed");
    assert_eq!(world.api().get("/api/v1/stores/shop").0, 404);
    // And the name can be asked for again.
    world.proposed(&world.ask("shop"));
    world.audit();
}

#[test]
fn the_api_does_not_decide_what_is_decided_at_github() {
    let world = World::begin();
    let change = world.ask("shop");
    let number = world.proposed(&change);
    for word in ["approve", "reject"] {
        let (status, problem) = world
            .api()
            .post(&format!("/api/v1/changes/{change}/{word}"), &json!({}));
        assert_eq!(status, 409, "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("/pull/{number}")), "{detail}");
    }
    // Whoever asked takes it back: the pull request is closed, and says so.
    let (status, problem) = world
        .api()
        .post(&format!("/api/v1/changes/{change}/cancel"), &json!({}));
    assert_eq!(status, 200, "{problem}");
    world.pull_when("the pull request is closed", number, |it| !it.open);
    assert_eq!(world.github.pulls().len(), 1);
    world.audit();
}

#[test]
fn reviewers_and_teams_of_the_policy_are_asked_and_they_alone_count() {
    let rule = json!([{"when": {}, "require": {"approvals": 2, "reviewers": ["dora"], "teams": ["platform"]}}]);
    let world = World::with(Given::rules(&rule));
    let (bob, dora, erik) = (
        world.person("bob"),
        world.person("dora"),
        world.person("erik"),
    );
    world.github.team("platform", &[&erik]);
    let change = world.ask("shop");
    let number = world.proposed(&change);
    let pull = world.pull_when("they are asked", number, |it| !it.reviewers.is_empty());
    assert!(
        pull.reviewers.contains(&dora.id()) && pull.teams.contains("platform"),
        "{pull:?}"
    );
    bob.approves(number);
    dora.approves(number);
    eventually("one more is wanted", SOON, || {
        let (_, change) = world.api().get(&format!("/api/v1/changes/{change}"));
        let text = change["waitingFor"].as_str().unwrap_or("").to_owned();
        if text.contains("1 more person") {
            Ok(())
        } else {
            Err(text)
        }
    });
    erik.approves(number);
    let merged = world.change_in(&change, "merged");
    // The audit names those who counted.
    let (_, audit) = world.api().get(&format!(
        "/api/v1/audit?store=shop&commit={}",
        merged["commit"].as_str().unwrap()
    ));
    let rows = audit["items"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|it| it["change"] == change.as_str())
        .unwrap();
    let by = row["approvedBy"].to_string();
    assert!(
        by.contains("dora") && by.contains("erik") && !by.contains("bob"),
        "{by}"
    );
    world.audit();
}

#[test]
fn a_change_takes_few_calls_from_its_opening_to_its_merge() {
    let world = World::begin();
    // The first one asks who is who; later ones know.
    for store in ["one", "two"] {
        let change = world.ask(store);
        let number = world.proposed(&change);
        world.person("bob").approves(number);
        world.change_in(&change, "merged");
    }
    let calls = world.github.calls();
    let of_api: Vec<String> = calls
        .iter()
        .filter(|it| it.path.starts_with("/repos/") && !it.path.ends_with("/installation"))
        .map(|it| format!("{} {}", it.method, it.path))
        .collect();
    let opened = of_api
        .iter()
        .rposition(|it| it == "POST /repos/acme/fleet/pulls")
        .unwrap();
    let merged = of_api
        .iter()
        .rposition(|it| it.ends_with("/merge"))
        .unwrap();
    let between = &of_api[opened..=merged];
    // What the first one still had to tell falls in between: its comment and its branch.
    let own: Vec<&String> = between
        .iter()
        .filter(|it| !it.contains("/comments") && !it.contains("/git/refs/"))
        .collect();
    println!("{} calls: {own:#?}", own.len());
    assert!(own.len() <= 6, "{own:#?}");
    world.audit();
}

#[test]
fn a_pull_request_that_is_opened_again_is_asked_for_anew() {
    let world = World::begin();
    let bob = world.person("bob");
    let change = world.ask("shop");
    let number = world.proposed(&change);
    bob.closes(number);
    world.change_in(&change, "rejected");
    // When somebody thinks better of it.
    bob.reopens(number).unwrap();
    // Then there is another change with a pull request of its own, and the old one says so.
    let said = eventually("the successor is named", SOON, || {
        let said = world.github.comments(number).concat();
        if said.contains("asked for anew") {
            Ok(said)
        } else {
            Err(said)
        }
    });
    world.pull_when("the old one is closed", number, |it| !it.open);
    let (_, changes) = world.api().get("/api/v1/changes?store=shop");
    let next = changes["items"][0]["id"].as_str().unwrap().to_owned();
    assert!(next != change && said.contains(&next), "{said}");
    assert_eq!(
        world.api().get(&format!("/api/v1/changes/{change}")).1["state"],
        "rejected"
    );
    bob.approves(world.proposed(&next));
    world.change_in(&next, "merged");
    world.audit();
}

//! Branches that move: base, head, and changes that join.

use serde_json::{Value, json};

use crate::github::{Method, Role};
use crate::support::eventually;
use crate::world::{Given, SOON, World, shop};

fn waits_for(world: &World, change: &str, words: &str) -> Value {
    eventually(&format!("it waits for {words:?}"), SOON, || {
        let (_, body) = world.api().get(&format!("/api/v1/changes/{change}"));
        let text = body["waitingFor"].as_str().unwrap_or("").to_owned();
        if text.contains(words) {
            Ok(body)
        } else {
            Err(text)
        }
    })
}

#[test]
fn commits_of_somebody_else_are_not_merged_and_can_be_taken_away() {
    let world = World::begin();
    let (bob, carol) = (world.person("bob"), world.person("carol"));
    let change = world.ask("shop");
    let number = world.proposed(&change);
    let branch = format!("fleetwright/{change}");
    // When somebody pushes to its branch, and somebody approves that.
    let theirs = carol.pushes(
        &branch,
        "Just one thing",
        &[("stores/zz/evil.yaml", "kind: Store\n")],
    );
    bob.approves(number);
    // Then it is not merged, and the timeline says why.
    let waits = waits_for(&world, &change, "not ours");
    let last = waits["timeline"].as_array().unwrap().last().unwrap();
    assert_eq!(last["state"], "proposed");
    assert!(
        last["detail"].as_str().unwrap().contains("not ours"),
        "{last}"
    );
    assert!(world.github.pull(number).open);
    // When it is to be rendered again, then their commit is gone, and an approval of ours counts.
    bob.comments(number, "/fleetwright rebuild");
    world.pull_when("the branch is ours again", number, |it| it.head != theirs);
    bob.approves(number);
    world.change_in(&change, "merged");
    let main = world.github.head("main").unwrap();
    assert_eq!(world.github.file(&main, "stores/zz/evil.yaml"), None);
    world.audit();
}

#[test]
fn a_branch_that_was_deleted_is_a_no() {
    let world = World::begin();
    let change = world.ask("shop");
    world.proposed(&change);
    world
        .person("bob")
        .deletes_branch(&format!("fleetwright/{change}"));
    world.change_in(&change, "rejected");
    world.audit();
}

#[test]
fn the_same_store_changed_on_main_is_rendered_again_and_asked_for_again() {
    // Given a store whose owner's changes need approval, and a change that somebody approved of two who must.
    let rule = json!([{"when": {"plans": ["medium"]}, "require": {"approvals": 2}}]);
    let world = World::with(Given::rules(&rule));
    let (bob, carol) = (world.person("bob"), world.person("carol"));
    world.change_in(&world.ask("shop"), "merged");
    let (_, answer) = world
        .api()
        .patch("/api/v1/stores/shop", &json!({"plan": "medium"}));
    let change = answer["id"].as_str().unwrap().to_owned();
    let number = world.proposed(&change);
    let first = world.github.pull(number).head;
    bob.approves(number);
    waits_for(&world, &change, "1 more person");
    // When a person edits the same record on main.
    let main = world.github.head("main").unwrap();
    let shard = fleetwright::domain::record::shard(&"shop".parse().unwrap());
    let path = format!("stores/{shard}/shop.yaml");
    let text = world.github.file(&main, &path).unwrap();
    let edited = text.replace("spec:\n", "spec:\n  values:\n    title: By hand\n");
    world
        .github
        .user("root", Role::Admin)
        .pushes("main", "A title", &[(&path, &edited)]);
    eventually("the edit is taken in", SOON, || {
        let title = world.api().store("shop")["record"]["spec"]["values"]["title"].clone();
        if title == "By hand" {
            Ok(())
        } else {
            Err(title.to_string())
        }
    });
    // Then what they approved is not what would be merged: it is rendered again, and they are asked again.
    carol.approves(number);
    let pull = world.pull_when("the branch holds both", number, |it| it.head != first);
    let both = world.github.file(&pull.head, &path).unwrap();
    assert!(
        both.contains("By hand") && both.contains("plan: medium"),
        "{both}"
    );
    let said = world.github.comments(number).concat();
    assert!(said.contains("Rendered again"), "{said}");
    let (_, body) = world.api().get(&format!("/api/v1/changes/{change}"));
    assert!(
        body["timeline"].to_string().contains("rendered again"),
        "{body}"
    );
    world.pull_when("both are asked again", number, |it| {
        it.reviewers.contains(&bob.id()) && it.reviewers.contains(&carol.id())
    });
    assert!(world.github.pull(number).open);
    bob.approves(number);
    carol.approves(number);
    world.change_in(&change, "merged");
    world.audit();
}

#[test]
fn a_further_change_of_the_store_joins_its_proposal() {
    let world = World::begin();
    let first = world.ask("shop");
    let number = world.proposed(&first);
    let (status, answer) = world
        .api()
        .patch("/api/v1/stores/shop", &json!({"values": {"title": "New"}}));
    assert_eq!(status, 202, "{answer}");
    let second = answer["id"].as_str().unwrap().to_owned();
    assert_eq!(world.proposed(&second), number);
    let head = world.github.pull(number).head;
    let main = world.github.head("main").unwrap();
    let log = crate::support::git::git(
        &world.github.repository(),
        &["rev-list", "--count", &format!("{main}..{head}")],
    );
    assert_eq!(log.trim(), "2");
    world.person("bob").approves(number);
    let merged = [&first, &second].map(|it| world.change_in(it, "merged"));
    assert_eq!(merged[0]["commit"], merged[1]["commit"]);
    let store = world.api().store("shop");
    assert_eq!(store["record"]["spec"]["values"]["title"], "New", "{store}");
    world.audit();
}

#[test]
fn or_takes_its_place() {
    let mut given = Given::default();
    given.policy["proposals"] = json!({"group": "none", "onNewChange": "supersede"});
    given.policy["approval"] =
        json!([{"when": {"actions": ["update"]}, "require": {"approvals": 1}}]);
    let world = World::with(given);
    world.change_in(&world.ask("shop"), "merged");
    let ask = |title: &str| {
        let (status, answer) = world
            .api()
            .patch("/api/v1/stores/shop", &json!({"values": {"title": title}}));
        assert_eq!(status, 202, "{answer}");
        answer["id"].as_str().unwrap().to_owned()
    };
    let first = ask("One");
    let old = world.proposed(&first);
    let second = ask("Two");
    let number = world.proposed(&second);
    let ended = world.change_in(&first, "superseded");
    assert_eq!(ended["supersededBy"], second.as_str());
    world.pull_when("the first one is closed", old, |it| !it.open);
    world.person("bob").approves(number);
    world.change_in(&second, "merged");
    world.audit();
}

#[test]
fn changes_of_one_owner_share_a_pull_request_until_somebody_approves_it() {
    let mut given = Given::default();
    given.policy["proposals"] = json!({"group": "owner"});
    let world = World::with(given);
    let changes = ["one", "two", "three"].map(|it| world.ask(it));
    let numbers = changes.clone().map(|it| world.proposed(&it));
    assert!(numbers.iter().all(|it| *it == numbers[0]), "{numbers:?}");
    let (_, answer) = world.api().post("/api/v1/stores", &{
        let mut body = shop("four");
        body["owner"] = json!("bertha");
        body
    });
    let other = answer["id"].as_str().unwrap().to_owned();
    assert_ne!(world.proposed(&other), numbers[0]);
    // When somebody has approved it, then what comes later opens the next.
    eventually("all three are in it", SOON, || {
        let body = world.github.pull(numbers[0]).body.unwrap_or_default();
        let all = changes.iter().all(|it| body.contains(it.as_str()));
        if all { Ok(()) } else { Err(body) }
    });
    world.person("bob").approves(numbers[0]);
    for change in &changes {
        let merged = world.change_in(change, "merged");
        assert_eq!(merged["pullRequest"]["number"], numbers[0]);
    }
    let later = world.ask("five");
    assert_ne!(world.proposed(&later), numbers[0]);
    assert_eq!(world.github.pulls().len(), 3);
    world
        .person("bob")
        .merges(world.proposed(&later), Method::Merge)
        .unwrap();
    world.audit_but_unapproved();
}

//! Somebody else pushes to main between our fetch and our push: both are in at the end, nothing is forced.

use serde_json::json;

use crate::support::git::git;
use crate::world::{SOON, World};

#[test]
fn both_sides_of_a_race_are_kept() {
    let world = World::begin();
    let ann = world.ann();
    let mut theirs = Vec::new();
    let mut ours = Vec::new();
    // Every request is followed at once by a push of theirs, until some of ours have lost the race.
    let lost = || {
        world
            .server
            .said()
            .matches("somebody else pushed first")
            .count()
    };
    for round in 0..60 {
        if round >= 12 && lost() > 0 {
            break;
        }
        ours.push(world.api().create(
            &json!({"name": format!("shop-{round}"), "engine": "woocommerce", "owner": "alice"}),
        ));
        theirs.push(ann.pushes("main", &format!("Note {round}"), &|clone| {
            std::fs::write(clone.join(format!("note-{round}.txt")), "a person's file\n").unwrap();
        }));
    }
    let api = world.api();
    for change in &ours {
        api.change_in(change, "ready", SOON);
        assert_eq!(world.commits_of(change), 1);
    }
    for commit in theirs {
        git(
            &world.remote,
            &["merge-base", "--is-ancestor", &commit, "main"],
        );
    }
    let notes = world
        .files("main", "")
        .into_iter()
        .filter(|it| it.starts_with("note-"))
        .count();
    assert_eq!(notes, ours.len());
    assert!(
        world
            .files("deploy/local", "")
            .iter()
            .all(|it| !it.starts_with("note-"))
    );
    assert!(lost() > 0, "a race was lost");
    println!("races lost and derived again: {}", lost());
    world.audit();
}

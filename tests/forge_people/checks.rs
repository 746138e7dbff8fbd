//! The check on people's own pull requests: what main would say of their records, line by line.

use serde_json::Value;

use crate::github::{Role, Rules};
use crate::support::eventually;
use crate::world::{SOON, World, record};

/// What is reported at a commit under our name.
fn reported(world: &World, commit: &str) -> String {
    eventually("the check is there", SOON, || {
        let reports = world.github.reports(commit);
        let ours = reports
            .iter()
            .find(|(name, _)| name == "fleetwright/render");
        ours.map(|(_, how)| how.clone())
            .ok_or(format!("{reports:?}"))
    })
}

/// The bodies of the checks that were published on a commit.
fn checks(world: &World, commit: &str) -> Vec<Value> {
    let calls = world.github.calls().into_iter();
    let checks = calls.filter(|it| it.method == "POST" && it.path.ends_with("/check-runs"));
    let bodies = checks.map(|it| it.request);
    bodies.filter(|it| it["head_sha"] == commit).collect()
}

#[test]
fn a_good_edit_succeeds_and_says_who_has_to_approve_it() {
    let world = World::begin();
    world.made("shop");
    let ann = world.writer("ann");
    let pull = world.asks(
        &ann,
        "bigger",
        &record("shop"),
        "plan: small",
        "plan: medium",
    );
    let head = world.github.pull(pull).head;
    assert_eq!(reported(&world, &head), "success");
    let check = &checks(&world, &head)[0]["output"];
    assert_eq!(check["title"], "1 record would be accepted");
    assert!(
        check["summary"]
            .as_str()
            .unwrap()
            .contains("approval by 1 person"),
        "{check}"
    );
}

#[test]
fn lines_at_fault_are_annotated_also_in_a_fork_and_once_for_each_head() {
    let world = World::begin();
    world.made("shop");
    let path = record("shop");
    let broken = world
        .on_main(&path)
        .replace("plan: small", "plan: none-such");
    let line = 1 + broken
        .lines()
        .position(|it| it.contains("none-such"))
        .unwrap();
    let eve = world.github.user("eve", Role::Read);
    let head = eve.pushes_to_fork("fault", &[(&path, &broken)]);
    eve.opens("eve:fault", "main", "Break it").unwrap();
    assert_eq!(reported(&world, &head), "failure");
    let sent = checks(&world, &head);
    let annotation = &sent[0]["output"]["annotations"][0];
    assert_eq!(annotation["path"], path);
    assert_eq!(annotation["start_line"], line);
    assert!(
        annotation["message"]
            .as_str()
            .unwrap()
            .starts_with("/spec/plan "),
        "{annotation}"
    );

    // A remark moves the pull request, and its head not.
    eve.remarks(1, "why?");
    let pull = world
        .writer("ann")
        .pushes("docs", "Say more", &[("docs.md", "more\n")]);
    world
        .writer("ann")
        .opens("docs", "main", "Say more")
        .unwrap();
    assert_eq!(
        reported(&world, &pull),
        "success",
        "neutral holds up nobody"
    );
    assert_eq!(checks(&world, &head).len(), 1);
}

#[test]
fn the_merge_queue_hears_of_it_too() {
    let world = World::told();
    world.github.rules(
        "main",
        Rules {
            merge_queue: true,
            checks: vec!["fleetwright/render".into()],
            bypass: vec![world.github.app().bot_login],
            ..Rules::default()
        },
    );
    let ann = world.writer("ann");
    ann.pushes("notes", "Notes", &[("NOTES.md", "words\n")]);
    let pull = ann.opens("notes", "main", "Notes").unwrap();
    let head = world.github.pull(pull).head;
    assert_eq!(reported(&world, &head), "success");
    assert_eq!(checks(&world, &head)[0]["conclusion"], "neutral");
    ann.enqueues(pull).unwrap();
    eventually("the queue merges it", SOON, || {
        world.github.process_merge_queue();
        let pull = world.github.pull(pull);
        if pull.merged.is_some() {
            Ok(())
        } else {
            Err(format!("{pull:?}"))
        }
    });
}

#[test]
fn webhooks_tell_of_a_new_head() {
    let world = World::told();
    world.made("shop");
    let (path, ann) = (record("shop"), world.writer("ann"));
    let pull = world.asks(&ann, "bigger", &path, "plan: small", "plan: none-such");
    let head = world.github.pull(pull).head;
    assert_eq!(reported(&world, &head), "failure");
    let mended = world.on_main(&path).replace("plan: small", "plan: medium");
    let head = ann.pushes("bigger", "Mend it", &[(&path, &mended)]);
    assert_eq!(reported(&world, &head), "success");
}

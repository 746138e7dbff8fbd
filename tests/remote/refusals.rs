//! A server's hook that refuses one commit: that change fails alone, and everything beside and above it arrives.

use serde_json::json;

use crate::world::{SOON, World, shop, state_of};

/// Refuses what is about stores whose names begin with `bad`, whatever comes with it.
const PICKY: &str = "test $1 = refs/heads/main || exit 0\n\
    git log --format=%B $2..$3 | grep '^Fleetwright-Store: bad' >/dev/null || exit 0\n\
    echo 'rule 7: no shop is called that' >&2; exit 1";

#[test]
fn the_one_refused_commit_of_a_group_fails_alone() {
    let world = World::begin();
    world.made("first");
    world.hook("update", PICKY);
    // two clients at once, so that groups hold many
    let ask = |owner: &'static str| {
        let api = world.api();
        move || -> Vec<String> {
            let name = |n: usize| match (owner, n) {
                ("bob", 11) => "bad-idea".to_owned(),
                _ => format!("{owner}-{n}"),
            };
            (0..20)
                .map(|n| api.create(&shop(&name(n), owner)))
                .collect()
        }
    };
    let (alice, bob) = std::thread::scope(|scope| {
        let (alice, bob) = (scope.spawn(ask("alice")), scope.spawn(ask("bob")));
        (alice.join().unwrap(), bob.join().unwrap())
    });
    let mut good = [alice, bob].concat();
    let bad = good.remove(31);
    let failed = world.api().change_in(&bad, "failed", SOON);
    assert_eq!(failed["error"]["reason"], "RefusedByRemote", "{failed}");
    let message = failed["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("rule 7: no shop is called that"),
        "{message}"
    );
    assert!(
        failed["error"]["nextStep"]
            .as_str()
            .unwrap()
            .contains("ask again")
    );
    for change in &good {
        world.api().change_in(change, "merged", SOON);
    }
    world.well();
    world.once(&good);
    assert!(!world.published().0.contains_key(&bad), "it is nowhere");
    assert_eq!(
        world.api().get("/api/v1/stores/bad-idea").0,
        404,
        "and took nothing"
    );
    world.audit();
}

#[test]
fn a_refused_change_that_is_alone_waits_for_another_to_tell() {
    let mut world = World::begin();
    world.made("first");
    world.hook("update", PICKY);
    let bad = world.ask("bad-luck");
    // what comes after it for the same store waits with it
    let (status, after) = world
        .api()
        .patch("/api/v1/stores/bad-luck", &json!({"plan": "medium"}));
    assert_eq!(status, 202, "{after}");
    let after = after["id"].as_str().unwrap().to_owned();
    world.told("rule 7");
    world.server.kill_and_restart();
    world.told("rule 7");
    assert_ne!(state_of(&world.api(), &bad), "failed");
    let good = world.ask("good");
    world.api().change_in(&good, "merged", SOON);
    let failed = world.api().change_in(&bad, "failed", SOON);
    assert_eq!(failed["error"]["reason"], "RefusedByRemote", "{failed}");
    let failed = world.api().change_in(&after, "failed", SOON);
    assert_eq!(failed["error"]["reason"], "Conflict", "{failed}");
    world.well();
    world.once(&[good]);
    world.audit();
}

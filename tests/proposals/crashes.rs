//! Killed between any two calls: one pull request, one merge, one deployment and one comment for each change.
//!
//! `FLEETWRIGHT_ROUNDS` makes it longer, `FLEETWRIGHT_SEED` repeats its delays.

use std::time::{Duration, Instant};

use crate::support::git::git;
use crate::world::{SOON, World};

/// How many calls a change takes from its request to its end, and some more.
const POINTS: usize = 14;

#[test]
fn killed_between_any_two_calls_nothing_is_done_twice() {
    let rounds = number("FLEETWRIGHT_ROUNDS").unwrap_or(2 * POINTS as u64);
    let mut dice = number("FLEETWRIGHT_SEED").unwrap_or(7);
    let mut world = World::begin();
    // Hundreds of stores in as many minutes are what another scenario is about.
    world.github.limits(|it| {
        it.content_a_minute = 100_000;
        it.content_an_hour = 100_000;
        it.points_a_minute = 100_000;
        it.primary = 10_000_000;
    });
    let (mut changes, mut kills) = (Vec::new(), 0);
    for round in 0..rounds {
        let store = format!("shop-{round}");
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let delay = Duration::from_millis((dice >> 33) % 25);
        let point = usize::try_from(round).unwrap() % POINTS;
        let (change, killed) = one_round(&mut world, &store, point, delay);
        kills += u64::from(killed);
        changes.push((store, change));
    }
    let deploys = git(
        &world.github.repository(),
        &["log", "--format=%B", "deploy/local"],
    );
    for (store, change) in &changes {
        let branch = format!("fleetwright/{change}");
        let pulls = world.github.pulls();
        let pulls: Vec<_> = pulls.iter().filter(|it| it.branch == branch).collect();
        assert_eq!(pulls.len(), 1, "{store}: {pulls:#?}");
        assert!(pulls[0].merged.is_some(), "{store}: {pulls:#?}");
        let told = deploys
            .lines()
            .filter(|it| it.starts_with("Fleetwright-Merged: ") && it.contains(change.as_str()));
        assert_eq!(told.count(), 1, "{store}");
        let said = world.github.comments(pulls[0].number);
        let progress = said.iter().filter(|it| it.contains("fleetwright:progress"));
        assert!(progress.count() <= 1, "{store}: {said:?}");
    }
    println!("{rounds} rounds, {kills} kills, one pull request, merge and deployment each");
    assert!(2 * kills > rounds, "{kills} kills");
    world.audit();
}

/// One change from its request to its deployment, with a kill after so many calls.
fn one_round(world: &mut World, store: &str, point: usize, delay: Duration) -> (String, bool) {
    let before = world.github.calls().len();
    let change = world.ask(store);
    let branch = format!("fleetwright/{change}");
    let (began, mut killed, mut approved) = (Instant::now(), false, false);
    loop {
        assert!(
            began.elapsed() < 2 * SOON,
            "{store}: {:?}",
            world.api().get(&format!("/api/v1/changes/{change}"))
        );
        if !killed && world.github.calls().len() >= before + point {
            std::thread::sleep(delay);
            world.server.kill_and_restart();
            world.listens();
            killed = true;
        }
        let pull = world
            .github
            .pulls()
            .into_iter()
            .find(|it| it.branch == branch);
        if let Some(pull) = pull.filter(|it| it.open && !approved) {
            world.person("bob").approves(pull.number);
            approved = true;
        }
        let answer = world.api().try_get(&format!("/api/v1/changes/{change}"));
        if answer.is_ok_and(|(_, body)| body["state"] == "merged") {
            return (change, killed);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

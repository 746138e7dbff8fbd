//! The crash campaign: the built binary is killed with SIGKILL at random moments while clients write.
//!
//! `FLEETWRIGHT_SEED` repeats a run's choices, `FLEETWRIGHT_ROUNDS` makes it longer. Hermetic: the binary, the git program,
//! and a Git server in front of a bare repository that takes no forced push.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected shall stop there"
)]

#[allow(dead_code, reason = "each test program uses its own part of it")]
#[path = "git/server.rs"]
mod git_server;
#[allow(dead_code, reason = "each test program uses its own part of it")]
mod support;

#[path = "crash/audit.rs"]
mod audit;
#[path = "crash/campaign.rs"]
mod campaign;
#[path = "crash/clients.rs"]
mod clients;
#[path = "crash/dice.rs"]
mod dice;
#[path = "crash/first_start.rs"]
mod first_start;
#[path = "crash/history.rs"]
mod history;
#[path = "crash/ledger.rs"]
mod ledger;
#[path = "crash/place.rs"]
mod place;
#[path = "crash/victim.rs"]
mod victim;

use campaign::Campaign;
use dice::{Dice, given, seed, tell};
use place::Mode;

/// How many rounds a test run has, both modes together.
fn rounds() -> usize {
    given("FLEETWRIGHT_ROUNDS")
        .unwrap_or(300)
        .try_into()
        .unwrap()
}

#[test]
fn killed_at_random_moments_in_front_of_a_remote() {
    Campaign::run(Mode::Serve, rounds() * 2 / 3, seed());
}

#[test]
fn killed_at_random_moments_on_one_machine() {
    Campaign::run(Mode::Dev, rounds() / 3, seed());
}

#[test]
fn killed_at_its_very_first_start() {
    let seed = seed();
    tell(&format!("first starts, FLEETWRIGHT_SEED={seed}"));
    let folders = rounds() / 30;
    let mut dice = Dice::new(seed);
    first_start::die_at_first(Mode::Dev, folders, &mut dice);
    first_start::die_at_first(Mode::Serve, folders / 2, &mut dice);
}

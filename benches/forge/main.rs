//! How long a person who approved waits for the bot: from the review at GitHub to the call that merges, by webhook.
//! `benches/README.md` says how and why.
//!
//! Not a timed test: it prints what it measured and passes no judgement. It fails where a change does not come through.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a table on stdout and the progress on stderr are what this program is for"
)]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/support/github/mod.rs"]
mod github;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/support/mod.rs"]
mod support;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/proposals/world.rs"]
mod world;

#[allow(dead_code, reason = "the other benchmarks use more of it")]
#[path = "../shared/options.rs"]
mod options;
#[allow(dead_code, reason = "the other benchmarks use more of it")]
#[path = "../shared/stats.rs"]
mod stats;

use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use crate::options::Options;
use crate::stats::percentile;
use crate::support::eventually;
use crate::world::World;

/// What one change took.
struct Taken {
    /// From the review to the call that merges, in seconds.
    to_merge: f64,
    /// Calls of the API from the opening of the pull request to the merge.
    calls: usize,
}

fn main() -> Result<()> {
    let options = Options::read("forge")?;
    let changes = options
        .rounds
        .unwrap_or(if options.quick { 2 } else { 200 });
    let world = World::begin();
    world.github.limits(|it| {
        // What GitHub takes in an hour is not what this is about.
        it.content_an_hour = 100_000;
        it.content_a_minute = 100_000;
    });
    let bob = world.person("bob");
    let mut taken = Vec::new();
    for at in 0..changes {
        if at % 20 == 0 {
            eprintln!("{at} of {changes} changes");
        }
        let change = world.ask(&format!("shop-{at}"));
        let number = world.proposed(&change);
        let approved = Timestamp::now();
        bob.approves(number);
        world.change_in(&change, "merged");
        taken.push(measured(&world, number, approved)?);
        // The bot keeps a gap between writes where there are many; a person approves now and then.
        std::thread::sleep(Duration::from_secs(u64::from(!options.quick)));
    }
    eventually("GitHub's limits were kept", world::SOON, || {
        let breaches = world.github.breaches();
        if breaches.is_empty() {
            Ok(())
        } else {
            Err(format!("{breaches:?}"))
        }
    });
    print(&taken);
    Ok(())
}

/// Reads from the log of GitHub what a change took.
fn measured(world: &World, number: u64, approved: Timestamp) -> Result<Taken> {
    let calls = world.github.calls();
    let path = format!("/pulls/{number}/merge");
    let merged = calls.iter().rposition(|it| it.path.ends_with(&path));
    let merged = merged.context("nothing merged it")?;
    let opened = |it: &github::log::LoggedCall| it.method == "POST" && it.path.ends_with("/pulls");
    let opened = calls[..merged].iter().rposition(opened);
    let opened = opened.context("nothing opened it")?;
    let of_api = |it: &&github::log::LoggedCall| {
        it.path.starts_with("/repos/") && !it.path.contains("/issues/")
    };
    Ok(Taken {
        to_merge: (calls[merged].at.duration_since(approved)).as_secs_f64(),
        calls: calls[opened..=merged].iter().filter(of_api).count(),
    })
}

fn print(taken: &[Taken]) {
    let seconds: Vec<f64> = taken.iter().map(|it| it.to_merge).collect();
    #[expect(clippy::cast_precision_loss, reason = "a handful of calls")]
    let calls: Vec<f64> = taken.iter().map(|it| it.calls as f64).collect();
    let ms = |share: f64| format!("{:.1} ms", percentile(&seconds, share) * 1000.0);
    println!("| figure | changes | p50 | p99 | most | reach |\n|---|---|---|---|---|---|");
    println!(
        "| approval at GitHub to merge call, by webhook | {} | {} | {} | {} | p99 ≤ 300 ms |",
        taken.len(),
        ms(0.5),
        ms(0.99),
        ms(1.0)
    );
    println!(
        "| calls from opening to merge | {} | {} | {} | {} | ≤ 6 |",
        taken.len(),
        percentile(&calls, 0.5),
        percentile(&calls, 0.99),
        percentile(&calls, 1.0)
    );
}

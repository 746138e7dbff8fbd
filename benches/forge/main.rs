//! How long a person who approved waits for the bot: from the review at GitHub to the call that merges, by webhook; and
//! how many calls a change takes, by itself and in a pull request that many share. `benches/README.md` says how and why.
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

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::json;

use crate::options::Options;
use crate::stats::percentile;
use crate::support::eventually;
use crate::world::{Given, World};

/// What one change took.
struct Taken {
    /// From the review to the call that merges, in seconds.
    to_merge: f64,
    /// Calls of the API from the opening of the pull request to the merge.
    calls: usize,
}

fn main() -> Result<()> {
    let options = Options::read("forge")?;
    let alone = one_by_one(&options)?;
    let shared = together(if options.quick { 5 } else { 50 })?;
    print(&alone, &shared);
    Ok(())
}

/// Each change in a pull request of its own, one after the other.
fn one_by_one(options: &Options) -> Result<Vec<Taken>> {
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
    limits_were_kept(&world)?;
    Ok(taken)
}

/// What changes that shared pull requests took.
struct Shared {
    changes: usize,
    pulls: usize,
    /// Calls of the API from the first opening to the last merge.
    calls: usize,
}

/// As many stores of one owner as a pull request holds, each changed at the same time, with pushes as GitHub takes them.
fn together(stores: usize) -> Result<Shared> {
    let mut given = Given {
        config: json!({"push": {"pace": "github"}}),
        ..Given::default()
    };
    given.policy["proposals"] = json!({"group": "owner"});
    given.policy["approval"] =
        json!([{"when": {"actions": ["update"]}, "require": {"approvals": 1}}]);
    let world = World::with(given);
    let names: Vec<String> = (0..stores).map(|it| format!("shop-{it}")).collect();
    let made: Vec<String> = names.iter().map(|it| world.ask(it)).collect();
    for change in &made {
        world
            .api()
            .change_in(change, "merged", Duration::from_mins(2));
    }
    let before = world.github.calls().len();
    let ask = |name: &String| {
        let path = format!("/api/v1/stores/{name}");
        let values = json!({"values": {"title": "New"}});
        let (_, answer) = world.api().patch(&path, &values);
        let id = answer["id"].as_str().map(str::to_owned);
        id.with_context(|| format!("{answer}"))
    };
    let changes = names.iter().map(ask).collect::<Result<Vec<_>>>()?;
    let numbers: BTreeSet<u64> = changes.iter().map(|it| world.proposed(it)).collect();
    eventually("all are in it", Duration::from_mins(2), || {
        let body = |number: &u64| world.github.pull(*number).body.unwrap_or_default();
        let told: String = numbers.iter().map(body).collect();
        let missing = changes.iter().find(|it| !told.contains(it.as_str()));
        missing.map_or(Ok(()), |it| Err(it.clone()))
    });
    for number in &numbers {
        world.person("bob").approves(*number);
    }
    for change in &changes {
        world
            .api()
            .change_in(change, "merged", Duration::from_mins(2));
    }
    limits_were_kept(&world)?;
    let calls = world.github.calls();
    let of_api = |it: &&github::log::LoggedCall| it.path.starts_with("/repos/");
    let last = calls.iter().rposition(|it| it.path.ends_with("/merge"));
    let last = last.context("nothing was merged")?;
    Ok(Shared {
        changes: changes.len(),
        pulls: numbers.len(),
        calls: calls[before..=last].iter().filter(of_api).count(),
    })
}

fn limits_were_kept(world: &World) -> Result<()> {
    let breaches = world.github.breaches();
    anyhow::ensure!(breaches.is_empty(), "{breaches:?}");
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

fn print(taken: &[Taken], shared: &Shared) {
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
        "| calls from opening to merge | {} | {:.1} | {:.1} | {} | ≤ 6 |",
        taken.len(),
        percentile(&calls, 0.5),
        percentile(&calls, 0.99),
        percentile(&calls, 1.0)
    );
    let Shared {
        changes,
        pulls,
        calls,
    } = shared;
    #[expect(clippy::cast_precision_loss, reason = "a handful of calls")]
    let each = *calls as f64 / *changes as f64;
    println!(
        "\n| figure | changes | pull requests | calls | per change | reach |\n|---|---|---|---|---|---|"
    );
    println!(
        "| calls from opening to merge, of changes that share | {changes} | {pulls} | {calls} | {each:.2} | ≤ 0.2 with 50 |"
    );
}

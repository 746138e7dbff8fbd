//! Lists with filters and orders while stores are changed. Both arrive at random, and a list's time counts from the
//! moment at which it should have been asked for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Size;
use crate::arrivals::{numbers, poisson};
use crate::asking::Connection;
use crate::place::Place;
use crate::program::Program;
use crate::report::{Cell, Line, Report, Unit, number};
use crate::stats::{Spread, percentile};

/// Lists per second.
const LISTS: f64 = 50.0;
/// Changes of stores per second.
const WRITES: f64 = 20.0;
/// Connections that ask for lists.
const READERS: usize = 8;
/// Turns are longer than those of other rows: the slowest of a hundred is looked for.
const LONGER: f64 = 6.0;

/// What is asked for: what it is called, and how a number makes a query of it.
type Kind = (&'static str, fn(usize) -> String);

const KINDS: [Kind; 6] = [
    ("owner and plan", |it| {
        format!("owner=owner-{}&plan=small", it % 1000)
    }),
    ("cluster and version", |it| {
        format!("cluster=c{:02}&version=1.0.0", it % 2)
    }),
    ("newest changed first, of a plan", |_| {
        "plan=medium&sort=-updatedAt".to_owned()
    }),
    ("newest first, of an owner", |it| {
        format!("owner=owner-{}&sort=-createdAt", it % 1000)
    }),
    ("a part of names", |it| format!("q={:04}", it % 10_000)),
    ("a phase, a page of 200", |_| {
        "phase=Committed&limit=200".to_owned()
    }),
];

/// Row "lists".
pub(super) fn measure(size: &Size, place: &mut Place, report: &mut Report) -> Result<()> {
    // Kind by kind, every round's times.
    let mut all: Vec<Vec<Vec<f64>>> = vec![Vec::new(); KINDS.len()];
    for round in 0..size.rounds.min(3) {
        let seconds = size.seconds * LONGER;
        let writes = poisson(round as u64 + 100, WRITES, seconds);
        let lists = poisson(round as u64, LISTS, seconds);
        let changed = place.picks.take(writes.len());
        let asked: Vec<usize> = numbers(round as u64, size.stores)
            .take(lists.len())
            .collect();
        let program = &place.program;
        let times = std::thread::scope(|scope| {
            let changing = scope.spawn(|| write(program, &writes, &changed));
            let times = read(program, &lists, &asked);
            changing
                .join()
                .map_err(|_| anyhow::anyhow!("the client that writes failed"))??;
            times
        })?;
        for (kind, times) in times.into_iter().enumerate() {
            all[kind].push(times);
        }
    }
    tell(place, &all, report)?;
    place.tell_memory("lists and changes", report)
}

fn write(program: &Program, moments: &[Duration], stores: &[(usize, usize)]) -> Result<()> {
    let began = Instant::now();
    let mut client = program.client()?;
    for (moment, (store, edition)) in moments.iter().zip(stores) {
        std::thread::sleep(moment.saturating_sub(began.elapsed()));
        let (status, body) = client.change(*store, *edition)?;
        ensure!(status == 202, "a request was not accepted: {status} {body}");
    }
    Ok(())
}

/// Seconds that every list took, kind by kind.
fn read(program: &Program, moments: &[Duration], asked: &[usize]) -> Result<Vec<Vec<f64>>> {
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    let reader = || -> Result<Vec<Vec<f64>>> {
        let mut connection = Connection::open(program)?;
        let mut times = vec![Vec::new(); KINDS.len()];
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let (Some(moment), Some(number)) = (moments.get(at), asked.get(at)) else {
                return Ok(times);
            };
            let kind = at % KINDS.len();
            std::thread::sleep(moment.saturating_sub(began.elapsed()));
            let query = KINDS[kind].1(*number);
            connection.send(&format!("/api/v1/stores?{query}"))?;
            let page = connection.receive()?;
            times[kind].push(began.elapsed().saturating_sub(*moment).as_secs_f64());
            check(page, &query)?;
        }
    };
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(reader)).collect();
        let mut all = vec![Vec::new(); KINDS.len()];
        for reader in readers {
            let times = reader
                .join()
                .map_err(|_| anyhow::anyhow!("a client that reads failed"))??;
            for (all, times) in all.iter_mut().zip(times) {
                all.extend(times);
            }
        }
        Ok(all)
    })
}

/// Every store of a page is one that was asked for.
fn check(page: &[u8], query: &str) -> Result<()> {
    let page: Value = serde_json::from_slice(page)?;
    let items = page["items"].as_array().context("a page has items")?;
    let wanted = |name: &str| {
        let mut pairs = query.split('&').filter_map(|it| it.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    for item in items {
        for field in ["owner", "cluster", "version"] {
            let is = item["record"]["spec"][field].as_str();
            let fits = wanted(field).is_none_or(|it| Some(it) == is);
            ensure!(fits, "{query} gave {item}");
        }
        let name = item["name"].as_str().unwrap_or_default();
        let fits = wanted("q").is_none_or(|it| name.contains(it));
        ensure!(fits, "{query} gave {name}");
    }
    Ok(())
}

fn tell(place: &Place, all: &[Vec<Vec<f64>>], report: &mut Report) -> Result<()> {
    let rounds = all.first().context("there are kinds of lists")?.len();
    let together: Vec<Vec<f64>> = (0..rounds)
        .map(|round| all.iter().flat_map(|kind| kind[round].clone()).collect())
        .collect();
    for (name, share, reach) in [
        ("p50", 0.5, ""),
        ("p99", 0.99, "≤ 10 ms"),
        ("slowest", 1.0, ""),
    ] {
        let figures: Vec<f64> = together.iter().map(|it| percentile(it, share)).collect();
        report.line(&Line {
            figure: format!("{LISTS} lists/s beside {WRITES} changes/s, {name}"),
            fleet: place.fleet(),
            ours: Cell(Spread::of(&figures), Unit::Millis),
            rival: None,
            ratio: None,
            reach,
        });
    }
    for ((name, _), rounds) in KINDS.iter().zip(all) {
        let times = rounds.concat();
        let [half, most] = [0.5, 0.99].map(|it| number(percentile(&times, it) * 1000.0));
        report.note(&format!(
            "lists by {name}: p50 {half} ms, p99 {most} ms of {}",
            times.len()
        ));
    }
    Ok(())
}

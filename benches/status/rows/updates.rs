//! From a status in the API server to the people who look: by `GET` and on the stream of events.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::TryStreamExt as _;
use kube::Client;
use kube::api::WatchEvent;
use serde::Deserialize;

use super::Size;
use crate::flips::{Flip, Flips};
use crate::hearing::Hearing;
use crate::kinds::{NAMESPACE, collection};
use crate::phases::{expected, none_wrong, settle};
use crate::place::{PATIENCE, Place, World};
use crate::report::{Cell, Line, Report, Unit, number, thousands};
use crate::stats::{Spread, percentile};

/// How long the last events may take to come.
const LATE: Duration = Duration::from_secs(30);

/// How often it is looked whether they have.
const LOOK: Duration = Duration::from_millis(50);

/// Of the stores, so many change at most; how many do is chance.
const SHARE: f64 = 0.8;

/// A moment of a change.
type Of = fn(&Flip) -> Instant;
/// When somebody learnt of a phase, by store.
type Learnt = HashMap<String, Vec<(Instant, String)>>;

/// What all the changes took, in seconds, change by change.
struct Taken {
    /// From sending the write to its answer.
    writes: Vec<f64>,
    /// From sending the write until a bare watch told it, the stream of events did, `GET` showed it.
    bare: Vec<f64>,
    events: Vec<f64>,
    shown: Vec<f64>,
    /// From the write's answer until the stream of events told it.
    after: Vec<f64>,
    /// Of the program, for one change.
    processor: f64,
    /// How many there really were in a second.
    rate: f64,
}

/// Row "updates".
pub(super) fn measure(size: &Size, place: &mut Place, report: &mut Report) -> Result<()> {
    let world = place.watched()?;
    let taken = taken(size, world)?;
    none_wrong(&settle(world.program()?, &world.failing, PATIENCE)?)?;
    tell(size.rate, &taken, world, report);
    note(&taken, world.program()?.memory()?, report);
    Ok(())
}

fn taken(size: &Size, world: &mut World) -> Result<Taken> {
    // Each store once at most: whoever is asked about it must not find that it has changed back.
    let most = f64::from(u32::try_from(size.stores)?) / size.rate * SHARE;
    let time = size.updates.min(Duration::from_secs_f64(most));
    let flips = Flips::plan(world, size.rate, time, 1);
    let count = flips.count();
    let program = world.program()?;
    let hearing = Hearing::begin(program)?;
    let bare = watch(world)?;
    let used = program.cpu_seconds()?;
    let running = flips.run(world.api.client.clone(), (program, size.askers));
    let flips = world.api.runtime.block_on(running)?;
    let used = program.cpu_seconds()? - used;
    let last = flips
        .iter()
        .map(|it| it.sent)
        .max()
        .context("statuses changed")?;
    let took = since(last, flips[0].sent);
    let began = Instant::now();
    // Either of the two may be the later.
    while (hearing.count() < count || told(&bare) < count) && began.elapsed() < LATE {
        std::thread::sleep(LOOK);
    }
    let heard = hearing.end()?.into_iter();
    let heard = by_store(heard.map(|it| (it.store, it.at, it.phase)));
    let bare = std::mem::take(&mut *bare.lock().unwrap_or_else(PoisonError::into_inner));
    let (sent, answered): (Of, Of) = (|it| it.sent, |it| it.answered);
    let shown: Vec<f64> = flips
        .iter()
        .filter_map(|it| Some(since(it.shown?, it.sent)))
        .collect();
    ensure!(!shown.is_empty(), "no store was asked");
    Ok(Taken {
        writes: flips.iter().map(|it| since(it.answered, it.sent)).collect(),
        bare: latencies(&flips, &bare, sent, "the bare watch")?,
        events: latencies(&flips, &heard, sent, "the stream of events")?,
        after: latencies(&flips, &heard, answered, "the stream of events")?,
        shown,
        processor: used / f64::from(u32::try_from(count)?),
        rate: f64::from(u32::try_from(count)?) / took,
    })
}

/// How often the bare watch has told something.
fn told(bare: &Mutex<Learnt>) -> usize {
    let learnt = bare.lock().unwrap_or_else(PoisonError::into_inner);
    learnt.values().map(Vec::len).sum()
}

fn tell(rate: f64, taken: &Taken, world: &World, report: &mut Report) {
    let behind = taken.events.iter().zip(&taken.bare).map(|(a, b)| a - b);
    let behind: Vec<f64> = behind.collect();
    let figures = [
        ("status sent until GET shows it", &taken.shown, true),
        ("status sent until its event is heard", &taken.events, true),
        (
            "an event is heard later than the bare watch told it",
            &behind,
            false,
        ),
    ];
    for (what, ours, beside) in figures {
        for (share, name, reach) in [(0.5, "p50", "≤ 10 ms"), (0.99, "p99", "≤ 50 ms")] {
            let cell = |it: &[f64]| Cell(Spread::of(&[percentile(it, share)]), Unit::Millis);
            let ratio = percentile(ours, share) / percentile(&taken.bare, share);
            report.line(&Line {
                figure: format!("{what}, {rate} a second, {name}"),
                fleet: world.fleet(),
                ours: cell(ours),
                rival: beside.then(|| ("a bare watch".to_owned(), cell(&taken.bare))),
                ratio: beside.then(|| (Spread::of(&[ratio]), "its time")),
                reach: if beside { reach } else { "" },
            });
        }
    }
}

fn note(taken: &Taken, memory: f64, report: &mut Report) {
    let millis = |it: &[f64], share| number(percentile(it, share) * 1000.0);
    let Taken { writes, after, .. } = taken;
    report.note(&format!(
        "{} statuses, {} a second in fact: the API server answered the write after {} ms, p99 {} ms; events were heard {} ms after that answer, p99 {} ms; GET was asked about {} of them",
        thousands(writes.len()),
        number(taken.rate),
        millis(writes, 0.5),
        millis(writes, 0.99),
        millis(after, 0.5),
        millis(after, 0.99),
        thousands(taken.shown.len()),
    ));
    report.note(&format!(
        "processor time of the program for one status: {} ms; memory afterwards: {} MB",
        number(taken.processor * 1000.0),
        number(memory / 1e6)
    ));
}

/// Seconds, below zero where the first came before the second.
fn since(later: Instant, earlier: Instant) -> f64 {
    later.checked_duration_since(earlier).map_or_else(
        || -earlier.duration_since(later).as_secs_f64(),
        |it| it.as_secs_f64(),
    )
}

fn by_store(all: impl Iterator<Item = (String, Instant, String)>) -> Learnt {
    let mut learnt = Learnt::new();
    for (store, at, phase) in all {
        learnt.entry(store).or_default().push((at, phase));
    }
    learnt
}

/// How long it took from each write until somebody learnt of it; fails where somebody never did.
fn latencies(flips: &[Flip], learnt: &Learnt, from: Of, whom: &str) -> Result<Vec<f64>> {
    let times = flips.iter().map(|flip| {
        let all = learnt.get(&flip.store).map_or(&[][..], Vec::as_slice);
        let first = all
            .iter()
            .find(|(at, phase)| *at >= flip.sent && *phase == flip.phase());
        let (at, _) = first.with_context(|| {
            format!("{whom} never told that {} is {}", flip.store, flip.phase())
        })?;
        Ok(since(*at, from(flip)))
    });
    times.collect()
}

/// As much of a release as the bare watch reads: what it takes from the machine, the API server lacks.
#[derive(Debug, Clone, Deserialize)]
struct Told {
    metadata: Named,
    status: Conditions,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    name: String,
    resource_version: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Conditions {
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

/// Watches releases as kube's own watch gives them, and keeps nothing but when Ready was told.
fn watch(world: &World) -> Result<Arc<Mutex<Learnt>>> {
    let releases = collection("HelmRelease", Some(NAMESPACE))?;
    let mut version = world.api.version(&releases)?;
    let learnt = Arc::<Mutex<Learnt>>::default();
    let (client, shared) = (world.api.client.clone(), Arc::clone(&learnt));
    world.api.runtime.spawn(async move {
        // An API server under load ends watches that it thinks are slow: then it is asked for what came since.
        loop {
            let ended = follow(&client, &releases, &mut version, &shared).await;
            crate::tell(&format!("  the bare watch ended and goes on: {ended:?}"));
            tokio::time::sleep(LOOK).await;
        }
    });
    Ok(learnt)
}

/// Follows releases from a version on; when the watch ends, the version is that of the last one heard of.
async fn follow(
    client: &Client,
    releases: &str,
    version: &mut String,
    learnt: &Mutex<Learnt>,
) -> Result<()> {
    let path = format!("{releases}?watch=1&resourceVersion={version}");
    let request = axum::http::Request::get(path).body(Vec::new())?;
    let events = client.request_events::<Told>(request).await?;
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.try_next().await? {
        let at = Instant::now();
        if let WatchEvent::Modified(Told { metadata, status }) = event {
            let ready = status.conditions.iter().find(|it| it.kind == "Ready");
            let failing = ready.is_none_or(|it| it.status != "True");
            *version = metadata.resource_version;
            let mut learnt = learnt.lock().unwrap_or_else(PoisonError::into_inner);
            let told = learnt.entry(metadata.name).or_default();
            told.push((at, expected(failing).to_owned()));
        }
    }
    Ok(())
}

//! From a status in the API server to the people who look: by `GET` and on the stream of events.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::TryStreamExt as _;
use kube::Client;
use kube::api::{DynamicObject, WatchEvent};

use super::Size;
use crate::flips::{Flip, Flips};
use crate::hearing::Hearing;
use crate::kinds::{NAMESPACE, collection};
use crate::phases::{expected, none_wrong, settle};
use crate::place::{PATIENCE, Place};
use crate::report::{Cell, Line, Report, Unit, number, thousands};
use crate::stats::{Spread, percentile};

/// How long the last events may take to come.
const LATE: Duration = Duration::from_secs(10);

/// When somebody learnt of a phase, by store.
type Learnt = HashMap<String, Vec<(Instant, String)>>;

/// Row "updates".
pub(super) fn measure(size: &Size, place: &mut Place, report: &mut Report) -> Result<()> {
    let world = place.watched()?;
    let flips = Flips::plan(world, size.rate, size.updates, 1);
    let count = flips.count();
    let program = world.program()?;
    let hearing = Hearing::begin(program)?;
    let bare = watch(world)?;
    let used = program.cpu_seconds()?;
    let running = flips.run(world.api.client.clone(), (program, size.asked));
    let flips = world.api.runtime.block_on(running)?;
    let used = (program.cpu_seconds()? - used) / f64::from(u32::try_from(count)?);
    let began = Instant::now();
    while hearing.count() < count && began.elapsed() < LATE {
        std::thread::sleep(Duration::from_millis(50));
    }
    let heard = by_store(
        hearing
            .end()?
            .into_iter()
            .map(|it| (it.store, it.at, it.phase)),
    );
    let bare = std::mem::take(&mut *bare.lock().unwrap_or_else(PoisonError::into_inner));
    none_wrong(&settle(program, &world.failing, PATIENCE)?)?;

    let sent = |it: &Flip| it.sent;
    let answered = |it: &Flip| it.answered;
    let bare = latencies(&flips, &bare, sent, "the bare watch")?;
    let events = latencies(&flips, &heard, sent, "the stream of events")?;
    let after = latencies(&flips, &heard, answered, "the stream of events")?;
    let shown: Vec<f64> = flips
        .iter()
        .filter_map(|it| Some(since(it.shown?, it.sent)))
        .collect();
    ensure!(!shown.is_empty(), "no store was asked");
    let writes: Vec<f64> = flips.iter().map(|it| since(it.answered, it.sent)).collect();
    let rate = size.rate;
    for (share, name, reach) in [(0.5, "p50", "≤ 10 ms"), (0.99, "p99", "≤ 50 ms")] {
        for (what, ours) in [("GET shows it", &shown), ("its event is heard", &events)] {
            let cell = |it: &[f64]| Cell(Spread::of(&[percentile(it, share)]), Unit::Millis);
            let ratio = percentile(ours, share) / percentile(&bare, share);
            report.line(&Line {
                figure: format!("status sent until {what}, {rate} a second, {name}"),
                fleet: world.fleet(),
                ours: cell(ours),
                rival: Some(("a bare watch".to_owned(), cell(&bare))),
                ratio: Some((Spread::of(&[ratio]), "its time")),
                reach,
            });
        }
    }
    let millis = |it: &[f64], share| number(percentile(it, share) * 1000.0);
    report.note(&format!(
        "{} statuses: the API server answered the write after {} ms, p99 {} ms; events were heard {} ms after that answer, p99 {} ms; GET was asked about {} of them",
        thousands(count),
        millis(&writes, 0.5),
        millis(&writes, 0.99),
        millis(&after, 0.5),
        millis(&after, 0.99),
        thousands(shown.len()),
    ));
    report.note(&format!(
        "processor time of the program for one status: {} ms",
        number(used * 1000.0)
    ));
    Ok(())
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
fn latencies(
    flips: &[Flip],
    learnt: &Learnt,
    from: fn(&Flip) -> Instant,
    whom: &str,
) -> Result<Vec<f64>> {
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

/// Watches releases as kube's own watch gives them, and keeps nothing but when Ready was told.
fn watch(world: &crate::place::World) -> Result<Arc<Mutex<Learnt>>> {
    let releases = collection("HelmRelease", Some(NAMESPACE))?;
    let version = world.api.version(&releases)?;
    let path = format!("{releases}?watch=1&resourceVersion={version}");
    let learnt = Arc::<Mutex<Learnt>>::default();
    let (client, shared) = (world.api.client.clone(), Arc::clone(&learnt));
    world.api.runtime.spawn(async move {
        if let Err(error) = follow(client, &path, &shared).await {
            crate::tell(&format!("  the bare watch ended: {error:#}"));
        }
    });
    Ok(learnt)
}

async fn follow(client: Client, path: &str, learnt: &Mutex<Learnt>) -> Result<()> {
    let request = axum::http::Request::get(path).body(Vec::new())?;
    let events = client.request_events::<DynamicObject>(request).await?;
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.try_next().await? {
        let at = Instant::now();
        if let WatchEvent::Modified(object) = event {
            let conditions = object.data["status"]["conditions"].as_array();
            let ready = |it: &&serde_json::Value| it["type"] == "Ready";
            let ready = conditions.and_then(|all| all.iter().find(ready));
            let failing = ready.is_none_or(|it| it["status"] != "True");
            let name = object.metadata.name.unwrap_or_default();
            let mut learnt = learnt.lock().unwrap_or_else(PoisonError::into_inner);
            let told = learnt.entry(name).or_default();
            told.push((at, expected(failing).to_owned()));
        }
    }
    Ok(())
}

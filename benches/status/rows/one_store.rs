//! What a commit about one store wakes in a cluster with real Flux, and how soon it is applied.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use fleetwright::domain::record::shard;
use jiff::Timestamp;
use serde_json::Value;

use super::Size;
use crate::client::Client;
use crate::fleet::{Shape, name};
use crate::kinds::NAMESPACE;
use crate::launcher::{Options, Testbed};
use crate::phases::counts;
use crate::place::{Place, bootstrap};
use crate::prepare::{Picks, Scratch, prepared};
use crate::program::{Program, dev_folder};
use crate::report::{Cell, Line, Report, Unit, number, thousands};
use crate::stats::Spread;
use crate::tell;

/// How long Flux may take for one store when all come at once, and for the first in any case.
const EACH: Duration = Duration::from_secs(4);
const FIRST: Duration = Duration::from_mins(3);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(100);
/// Looks between two words of progress.
const TOLD: u32 = 200;
/// What would reconcile without a reason would do so within this time.
const STRAGGLERS: Duration = Duration::from_secs(5);

/// Row "one-store".
pub(super) fn measure(size: &Size, _: &mut Place, report: &mut Report) -> Result<()> {
    let stores = size.flux_stores;
    let prepared = prepared(Shape::watched(stores))?;
    let scratch = Scratch::new()?;
    let data = scratch.path("flux");
    dev_folder(&prepared, &data)?;
    let bed = Testbed::start(Options::default())?;
    let program = Program::watching(&data, bed.kubeconfig())?;
    let began = Instant::now();
    bed.kubectl_apply(&bootstrap(&data)?)?;
    all_ready(&program, stores)?;
    let up = began.elapsed().as_secs_f64();
    let mut client = program.client()?;
    let (mut applied, mut ready, mut woken) = (Vec::new(), Vec::new(), Vec::new());
    for (store, edition) in Picks::new(stores).take(size.flux_changes) {
        let before = reconciled(&bed)?;
        let took = change(&mut client, store, edition)?;
        std::thread::sleep(STRAGGLERS);
        let after = reconciled(&bed)?;
        woken.push(checked(store, stores, &before, &after)?);
        applied.push(took.0);
        ready.push(took.1);
    }
    for (figure, values, reach) in [
        ("commit about one store, pushed until applied", applied, ""),
        ("the same until Ready", ready, ""),
    ] {
        report.line(&Line {
            figure: format!("{figure}, real Flux"),
            fleet: prepared.fleet.shape.to_string(),
            ours: Cell(Spread::of(&values), Unit::Seconds),
            rival: None,
            ratio: None,
            reach,
        });
    }
    let all = reconciled(&bed)?.len();
    report.note(&format!(
        "of {} Flux Kustomizations these commits made reconcile {woken:?}, of the store's own shard only; all {} stores were Ready {} s after the bootstrap was applied",
        thousands(all),
        thousands(stores),
        number(up),
    ));
    Ok(())
}

fn all_ready(program: &Program, stores: usize) -> Result<()> {
    let patience = FIRST + EACH * u32::try_from(stores)?;
    let began = Instant::now();
    let mut client = program.client()?;
    for look in 1.. {
        let counts = counts(&mut client)?;
        if counts.get("Ready") == Some(&stores) {
            return Ok(());
        }
        let seconds = began.elapsed().as_secs();
        ensure!(
            began.elapsed() < patience,
            "not all stores are Ready after {seconds} s: {counts:?}"
        );
        if look % TOLD == 0 {
            tell(&format!("  after {seconds} s: {counts:?}"));
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// Changes a store; answers the seconds from its commit's push until it was applied, and until it was ready.
fn change(client: &mut Client, store: usize, edition: usize) -> Result<(f64, f64)> {
    let (status, body) = client.change(store, edition)?;
    ensure!(status == 202, "a request was not accepted: {status} {body}");
    let asked: Value = serde_json::from_str(&body)?;
    let id = asked["id"].as_str().context("a change has an id")?;
    let began = Instant::now();
    loop {
        let (status, body) = client.get(&format!("/api/v1/changes/{id}"))?;
        ensure!(status == 200, "no change: {status} {body}");
        let change: Value = serde_json::from_str(&body)?;
        match change["state"].as_str() {
            Some("ready") => return took(&change),
            Some("failed" | "rejected" | "superseded" | "cancelled") => {
                anyhow::bail!("the change of a store did not get through: {body}")
            }
            _ => {}
        }
        ensure!(
            began.elapsed() < FIRST,
            "the change is not ready in time: {body}"
        );
        std::thread::sleep(LOOK);
    }
}

fn took(change: &Value) -> Result<(f64, f64)> {
    let steps = change["timeline"]
        .as_array()
        .context("a change has a timeline")?;
    let at = |state: &str| -> Result<Timestamp> {
        let step = steps.iter().find(|it| it["state"] == state);
        let at = step.and_then(|it| it["at"].as_str());
        Ok(at
            .with_context(|| format!("no step {state}: {change}"))?
            .parse()?)
    };
    let pushed = at("merged")?;
    let seconds = |to: Timestamp| to.duration_since(pushed).as_secs_f64();
    Ok((seconds(at("applied")?), seconds(at("ready")?)))
}

/// What every Kustomization says of the times at which it was reconciled.
fn reconciled(bed: &Testbed) -> Result<BTreeMap<String, String>> {
    let said = bed.kubectl_ok(&["get", "kustomizations", "-n", NAMESPACE, "-o", "json"])?;
    let said: Value = serde_json::from_str(&said)?;
    let items = said["items"].as_array().context("a list has items")?;
    let each = items.iter().map(|it| {
        let name = it["metadata"]["name"].as_str().unwrap_or_default();
        (name.to_owned(), it["status"]["history"].to_string())
    });
    Ok(each.collect())
}

/// How many reconciled; fails where one did that is not of the store's shard.
fn checked(
    store: usize,
    stores: usize,
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Result<usize> {
    let home = shard(&name(store)?);
    let mut own = BTreeSet::from([format!("shard-{home}")]);
    for number in 0..stores {
        let other = name(number)?;
        if shard(&other) == home {
            own.insert(format!("store-{other}"));
        }
    }
    let woken: Vec<&String> = after
        .iter()
        .filter(|(name, history)| before.get(*name) != Some(history))
        .map(|(name, _)| name)
        .collect();
    let strange = woken.iter().find(|it| !own.contains(**it));
    ensure!(
        strange.is_none(),
        "a Kustomization of another shard reconciled: {strange:?}"
    );
    let applier = format!("store-{}", name(store)?);
    ensure!(woken.contains(&&applier), "{applier} did not reconcile");
    Ok(woken.len())
}

//! How long a change takes to be durable while requests arrive at random, 50 a second.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Size;
use crate::arrivals::poisson;
use crate::fleet::{BEGAN, Batch, FILES};
use crate::git;
use crate::import::{self, Importer, Tuning};
use crate::prepare::{Picks, Prepared, Scratch, git_copy, prepared};
use crate::program::{Program, dev_folder};
use crate::report::{Cell, Line, Report, Unit};
use crate::stats::{Spread, percentile};
use crate::worktree::WorkTree;

/// Requests per second.
const RATE: f64 = 50.0;
/// Connections that are open at most, one for each request of a turn: a server that falls behind is asked all the same.
const CLIENTS: usize = 1000;
/// How long a request waits for its commit, in seconds.
const WAIT: u32 = 60;
const TUNING: Tuning = Tuning {
    settings: &["fastimport.unpackLimit=0"],
    options: &["--active-branches=64"],
};
/// Commits by the command line in one turn.
const BY_HAND: usize = 3;

/// Row "latency".
pub(super) fn measure(size: &Size, report: &mut Report) -> Result<()> {
    let prepared = prepared(size.large())?;
    let scratch = Scratch::new()?;
    let data = scratch.path("data");
    dev_folder(&prepared, &data)?;
    let program = Program::dev(&data)?;
    let mut rival = Rival::begin(&prepared, &scratch)?;
    let mut by_hand = WorkTree::kept(&prepared)?;
    let mut picks = Picks::new(prepared.fleet.shape.stores);
    let after_start = program.memory()?;
    warm_up(&program, &prepared, &mut picks, &mut by_hand)?;
    let written = [
        data.join("fleet.git"),
        rival.repo.clone(),
        by_hand.path.clone(),
    ];
    let bases = written.each_ref().map(|repo| git::head(repo, "HEAD"));
    let mut sides: [Vec<Vec<f64>>; 4] = Default::default();
    for round in 0..size.slow_rounds {
        let moments = poisson(round as u64, RATE, size.seconds);
        let stores = picks.take(moments.len());
        let (written, answered) = ours(&program, &moments, &stores)?.into_iter().unzip();
        let imported = rival.turn(&prepared, &moments, &stores)?;
        let typed = picks.take(BY_HAND).into_iter();
        let typed = typed.map(|(store, _)| by_hand.commit(&prepared, store));
        let typed = typed.collect::<Result<Vec<f64>>>()?;
        for (side, samples) in sides.iter_mut().zip([written, answered, imported, typed]) {
            side.push(samples);
        }
    }
    same(&written, bases)?;
    tell(&prepared, &sides, report);
    for (figure, bytes) in [
        (
            "memory of the program after a start without an index",
            after_start,
        ),
        (
            "memory of the program after the changes of row latency",
            program.memory()?,
        ),
    ] {
        report.line(&Line {
            figure: figure.to_owned(),
            fleet: prepared.fleet.shape.to_string(),
            ours: Cell(Spread::of(&[bytes]), Unit::Megabytes),
            rival: None,
            ratio: None,
            reach: "≤ 150 MB",
        });
    }
    Ok(())
}

/// The program and fast-import must have the same files, and every commit of every side must be of four.
fn same(written: &[PathBuf; 3], bases: [Result<String>; 3]) -> Result<()> {
    for (repo, base) in written.iter().zip(bases) {
        git::each_changes(repo, &base?, FILES)?;
    }
    let [ours, imported, _] = written;
    for folder in ["stores", "clusters"] {
        ensure!(
            git::folder(ours, folder)? == git::folder(imported, folder)?,
            "{folder} on main is not the same after the same changes"
        );
    }
    Ok(())
}

fn warm_up(
    program: &Program,
    prepared: &Prepared,
    picks: &mut Picks,
    by_hand: &mut WorkTree,
) -> Result<()> {
    // The first group also prepares the clusters.
    for (store, edition) in picks.take(1) {
        by_hand.commit(prepared, store)?;
        let (status, body) = program.client()?.change_and_wait(store, edition, WAIT)?;
        ensure!(
            status == 200,
            "the first change was not merged: {status} {body}"
        );
    }
    Ok(())
}

/// Every request's seconds from its acceptance to its commit, and from its arrival to its answer.
fn ours(
    program: &Program,
    moments: &[Duration],
    stores: &[(usize, usize)],
) -> Result<Vec<(f64, f64)>> {
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    let client = || -> Result<Vec<(f64, f64)>> {
        let mut client = program.client()?;
        let mut samples = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let (Some(moment), Some((store, edition))) = (moments.get(at), stores.get(at)) else {
                return Ok(samples);
            };
            std::thread::sleep(moment.saturating_sub(began.elapsed()));
            let (status, body) = client.change_and_wait(*store, *edition, WAIT)?;
            let answered = began.elapsed().saturating_sub(*moment);
            ensure!(status == 200, "a change was not merged: {status} {body}");
            samples.push((until_written(&body)?, answered.as_secs_f64()));
        }
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..moments.len().min(CLIENTS))
            .map(|_| scope.spawn(client))
            .collect();
        let mut samples = Vec::new();
        for client in clients {
            let done = client.join();
            samples.extend(done.map_err(|_| anyhow::anyhow!("a client failed"))??);
        }
        Ok(samples)
    })
}

/// From `queued` to `written` in a change's timeline, in seconds. Acceptance is noted before the journal is synced.
pub(super) fn until_written(change: &str) -> Result<f64> {
    let change: Value = serde_json::from_str(change)?;
    let steps = change["timeline"]
        .as_array()
        .context("a change has a timeline")?;
    let at = |state: &str| -> Result<jiff::Timestamp> {
        let step = steps.iter().find(|it| it["state"] == state);
        let step = step.with_context(|| format!("a change was {state}: {change}"))?;
        Ok(step["at"].as_str().context("a step has a time")?.parse()?)
    };
    Ok(at("written")?.duration_since(at("queued")?).as_secs_f64())
}

/// A long-lived fast-import that commits whatever has arrived whenever it is free.
struct Rival {
    repo: PathBuf,
    importer: Importer,
    mark: usize,
    seconds: i64,
}

impl Rival {
    fn begin(prepared: &Prepared, scratch: &Scratch) -> Result<Self> {
        let repo = scratch.path("rival.git");
        git_copy(prepared, &repo)?;
        let mut importer = Importer::start(&repo, TUNING)?;
        let mut stream = Vec::new();
        import::known_branch(&mut stream, "main");
        for cluster in prepared.fleet.clusters() {
            import::known_branch(&mut stream, &format!("deploy/{cluster}"));
        }
        importer.send(&stream)?;
        importer.checkpoint()?;
        let seconds = BEGAN + i64::try_from(prepared.fleet.shape.stores)?;
        let mut rival = Self {
            repo,
            importer,
            mark: 0,
            seconds,
        };
        // Its trees are in memory then, as ours are.
        rival.turn(prepared, &[Duration::ZERO], &[(0, 1)])?;
        Ok(rival)
    }

    /// Every request's seconds from its arrival to its acknowledged checkpoint. Contents are rendered beforehand.
    fn turn(
        &mut self,
        prepared: &Prepared,
        moments: &[Duration],
        stores: &[(usize, usize)],
    ) -> Result<Vec<f64>> {
        let changes = stores.iter();
        let changes = changes.map(|(store, edition)| prepared.fleet.changed(*store, *edition));
        let mut changes = changes.collect::<Result<Vec<_>>>()?.into_iter();
        let began = Instant::now();
        let mut samples = Vec::new();
        while let Some(moment) = moments.get(samples.len()) {
            std::thread::sleep(moment.saturating_sub(began.elapsed()));
            let now = began.elapsed();
            let arrived = moments[samples.len()..].iter().take_while(|it| **it <= now);
            let count = arrived.count().max(1);
            let batch = Batch::new(changes.by_ref().take(count).collect());
            let mut stream = Vec::new();
            self.seconds += 1;
            import::batch(&mut stream, &batch, &mut self.mark, self.seconds);
            self.importer.send(&stream)?;
            self.importer.checkpoint()?;
            let done = began.elapsed();
            let first = samples.len();
            let taken = moments[first..first + count].iter();
            samples.extend(taken.map(|it| done.saturating_sub(*it).as_secs_f64()));
        }
        Ok(samples)
    }
}

fn tell(prepared: &Prepared, sides: &[Vec<Vec<f64>>; 4], report: &mut Report) {
    let [written, answered, imported, typed] = sides;
    let fleet = prepared.fleet.shape.to_string();
    let at = |side: &[Vec<f64>], share: f64| -> Vec<f64> {
        side.iter().map(|it| percentile(it, share)).collect()
    };
    let import = ("git fast-import", imported);
    let command = ("git add, git commit", typed);
    let lines = [
        ("accepted to commit, p50", 0.5, written, import, "≤ 0.4×"),
        ("accepted to commit, p99", 0.99, written, import, ""),
        (
            "accepted to commit, p50",
            0.5,
            written,
            command,
            "≤ 1/300 (0.0033×)",
        ),
        ("request to answer, p50", 0.5, answered, import, ""),
        ("request to answer, p99", 0.99, answered, import, ""),
        ("request to answer, p50", 0.5, answered, command, ""),
    ];
    for (figure, share, ours, (name, rival), reach) in lines {
        let (ours, rival) = (at(ours, share), at(rival, share));
        report.line(&Line {
            figure: format!("{RATE} requests/s, {figure}"),
            fleet: fleet.clone(),
            ours: Cell(Spread::of(&ours), Unit::Millis),
            rival: Some((name.to_owned(), Cell(Spread::of(&rival), Unit::Millis))),
            ratio: Some((Spread::of_pairs(&ours, &rival), "its time")),
            reach,
        });
    }
}

//! The index rebuilt from Git: reading every record, and a start without an index.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use fleetwright::git::FleetRepo;

use super::Size;
use crate::git;
use crate::prepare::{Prepared, Scratch, git_copy, our_copy, prepared};
use crate::program::{Program, dev_folder};
use crate::report::{Cell, Line, Report, Unit};
use crate::stats::Spread;

/// Row "rebuild".
pub(super) fn measure(size: &Size, report: &mut Report) -> Result<()> {
    let prepared = prepared(size.large())?;
    records(&prepared, size.rounds, report)?;
    starts(&prepared, size.slow_rounds, report)
}

/// Every record's bytes, by us and by `ls-tree` with `cat-file`.
fn records(prepared: &Prepared, rounds: usize, report: &mut Report) -> Result<()> {
    let scratch = Scratch::new()?;
    let (ours, theirs) = (scratch.path("ours.git"), scratch.path("git.git"));
    our_copy(prepared, &ours)?;
    git_copy(prepared, &theirs)?;
    let (mut our_rates, mut rates) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let (read, rate) = timed(|| read_all(&ours))?;
        let (catted, git_rate) = timed(|| git::read_all(&theirs, "stores/"))?;
        ensure!(read == catted, "we read {read:?} and git {catted:?}");
        if round > 0 {
            our_rates.push(rate);
            rates.push(git_rate);
        }
    }
    report.line(&Line {
        figure: "records read".to_owned(),
        fleet: prepared.fleet.shape.to_string(),
        ours: Cell(Spread::of(&our_rates), Unit::PerSecond),
        rival: Some((
            "git ls-tree, git cat-file --batch --buffer".to_owned(),
            Cell(Spread::of(&rates), Unit::PerSecond),
        )),
        ratio: Some((Spread::of_pairs(&our_rates, &rates), "its rate")),
        reach: "≥ 1.3×, then 2×",
    });
    Ok(())
}

/// What a reading found, and records per second.
fn timed(read: impl FnOnce() -> Result<(usize, usize)>) -> Result<((usize, usize), f64)> {
    let began = Instant::now();
    let found = read()?;
    let count = u32::try_from(found.0)?;
    Ok((found, f64::from(count) / began.elapsed().as_secs_f64()))
}

/// How many records there are, and their bytes. The repository is opened anew, as git opens it.
fn read_all(repo: &std::path::Path) -> Result<(usize, usize)> {
    let repo = FleetRepo::open(repo)?;
    let main = repo.branch("main")?.context("there is a main")?;
    let mut ids = Vec::new();
    repo.files(&main, "stores", &mut |_, entry| ids.push(entry.id))?;
    let mut bytes = 0;
    for id in &ids {
        bytes += repo.read_blob(&id.blob())?.len();
    }
    Ok((ids.len(), bytes))
}

/// A start without an index: every signed commit checked, every record read, parsed and indexed.
fn starts(prepared: &Prepared, rounds: usize, report: &mut Report) -> Result<()> {
    let mut taken = Vec::new();
    for _ in 0..rounds {
        let scratch = Scratch::new()?;
        let data = scratch.path("data");
        dev_folder(prepared, &data)?;
        taken.push(Program::dev(&data)?.ready_in);
    }
    report.line(&Line {
        figure: "start without an index: history checked, records read, parsed and indexed"
            .to_owned(),
        fleet: prepared.fleet.shape.to_string(),
        ours: Cell(Spread::of(&taken), Unit::Seconds),
        rival: None,
        ratio: None,
        reach: "report (≤ 5 s)",
    });
    Ok(())
}

//! A commit per store, in large groups and in groups of one, on small and large fleets.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::Size;
use crate::fleet::{BEGAN, Batch, Shape};
use crate::git::SLOWNESS;
use crate::import::{self, Importer, Tuning};
use crate::ours::Ours;
use crate::prepare::{Picks, Prepared, Scratch, git_copy, our_copy, prepared};
use crate::report::{Cell, Line, Report, Unit, number};
use crate::signer::Signer;
use crate::stats::Spread;
use crate::{git, machine, slow};

/// Durable, and as fast as it gets with git's own formats: small packs are kept as packs, no branch is unloaded.
const DEFAULT: Tuning = Tuning {
    settings: &["fastimport.unpackLimit=0"],
    options: &["--active-branches=64"],
};
/// The same, with the compression that costs least.
const FASTEST: Tuning = Tuning {
    settings: &[
        "fastimport.unpackLimit=0",
        "core.compression=1",
        "pack.compression=1",
    ],
    options: &["--active-branches=64"],
};
/// How long a sync takes on the slower disk.
const SLOW_SYNC: Duration = Duration::from_millis(4);
/// Bytes that a commit's signature is over, more or less.
const SIGNED_BYTES: usize = 600;
/// Samples of what a signature costs.
const SIGNATURES: usize = 20;
/// The rivals, by name.
const RIVALS: [(&str, Tuning); 2] = [
    ("git fast-import", DEFAULT),
    ("git fast-import, zlib level 1", FASTEST),
];

/// Row "commit".
pub(super) fn in_groups(size: &Size, report: &mut Report) -> Result<()> {
    let texts = Texts {
        figure: format!("commit per store, groups of {}", size.group),
        reach: "≥ 6×",
    };
    let turns = Turns {
        groups: 1,
        changes: size.group,
        rounds: size.rounds,
    };
    measure(&shapes(size), turns, &texts, report)
}

/// Row "single".
pub(super) fn one_by_one(size: &Size, report: &mut Report) -> Result<()> {
    let texts = Texts {
        figure: "commit per store, one per group".to_owned(),
        reach: "≥ 1.5× at fsync ≤ 0.5 ms, ≥ 0.9× at 4 ms",
    };
    let turns = Turns {
        groups: size.singles,
        changes: 1,
        rounds: size.rounds,
    };
    measure(&shapes(size), turns, &texts, report)?;
    report.note(&format!(
        "beside the groups of one: {}",
        machine::sync_cost(50)?
    ));
    Ok(())
}

/// Row "slow": groups of one on the large fleet, once more, on a disk whose every sync takes a while.
pub(super) fn on_slow_disk(size: &Size, report: &mut Report) -> Result<()> {
    if std::env::var_os(SLOWNESS[1]).is_none() {
        let (stores, rounds) = (size.stores.to_string(), size.slow_rounds.to_string());
        let args = [
            "--bare", "--rows", "slow", "--stores", &stores, "--rounds", &rounds,
        ];
        let scale = if size.quick { "--quick" } else { "--bench" };
        let args: Vec<String> = args.into_iter().chain([scale]).map(str::to_owned).collect();
        report.adopt(&slow::run(SLOW_SYNC, &args)?);
        return Ok(());
    }
    let texts = Texts {
        figure: format!(
            "commit per store, one per group, every sync made to take {} ms",
            SLOW_SYNC.as_millis()
        ),
        reach: "≥ 0.9×",
    };
    let turns = Turns {
        groups: size.singles.div_ceil(4),
        changes: 1,
        rounds: size.rounds,
    };
    measure(&[size.large()], turns, &texts, report)?;
    report.note(&format!("on the slower disk: {}", machine::sync_cost(50)?));
    Ok(())
}

/// The fleets on which commits are measured: the small one, the large one, and one whose folders are the largest.
fn shapes(size: &Size) -> Vec<Shape> {
    let mut shapes = vec![size.small(), size.large()];
    if size.large().clusters > 1 {
        shapes.push(Shape::heap(size.stores));
    }
    shapes
}

struct Texts {
    figure: String,
    reach: &'static str,
}

/// What one side does in one turn, and how often.
#[derive(Clone, Copy)]
struct Turns {
    groups: usize,
    changes: usize,
    rounds: usize,
}

fn measure(shapes: &[Shape], turns: Turns, texts: &Texts, report: &mut Report) -> Result<()> {
    let scratch = Scratch::new()?;
    let mut races = shapes
        .iter()
        .map(|shape| Race::begin(*shape, &scratch))
        .collect::<Result<Vec<Race>>>()?;
    for round in 0..=turns.rounds {
        for race in &mut races {
            race.turn(turns, round > 0)?;
        }
    }
    for race in &mut races {
        race.finish()?;
        race.tell(turns, texts, report)?;
    }
    growth(&races, texts, report);
    Ok(())
}

/// One fleet, our copy of it and each rival's.
struct Race {
    prepared: Prepared,
    ours: Ours,
    rivals: Vec<Rival>,
    picks: Picks,
    seconds: i64,
    /// Commits per second of our turns.
    rates: Vec<f64>,
    /// CPU time of our turns, in seconds.
    cpu: f64,
}

struct Rival {
    name: &'static str,
    repo: std::path::PathBuf,
    importer: Option<Importer>,
    mark: usize,
    rates: Vec<f64>,
    /// CPU time of its turns, in seconds.
    cpu: f64,
}

impl Race {
    fn begin(shape: Shape, scratch: &Scratch) -> Result<Self> {
        let prepared = prepared(shape)?;
        let name =
            |side: &str| scratch.path(&format!("{}-{}-{side}", shape.stores, shape.clusters));
        our_copy(&prepared, &name("ours"))?;
        let mut rivals = Vec::new();
        for (number, (rival, tuning)) in RIVALS.into_iter().enumerate() {
            let repo = name(&number.to_string());
            git_copy(&prepared, &repo)?;
            let mut importer = Importer::start(&repo, tuning)?;
            let mut stream = Vec::new();
            import::known_branch(&mut stream, "main");
            for cluster in prepared.fleet.clusters() {
                import::known_branch(&mut stream, &format!("deploy/{cluster}"));
            }
            importer.send(&stream)?;
            importer.checkpoint()?;
            rivals.push(Rival {
                name: rival,
                repo,
                importer: Some(importer),
                mark: 0,
                rates: Vec::new(),
                cpu: 0.0,
            });
        }
        let ours = Ours::open(&name("ours"), &prepared.keys)?;
        Ok(Self {
            picks: Picks::new(shape.stores),
            seconds: BEGAN + i64::try_from(shape.stores)?,
            rates: Vec::new(),
            cpu: 0.0,
            prepared,
            ours,
            rivals,
        })
    }

    /// Every side writes the same groups. The first turn is not counted: caches fill, packs are opened.
    fn turn(&mut self, turns: Turns, counted: bool) -> Result<()> {
        let batches = (0..turns.groups)
            .map(|_| {
                let picks = self.picks.take(turns.changes).into_iter();
                let changed =
                    picks.map(|(store, edition)| self.prepared.fleet.changed(store, edition));
                changed.collect::<Result<Vec<_>>>().map(Batch::new)
            })
            .collect::<Result<Vec<Batch>>>()?;
        let first = self.seconds + 1;
        self.seconds += i64::try_from(batches.len())?;
        let process = std::process::id();
        let used = machine::cpu_seconds(process)?;
        let rate = rate_of(turns, || {
            for (batch, seconds) in batches.iter().zip(first..) {
                self.ours.land(batch, seconds)?;
            }
            Ok(())
        })?;
        if counted {
            self.rates.push(rate);
            self.cpu += machine::cpu_seconds(process)? - used;
        }
        for rival in &mut self.rivals {
            rival.turn(turns, &batches, first, counted)?;
        }
        Ok(())
    }

    /// Both sides must have made the same files.
    fn finish(&mut self) -> Result<()> {
        let ours = git::trees(self.ours.repo.path())?;
        for rival in &mut self.rivals {
            if let Some(importer) = rival.importer.take() {
                importer.finish()?;
            }
            ensure!(
                git::trees(&rival.repo)? == ours,
                "{} made other trees than ours",
                rival.name
            );
        }
        Ok(())
    }

    fn tell(&self, turns: Turns, texts: &Texts, report: &mut Report) -> Result<()> {
        self.compared(&texts.figure, &self.rates, texts.reach, report);
        let key = Signer::load(&self.prepared.keys.join("main"))?;
        let signing = key.cost(SIGNED_BYTES, SIGNATURES)?;
        let unsigned = |rate: &f64| 1.0 / (1.0 / rate - signing);
        let unsigned: Vec<f64> = self.rates.iter().map(unsigned).collect();
        let figure = format!("{}: ours less what signing takes", texts.figure);
        self.compared(&figure, &unsigned, "", report);
        report.note(&format!(
            "{}, {}: a commit takes {} µs, of which its signature {} µs",
            texts.figure,
            self.prepared.fleet.shape,
            number(1e6 / Spread::of(&self.rates).median),
            number(signing * 1e6),
        ));
        let commits = u32::try_from(turns.groups * turns.changes * turns.rounds)?;
        let each = |seconds: f64| number(seconds / f64::from(commits) * 1e6);
        let rivals = self.rivals.iter();
        let rivals: Vec<String> = rivals
            .map(|it| format!("{} {} µs", it.name, each(it.cpu)))
            .collect();
        report.note(&format!(
            "{}, {}: CPU time of a commit, whatever else the machine did: ours {} µs, {}",
            texts.figure,
            self.prepared.fleet.shape,
            each(self.cpu),
            rivals.join(", "),
        ));
        Ok(())
    }

    fn compared(&self, figure: &str, rates: &[f64], reach: &'static str, report: &mut Report) {
        for rival in &self.rivals {
            report.line(&Line {
                figure: figure.to_owned(),
                fleet: self.prepared.fleet.shape.to_string(),
                ours: Cell(Spread::of(rates), Unit::PerSecond),
                rival: Some((
                    rival.name.to_owned(),
                    Cell(Spread::of(&rival.rates), Unit::PerSecond),
                )),
                ratio: Some((Spread::of_pairs(rates, &rival.rates), "its rate")),
                reach,
            });
        }
    }
}

impl Rival {
    fn turn(&mut self, turns: Turns, batches: &[Batch], first: i64, counted: bool) -> Result<()> {
        let streams: Vec<Vec<u8>> = batches
            .iter()
            .zip(first..)
            .map(|(batch, seconds)| {
                let mut stream = Vec::new();
                import::batch(&mut stream, batch, &mut self.mark, seconds);
                stream
            })
            .collect();
        let importer = self.importer.as_mut().context("the race is still on")?;
        let used = importer.cpu_seconds()?;
        let rate = rate_of(turns, || {
            for stream in &streams {
                importer.send(stream)?;
                importer.checkpoint()?;
            }
            Ok(())
        })?;
        if counted {
            self.rates.push(rate);
            self.cpu += importer.cpu_seconds()? - used;
        }
        Ok(())
    }
}

/// Changes per second of a turn.
fn rate_of(turns: Turns, work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let began = Instant::now();
    work()?;
    let changes = u32::try_from(turns.groups * turns.changes)?;
    Ok(f64::from(changes) / began.elapsed().as_secs_f64())
}

/// What a commit costs on the large fleet, against the small one in the same round.
fn growth(races: &[Race], texts: &Texts, report: &mut Report) {
    let [small, large, ..] = races else { return };
    let cost = |race: &Race| -> Vec<f64> { race.rates.iter().map(|rate| 1.0 / rate).collect() };
    let (small_cost, large_cost) = (cost(small), cost(large));
    report.line(&Line {
        figure: format!("growth: {}", texts.figure),
        fleet: large.prepared.fleet.shape.to_string(),
        ours: Cell(Spread::of(&large_cost), Unit::Millis),
        rival: Some((
            format!("ours, {}", small.prepared.fleet.shape),
            Cell(Spread::of(&small_cost), Unit::Millis),
        )),
        ratio: Some((Spread::of_pairs(&large_cost, &small_cost), "its cost")),
        reach: "≤ 1.3×",
    });
}

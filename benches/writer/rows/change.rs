//! One change on a fleet at rest, against what tools do that clone for every change.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::Size;
use super::latency::until_written;
use crate::fleet::FILES;
use crate::git;
use crate::prepare::{Picks, Prepared, Scratch, git_copy, prepared};
use crate::program::{Program, dev_folder, keys};
use crate::report::{Cell, Line, Report, Unit};
use crate::server::GitServer;
use crate::stats::{Spread, percentile};
use crate::worktree::whole_sequence;

/// How long a request waits for its commit, in seconds.
const WAIT: u32 = 60;
/// How the rival clones.
const CLONES: [(&str, &[&str]); 2] = [
    ("clone, checkout, edit, add, commit, push", &[]),
    ("the same with clone --depth=1", &["--depth=1"]),
];

/// Row "change".
pub(super) fn measure(size: &Size, report: &mut Report) -> Result<()> {
    let prepared = prepared(size.small())?;
    let scratch = Scratch::new()?;
    let dev_data = scratch.path("dev");
    dev_folder(&prepared, &dev_data)?;
    let dev = Program::dev(&dev_data)?;
    let remote = |name: &str| -> Result<GitServer> {
        let path = scratch.path(name);
        git_copy(&prepared, &path)?;
        Ok(GitServer::start(&path, None))
    };
    let (our_remote, their_remote) = (remote("our-remote.git")?, remote("remote.git")?);
    let data = scratch.path("serve");
    keys(&prepared, &data)?;
    let serve = Program::serve(&data, &our_remote.url)?;
    let mut picks = Picks::new(prepared.fleet.shape.stores);
    // The first groups also prepare the clusters.
    for program in [&dev, &serve] {
        changes(program, &picks.take(1))?;
    }
    let written = ["dev/fleet.git", "our-remote.git", "remote.git"].map(|it| scratch.path(it));
    let bases = written.each_ref().map(|repo| git::head(repo, "main"));
    let mut figures = Figures::default();
    for _ in 0..size.slow_rounds {
        let (written, answered) = changes(&dev, &picks.take(size.changes))?;
        figures.written.push(percentile(&written, 0.5));
        figures.durable.push(percentile(&answered, 0.5));
        let (_, answered) = changes(&serve, &picks.take(size.changes.div_ceil(4)))?;
        figures.pushed.push(percentile(&answered, 0.5));
        for (side, (_, depth)) in figures.rivals.iter_mut().zip(CLONES) {
            for (store, edition) in picks.take(1) {
                let change = prepared.fleet.changed(store, edition)?;
                let at = scratch.path("clone");
                side.push(whole_sequence(&their_remote.url, &at, depth, &change)?);
            }
        }
    }
    for (repo, base) in written.iter().zip(bases) {
        git::each_changes(repo, &base?, FILES)?;
    }
    figures.tell(&prepared, report);
    Ok(())
}

/// Changes one after the other: their seconds from accepted to written, and from request to the answer that each is
/// on the published branch.
fn changes(program: &Program, stores: &[(usize, usize)]) -> Result<(Vec<f64>, Vec<f64>)> {
    let mut client = program.client()?;
    let (mut written, mut answered) = (Vec::new(), Vec::new());
    for (store, edition) in stores {
        let began = Instant::now();
        let (status, body) = client.change_and_wait(*store, *edition, WAIT)?;
        answered.push(began.elapsed().as_secs_f64());
        ensure!(status == 200, "a change was not merged: {status} {body}");
        written.push(until_written(&body)?);
    }
    Ok((written, answered))
}

/// The medians of each turn.
#[derive(Default)]
struct Figures {
    written: Vec<f64>,
    durable: Vec<f64>,
    pushed: Vec<f64>,
    rivals: [Vec<f64>; 2],
}

impl Figures {
    fn tell(&self, prepared: &Prepared, report: &mut Report) {
        let ours = [
            (
                "one change, request to durable commit",
                &self.durable,
                "≥ 5,000× at fsync ≤ 0.5 ms",
            ),
            ("one change, accepted to durable commit", &self.written, ""),
            ("one change, request to pushed", &self.pushed, "≥ 200×"),
        ];
        for (figure, samples, reach) in ours {
            for (rival, (name, _)) in self.rivals.iter().zip(CLONES) {
                report.line(&Line {
                    figure: figure.to_owned(),
                    fleet: prepared.fleet.shape.to_string(),
                    ours: Cell(Spread::of(samples), Unit::Millis),
                    rival: Some((name.to_owned(), Cell(Spread::of(rival), Unit::Millis))),
                    ratio: Some((Spread::of_pairs(rival, samples), "as fast")),
                    reach,
                });
            }
        }
    }
}

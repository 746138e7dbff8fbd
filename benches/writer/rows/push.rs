//! A push of 100 commits over smart HTTP on this machine, and our own share of it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use fleetwright::git::{PushOutcome, PushRef, Remote};

use super::Size;
use crate::fleet::{BEGAN, Batch, Shape};
use crate::git;
use crate::ours::Ours;
use crate::prepare::{Picks, Prepared, Scratch, git_copy, our_copy, prepared};
use crate::report::{Cell, Line, Report, Unit};
use crate::server::GitServer;
use crate::stats::Spread;

/// Has a fetch leave objects loose, as `git commit` leaves them; kept as a pack they would come with deltas ready to send.
const LOOSE: &str = "fetch.unpackLimit=1000000";
/// How often the watch looks for git's process.
const LOOK: Duration = Duration::from_micros(200);

/// Row "push".
pub(super) fn measure(size: &Size, report: &mut Report) -> Result<()> {
    let mut shares = Vec::new();
    for shape in [size.small(), size.large()] {
        let scratch = Scratch::new()?;
        let mut race = Race::begin(shape, size.pushed, &scratch)?;
        for round in 0..=size.rounds {
            race.turn(round > 0)?;
        }
        race.tell(report);
        shares.push((shape, race.own));
    }
    if let [(small, before), (large, after)] = shares.as_slice() {
        report.line(&Line {
            figure: format!(
                "push of {} commits: our own share, before and after git",
                size.pushed
            ),
            fleet: large.to_string(),
            ours: Cell(Spread::of(after), Unit::Millis),
            rival: Some((
                format!("ours, {small}"),
                Cell(Spread::of(before), Unit::Millis),
            )),
            ratio: Some((Spread::of_pairs(after, before), "its time")),
            reach: "flat in the size of the fleet",
        });
    }
    Ok(())
}

struct Race {
    prepared: Prepared,
    ours: Ours,
    /// Our remote, and the server in front of it.
    remote: (Remote, GitServer, PathBuf),
    /// The rival's full clone, and the server of its remote.
    clone: (PathBuf, GitServer, PathBuf),
    picks: Picks,
    /// Commits of one push on main.
    commits: usize,
    seconds: i64,
    total: Vec<f64>,
    own: Vec<f64>,
    plain: Vec<f64>,
}

impl Race {
    fn begin(shape: Shape, commits: usize, scratch: &Scratch) -> Result<Self> {
        let prepared = prepared(shape)?;
        let remote = |name: &str| -> Result<(GitServer, PathBuf)> {
            let path = scratch.path(name);
            git_copy(&prepared, &path)?;
            Ok((GitServer::start(&path, None), path))
        };
        let mirror = scratch.path("mirror.git");
        our_copy(&prepared, &mirror)?;
        let (server, behind) = remote("our-remote.git")?;
        let ours = (Remote::new(&server.url, None)?, server, behind);
        let (server, behind) = remote("remote.git")?;
        let clone = scratch.path("clone.git");
        let args = [
            "clone",
            "-q",
            "--bare",
            "-c",
            "gc.auto=0",
            &server.url,
            "clone.git",
        ];
        git::run(clone.parent().context("a folder")?, &args)?;
        Ok(Self {
            ours: Ours::open(&mirror, &prepared.keys)?,
            commits,
            remote: ours,
            clone: (clone, server, behind),
            picks: Picks::new(shape.stores),
            seconds: BEGAN + i64::try_from(shape.stores)?,
            total: Vec::new(),
            own: Vec::new(),
            plain: Vec::new(),
            prepared,
        })
    }

    /// The same commits go out from our mirror and from a full clone.
    fn turn(&mut self, counted: bool) -> Result<()> {
        self.seconds += 1;
        let picks = self.picks.take(self.commits).into_iter();
        let changes = picks.map(|(store, edition)| self.prepared.fleet.changed(store, edition));
        let batch = Batch::new(changes.collect::<Result<_>>()?);
        self.ours.land(&batch, self.seconds)?;
        let deploys = batch.deploys.keys().map(|it| format!("deploy/{it}"));
        let branches: Vec<String> = deploys.chain(["main".to_owned()]).collect();

        let (total, inside) = self.push_ours(&branches)?;
        let plain = self.push_plain(&branches)?;
        ensure!(
            git::trees(&self.remote.2)? == git::trees(&self.clone.2)?,
            "the remotes differ after a push"
        );
        if counted {
            self.total.push(total);
            self.own.push(total - inside);
            self.plain.push(plain);
        }
        Ok(())
    }

    /// The seconds of our push, and those during which git's process ran.
    fn push_ours(&self, branches: &[String]) -> Result<(f64, f64)> {
        let push = |branch: &String| -> Result<PushRef> {
            let remote = format!("refs/heads/{branch}");
            let local = self.ours.head(branch)?.clone();
            Ok(PushRef { local, remote })
        };
        let refs = branches.iter().map(push).collect::<Result<Vec<_>>>()?;
        let watch = ChildWatch::of_this_thread()?;
        let began = Instant::now();
        let outcome = self.remote.0.push(&self.ours.repo, &refs)?;
        let total = began.elapsed().as_secs_f64();
        ensure!(
            outcome == PushOutcome::Pushed,
            "the push failed: {outcome:?}"
        );
        Ok((total, watch.finish()?))
    }

    fn push_plain(&self, branches: &[String]) -> Result<f64> {
        let (clone, server, _) = &self.clone;
        let mirror = self.ours.repo.path().to_string_lossy().into_owned();
        let specs: Vec<String> = branches
            .iter()
            .map(|it| format!("refs/heads/{it}:refs/heads/{it}"))
            .collect();
        let specs: Vec<&str> = specs.iter().map(String::as_str).collect();
        git::run(
            clone,
            &[&["-c", LOOSE, "fetch", "-q", &mirror], specs.as_slice()].concat(),
        )?;
        let began = Instant::now();
        git::run(
            clone,
            &[&["push", "-q", &server.url], specs.as_slice()].concat(),
        )?;
        Ok(began.elapsed().as_secs_f64())
    }

    fn tell(&self, report: &mut Report) {
        report.line(&Line {
            figure: format!("push of {} commits", self.commits),
            fleet: self.prepared.fleet.shape.to_string(),
            ours: Cell(Spread::of(&self.total), Unit::Millis),
            rival: Some((
                "git push from a full clone".to_owned(),
                Cell(Spread::of(&self.plain), Unit::Millis),
            )),
            ratio: Some((Spread::of_pairs(&self.total, &self.plain), "its time")),
            reach: "≤ 1.0×",
        });
    }
}

/// Notes how long a thread has a child process that runs.
struct ChildWatch {
    stop: std::sync::mpsc::Sender<()>,
    watcher: std::thread::JoinHandle<Result<f64>>,
}

impl ChildWatch {
    fn of_this_thread() -> Result<Self> {
        let thread = std::fs::read_link("/proc/thread-self")?;
        let children = PathBuf::from("/proc").join(thread).join("children");
        ensure!(
            children.exists(),
            "the kernel tells no children of a thread"
        );
        let (stop, stopped) = std::sync::mpsc::channel();
        let watcher = std::thread::spawn(move || {
            let mut seen: Option<(Instant, Instant)> = None;
            while stopped.try_recv().is_err() {
                let now = Instant::now();
                if running(&std::fs::read_to_string(&children)?) {
                    seen = Some((seen.map_or(now, |(first, _)| first), now));
                }
                std::thread::sleep(LOOK);
            }
            let (first, last) = seen.context("git was never seen to run")?;
            Ok((last - first).as_secs_f64())
        });
        Ok(Self { stop, watcher })
    }

    fn finish(self) -> Result<f64> {
        self.stop.send(())?;
        let ended = self.watcher.join();
        ended.map_err(|_| anyhow::anyhow!("the watch failed"))?
    }
}

/// Whether one of these processes runs still; one that has ended and is not waited for yet does not.
fn running(children: &str) -> bool {
    children.split_whitespace().any(|process| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit(") ")
            .next()
            .is_some_and(|it| !it.is_empty() && !it.starts_with('Z'))
    })
}

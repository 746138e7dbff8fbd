//! What a run of the binary did to its data folder, and the binary started again on what a power cut leaves of it.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::SOON;
use crate::audit::{audit, goes_on};
use crate::image::{Cut, LOSSES, Loss, chance, differences};
use crate::layer::Program;
use crate::replay::Disk;
use crate::scenario::{Accepted, accepted};
use crate::trace::{self, Op};

/// How many images are tried at the same time.
const WORKERS: usize = 3;

/// A run, and what was on the disk before.
pub(crate) struct Recording {
    before: Disk<'static>,
    folder: TempDir,
    /// What the run did, in order.
    pub(crate) ops: Vec<Op>,
    /// What was accepted, in the same order.
    pub(crate) accepted: Vec<Accepted>,
}

/// One power cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    /// How many operations came before.
    pub(crate) after: usize,
    /// What becomes of what is not certain then.
    pub(crate) loss: Loss,
    /// Decides where the loss leaves a choice.
    pub(crate) seed: u64,
}

/// Whether a file is one that git had begun for a pack (mkstemp(3) gives it six characters): it takes notice of the
/// server's death a moment later, and the trace has ended by then. Ours have a whole digest in their names.
fn is_begun_by_git(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let kinds = ["tmp_pack_", "tmp_idx_", "tmp_rev_"];
    let mut random = kinds.iter().filter_map(|kind| name.strip_prefix(kind));
    random.any(|it| it.len() == 6)
}

impl Recording {
    /// Takes over what a server did since its trace began, with what was on the disk for certain before. The server is
    /// dead by now.
    pub(crate) fn of(before: Disk<'static>, server: &Program, folder: TempDir) -> Self {
        let ops = trace::read_to_its_end(&server.trace(), &server.data);
        Self {
            before,
            accepted: accepted(&ops),
            ops,
            folder,
        }
    }

    /// The layer has seen everything: replayed without a loss, the trace gives the folder as it is.
    pub(crate) fn is_complete(&self) {
        let scratch = tempfile::tempdir().unwrap();
        let image = scratch.path().join("data");
        let disk = self.disk(self.ops.len(), &|_| false);
        Cut::new(&disk, Loss::Nothing, 0).write(&image);
        let real = self.folder.path().join("data");
        let mut differ = differences(&image, &real);
        differ.retain(|path| !is_begun_by_git(path));
        assert_eq!(differ, Vec::<String>::new());
    }

    /// So many cuts after `from`, or as many as the environment asks for: half of them anywhere, half right beside a
    /// sync, a move or an answer. `all` are all of them, each with every loss.
    pub(crate) fn points(&self, from: usize, count: usize, seed: u64) -> Vec<Point> {
        let all = self.ops.len();
        let asked = std::env::var("FLEETWRIGHT_CUTS").ok();
        if asked.as_ref().is_some_and(|it| it == "all") {
            let each = |after| LOSSES.map(|loss| Point { after, loss, seed });
            return (from..=all).flat_map(each).collect();
        }
        let count = asked.map_or(count, |it| it.parse().unwrap());
        let near: Vec<usize> = (from..all)
            .filter(|at| is_telling(&self.ops[*at]))
            .collect();
        let point = |number: usize| {
            let chosen = chance(seed, number as u64, 1 << 32);
            let pick = |of: usize| usize::try_from(chosen % of as u64).unwrap();
            let after = if number.is_multiple_of(2) {
                from + number * (all - from) / count + pick((all - from) / count + 1)
            } else {
                near[pick(near.len())] + usize::from(chosen >> 31 == 0)
            };
            Point {
                after: after.min(all),
                loss: LOSSES[number % LOSSES.len()],
                seed: chosen,
            }
        };
        (0..count).map(point).collect()
    }

    /// Every cut is survived; those that are not are told all together.
    pub(crate) fn survives_all(&self, points: &[Point], limit: Duration) {
        let next = AtomicUsize::new(0);
        let failed = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..WORKERS {
                scope.spawn(|| {
                    while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if let Err(why) = self.survives(*point, limit, &|_| false) {
                            failed.lock().unwrap().push(format!("{point:?}: {why}"));
                        }
                    }
                });
            }
        });
        let failed = failed.into_inner().unwrap();
        let (many, all) = (failed.len(), points.len());
        assert!(many == 0, "{many} of {all} cuts:\n{}", failed.join("\n"));
    }

    /// Starts the binary on what a cut leaves, and looks for everything accepted before. Syncs of paths that `forgets`
    /// names are taken for not made.
    pub(crate) fn survives(
        &self,
        point: Point,
        limit: Duration,
        forgets: &dyn Fn(&str) -> bool,
    ) -> Result<(), String> {
        let scratch = scratch();
        let disk = self.disk(point.after, forgets);
        Cut::new(&disk, point.loss, point.seed).write(&scratch.path().join("data"));
        let before = self.accepted.iter().filter(|it| it.at < point.after);
        let before: Vec<Accepted> = before.cloned().collect();
        let mut server = Program::plain(scratch.path());
        server.try_restart()?;
        let outcome = goes_on(&server.api(), &server.repo(), &before, limit);
        outcome.map_err(|why| format!("{why}\n{}", server.said()))
    }

    fn disk(&self, after: usize, forgets: &dyn Fn(&str) -> bool) -> Disk<'_> {
        let mut disk: Disk<'_> = self.before.clone();
        let mut forgotten = Vec::new();
        for op in &self.ops[..after] {
            match op {
                Op::Sync { path, ticket, .. } if forgets(path) => forgotten.push(*ticket),
                Op::Synced { ticket, .. } if forgotten.contains(ticket) => continue,
                _ => {}
            }
            disk.apply(op);
        }
        disk
    }
}

/// A server whose first start is over and on the disk, with what is there for certain; its trace begins now.
pub(crate) fn settled() -> (Program, Disk<'static>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Program::start(folder.path());
    audit(&server.api(), &server.repo(), &[], SOON).unwrap();
    server.stop();
    let before = Disk::of(&server.data);
    std::fs::remove_file(server.trace()).unwrap();
    server.restart();
    (server, before, folder)
}

fn is_telling(op: &Op) -> bool {
    matches!(
        op,
        Op::Synced { .. } | Op::Rename { .. } | Op::Link { .. } | Op::Marker { .. }
    )
}

/// A folder for one image: in memory where the system has a place for that, as hundreds of them are made.
fn scratch() -> TempDir {
    let memory = tempfile::tempdir_in(Path::new("/dev/shm"));
    memory.unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

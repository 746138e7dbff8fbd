//! The power is cut at any moment: the binary starts on whatever that leaves, and nothing accepted is missing.

use std::io::Write as _;
use std::path::Path;

use crate::SOON;
use crate::audit::audit;
use crate::image::Loss;
use crate::layer::Program;
use crate::recording::{Point, Recording, settled};
use crate::replay::Disk;
use crate::scenario::{Client, accepted, busy};
use crate::trace::{self, Op};

/// How many power cuts a run tries while clients are busy, unless told to try them all.
const CUTS: usize = 100;
/// As many while upkeep puts packs together.
const TIDY_CUTS: usize = 40;
/// As many in the very first start.
const FIRST_CUTS: usize = 30;

#[test]
fn a_power_cut_at_any_moment_loses_nothing_accepted() {
    let recording = busy_run();
    recording.is_complete();
    let points = recording.points(0, CUTS, seed());
    tell("busy", &recording, points.len());
    recording.survives_all(&points, SOON);
    needs(&recording, "the journal", &|path| path == "journal.redb");
    needs(&recording, "the objects", &is_object);
    needs(&recording, "the references", &is_reference);
}

#[test]
fn a_power_cut_during_upkeep_loses_nothing_accepted() {
    let (recording, began) = tidied_run();
    recording.is_complete();
    let points = recording.points(began, TIDY_CUTS, seed());
    tell("upkeep", &recording, points.len());
    recording.survives_all(&points, SOON);
    // Had upkeep not synced the folder, packs could be gone together with the one that replaces them.
    let folder = |path: &str| path == "fleet.git/objects/pack";
    let lost = (0..20).any(|seed| {
        let point = Point {
            after: recording.ops.len(),
            loss: Loss::Some,
            seed,
        };
        recording.survives(point, SOON / 6, &folder).is_err()
    });
    assert!(lost, "no cut shows whether the folder of packs is synced");
}

#[test]
fn a_power_cut_in_the_first_start_loses_nothing_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let before = Disk::of(&folder.path().join("data"));
    let mut server = Program::start(folder.path());
    let client = Client {
        api: server.api(),
        trace: &server.trace(),
    };
    assert_eq!(client.create("first").0, 202);
    let ops = trace::read(&server.trace(), &server.data);
    audit(&server.api(), &server.repo(), &accepted(&ops), SOON).unwrap();
    server.kill();
    let recording = Recording::of(before, &server, folder);
    recording.is_complete();
    let points = recording.points(0, FIRST_CUTS, seed());
    tell("first start", &recording, points.len());
    recording.survives_all(&points, SOON);
    needs(&recording, "the new repository", &|path| {
        path.starts_with("fleet.git.new")
    });
    needs(&recording, "the data folder", &str::is_empty);
}

/// Clients are busy, and the server is killed in the end.
fn busy_run() -> Recording {
    let (mut server, before, folder) = settled();
    busy(&server.api(), &server.trace(), 3, 4);
    let ops = trace::read(&server.trace(), &server.data);
    audit(&server.api(), &server.repo(), &accepted(&ops), SOON).unwrap();
    // The journal lets go of all of them with what it accepts next: now only the repository has them.
    let client = Client {
        api: server.api(),
        trace: &server.trace(),
    };
    assert_eq!(client.create("last").0, 202);
    server.kill();
    Recording::of(before, &server, folder)
}

/// Changes come one by one, each with a pack of its own, until upkeep has put the packs together, and then some more.
/// Also told: where upkeep began.
fn tidied_run() -> (Recording, usize) {
    let (mut server, before, folder) = settled();
    let (api, trace) = (server.api(), server.trace());
    let client = Client { api, trace: &trace };
    let tidied = |ops: &[Op]| {
        let gone = |op: &Op| matches!(op, Op::Unlink { path } if is_index(path));
        ops.iter().any(gone)
    };
    let ops = || trace::read(&trace, &server.data);
    for number in 0.. {
        assert_eq!(client.create(&format!("s{number}")).0, 202);
        audit(&server.api(), &server.repo(), &accepted(&ops()), SOON).unwrap();
        if tidied(&ops()) {
            break;
        }
        assert!(number < 500, "upkeep puts packs together");
    }
    assert_eq!(client.create("last").0, 202);
    audit(&server.api(), &server.repo(), &accepted(&ops()), SOON).unwrap();
    server.kill();
    let recording = Recording::of(before, &server, folder);
    let prepares =
        |op: &Op| matches!(op, Op::Write { path, .. } if path.ends_with("upkeep.attributes"));
    let began = recording.ops.iter().position(prepares);
    (recording, began.unwrap())
}

/// The cuts would show it if the binary left these syncs out: then something accepted is missing after the last answer.
fn needs(recording: &Recording, what: &str, syncs: &dyn Fn(&str) -> bool) {
    let last = recording.accepted.last().unwrap();
    let point = Point {
        after: last.at + 1,
        loss: Loss::All,
        seed: 0,
    };
    let outcome = recording.survives(point, SOON / 6, syncs);
    assert!(outcome.is_err(), "no cut shows whether {what} are synced");
}

fn is_index(path: &str) -> bool {
    is_object(path) && path.ends_with(".idx")
}

fn is_object(path: &str) -> bool {
    Path::new(path).starts_with("fleet.git/objects")
}

fn is_reference(path: &str) -> bool {
    Path::new(path).starts_with("fleet.git") && !is_object(path)
}

fn tell(what: &str, recording: &Recording, cuts: usize) {
    let (ops, accepted, seed) = (recording.ops.len(), recording.accepted.len(), seed());
    let text = format!(
        "{what}: {cuts} power cuts in {ops} operations, {accepted} accepted; FLEETWRIGHT_SEED={seed}"
    );
    let _told = writeln!(std::io::stderr(), "{text}");
}

/// One seed for a run, printed; given by the environment to repeat a run.
fn seed() -> u64 {
    let given = std::env::var("FLEETWRIGHT_SEED").ok();
    given.map_or_else(|| u64::from(std::process::id()), |it| it.parse().unwrap())
}

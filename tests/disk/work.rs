//! The regression guard: what a commit costs in work, not in time, and that it does not grow with the fleet.
//!
//! Counted by the layer: syncs, writes, bytes and all calls on files of the data folder, apart for repository and
//! journal; objects are counted by git. The figures are printed. How many groups a hundred changes become depends on
//! how fast the machine is (a group is bounded by time), so their figures are held to the number of groups.

use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::SOON;
use crate::audit::audit;
use crate::fleet::grow;
use crate::layer::Program;
use crate::scenario::{Accepted, Client, accepted};
use crate::support::api::Answer;
use crate::support::git::git;
use crate::trace::{self, Op, mark};

/// Stores that the server makes itself, and changes.
const OURS: usize = 100;
/// Stores of the two fleets.
const FLEETS: [usize; 2] = [1_000, 100_000];

/// Syncs of the repository for a group, whatever its size: pack, index, their folder, references, their folder.
const SYNCS: usize = 5;
/// Syncs of the journal for an acceptance, and for its file when that grows; letting go waits for the next one.
const JOURNAL_SYNCS: usize = 2;
/// Writes to the repository for a group, whatever its size: pack, index, references.
const WRITES: usize = 3;
/// Calls on files of the data folder for one change, from the request to the index.
const CALLS: usize = 200;
/// Calls of the writer and of upkeep when they look around, which they may do meanwhile.
const LOOK: usize = 60;
/// Objects of a change: two commits, four files, and the folders above them on main and on the deploy branch.
const OBJECTS: usize = 20;
/// Folders that a deploy commit for one store writes anew.
const DEPLOY_FOLDERS: usize = 8;
/// Bytes written to the repository for one change, without what its shard's folders need.
const BYTES: usize = 24 << 10;
/// Bytes of the journal for an acceptance: whole pages.
const JOURNAL_BYTES: usize = 64 << 10;
/// Bytes of a name in a shard's folder, packed: a name that follows from the one before, and a number that does not.
const NAME: usize = 40;
/// Folders with a name for each store of the shard that a change writes anew: records, stores, syncs.
const FOLDERS: usize = 3;
/// Shards of a cluster.
const SHARDS: usize = 256;

/// Work on the disk.
#[derive(Debug, Clone, Copy, Default)]
struct Work {
    groups: usize,
    syncs: usize,
    journal_syncs: usize,
    writes: usize,
    calls: usize,
    bytes: usize,
    journal_bytes: usize,
    objects: usize,
    deploy_folders: usize,
}

#[test]
fn a_commit_costs_the_same_work_in_every_fleet() {
    let [small, large] = FLEETS.map(|stores| {
        let (server, _folder) = fleet(stores);
        let alone = one(&server);
        tell(&format!("{stores} stores, one change: {alone}"));
        let many = many(&server);
        tell(&format!("{stores} stores, {OURS} changes: {many}"));
        let folders = FOLDERS * NAME * stores / SHARDS;
        assert_eq!((alone.groups, alone.syncs), (1, SYNCS), "{alone}");
        assert!(alone.journal_syncs <= JOURNAL_SYNCS, "{alone}");
        assert!(alone.writes <= WRITES, "{alone}");
        assert!(alone.calls <= CALLS, "{alone}");
        assert!(alone.objects <= OBJECTS, "{alone}");
        assert!(alone.deploy_folders <= DEPLOY_FOLDERS, "{alone}");
        assert!(alone.bytes <= BYTES + folders, "{alone}");
        assert!(alone.journal_bytes <= JOURNAL_BYTES, "{alone}");
        assert!(many.groups < OURS, "{many}");
        assert!(many.syncs <= SYNCS * many.groups, "{many}");
        assert!(many.writes <= WRITES * many.groups, "{many}");
        assert!(many.objects <= OBJECTS * OURS, "{many}");
        assert!(many.bytes <= (BYTES + folders) * OURS, "{many}");
        (alone, many)
    });
    // A hundred times the stores, and not one object more. (The writer looks around now and then, which are calls.)
    assert_eq!(large.0.objects, small.0.objects);
    assert_eq!(large.0.deploy_folders, small.0.deploy_folders);
    assert_eq!(large.0.writes, small.0.writes);
    assert!(
        large.0.calls <= small.0.calls + LOOK,
        "{} {}",
        large.0,
        small.0
    );
}

/// A server with so many stores, of which it has made a hundred itself: s0, s1 and so on.
fn fleet(stores: usize) -> (Program, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Program::start(folder.path());
    let (api, trace) = (server.api(), server.trace());
    let client = Client { api, trace: &trace };
    for store in 0..OURS {
        assert_eq!(client.create(&format!("s{store}")).0, 202);
    }
    arrived(&server);
    server.stop();
    grow(&server.data, stores - OURS);
    server.counts = true;
    server.restart();
    // Whatever the start brings with it is over.
    quiet(&server);
    (server, folder)
}

/// One change of one store.
fn one(server: &Program) -> Work {
    counted(server, &|client| client.change("s0", "medium"))
}

/// A change of every store: they wait together while the disk takes nothing, and are then written at once.
fn many(server: &Program) -> Work {
    server.faults("open fleet.git/objects* 0 1000000 ENOSPC\n");
    let trace = server.trace();
    let api = server.api();
    let client = Client { api, trace: &trace };
    let ask = |store: usize| client.change(&format!("s{store}"), "large");
    let last = (0..OURS).map(ask).collect::<Vec<_>>().pop().unwrap();
    counted(server, &|_| {
        server.faults("");
        last.clone()
    })
}

/// What is done to the disk until the last change asked for is merged.
fn counted(server: &Program, what: &dyn Fn(&Client<'_>) -> Answer) -> Work {
    let repo = server.repo();
    let (objects, groups) = (objects(&repo), groups(&repo));
    let trace = server.trace();
    let api = server.api();
    mark(&trace, "from");
    let (status, change) = what(&Client {
        api: api.clone(),
        trace: &trace,
    });
    assert_eq!(status, 202, "{change}");
    api.change_in(change["id"].as_str().unwrap(), "merged", SOON);
    mark(&trace, "to");
    arrived(server);
    let ops = trace::read(&trace, &server.data);
    let place = |mark: &str| {
        let is = |op: &Op| matches!(op, Op::Marker { text } if text == mark);
        ops.iter().rposition(is).unwrap()
    };
    let mut work = Work {
        groups: self::groups(&repo) - groups,
        objects: self::objects(&repo) - objects,
        deploy_folders: deploy_folders(&repo),
        ..Work::default()
    };
    for op in &ops[place("from")..place("to")] {
        work.add(op);
    }
    work
}

impl Work {
    fn add(&mut self, op: &Op) {
        let in_repository = |path: &str| Path::new(path).starts_with("fleet.git");
        let is_call = !matches!(op, Op::Marker { .. } | Op::Synced { .. } | Op::Hit);
        self.calls += usize::from(is_call);
        match op {
            Op::Sync { path, .. } if in_repository(path) => self.syncs += 1,
            Op::Sync { path, .. } if path == "journal.redb" => self.journal_syncs += 1,
            Op::Write { path, data, .. } if in_repository(path) => {
                self.writes += 1;
                self.bytes += data.len();
            }
            Op::Write { path, data, .. } if path == "journal.redb" => {
                self.journal_bytes += data.len();
            }
            _ => {}
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} groups, {} objects ({} folders of the last deploy commit), {} syncs, {} writes, {} bytes; journal: {} \
             syncs, {} bytes; {} calls in all",
            self.groups,
            self.objects,
            self.deploy_folders,
            self.syncs,
            self.writes,
            self.bytes,
            self.journal_syncs,
            self.journal_bytes,
            self.calls
        )
    }
}

fn arrived(server: &Program) {
    let all: Vec<Accepted> = accepted(&trace::read(&server.trace(), &server.data));
    audit(&server.api(), &server.repo(), &all, SOON).unwrap();
}

/// Waits until nothing was changed for a while: longer than the pauses between looks of upkeep.
fn quiet(server: &Program) {
    let changes = || {
        let ops = trace::read(&server.trace(), &server.data);
        ops.iter().filter(|it| !matches!(it, Op::Call)).count()
    };
    let began = Instant::now();
    let (mut seen, mut since) = (changes(), Instant::now());
    while since.elapsed() < Duration::from_millis(2500) {
        std::thread::sleep(Duration::from_millis(100));
        let now = changes();
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
        assert!(began.elapsed() < SOON * 4, "the server comes to rest");
    }
}

fn groups(repo: &Path) -> usize {
    let count = git(repo, &["rev-list", "--count", "deploy/local"]);
    count.parse().unwrap()
}

fn deploy_folders(repo: &Path) -> usize {
    let args = ["rev-list", "--objects", "deploy/local", "^deploy/local~1"];
    let listed = git(repo, &args);
    let is_folder = |line: &&str| {
        let (id, _) = line.split_once(' ')?;
        (git(repo, &["cat-file", "-t", id]) == "tree").then_some(())
    };
    listed.lines().filter(|it| is_folder(it).is_some()).count()
}

fn objects(repo: &Path) -> usize {
    let args = ["cat-file", "--batch-all-objects", "--batch-check=x"];
    git(repo, &args).lines().count()
}

fn tell(text: &str) {
    let _told = writeln!(std::io::stderr(), "{text}");
}

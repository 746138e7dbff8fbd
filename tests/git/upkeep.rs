//! Upkeep beside a writer and readers: packs stay few, nothing is lost, and nobody notices.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fleetwright::domain::CommitId;
use fleetwright::git::{CommandError, FleetRepo, Pace, Tidied, UpkeepError};

use super::bench::{Bench, edits, git, piped, try_git};

/// A commit as another program makes it: one pack with all that is new, then the branch. `group` is its number.
fn pack_of_one_commit(repo: &Path, branch: &str, group: usize) -> CommitId {
    let from = if group == 0 {
        String::new()
    } else {
        format!("from refs/heads/{branch}^0\n")
    };
    let record = format!("group: {group}\nsame: {}\n", "as ever ".repeat(40));
    let (length, folder) = (record.len(), group % 7);
    let stream = format!(
        "commit refs/heads/{branch}\ncommitter Eve <eve@x> {} +0000\ndata 5\ngroup\n{from}\
         M 644 inline stores/{folder}/store-{group}.yaml\ndata {length}\n{record}\n",
        1_700_000_000 + group
    );
    let import = ["-c", "fastimport.unpackLimit=1", "fast-import", "--quiet"];
    piped(repo, &import, &stream);
    let head = git(repo, &["rev-parse", &format!("refs/heads/{branch}")]);
    head.parse().unwrap()
}

fn tidy(repo: &FleetRepo, pace: Pace) -> Tidied {
    repo.tidy(pace, &|| true).unwrap()
}

/// Commits that the packs of one branch are known to hold, the first first.
#[derive(Default)]
struct Known(Mutex<Vec<CommitId>>);

impl Known {
    fn add(&self, commit: CommitId) {
        self.0.lock().unwrap().push(commit);
    }

    fn all(&self) -> Vec<CommitId> {
        self.0.lock().unwrap().clone()
    }
}

/// Reads here and there until it is over, and gives how often. Whatever cannot be read fails the test.
fn read_until(over: &AtomicBool, repo: &FleetRepo, known: &Known, seed: usize) -> usize {
    let (mut at, mut reads) = (seed, 0);
    while !over.load(Ordering::SeqCst) {
        let commits = known.all();
        at = (at * 31 + 17) % commits.len();
        let path = format!("stores/{}/store-{at}.yaml", at % 7);
        let text = repo.read(&commits[at], &path).unwrap().unwrap();
        assert!(text.starts_with(format!("group: {at}\n").as_bytes()));
        let newest = &commits[commits.len() - 1];
        assert!(repo.is_ancestor(&commits[at], newest).unwrap());
        let since = repo.since(newest, Some(&commits[at])).unwrap();
        assert_eq!(since.len(), commits.len() - 1 - at);
        reads += 1;
    }
    reads
}

#[test]
fn packs_stay_few_beside_writers_and_readers_and_nothing_is_lost() {
    const GROUPS: usize = 150;
    let bench = Bench::new();
    let (repo, known, over) = (&bench.repo, Known::default(), AtomicBool::new(false));
    known.add(pack_of_one_commit(repo.path(), "packs", 0));

    let (reads, merged, most) = thread::scope(|scope| {
        let upkeep = scope.spawn(|| {
            let (mut merged, mut most) = (0, 0);
            for pace in [Pace::Gentle, Pace::Urgent].into_iter().cycle() {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                most = most.max(repo.packs().unwrap());
                merged += tidy(repo, pace).merged;
                repo.graph_commits(&|| true).unwrap();
            }
            (merged, most)
        });
        let readers = [1, 2, 3].map(|seed| {
            let (over, known) = (&over, &known);
            scope.spawn(move || read_until(over, repo, known, seed))
        });
        for group in 1..GROUPS {
            known.add(pack_of_one_commit(repo.path(), "packs", group));
            // Our own writer as well.
            let path = format!("stores/{}/own-{group}.yaml", group % 7);
            bench.land("main", &edits(&[(&path, "own: true\n")]));
        }
        over.store(true, Ordering::SeqCst);
        let (merged, most) = upkeep.join().unwrap();
        let reads: usize = readers.map(|it| it.join().unwrap()).iter().sum();
        (reads, merged, most)
    });

    assert!(reads > 0 && merged > 0, "{reads} reads, {merged} merged");
    assert!(most < GROUPS, "{most} packs at once");
    tidy(repo, Pace::Gentle);
    // Each at least twice as large as all smaller ones together.
    assert!(repo.packs().unwrap() <= 8);
    for branch in ["packs", "main"] {
        let commits = bench.git(&["rev-list", "--count", branch]);
        let landed = if branch == "main" { GROUPS - 1 } else { GROUPS };
        assert_eq!(commits, landed.to_string());
    }
    assert_eq!(bench.git(&["fsck", "--strict", "--full"]), "");
}

#[test]
fn a_group_that_has_not_landed_outlives_upkeep() {
    let bench = Bench::new();
    let main = bench.land("main", &edits(&[("a.yaml", "1\n")]));
    // Given a commit that no reference names, in a pack as small as others
    let floating = pack_of_one_commit(bench.repo.path(), "soon-gone", 0);
    bench.repo.forget("refs/heads/soon-gone").unwrap();
    for group in 0..3 {
        pack_of_one_commit(bench.repo.path(), &format!("other-{group}"), 0);
        pack_of_one_commit(bench.repo.path(), &format!("other-{group}"), group + 1);
    }
    // and one of our own
    let own = bench
        .commit(Some(&main), &edits(&[("b.yaml", "2\n")]))
        .unwrap();
    // when packs are put together
    let tidied = tidy(&bench.repo, Pace::Gentle);
    assert!(tidied.merged > 2, "{tidied:?}");
    // then both are there, with all they hold, for us and for git
    for (commit, path) in [(&floating, "stores/0/store-0.yaml"), (&own, "b.yaml")] {
        assert!(bench.repo.read(commit, path).unwrap().is_some());
        bench.git(&["rev-list", "--objects", commit.as_str()]);
    }
    assert_eq!(bench.git(&["count-objects"]), "0 objects, 0 kilobytes");
}

#[test]
fn upkeep_that_is_stopped_leaves_everything_as_it_was() {
    let bench = Bench::new();
    for group in 0..5 {
        pack_of_one_commit(bench.repo.path(), "main", group);
    }
    let before = bench.repo.packs().unwrap();
    let stopped = bench.repo.tidy(Pace::Gentle, &|| false).unwrap_err();
    let program = matches!(stopped, UpkeepError::Program(CommandError::Stopped { .. }));
    assert!(program, "{stopped}");
    assert!(bench.repo.packs().unwrap() >= before);
    assert_eq!(bench.git(&["fsck", "--strict", "--full"]), "");
    assert!(tidy(&bench.repo, Pace::Gentle).merged >= before);
}

#[test]
fn a_pack_that_a_fetch_still_keeps_is_left_alone() {
    let bench = Bench::new();
    for group in 0..4 {
        pack_of_one_commit(bench.repo.path(), "packs", group);
    }
    let folder = bench.repo.path().join("objects/pack");
    let mut packs = fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path());
    let kept = packs
        .find(|it| it.extension().is_some_and(|it| it == "pack"))
        .unwrap();
    fs::write(kept.with_extension("keep"), "fetch\n").unwrap();
    let tidied = tidy(&bench.repo, Pace::Urgent);
    assert_eq!(tidied.merged, 3);
    assert!(kept.exists() && bench.repo.packs().unwrap() == 2);
}

#[test]
fn versions_of_a_folder_become_deltas_and_files_never_do() {
    let bench = Bench::new();
    for group in 0..40 {
        pack_of_one_commit(bench.repo.path(), "main", group);
    }
    tidy(&bench.repo, Pace::Gentle);
    let folder = bench.repo.path().join("objects/pack");
    let mut indexes = fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path());
    let index = indexes
        .find(|it| it.extension().is_some_and(|it| it == "idx"))
        .unwrap();
    let listed = bench.git(&["verify-pack", "-v", index.to_str().unwrap()]);
    // `<id> <kind> <size> <size in the pack> <offset>`, and for a delta `<depth> <base>`.
    let lines = listed
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let deltas: Vec<&str> = lines.filter(|it| it.len() == 7).map(|it| it[1]).collect();
    assert!(deltas.len() > 20, "{listed}");
    assert!(deltas.iter().all(|kind| *kind == "tree"), "{listed}");
}

#[test]
fn an_index_over_many_packs_that_a_person_made_does_not_outlive_them() {
    let bench = Bench::new();
    let commits: Vec<_> = (0..6)
        .map(|group| pack_of_one_commit(bench.repo.path(), "main", group))
        .collect();
    bench.git(&["multi-pack-index", "write"]);
    let warm = bench
        .repo
        .read(&commits[0], "stores/0/store-0.yaml")
        .unwrap();
    assert!(tidy(&bench.repo, Pace::Gentle).merged > 2);
    let cold = FleetRepo::open(bench.repo.path()).unwrap();
    for repo in [&bench.repo, &cold] {
        let read = repo.read(&commits[0], "stores/0/store-0.yaml").unwrap();
        assert_eq!(read, warm);
        let newest = repo.read(&commits[5], "stores/5/store-5.yaml").unwrap();
        assert!(newest.is_some());
    }
    assert_eq!(bench.git(&["fsck", "--strict", "--full"]), "");
}

/// Lands a group of one commit, and gives how long that took.
fn land_one(bench: &Bench, group: usize) -> Duration {
    let path = format!("stores/{}/store-{}.yaml", group % 16, group % 1_600);
    let text = format!("group: {group}\n");
    let began = Instant::now();
    bench.land("main", &edits(&[(&path, &text)]));
    began.elapsed()
}

#[test]
fn hundreds_of_groups_stay_as_easy_to_read_as_the_first() {
    const TURNS: usize = 3;
    const DUE: usize = 64;
    const MOST: usize = 100 * DUE;
    /// What is left of all packs that were there when a turn began: their sizes double.
    const FEW: usize = 20;
    let bench = Bench::new();
    let repo = &bench.repo;
    let mut alone: Vec<_> = (0..DUE).map(|group| land_one(&bench, group)).collect();
    let (landed, turns) = (AtomicUsize::new(DUE), AtomicUsize::new(0));
    let goes_on = || turns.load(Ordering::SeqCst) < TURNS && landed.load(Ordering::SeqCst) < MOST;
    let mut beside = thread::scope(|scope| {
        // Upkeep as the server has it, but without its rests.
        scope.spawn(|| {
            while goes_on() {
                thread::sleep(Duration::from_millis(20));
                let (packs, before) = (repo.packs().unwrap(), landed.load(Ordering::SeqCst));
                if packs < DUE {
                    continue;
                }
                tidy(repo, Pace::Gentle);
                repo.graph_commits(&|| true).unwrap();
                // Those that landed meanwhile, and one that is about to be counted.
                let left = repo.packs().unwrap();
                let new = landed.load(Ordering::SeqCst) - before + 1;
                println!("{packs} packs became {left}, {new} of them new");
                assert!(left <= new + FEW, "{left} of {packs} packs, {new} new");
                turns.fetch_add(1, Ordering::SeqCst);
            }
        });
        let mut beside = Vec::new();
        while goes_on() {
            beside.push(land_one(&bench, DUE + beside.len()));
            landed.fetch_add(1, Ordering::SeqCst);
        }
        beside
    });
    for (what, times) in [("alone", &mut alone), ("beside upkeep", &mut beside)] {
        times.sort();
        let [half, most] = [times.len() / 2, times.len() * 99 / 100].map(|at| times[at]);
        println!(
            "{what}: a group took {half:?}, 1 in 100 {most:?}, one {:?}",
            times[times.len() - 1]
        );
    }
    let landed = landed.load(Ordering::SeqCst);
    assert_eq!(turns.into_inner(), TURNS);
    // What git itself walks history by is whole, and knows nearly all of it.
    tidy(repo, Pace::Gentle);
    repo.graph_commits(&|| true).unwrap();
    bench.git(&["commit-graph", "verify"]);
    assert_eq!(
        bench.git(&["rev-list", "--count", "main"]),
        landed.to_string()
    );
    let cold = FleetRepo::open(repo.path()).unwrap();
    let tip = cold.branch("main").unwrap().unwrap();
    assert_eq!(cold.since(&tip, None).unwrap().len(), landed);
    assert_eq!(bench.git(&["fsck", "--strict", "--full"]), "");
}

#[test]
fn commits_that_a_person_pruned_leave_the_commit_graph_when_it_is_made_anew() {
    let bench = Bench::new();
    let main = bench.land("main", &edits(&[("a", "1")]));
    pack_of_one_commit(bench.repo.path(), "gone", 0);
    bench.repo.graph_commits(&|| true).unwrap();
    bench.repo.forget("refs/heads/gone").unwrap();
    bench.git(&["repack", "-a", "-d", "--quiet"]);
    bench.git(&["prune", "--expire=now"]);
    bench.repo.graph_commits(&|| true).unwrap();
    assert!(!try_git(bench.repo.path(), &["commit-graph", "verify"]).0);
    bench.repo.graph_commits_anew(&|| true).unwrap();
    bench.git(&["commit-graph", "verify"]);
    assert_eq!(bench.git(&["fsck", "--strict", "--full"]), "");
    assert_eq!(bench.git(&["rev-list", "main"]), main.as_str());
}

//! Git's own programs at work in the repository beside us: nobody's references get lost.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use fleetwright::domain::CommitId;
use fleetwright::git::{FleetRepo, Landed, Pace, RefUpdate};

use crate::bench::{Bench, edits, git, try_git};

/// Moves references of its own until it is over, as fetches and a person's `git gc` do, and packs everybody's. Gives
/// how often.
fn meddle(bench: &Bench, over: &AtomicBool, who: &str, commits: &[CommitId]) -> usize {
    let name = |number: usize| format!("refs/remotes/{who}/branch-{number}");
    // Somebody's lock may be in the way for longer than git waits.
    let tried = |args: &[&str]| try_git(bench.repo.path(), args).0;
    let mut turns = 0;
    while !over.load(Ordering::SeqCst) {
        let commit = &commits[turns % commits.len()];
        let (moved, gone) = (name(turns % 3), name(3));
        let is_moved = tried(&["update-ref", &moved, commit.as_str()]);
        let is_made = tried(&["update-ref", &gone, commit.as_str()]);
        tried(&["pack-refs", "--all"]);
        let is_gone = tried(&["update-ref", "-d", &gone]);
        let there = |name: &str| bench.repo.reference(name).unwrap();
        if is_moved {
            assert_eq!(there(&moved).as_ref(), Some(commit), "{moved}");
        }
        if is_made && is_gone {
            assert_eq!(there(&gone), None, "{gone}");
        }
        turns += 1;
    }
    turns
}

#[test]
fn references_that_others_move_and_pack_meanwhile_are_not_lost() {
    let bench = Bench::new();
    let mut line = vec![bench.land("main", &edits(&[("a", "0")]))];
    for turn in 1..80 {
        let text = turn.to_string();
        line.push(bench.commit(line.last(), &edits(&[("a", &text)])).unwrap());
    }
    let (over, line) = (AtomicBool::new(false), &line);
    thread::scope(|scope| {
        let others = ["origin", "backup"].map(|who| {
            let (over, bench) = (&over, &bench);
            scope.spawn(move || meddle(bench, over, who, line))
        });
        let stop = Stop(&over);
        for (turn, pair) in line.windows(2).enumerate() {
            let (old, new) = (&pair[0], pair[1].clone());
            if turn % 2 == 0 {
                // Somebody else moved it last, to where it is: its own file is in the way.
                let other = pair[1].as_str();
                bench.git(&["update-ref", "refs/heads/main", other, old.as_str()]);
                bench.git(&["update-ref", "refs/heads/main", old.as_str(), other]);
            }
            let update = RefUpdate::branch("main", Some(old.clone()), new.clone());
            assert_eq!(bench.repo.update(&[update]).unwrap(), Landed::Yes);
            assert_eq!(bench.repo.branch("main").unwrap(), Some(new));
        }
        drop(stop);
        let turns = others.map(|it| it.join().unwrap());
        assert!(turns.iter().all(|turns| *turns > 3), "{turns:?}");
    });
    let listed = bench.git(&["for-each-ref", "--format=%(refname) %(objectname)"]);
    let ours = bench.repo.references("refs/").unwrap();
    let ours: Vec<_> = ours
        .iter()
        .map(|(name, id)| format!("{name} {id}"))
        .collect();
    assert_eq!(listed, ours.join("\n"));
}

/// Ends the others' work, also when a check fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn what_killed_processes_left_is_in_nobody_s_way_after_a_start() {
    let bench = Bench::new();
    let main = bench.land("main", &edits(&[("a", "0")]));
    let repo = bench.repo.path();
    std::fs::create_dir_all(repo.join("objects/info/commit-graphs")).unwrap();
    let left = [
        "objects/info/commit-graphs/commit-graph-chain.lock",
        "objects/pack/pack-1.keep",
        "packed-refs.lock",
        "packed-refs.new",
        "refs/heads/main.lock",
    ];
    for name in left {
        std::fs::write(repo.join(name), "fetch-pack 7 on host\n").unwrap();
    }
    let own = repo.join("objects/pack/pack-2.keep");
    std::fs::write(&own, "a person wants it so\n").unwrap();
    // one of them alone is enough to stop git
    std::fs::remove_file(repo.join("packed-refs.lock")).unwrap();
    assert!(!try_git(repo, &["pack-refs", "--all"]).0);
    std::fs::write(repo.join("packed-refs.lock"), "").unwrap();

    let mut cleared = bench.repo.clear_stale_locks().unwrap();
    cleared.sort();
    assert_eq!(cleared, left.map(|name| repo.join(name)));
    assert!(own.exists());
    bench.git(&["pack-refs", "--all"]);
    bench.git(&["update-ref", "refs/heads/other", main.as_str()]);
    bench.git(&["update-ref", "-d", "refs/heads/other"]);
    bench.repo.graph_commits(&|| true).unwrap();
}

#[test]
fn a_repository_of_another_make_is_refused_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let git = |args: &[&str]| git(dir.path(), args);
    let refused = |name: &str| {
        let error = FleetRepo::open(&at(name)).unwrap_err();
        let what = format!("{} is no readable bare Git repository", at(name).display());
        assert_eq!(error.to_string(), what);
        std::error::Error::source(&error).unwrap().to_string()
    };
    git(&["init", "-q", "--bare", "--object-format=sha256", "new-hash"]);
    assert!(refused("new-hash").contains("unknown object format 'sha256'"));
    git(&["init", "-q", "--bare", "new-refs"]);
    let config = |key, value| git(&["-C", "new-refs", "config", key, value]);
    config("core.repositoryFormatVersion", "1");
    config("extensions.refStorage", "reftable");
    assert!(refused("new-refs").contains("unsupported extension name"));
    git(&["init", "-q", "work"]);
    git(&["-C", "work", "commit", "-q", "--allow-empty", "-m", "one"]);
    git(&["-C", "work", "worktree", "add", "-q", "../linked"]);
    assert!(refused("work").contains("not a repository"));
    assert!(refused("work/.git/worktrees/linked").contains("linked work tree"));
}

/// Does something again and again until it is over, and gives how often.
fn until(over: &AtomicBool, work: &dyn Fn()) -> usize {
    let mut turns = 0;
    while !over.load(Ordering::SeqCst) {
        work();
        turns += 1;
    }
    turns
}

#[test]
fn a_person_s_gc_beside_writer_upkeep_and_readers_loses_nothing() {
    const GROUPS: usize = 60;
    let bench = Bench::new();
    let path = |group: usize| format!("stores/{}/{group}.yaml", group % 5);
    let land = |group: usize| bench.land("main", &edits(&[(&path(group), "same in all\n")]));
    let (over, line) = (AtomicBool::new(false), Mutex::new(vec![land(0)]));
    let turns = thread::scope(|scope| {
        let stop = Stop(&over);
        let person = scope.spawn(|| until(&over, &|| _ = bench.git(&["gc", "--quiet"])));
        // A pack that the person takes away meanwhile ends a turn, and the next one goes on.
        let upkeep = scope.spawn(|| until(&over, &|| _ = bench.repo.tidy(Pace::Urgent, &|| true)));
        let reader = scope.spawn(|| {
            until(&over, &|| {
                let known = line.lock().unwrap().clone();
                for (group, commit) in known.iter().enumerate() {
                    let read = bench.repo.read(commit, &path(group)).unwrap();
                    assert_eq!(read.as_deref(), Some(&b"same in all\n"[..]));
                }
                let since = bench.repo.since(&known[known.len() - 1], None).unwrap();
                assert_eq!(since, known);
            })
        });
        for group in 1..GROUPS {
            line.lock().unwrap().push(land(group));
        }
        drop(stop);
        [person, upkeep, reader].map(|it| it.join().unwrap())
    });
    assert!(turns.iter().all(|turns| *turns > 0), "{turns:?}");
    bench.git(&["gc", "--quiet", "--prune=now"]);
    assert_eq!(bench.git(&["fsck", "--strict", "--full"]), "");
    assert_eq!(
        bench.git(&["rev-list", "--count", "main"]),
        GROUPS.to_string()
    );
    let cold = FleetRepo::open(bench.repo.path()).unwrap();
    for repo in [&cold, &bench.repo] {
        for (group, commit) in line.lock().unwrap().iter().enumerate() {
            assert!(repo.read(commit, &path(group)).unwrap().is_some());
        }
    }
}

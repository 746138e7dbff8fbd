//! Somebody else pushes to main: nothing of either side is lost, ours stays in order, nothing is there twice.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::git_server::Fault;
use crate::support::api::accepted;
use crate::support::eventually;
use crate::support::git::{git, try_git};
use crate::world::{World, shop};

const CLIENTS: usize = 4;

/// How long 2,000 changes may take on a machine that has much else to do; alone they take half a minute.
const LONG: Duration = Duration::from_mins(4);

/// Races have the machine to themselves, as far as that is up to us.
static TRACK: Mutex<()> = Mutex::new(());

/// Changes in the order of their acceptance, by store.
type Asked = BTreeMap<String, Vec<String>>;

/// Several clients create stores and go on changing them, `changes` altogether.
fn ask_for_many(world: &World, changes: usize) -> Asked {
    let all = Mutex::new(Asked::new());
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (api, all) = (world.api(), &all);
            scope.spawn(move || {
                let stores = 25;
                for n in 0..changes / CLIENTS {
                    let store = format!("c{client}-{}", n % stores);
                    let change = if n < stores {
                        api.create(&shop(&store, &format!("owner-{client}")))
                    } else {
                        let patch = json!({"values": {"title": format!("take {n}")}});
                        accepted(api.patch(&format!("/api/v1/stores/{store}"), &patch))
                    };
                    all.lock().unwrap().entry(store).or_default().push(change);
                }
            });
        }
    });
    all.into_inner().unwrap()
}

/// Commits in a clone and pushes to main as fast as it can until told to stop; again on top when it was too slow.
fn compete(world: &World, stop: &AtomicBool) -> Vec<String> {
    git(
        world.dir.path(),
        &["clone", "--quiet", &world.git.url, "rival"],
    );
    let clone = world.dir.path().join("rival");
    let mut commits = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        git(&clone, &["fetch", "--quiet", "origin", "main"]);
        git(&clone, &["reset", "--quiet", "--hard", "FETCH_HEAD"]);
        let name = format!("note-{}.txt", commits.len());
        std::fs::write(clone.join(&name), "a rival's file\n").unwrap();
        git(&clone, &["add", &name]);
        git(
            &clone,
            &["commit", "--quiet", "--message", "A rival's note"],
        );
        if try_git(
            &clone,
            &["push", "--quiet", "origin", "HEAD:refs/heads/main"],
        )
        .0
        {
            commits.push(git(&clone, &["rev-parse", "HEAD"]));
        }
    }
    commits
}

/// Waits until all are published, and holds their order against that of acceptance.
fn all_arrive(world: &World, asked: &Asked, limit: Duration) {
    eventually("every change is published", limit, || {
        let (_, health) = world.api().try_get("/api/health")?;
        let queued = health["checks"]["git"]["queued"].as_u64();
        if queued == Some(0) {
            Ok(())
        } else {
            Err(format!("{queued:?} are open"))
        }
    });
    let (commits, stores) = world.published();
    assert!(commits.values().all(|count| *count == 1), "none twice");
    for (store, changes) in asked {
        assert_eq!(&stores[store], changes, "the changes of {store}, in order");
    }
}

#[test]
fn a_rival_that_pushes_as_fast_as_it_can_loses_nothing_and_stops_nobody() {
    let _alone = TRACK.lock().unwrap_or_else(PoisonError::into_inner);
    let world = World::in_memory();
    let stop = AtomicBool::new(false);
    let began = Instant::now();
    let (asked, theirs) = std::thread::scope(|scope| {
        let rival = scope.spawn(|| compete(&world, &stop));
        let asked = ask_for_many(&world, 2000);
        // a failure here must not leave the rival at it for ever
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            all_arrive(&world, &asked, LONG);
        }));
        stop.store(true, Ordering::Relaxed);
        let theirs = rival.join().unwrap();
        outcome.map(|()| (asked, theirs)).unwrap()
    });
    let lost = world
        .server
        .said()
        .matches("somebody else pushed first")
        .count();
    println!(
        "2000 of ours and {} of theirs in {:.1?}; races lost: {lost}",
        theirs.len(),
        began.elapsed()
    );
    let first_parents = git(&world.remote, &["rev-list", "--first-parent", "main"]);
    for commit in &theirs {
        assert!(first_parents.contains(commit.as_str()), "theirs is kept");
    }
    assert!(lost > 0, "a race was lost");
    assert_eq!(asked.values().map(Vec::len).sum::<usize>(), 2000);
    world.audit();
}

#[test]
fn two_thousand_written_changes_are_derived_again_in_groups() {
    let _alone = TRACK.lock().unwrap_or_else(PoisonError::into_inner);
    let world = World::in_memory();
    world.git.set_fault(Fault::Status(503));
    let asked = ask_for_many(&world, 2000);
    let last = asked.values().flatten().max().unwrap();
    world.api().change_in(last, "written", LONG);
    // while the server is away for us, somebody else gets through
    let base = git(&world.remote, &["rev-parse", "main"]);
    let tree = git(&world.remote, &["rev-parse", "main^{tree}"]);
    let theirs = git(
        &world.remote,
        &["commit-tree", &tree, "-p", &base, "-m", "Theirs"],
    );
    git(
        &world.remote,
        &["update-ref", "refs/heads/main", &theirs, &base],
    );
    let before = world.server.said().matches("a group landed").count();
    let began = Instant::now();
    world.git.set_fault(Fault::None);
    all_arrive(&world, &asked, LONG);
    let groups = world.server.said().matches("a group landed").count() - before;
    println!(
        "2000 changes derived again in {groups} groups, {:.1?}",
        began.elapsed()
    );
    assert!(groups > 1, "groups are bounded");
    git(
        &world.remote,
        &["merge-base", "--is-ancestor", &theirs, "main"],
    );
    world.audit();
}

//! Stories that are recorded as they happen, and shown to the state machine and the mapping again at once.
//!
//! With `FLEETWRIGHT_RECORD=1` the recordings are kept below `tests/data/flux/`, where `tests/replay.rs` finds them.

use std::sync::Mutex;

use jiff::Timestamp;
use serde_json::json;

use crate::hands::{patch, ready_store, shop, told, update, with_image};
use crate::replayed;
use crate::tape::{Story, Tape, cut};
use crate::world::{SOON, World};

const KEEP: &str = "FLEETWRIGHT_RECORD";

/// The stories that have been played, by the recording's name.
static PLAYED: Mutex<Vec<(&str, Story)>> = Mutex::new(Vec::new());

#[test]
fn stories_are_recorded_and_played_again() {
    let world = World::begin();
    let tape = Tape::runs(&world);
    for name in ["upgraded", "held", "leaving", "reread"] {
        world.api().create(&shop(name));
    }
    for name in ["upgraded", "held", "leaving", "reread"] {
        world.api().store_in(name, "Ready", SOON);
    }
    // one after another, so that no recording is full of another story's commits
    create(&world);
    upgrade(&world);
    suspended(&world);
    deletion(&world);
    relist(&world);
    install_failure(&world);
    let heard = tape.stops();
    for (name, story) in std::mem::take(&mut *PLAYED.lock().unwrap()) {
        let recording = cut(&world, &heard, &story);
        println!(
            "{name}: {} lines, {} bytes",
            recording.lines().count(),
            recording.len()
        );
        if std::env::var_os(KEEP).is_some() {
            std::fs::write(replayed::path(name), &recording).unwrap();
        }
        replayed::check(name, story.store, &recording);
    }
}

fn record(
    name: &'static str,
    store: &'static str,
    relist_every: Option<usize>,
    play: impl FnOnce(),
) {
    let from = Timestamp::now();
    // commits have whole seconds, and those of the story shall be after its beginning
    std::thread::sleep(std::time::Duration::from_millis(1100));
    play();
    // the last events are on their way
    std::thread::sleep(std::time::Duration::from_millis(500));
    let to = Timestamp::now();
    let cutting = Story {
        store,
        from,
        to,
        relist_every,
    };
    PLAYED.lock().unwrap().push((name, cutting));
}

fn create(world: &World) {
    record("create", "created", None, || {
        drop(ready_store(world, "created"));
    });
}

fn upgrade(world: &World) {
    let api = world.api();
    record("upgrade", "upgraded", None, || {
        let change = update(&api, "upgraded", &json!({"plan": "medium"}));
        api.change_in(&change, "ready", SOON);
    });
}

fn install_failure(world: &World) {
    let api = world.api();
    let mut body = shop("unlucky");
    body["values"] = with_image("does-not-exist/shop")["values"].clone();
    record("install-failure", "unlucky", None, || {
        api.create(&body);
        told(
            &api,
            "unlucky",
            "Failed",
            "InstallFailed",
            "Helm install failed",
        );
        crate::support::eventually("Flux has tried again", SOON, || {
            let release = world.object("helmrelease", "fleet", "unlucky").unwrap();
            let failures = release["status"]["failures"].as_i64();
            if failures >= Some(2) {
                Ok(())
            } else {
                Err(release["status"].to_string())
            }
        });
        let failing = Timestamp::now();
        crate::support::eventually("the next commit is of a later second", SOON, || {
            let later = Timestamp::now().as_second() > failing.as_second();
            later.then_some(()).ok_or_else(String::new)
        });
        update(&api, "unlucky", &with_image("wordpress"));
        api.store_in("unlucky", "Ready", SOON);
    });
}

fn suspended(world: &World) {
    let api = world.api();
    let suspend = |on: bool| {
        patch(
            world,
            "helmrelease",
            "held",
            &json!({"spec": {"suspend": on}}),
        );
    };
    record("suspended", "held", None, || {
        suspend(true);
        api.store_in("held", "Suspended", SOON);
        suspend(false);
        api.store_in("held", "Ready", SOON);
    });
}

fn deletion(world: &World) {
    let api = world.api();
    record("deletion", "leaving", None, || {
        let change = api.remove("leaving");
        api.change_in(&change, "ready", SOON);
        api.store_in("leaving", "Deleted", SOON);
    });
}

fn relist(world: &World) {
    let api = world.api();
    record("relist", "reread", Some(12), || {
        let change = update(&api, "reread", &json!({"plan": "medium"}));
        api.change_in(&change, "ready", SOON);
    });
}

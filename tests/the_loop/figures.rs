//! The figures of this path, measured on the machine that runs the tests and printed, never asserted.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::process::Server;
use crate::world::{SOON, World, text};

#[test]
fn figures_are_printed() {
    let world = World::begin();
    let api = world.api();
    api.create(&json!({"name": "warm-up", "engine": "woocommerce", "owner": "alice"}));
    api.store_in("warm-up", "Ready", SOON);
    let at_rest = world.server.resident_bytes() / 1024;

    let began = Instant::now();
    api.create(&json!({"name": "timed", "engine": "woocommerce", "owner": "alice"}));
    api.store_in("timed", "Ready", SOON);
    let ready = began.elapsed();

    let embedded = world.dir.path().join("embedded");
    std::fs::create_dir_all(&embedded).unwrap();
    let args = [
        "dev",
        "--data",
        &text(&embedded),
        "--listen",
        "127.0.0.1:0",
        "--no-limits",
    ];
    let mut dev = Server::start(&args, &embedded);
    dev.kill_and_restart();
    let started = dev.ready_in;
    let mut commits: Vec<Duration> = (0..200).map(|n| until_commit(&dev, n)).collect();
    commits.sort();

    tell(&format!(
        "figures of the loop ({} cores)",
        std::thread::available_parallelism().map_or(0, usize::from)
    ));
    tell(&format!(
        "  request to commit, 200 requests one by one, dev:  p50 {:?}, p99 {:?}",
        commits[99], commits[197]
    ));
    tell(&format!(
        "  request to Ready, one store, real Flux:           {ready:?}"
    ));
    tell(&format!(
        "  start-up of dev on a made repository:             {started:?}"
    ));
    tell(&format!(
        "  memory of the server at rest, one cluster:        {at_rest} KiB"
    ));
}

/// From the request to the answer that names its commit on published main.
fn until_commit(dev: &Server, n: usize) -> Duration {
    let api = dev.api();
    let began = Instant::now();
    let (_, change) = api.post_waiting(
        "/api/v1/stores",
        &json!({"name": format!("s{n}"), "engine": "woocommerce"}),
    );
    assert!(change["commit"].is_string(), "{change}");
    began.elapsed()
}

/// Past the test runner's capture: figures are there to be read, also when all is well.
fn tell(line: &str) {
    let _told = writeln!(std::io::stderr(), "{line}");
}

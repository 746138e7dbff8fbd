//! What a store is told to be, row by row, against real Flux: done to real parts, told with their own words, put right.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected shall stop there"
)]
#![cfg(feature = "testbed")]

#[allow(dead_code, reason = "each test program uses its own part of it")]
#[path = "testbed/launcher/mod.rs"]
mod launcher;

#[allow(dead_code, reason = "each test program uses its own part of it")]
mod support;

#[allow(dead_code, reason = "each test program uses its own part of it")]
#[path = "git/server.rs"]
mod git_server;

#[allow(dead_code, reason = "each test program uses its own part of it")]
#[path = "the_loop/world.rs"]
mod world;

#[path = "status/hands.rs"]
mod hands;

#[path = "status/by_hand.rs"]
mod by_hand;
#[path = "status/clusters.rs"]
mod clusters;
#[path = "status/faults.rs"]
mod faults;
#[path = "status/onlooker.rs"]
mod onlooker;
#[path = "status/recordings.rs"]
mod recordings;
#[path = "status/releases.rs"]
mod releases;
#[path = "status/replayed.rs"]
mod replayed;
#[path = "status/source.rs"]
mod source;
#[path = "status/tape.rs"]
mod tape;

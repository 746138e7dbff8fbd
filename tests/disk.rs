//! Power cuts and failing system calls: what was answered with 202 is there afterwards, once.
//!
//! Hermetic: the built binary, the git program and the C compiler that the build needs anyway. A layer beneath the
//! binary (`disk/layer.c`) writes down what it does to the disk, in order, and makes calls fail. Commands of git's run
//! on top of the layer as well (`disk/layer.rs`), so that upkeep's packs are cut too. `FLEETWRIGHT_CUTS=<number>` tries
//! so many power cuts of each recording, `FLEETWRIGHT_CUTS=all` every one with every loss, which takes an hour;
//! `FLEETWRIGHT_SEED=<number>` repeats a run's choices.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected shall stop there"
)]

#[allow(dead_code, reason = "each test program uses its own part of it")]
mod support;

#[path = "disk/audit.rs"]
mod audit;
#[path = "disk/faults.rs"]
mod faults;
#[path = "disk/fleet.rs"]
mod fleet;
#[path = "disk/image.rs"]
mod image;
#[path = "disk/layer.rs"]
mod layer;
#[path = "disk/power.rs"]
mod power;
#[path = "disk/recording.rs"]
mod recording;
#[path = "disk/replay.rs"]
mod replay;
#[path = "disk/scenario.rs"]
mod scenario;
#[path = "disk/torn.rs"]
mod torn;
#[path = "disk/trace.rs"]
mod trace;
#[path = "disk/work.rs"]
mod work;

use std::time::Duration;

/// How long the server gets for what it does at once.
const SOON: Duration = Duration::from_secs(30);

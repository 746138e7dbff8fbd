//! Approvals at GitHub, end to end: `serve` as people run it, in front of a GitHub that answers on the wire.
//!
//! The stand-in (`support/github`) keeps GitHub's limits and fails the test when one is broken.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that meets the unexpected shall stop there"
)]

#[path = "proposals/branches.rs"]
mod branches;
#[path = "proposals/crashes.rs"]
mod crashes;
#[path = "proposals/deciding.rs"]
mod deciding;
#[path = "proposals/faults.rs"]
mod faults;
#[path = "proposals/limits.rs"]
mod limits;
#[path = "proposals/merging.rs"]
mod merging;
#[path = "proposals/talking.rs"]
mod talking;
#[path = "proposals/world.rs"]
mod world;

#[path = "support/github/mod.rs"]
#[allow(dead_code, reason = "each test program uses its own part of it")]
mod github;
#[path = "support/mod.rs"]
#[allow(dead_code, reason = "each test program uses its own part of it")]
mod support;

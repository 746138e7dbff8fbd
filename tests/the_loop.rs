//! The loop, end to end, with nothing mocked: the built binary, Git over smart HTTP, a real control plane, real Flux.
//!
//! A request goes in by HTTP, a signed commit lands on main and on the cluster's branch, Flux applies it, the status
//! comes back; a deletion takes it all away again; and what people and crashes do in between.

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

#[allow(dead_code, reason = "faults are for the adapter's own tests")]
#[path = "git/server.rs"]
mod git_server;

#[path = "cluster/admission.rs"]
mod admission;

#[path = "the_loop/world.rs"]
mod world;

/// These worlds are busy all the time.
const TAKE_TURNS: bool = true;

#[path = "the_loop/actions.rs"]
mod actions;
#[path = "the_loop/away.rs"]
mod away;
#[path = "the_loop/crash.rs"]
mod crash;
#[path = "the_loop/failing.rs"]
mod failing;
#[path = "the_loop/fences.rs"]
mod fences;
#[path = "the_loop/figures.rs"]
mod figures;
#[path = "the_loop/hand_edits.rs"]
mod hand_edits;
#[path = "the_loop/life.rs"]
mod life;
#[path = "the_loop/race.rs"]
mod race;
#[path = "the_loop/traps.rs"]
mod traps;

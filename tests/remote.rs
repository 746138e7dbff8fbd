//! The published side: `serve` against a Git server that fails, refuses, races, and heals.
//!
//! Hermetic: the built binary, the git program, a server in front of a bare repository, and no cluster.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected shall stop there"
)]

#[path = "git/server.rs"]
mod git_server;
#[allow(dead_code, reason = "each test program uses its own part of it")]
mod support;

#[path = "remote/conflicts.rs"]
mod conflicts;
#[path = "remote/faults.rs"]
mod faults;
#[path = "remote/people.rs"]
mod people;
#[path = "remote/queue.rs"]
mod queue;
#[path = "remote/races.rs"]
mod races;
#[path = "remote/refusals.rs"]
mod refusals;
#[path = "remote/slots.rs"]
mod slots;
#[path = "remote/world.rs"]
mod world;

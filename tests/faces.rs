//! The faces from outside: the built binary as a process, its HTTP, its command line and its repository.
//!
//! Hermetic: no cluster, no network but loopback, every server in a folder of its own.

#[allow(dead_code, reason = "each test program uses its own part of it")]
mod support;

#[path = "faces/command_line.rs"]
mod command_line;
#[path = "faces/dashboard.rs"]
mod dashboard;
#[path = "faces/events.rs"]
mod events;
#[path = "faces/life.rs"]
mod life;
#[path = "faces/lists.rs"]
mod lists;
#[path = "faces/metrics.rs"]
mod metrics;
#[path = "faces/offline.rs"]
mod offline;
#[path = "faces/refusals.rs"]
mod refusals;
#[path = "faces/repository.rs"]
mod repository;
#[path = "faces/starting.rs"]
mod starting;
#[path = "faces/upkeep.rs"]
mod upkeep;
#[path = "faces/wire.rs"]
mod wire;
#[path = "faces/writes.rs"]
mod writes;

//! The Git adapter, with the git program as the judge of everything it writes and everything it reads.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helper fails its test by a panic"
)]

#[path = "git/bench.rs"]
mod bench;
#[path = "git/server.rs"]
mod server;

#[path = "git/beside.rs"]
mod beside;
#[path = "git/history.rs"]
mod history;
#[path = "git/objects.rs"]
mod objects;
#[path = "git/packs.rs"]
mod packs;
#[path = "git/references.rs"]
mod references;
#[path = "git/remote.rs"]
mod remote;
#[path = "git/serving.rs"]
mod serving;
#[path = "git/upkeep.rs"]
mod upkeep;

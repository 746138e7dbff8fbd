//! Benchmarks of the writer against git's own tools, in one run on one machine; `benches/README.md` says how and why.
//!
//! Not a timed test: it prints what it measured and passes no judgement.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a table on stdout and the progress on stderr are what this program is for"
)]

mod ours;
mod rows;
mod slow;
mod worktree;

#[allow(
    dead_code,
    unused_imports,
    reason = "the other benchmark uses more of it"
)]
#[path = "../shared/mod.rs"]
mod shared;

#[expect(
    clippy::unwrap_used,
    dead_code,
    reason = "the tests' own server; its faults are not wanted here"
)]
#[path = "../../tests/git/server.rs"]
mod server;

use anyhow::Result;
use shared::{
    arrivals, client, fleet, git, import, machine, options, prepare, program, report, signer,
    stats, table, tell,
};

use crate::options::Options;
use crate::rows::Size;

fn main() -> Result<()> {
    let options = Options::read("writer")?;
    let size = Size::of(&options);
    table::print(&rows::ROWS, &options, size.rounds * 30, |row, report| {
        row(&size, report)
    })
}

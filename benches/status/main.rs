//! Benchmarks of what is seen in clusters: from a status in the API server to a phase that people read;
//! `benches/README.md` says how and why.
//!
//! Not a timed test: it prints what it measured and passes no judgement on time. It fails where a phase is wrong.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a table on stdout and the progress on stderr are what this program is for"
)]

mod api_server;
mod flips;
mod hearing;
mod kinds;
mod objects;
mod phases;
mod place;
mod proxy;
mod rows;

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/testbed/launcher/mod.rs"]
mod launcher;
#[allow(
    dead_code,
    unused_imports,
    reason = "the other benchmarks use more of it"
)]
#[path = "../shared/mod.rs"]
mod shared;

use anyhow::Result;
use shared::{
    arrivals, client, fleet, git, import, machine, options, prepare, program, report, signer,
    stats, table, tell,
};

use crate::options::Options;
use crate::place::Place;
use crate::rows::Size;

fn main() -> Result<()> {
    // Two crates bring a provider each; without a choice the first TLS connection would fail.
    let _chosen = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let options = Options::read("status")?;
    let size = Size::of(&options);
    let mut place = Place::new(&size);
    table::print(&rows::ROWS, &options, size.samples, |row, report| {
        row(&size, &mut place, report)
    })
}

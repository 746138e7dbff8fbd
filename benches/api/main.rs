//! Benchmarks of the API at 100,000 stores: reads, lists, streams of events, and clients that mean harm;
//! `benches/README.md` says how and why.
//!
//! Not a timed test: it prints what it measured and passes no judgement. It fails where an answer is wrong.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a table on stdout and the progress on stderr are what this program is for"
)]

mod asking;
mod hello;
mod hostile;
mod open_files;
mod place;
mod rows;

#[allow(
    dead_code,
    unused_imports,
    reason = "the other benchmark uses more of it"
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
    open_files::allow()?;
    if let Some(data) = hello::asked_for() {
        return hello::serve(&data);
    }
    let options = Options::read("api")?;
    let size = Size::of(&options);
    let mut place = Place::new(&size)?;
    table::print(&rows::ROWS, &options, size.samples, |row, report| {
        row(&size, &mut place, report)
    })
}

//! Benchmarks of the writer against git's own tools, in one run on one machine; `benches/README.md` says how and why.
//!
//! Not a timed test: it prints what it measured and passes no judgement.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a table on stdout and the progress on stderr are what this program is for"
)]

mod client;
mod fleet;
mod git;
mod import;
mod machine;
mod ours;
mod prepare;
mod program;
mod report;
mod rows;
mod signer;
mod slow;
mod stats;
mod worktree;

#[expect(
    clippy::unwrap_used,
    dead_code,
    reason = "the tests' own server; its faults are not wanted here"
)]
#[path = "../../tests/git/server.rs"]
mod server;

use anyhow::{Context as _, Result, bail, ensure};

use crate::report::Report;
use crate::rows::Size;

const USAGE: &str =
    "cargo bench --bench writer -- [--quick] [--rows NAME,…] [--stores N] [--rounds N]";

fn main() -> Result<()> {
    let Options { rows, size, bare } = Options::read(std::env::args().skip(1).collect())?;
    let samples = size.rounds * 30;
    let facts = machine::facts()?;
    let before = machine::sync_cost(samples)?;
    let mut report = Report::default();
    let failed = rows::measure(&rows, &size, &mut report);
    if bare {
        println!("{}", report.bare());
        ensure!(failed.is_empty(), "rows failed: {}", failed.join(", "));
        return Ok(());
    }
    println!("## The machine\n");
    for fact in facts {
        println!("- {fact}");
    }
    println!("- before the rows: {before}");
    println!("- after the rows: {}", machine::sync_cost(samples)?);
    println!(
        "\n## The figures\n\nMedians, with least and greatest.\n{}",
        report.markdown()
    );
    ensure!(failed.is_empty(), "rows failed: {}", failed.join(", "));
    Ok(())
}

/// What the command line asks for.
struct Options {
    /// The rows; none means all.
    rows: Vec<String>,
    size: Size,
    /// Whether this run is a part of another one, which prints the rest.
    bare: bool,
}

impl Options {
    /// `cargo bench` says `--bench`. Whoever does not, `cargo test` above all, gets the small version.
    fn read(args: Vec<String>) -> Result<Self> {
        let small = args.iter().any(|it| it == "--quick") || !args.iter().any(|it| it == "--bench");
        let size = if small { Size::quick() } else { Size::full() };
        let (rows, bare) = (Vec::new(), false);
        let mut options = Self { rows, size, bare };
        let mut args = args.into_iter();
        while let Some(option) = args.next() {
            let mut value = || {
                args.next()
                    .with_context(|| format!("{option} needs a value: {USAGE}"))
            };
            let size = &mut options.size;
            match option.as_str() {
                "--bench" | "--quick" => {}
                "--bare" => options.bare = true,
                "--rows" => options.rows = value()?.split(',').map(str::to_owned).collect(),
                "--stores" => size.stores = value()?.parse().context("--stores takes a number")?,
                "--rounds" => {
                    size.rounds = value()?.parse().context("--rounds takes a number")?;
                    size.slow_rounds = size.rounds.min(size.slow_rounds);
                }
                other => bail!("{other:?} is no option: {USAGE}"),
            }
        }
        rows::known(&options.rows)?;
        if options.size.stores < 100 || options.size.rounds == 0 {
            bail!("at least 100 stores and one round are needed");
        }
        Ok(options)
    }
}

/// Progress, for a person who waits.
pub(crate) fn tell(line: &str) {
    eprintln!("{line}");
}

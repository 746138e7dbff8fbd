//! What the command line of a benchmark asks for.

use anyhow::{Context as _, Result, bail, ensure};

/// The options that every benchmark has.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// The rows; none means all.
    pub(crate) rows: Vec<String>,
    /// Whether this is only to see that every row works.
    pub(crate) quick: bool,
    /// Stores of the fleet, where another number is wanted.
    pub(crate) stores: Option<usize>,
    /// Turns of each side, where another number is wanted.
    pub(crate) rounds: Option<usize>,
    /// Stores that real Flux brings up, where another number is wanted.
    pub(crate) flux_stores: Option<usize>,
    /// Whether this run is a part of another one, which prints the rest.
    pub(crate) bare: bool,
}

impl Options {
    /// `cargo bench` says `--bench`. Whoever does not, `cargo test` above all, gets the small version.
    pub(crate) fn read(program: &str) -> Result<Self> {
        let usage = format!(
            "cargo bench --bench {program} -- [--quick] [--rows NAME,…] [--stores N] [--rounds N]"
        );
        let mut options = Self {
            quick: !std::env::args().any(|it| it == "--bench"),
            ..Self::default()
        };
        let mut args = std::env::args().skip(1);
        while let Some(option) = args.next() {
            let mut value = || {
                args.next()
                    .with_context(|| format!("{option} needs a value: {usage}"))
            };
            match option.as_str() {
                "--bench" => {}
                "--quick" => options.quick = true,
                "--bare" => options.bare = true,
                "--rows" => options.rows = value()?.split(',').map(str::to_owned).collect(),
                "--stores" => {
                    let stores = value()?.parse().context("--stores takes a number")?;
                    ensure!(stores >= 100, "at least 100 stores are needed");
                    options.stores = Some(stores);
                }
                "--flux-stores" => {
                    let stores = value()?.parse().context("--flux-stores takes a number")?;
                    ensure!(stores > 0, "at least one store is needed");
                    options.flux_stores = Some(stores);
                }
                "--rounds" => {
                    let rounds = value()?.parse().context("--rounds takes a number")?;
                    ensure!(rounds > 0, "at least one round is needed");
                    options.rounds = Some(rounds);
                }
                other => bail!("{other:?} is no option: {usage}"),
            }
        }
        Ok(options)
    }
}

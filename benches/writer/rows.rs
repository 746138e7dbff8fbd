//! The rows of the table, one module each.

use anyhow::{Result, bail};

use crate::fleet::Shape;
use crate::report::Report;

mod accept;
mod arrivals;
mod change;
mod commit;
mod latency;
mod push;
mod rebuild;

/// How much is measured.
#[derive(Debug, Clone)]
pub(crate) struct Size {
    /// Whether this is only to see that every row works.
    pub(crate) quick: bool,
    /// Stores of the large fleet; the small one has a tenth.
    pub(crate) stores: usize,
    /// Changes of a large group.
    pub(crate) group: usize,
    /// Groups of one change in a round.
    pub(crate) singles: usize,
    /// Commits of one push.
    pub(crate) pushed: usize,
    /// Changes that one client asks for one after the other in one turn.
    pub(crate) changes: usize,
    /// How often the sides take turns.
    pub(crate) rounds: usize,
    /// The same where one turn of a rival takes seconds.
    pub(crate) slow_rounds: usize,
    /// How long requests arrive in one turn, in seconds.
    pub(crate) seconds: f64,
}

impl Size {
    pub(crate) fn full() -> Self {
        Self {
            quick: false,
            stores: 100_000,
            group: 1000,
            singles: 100,
            pushed: 100,
            changes: 20,
            rounds: 7,
            slow_rounds: 3,
            seconds: 10.0,
        }
    }

    /// Enough to see that every row works.
    pub(crate) fn quick() -> Self {
        Self {
            quick: true,
            stores: 200,
            group: 50,
            singles: 5,
            pushed: 20,
            changes: 4,
            rounds: 2,
            slow_rounds: 1,
            seconds: 1.0,
        }
    }

    /// The large fleet, in as many clusters as it needs.
    pub(crate) fn large(&self) -> Shape {
        Shape::spread(self.stores)
    }

    /// A tenth of it.
    pub(crate) fn small(&self) -> Shape {
        Shape::spread(self.stores / 10)
    }
}

type Row = fn(&Size, &mut Report) -> Result<()>;

/// Every row by its name, in the order in which they run.
const ROWS: [(&str, Row); 8] = [
    ("commit", commit::in_groups),
    ("single", commit::one_by_one),
    ("slow", commit::on_slow_disk),
    ("latency", latency::measure),
    ("push", push::measure),
    ("rebuild", rebuild::measure),
    ("change", change::measure),
    ("accept", accept::measure),
];

/// Checks names of rows.
pub(crate) fn known(names: &[String]) -> Result<()> {
    for name in names {
        if !ROWS.iter().any(|(row, _)| row == name) {
            let rows: Vec<&str> = ROWS.iter().map(|(row, _)| *row).collect();
            bail!("there is no row {name:?}; the rows are {}", rows.join(", "));
        }
    }
    Ok(())
}

/// Measures the named rows; all of them where none is named. Gives the rows that failed: hours of the others' figures
/// must not go with them.
pub(crate) fn measure(names: &[String], size: &Size, report: &mut Report) -> Vec<&'static str> {
    let mut failed = Vec::new();
    for (name, row) in ROWS {
        if names.is_empty() || names.iter().any(|it| it == name) {
            crate::tell(&format!("row {name}"));
            let before = report.length();
            if let Err(error) = row(size, report) {
                crate::tell(&format!("row {name} failed: {error:#}"));
                report.note(&format!("row `{name}` failed: {error:#}"));
                failed.push(name);
            }
            // Whoever ends the run early keeps what was measured.
            crate::tell(&report.since(before));
        }
    }
    failed
}

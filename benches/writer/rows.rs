//! The rows of the table, one module each.

use anyhow::Result;

use crate::fleet::Shape;
use crate::options::Options;
use crate::report::Report;

mod accept;
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
    /// What the command line asks for.
    pub(crate) fn of(options: &Options) -> Self {
        let mut size = if options.quick {
            Self::quick()
        } else {
            Self::full()
        };
        size.stores = options.stores.unwrap_or(size.stores);
        if let Some(rounds) = options.rounds {
            size.rounds = rounds;
            size.slow_rounds = rounds.min(size.slow_rounds);
        }
        size
    }

    fn full() -> Self {
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
    fn quick() -> Self {
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

/// What measures one row.
pub(crate) type Row = fn(&Size, &mut Report) -> Result<()>;

/// Every row by its name, in the order in which they run.
pub(crate) const ROWS: [(&str, Row); 8] = [
    ("commit", commit::in_groups),
    ("single", commit::one_by_one),
    ("slow", commit::on_slow_disk),
    ("latency", latency::measure),
    ("push", push::measure),
    ("rebuild", rebuild::measure),
    ("change", change::measure),
    ("accept", accept::measure),
];

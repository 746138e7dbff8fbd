//! The rows of the table, one module each.

use anyhow::Result;

use crate::options::Options;
use crate::place::Place;
use crate::report::Report;

mod hostile;
mod lists;
mod store;
mod streams;

/// How much is measured.
#[derive(Debug, Clone)]
pub(crate) struct Size {
    /// Whether this is only to see that every row works.
    pub(crate) quick: bool,
    /// Stores of the fleet.
    pub(crate) stores: usize,
    /// How often sides take turns.
    pub(crate) rounds: usize,
    /// How long one turn takes, in seconds.
    pub(crate) seconds: f64,
    /// Subscribers of the stream of events.
    pub(crate) subscribers: usize,
    /// Stores that change while they listen.
    pub(crate) changed: usize,
    /// Clients of each kind that mean harm.
    pub(crate) hostile: usize,
    /// Samples of the disk's speed.
    pub(crate) samples: usize,
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
        size.rounds = options.rounds.unwrap_or(size.rounds);
        size
    }

    fn full() -> Self {
        Self {
            quick: false,
            stores: 100_000,
            rounds: 7,
            seconds: 5.0,
            subscribers: 1000,
            changed: 100,
            hostile: 1000,
            samples: 200,
        }
    }

    /// Enough to see that every row works.
    fn quick() -> Self {
        Self {
            quick: true,
            stores: 200,
            rounds: 1,
            seconds: 0.5,
            subscribers: 50,
            changed: 10,
            hostile: 20,
            samples: 20,
        }
    }
}

/// What measures one row.
pub(crate) type Row = fn(&Size, &mut Place, &mut Report) -> Result<()>;

/// Every row by its name, in the order in which they run.
pub(crate) const ROWS: [(&str, Row); 4] = [
    ("store", store::measure),
    ("lists", lists::measure),
    ("streams", streams::measure),
    ("hostile", hostile::measure),
];

//! The rows of the table, one module each.

use std::time::Duration;

use anyhow::Result;

use crate::options::Options;
use crate::place::Place;
use crate::report::Report;

mod cuts;
mod first;
mod lists;
mod one_store;
mod updates;

/// How much is measured.
#[derive(Debug, Clone)]
pub(crate) struct Size {
    /// Stores of the fleet.
    pub(crate) stores: usize,
    /// Statuses that change in a second.
    pub(crate) rate: f64,
    /// For how long they do.
    pub(crate) updates: Duration,
    /// Clients that each ask about one changing store at a time, until it shows its phase.
    pub(crate) askers: usize,
    /// How often sides take turns.
    pub(crate) rounds: usize,
    /// How often connections are cut, and for how long.
    pub(crate) cuts: (Duration, Duration),
    /// Statuses that change in a second meanwhile.
    pub(crate) cut_rate: f64,
    /// Stores that real Flux brings up.
    pub(crate) flux_stores: usize,
    /// Stores that are changed then, one after the other.
    pub(crate) flux_changes: usize,
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
        size.flux_stores = options.flux_stores.unwrap_or(size.flux_stores);
        size
    }

    fn full() -> Self {
        Self {
            stores: 10_000,
            rate: 200.0,
            updates: Duration::from_secs(30),
            askers: 2,
            rounds: 5,
            cuts: (Duration::from_secs(2), Duration::from_mins(1)),
            cut_rate: 50.0,
            flux_stores: 1000,
            flux_changes: 5,
            samples: 200,
        }
    }

    /// Enough to see that every row works.
    fn quick() -> Self {
        Self {
            stores: 200,
            rate: 50.0,
            updates: Duration::from_secs(2),
            askers: 2,
            rounds: 1,
            cuts: (Duration::from_secs(1), Duration::from_secs(4)),
            cut_rate: 20.0,
            flux_stores: 4,
            flux_changes: 1,
            samples: 20,
        }
    }
}

/// What measures one row.
pub(crate) type Row = fn(&Size, &mut Place, &mut Report) -> Result<()>;

/// Every row by its name, in the order in which they run.
pub(crate) const ROWS: [(&str, Row); 5] = [
    ("first", first::measure),
    ("lists", lists::measure),
    ("updates", updates::measure),
    ("cuts", cuts::measure),
    ("one-store", one_store::measure),
];

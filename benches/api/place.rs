//! What all rows are measured at: one running program on one fleet, so that its memory at the end is that after everything.

use anyhow::{Result, ensure};

use crate::fleet::Shape;
use crate::prepare::{Picks, Prepared, Scratch, prepared};
use crate::program::{Program, dev_folder};
use crate::report::{Cell, Line, Report, Unit};
use crate::rows::Size;
use crate::stats::Spread;

/// How long the first change may take, in seconds: it also prepares the clusters.
const WAIT: u32 = 60;

/// The running program and its fleet.
pub(crate) struct Place {
    pub(crate) prepared: Prepared,
    pub(crate) program: Program,
    /// Stores that are changed, each once before any comes again.
    pub(crate) picks: Picks,
    /// Goes last.
    pub(crate) scratch: Scratch,
}

impl Place {
    pub(crate) fn new(size: &Size) -> Result<Self> {
        let prepared = prepared(Shape::spread(size.stores))?;
        let scratch = Scratch::new()?;
        let data = scratch.path("data");
        dev_folder(&prepared, &data)?;
        let program = Program::dev(&data)?;
        let mut picks = Picks::new(size.stores);
        for (store, edition) in picks.take(1) {
            let (status, body) = program.client()?.change_and_wait(store, edition, WAIT)?;
            ensure!(
                status == 200,
                "the first change was not merged: {status} {body}"
            );
        }
        Ok(Self {
            prepared,
            program,
            picks,
            scratch,
        })
    }

    /// The fleet, for the table.
    pub(crate) fn fleet(&self) -> String {
        self.prepared.fleet.shape.to_string()
    }

    /// Tells how much memory the program has now.
    pub(crate) fn tell_memory(&self, after: &str, report: &mut Report) -> Result<()> {
        report.line(&Line {
            figure: format!("memory of the program after {after}"),
            fleet: self.fleet(),
            ours: Cell(Spread::of(&[self.program.memory()?]), Unit::Megabytes),
            rival: None,
            ratio: None,
            reach: "≤ 150 MB",
        });
        Ok(())
    }
}

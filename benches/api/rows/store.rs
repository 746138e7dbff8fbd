//! Reading one store, beside a route that says hello behind the same layers.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::Size;
use crate::asking::{CONNECTIONS, THREADS, Turn, read_stores};
use crate::hello::VARIABLE;
use crate::place::Place;
use crate::program::Program;
use crate::report::{Cell, Line, Report, Unit};
use crate::stats::Spread;

/// One figure of a turn.
type Of = fn(&Turn) -> f64;

/// Row "store".
pub(super) fn measure(size: &Size, place: &mut Place, report: &mut Report) -> Result<()> {
    let data = place.scratch.path("hello");
    let mut command = Command::new(std::env::current_exe()?);
    let hello = Program::start(command.env(VARIABLE, &data), &data)?;
    let time = Duration::from_secs_f64(size.seconds);
    let (mut ours, mut theirs): (Vec<Turn>, Vec<Turn>) = (Vec::new(), Vec::new());
    // The first round fills caches.
    for round in 0..=size.rounds {
        let what = (size.stores, time);
        let store = |name: &str| format!("{{\"name\":\"{name}\"");
        let (one, other) = (
            read_stores(&place.program, round as u64, what, store)?,
            read_stores(&hello, round as u64, what, |_| "Hello, World!".to_owned())?,
        );
        if round > 0 {
            ours.push(one);
            theirs.push(other);
        }
    }
    let connections = THREADS * CONNECTIONS;
    let figures: [(_, Of, _, _, _); 2] = [
        (
            format!("one store read, random names, {connections} connections"),
            |it| it.rate,
            Unit::PerSecond,
            "its rate",
            "≥ 0.85×",
        ),
        (
            "the server's processor time for it".to_owned(),
            |it| it.server,
            Unit::Micros,
            "its time",
            "",
        ),
    ];
    for (figure, of, unit, ratio, reach) in figures {
        let [ours, theirs] = [&ours, &theirs].map(|it| it.iter().map(of).collect::<Vec<f64>>());
        report.line(&Line {
            figure,
            fleet: place.fleet(),
            ours: Cell(Spread::of(&ours), unit),
            rival: Some((
                "hello, the same layers".to_owned(),
                Cell(Spread::of(&theirs), unit),
            )),
            ratio: Some((Spread::of_pairs(&ours, &theirs), ratio)),
            reach,
        });
    }
    place.tell_memory("reading stores", report)
}

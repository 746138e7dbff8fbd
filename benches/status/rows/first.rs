//! From the start of the program until all phases are right, beside a client that reads the same lists; and memory.

use std::time::Instant;

use anyhow::Result;

use super::Size;
use crate::kinds::first_lists;
use crate::phases::{none_wrong, wait_for, wrong};
use crate::place::{PATIENCE, Place, World};
use crate::report::{Cell, Line, Report, Unit, number, thousands};
use crate::stats::Spread;

/// Row "first".
pub(super) fn measure(size: &Size, place: &mut Place, report: &mut Report) -> Result<()> {
    let half = size.stores / 2;
    let world = place.with(half)?;
    let with_half = started(world)?.memory;
    world.rest();
    let world = place.with(size.stores)?;
    let lists = first_lists()?;
    let addresses: Vec<String> = lists.iter().map(|(_, it)| it.clone()).collect();
    let (mut ours, mut theirs, mut answering) = (Vec::new(), Vec::new(), Vec::new());
    let (mut memory, mut listed) = (0.0, None);
    for _ in 0..size.rounds {
        let began = Instant::now();
        listed = Some(world.api.list(&addresses)?);
        theirs.push(began.elapsed().as_secs_f64());
        let start = started(world)?;
        ours.push(start.right);
        answering.push(start.answering);
        memory = start.memory;
        none_wrong(&wrong(world.program()?, &world.failing)?)?;
    }
    report.line(&Line {
        figure: format!("start until all phases are right, {} kinds", lists.len()),
        fleet: world.fleet(),
        ours: Cell(Spread::of(&ours), Unit::Seconds),
        rival: Some((
            "the same lists, kept by nobody".to_owned(),
            Cell(Spread::of(&theirs), Unit::Seconds),
        )),
        ratio: Some((Spread::of_pairs(&ours, &theirs), "its time")),
        reach: "≤ 10 s",
    });
    let grown = f64::from(u32::try_from(size.stores - half)?);
    let figures = [
        (
            "memory, all kinds watched",
            memory,
            Unit::Megabytes,
            "≤ 200 MB",
        ),
        (
            "memory before anything was watched",
            world.memory_alone,
            Unit::Megabytes,
            "",
        ),
        (
            "memory of a store's objects",
            ((memory - with_half) / grown).max(0.0),
            Unit::Kilobytes,
            "",
        ),
    ];
    for (figure, value, unit, reach) in figures {
        report.line(&Line {
            figure: figure.to_owned(),
            fleet: world.fleet(),
            ours: Cell(Spread::of(&[value]), unit),
            rival: None,
            ratio: None,
            reach,
        });
    }
    let listed = listed.unwrap_or_default();
    let names: Vec<&str> = lists.iter().map(|(it, _)| *it).collect();
    report.note(&format!(
        "the lists: {} objects, {} MB as JSON, of {}; the program answers requests {} s after its start, and all phases are right {} s later",
        thousands(listed.objects),
        thousands(listed.bytes / 1_000_000),
        names.join(", "),
        number(Spread::of(&answering).median),
        number(Spread::of(&ours).median - Spread::of(&answering).median),
    ));
    report.note(&format!(
        "memory with the objects of {} of these stores: {} MB",
        thousands(half),
        number(with_half / 1e6)
    ));
    Ok(())
}

/// What one start showed.
struct Start {
    /// Seconds until all phases were right, and until requests were answered.
    right: f64,
    answering: f64,
    /// Bytes, when all phases were right.
    memory: f64,
}

fn started(world: &mut World) -> Result<Start> {
    let well = world.failing.iter().filter(|it| !**it).count();
    let kubeconfig = world.bed.kubeconfig().to_owned();
    world.rest();
    let began = Instant::now();
    let program = world.watch(&kubeconfig)?;
    wait_for(program, ("Ready", well), PATIENCE)?;
    Ok(Start {
        right: began.elapsed().as_secs_f64(),
        answering: program.ready_in,
        memory: program.memory()?,
    })
}

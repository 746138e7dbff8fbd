//! From the start of the program until all phases are right, beside a client that reads the same lists; and memory.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::Size;
use crate::api_server::Listed;
use crate::kinds::first_lists;
use crate::phases::{none_wrong, wait_for, wrong};
use crate::place::{PATIENCE, Place, World};
use crate::report::{Cell, Line, Report, Unit, number, thousands};
use crate::stats::Spread;

/// How long the program rests before its memory is read: what only the lists took is given back by then.
const REST: Duration = Duration::from_secs(3);

/// All starts, and the lists beside them.
#[derive(Default)]
struct Turns {
    starts: Vec<Start>,
    /// Seconds that the same lists took a bare client.
    bare: Vec<f64>,
    listed: Listed,
}

/// What one start showed.
struct Start {
    /// Seconds until all phases were right, and until requests were answered.
    right: f64,
    answering: f64,
    /// Bytes, when all phases were right.
    memory: f64,
}

/// Row "first".
pub(super) fn measure(size: &Size, place: &mut Place, report: &mut Report) -> Result<()> {
    let half = size.stores / 2;
    let world = place.with(half)?;
    started(world)?;
    let with_half = at_rest(world)?;
    world.rest();
    let world = place.with(size.stores)?;
    let lists = first_lists()?;
    let turns = turns(size, world, &lists)?;
    let with_all = at_rest(world)?;
    tell(&turns, &lists, world, report);
    // An upper bound: what lists left behind is in it. Two sizes of fleet differ by less than that does.
    let of_one = (with_all - world.memory_alone) / f64::from(u32::try_from(size.stores)?);
    for (figure, value, unit, reach) in [
        (
            "memory, all kinds watched",
            with_all,
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
            "memory of a store's objects, at most",
            of_one,
            Unit::Kilobytes,
            "",
        ),
    ] {
        report.line(&Line {
            figure: figure.to_owned(),
            fleet: world.fleet(),
            ours: Cell(Spread::of(&[value]), unit),
            rival: None,
            ratio: None,
            reach,
        });
    }
    report.note(&format!(
        "memory with the objects of {} of these stores: {} MB; with all, at the moment at which phases are right: {} MB, {} s later: {} MB",
        thousands(half),
        number(with_half / 1e6),
        number(of(&turns.starts, |it| it.memory).median / 1e6),
        REST.as_secs(),
        number(with_all / 1e6),
    ));
    Ok(())
}

/// Both sides in turns; every start must end with the phases that the objects say.
fn turns(size: &Size, world: &mut World, lists: &[(&str, String)]) -> Result<Turns> {
    let addresses: Vec<String> = lists.iter().map(|(_, it)| it.clone()).collect();
    let mut turns = Turns::default();
    for _ in 0..size.rounds {
        let began = Instant::now();
        turns.listed = world.api.list(&addresses)?;
        turns.bare.push(began.elapsed().as_secs_f64());
        turns.starts.push(started(world)?);
        none_wrong(&wrong(world.program()?, &world.failing)?)?;
    }
    Ok(turns)
}

fn tell(turns: &Turns, lists: &[(&str, String)], world: &World, report: &mut Report) {
    let right: Vec<f64> = turns.starts.iter().map(|it| it.right).collect();
    let answering = of(&turns.starts, |it| it.answering).median;
    report.line(&Line {
        figure: format!("start until all phases are right, {} kinds", lists.len()),
        fleet: world.fleet(),
        ours: Cell(Spread::of(&right), Unit::Seconds),
        rival: Some((
            "the same lists, kept by nobody".to_owned(),
            Cell(Spread::of(&turns.bare), Unit::Seconds),
        )),
        ratio: Some((Spread::of_pairs(&right, &turns.bare), "its time")),
        reach: "≤ 10 s",
    });
    let names: Vec<&str> = lists.iter().map(|(it, _)| *it).collect();
    report.note(&format!(
        "the lists: {} objects, {} MB as JSON, of {}; the program answers requests {} s after its start, and all phases are right {} s later",
        thousands(turns.listed.objects),
        thousands(turns.listed.bytes / 1_000_000),
        names.join(", "),
        number(answering),
        number(Spread::of(&right).median - answering),
    ));
}

fn of(starts: &[Start], figure: fn(&Start) -> f64) -> Spread {
    Spread::of(&starts.iter().map(figure).collect::<Vec<f64>>())
}

fn at_rest(world: &World) -> Result<f64> {
    std::thread::sleep(REST);
    world.program()?.memory()
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

//! Connections to the API server that are cut again and again while statuses change: nothing may be lost or made up.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Size;
use crate::flips::{Flip, Flips};
use crate::hearing::{Heard, Hearing};
use crate::phases::{PHASES, counts, none_wrong, settle};
use crate::place::{PATIENCE, Place, World};
use crate::program::Program;
use crate::proxy::{Proxy, target};
use crate::report::{Cell, Line, Report, Unit, number, thousands};
use crate::stats::Spread;

/// How often it is looked how many stores are in each phase.
const LOOK: Duration = Duration::from_millis(200);

/// What happened while connections were cut.
struct Seen {
    flips: Vec<Flip>,
    heard: Vec<Heard>,
    /// The most stores that were ever counted in each phase that no object has.
    strange: BTreeMap<String, usize>,
    /// Stores whose phase was wrong at the end.
    lost: Vec<String>,
    /// Seconds from the last cut until all phases were right.
    right: f64,
}

/// Row "cuts".
pub(super) fn measure(size: &Size, place: &mut Place, report: &mut Report) -> Result<()> {
    let world = place.with(size.stores)?;
    let direct = world.bed.kubeconfig().to_owned();
    let proxy = Proxy::start(&world.api.runtime, target(&direct)?)?;
    let kubeconfig = proxy.kubeconfig(&direct, world.scratch.path("cut.json"))?;
    world.watch(&kubeconfig)?;
    none_wrong(&settle(world.program()?, &world.failing, PATIENCE)?)?;
    let seen = seen(size, world, &proxy)?;
    world.rest();
    let made_up = unexplained(&seen.heard, &seen.flips);
    let (every, time) = size.cuts;
    report.line(&Line {
        figure: format!(
            "from the last of the cuts, one every {} s, until all phases are right",
            every.as_secs()
        ),
        fleet: world.fleet(),
        ours: Cell(Spread::of(&[seen.right]), Unit::Seconds),
        rival: None,
        ratio: None,
        reach: "0 lost, 0 false",
    });
    report.note(&format!(
        "{} connections were cut within {} s, while {} statuses changed: {} phases wrong at the end, {} of {} events false; counted in phases that no object had: {:?}",
        thousands(proxy.ended()),
        number(time.as_secs_f64()),
        thousands(seen.flips.len()),
        seen.lost.len(),
        made_up.len(),
        thousands(seen.heard.len()),
        seen.strange,
    ));
    none_wrong(&seen.lost)?;
    let first = made_up.first();
    ensure!(
        first.is_none(),
        "an event told a phase that no object had then: {first:?}"
    );
    ensure!(
        seen.strange.is_empty(),
        "stores were counted in phases that no object had"
    );
    Ok(())
}

fn seen(size: &Size, world: &mut World, proxy: &Proxy) -> Result<Seen> {
    let (every, time) = size.cuts;
    let flips = Flips::plan(world, size.cut_rate, time, 2);
    let program = world.program()?;
    let hearing = Hearing::begin(program)?;
    let over = AtomicBool::new(false);
    let (flips, strange) = std::thread::scope(|scope| {
        let cutting = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(every);
                proxy.cut();
            }
        });
        let looking = scope.spawn(|| look(program, &over));
        let running = flips.run(world.api.client.clone(), (program, 0));
        let flips = world.api.runtime.block_on(running);
        over.store(true, Ordering::Relaxed);
        let failed = |_| anyhow::anyhow!("a thread of the benchmark failed");
        cutting.join().map_err(failed)?;
        Ok::<_, anyhow::Error>((flips?, looking.join().map_err(failed)??))
    })?;
    let ended = Instant::now();
    let lost = settle(program, &world.failing, PATIENCE)?;
    Ok(Seen {
        right: ended.elapsed().as_secs_f64(),
        heard: hearing.end()?,
        flips,
        strange,
        lost,
    })
}

/// The most stores that were ever seen in each phase that no object has.
fn look(program: &Program, over: &AtomicBool) -> Result<BTreeMap<String, usize>> {
    let mut client = program.client()?;
    let mut strange: BTreeMap<String, usize> = BTreeMap::new();
    while !over.load(Ordering::Relaxed) {
        for (phase, count) in counts(&mut client)? {
            if !PHASES.contains(&phase.as_str()) {
                let most = strange.entry(phase).or_default();
                *most = count.max(*most);
            }
        }
        std::thread::sleep(LOOK);
    }
    Ok(strange)
}

/// Events that no write of before explains which no earlier event was about. Writes may go untold: what changed and
/// changed back while nobody could look was never seen.
fn unexplained(heard: &[Heard], flips: &[Flip]) -> Vec<Heard> {
    let mut writes: HashMap<&str, Vec<&Flip>> = HashMap::new();
    for flip in flips {
        writes.entry(&flip.store).or_default().push(flip);
    }
    let mut told: HashMap<&str, usize> = HashMap::new();
    let mut unexplained = Vec::new();
    for event in heard {
        let from = told.entry(&event.store).or_default();
        let writes = writes
            .get(event.store.as_str())
            .map_or(&[][..], Vec::as_slice);
        let fits = |it: &&Flip| it.phase() == event.phase && it.sent <= event.at;
        match writes[*from..].iter().position(fits) {
            Some(place) => *from += place + 1,
            None => unexplained.push(event.clone()),
        }
    }
    unexplained
}

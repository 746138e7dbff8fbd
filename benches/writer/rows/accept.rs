//! Accepted requests per second with 64 clients, and what bounds them.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Result, bail, ensure};

use super::Size;
use crate::machine;
use crate::prepare::{Picks, Scratch, prepared};
use crate::program::{Program, dev_folder};
use crate::report::{Cell, Line, Report, Unit, number};
use crate::stats::Spread;

const CLIENTS: usize = 64;
/// Requests of one turn at most: well below what the queue takes.
const REQUESTS: usize = 5000;
/// How long one look at the queue waits, in seconds.
const WAIT: u32 = 60;
/// Looks after which the queue counts as stuck.
const LOOKS: usize = 5;

/// Row "accept".
pub(super) fn measure(size: &Size, report: &mut Report) -> Result<()> {
    let prepared = prepared(size.large())?;
    let scratch = Scratch::new()?;
    let data = scratch.path("data");
    dev_folder(&prepared, &data)?;
    let program = Program::dev(&data)?;
    let mut picks = Picks::new(prepared.fleet.shape.stores);
    drain(&program, &mut picks)?;
    let mut turns = Vec::new();
    for _ in 0..size.slow_rounds {
        let count = REQUESTS.min(prepared.fleet.shape.stores);
        turns.push(turn(&program, &picks.take(count))?);
        drain(&program, &mut picks)?;
    }
    let spread = |of: fn(&Turn) -> f64| Spread::of(&turns.iter().map(of).collect::<Vec<_>>());
    report.line(&Line {
        figure: format!("requests accepted (202, synced), {CLIENTS} clients"),
        fleet: prepared.fleet.shape.to_string(),
        ours: Cell(spread(|it| it.rate), Unit::PerSecond),
        rival: None,
        ratio: None,
        reach: "report, and what bounds it",
    });
    let [ours, clients, flushes] = [
        spread(|it| it.server_cores),
        spread(|it| it.client_cores),
        spread(|it| it.flushes),
    ]
    .map(|it| number(it.median));
    report.note(&format!(
        "while requests were accepted: the server, its writer included, used {ours} cores and the clients {clients}; \
         the disk did {flushes} flushes/s"
    ));
    Ok(())
}

struct Turn {
    /// Accepted requests per second.
    rate: f64,
    server_cores: f64,
    client_cores: f64,
    /// Flushes of the disk per second, whoever asked for them.
    flushes: f64,
}

fn turn(program: &Program, stores: &[(usize, usize)]) -> Result<Turn> {
    let next = AtomicUsize::new(0);
    let start = Barrier::new(CLIENTS + 1);
    let client = || -> Result<()> {
        let connected = program.client();
        start.wait();
        let mut client = connected?;
        while let Some((store, edition)) = stores.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (status, body) = client.change(*store, *edition)?;
            ensure!(status == 202, "a request was not accepted: {status} {body}");
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        start.wait();
        let began = Instant::now();
        let used = |process| machine::cpu_seconds(process);
        let (server, own) = (program.cpu_seconds()?, used(std::process::id())?);
        let flushed = machine::flushes()?;
        for client in clients {
            client
                .join()
                .map_err(|_| anyhow::anyhow!("a client failed"))??;
        }
        let seconds = began.elapsed().as_secs_f64();
        Ok(Turn {
            rate: f64::from(u32::try_from(stores.len())?) / seconds,
            server_cores: (program.cpu_seconds()? - server) / seconds,
            client_cores: (used(std::process::id())? - own) / seconds,
            flushes: f64::from(machine::flushes()?.wrapping_sub(flushed)) / seconds,
        })
    })
}

/// Waits until everything accepted so far is written: requests of one owner are written in order.
fn drain(program: &Program, picks: &mut Picks) -> Result<()> {
    let mut client = program.client()?;
    for _ in 0..LOOKS {
        for (store, edition) in picks.take(1) {
            match client.change_and_wait(store, edition, WAIT)? {
                (200, _) => return Ok(()),
                (status, body) => ensure!(status == 202, "{status} {body}"),
            }
        }
    }
    bail!("what was accepted was not written")
}

//! Clients that mean harm beside one that does not: its times and the program's memory, without them and with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::sync::mpsc;

use super::Size;
use crate::arrivals::numbers;
use crate::asking::Connection;
use crate::hostile::{Kind, Target, harm};
use crate::place::Place;
use crate::program::Program;
use crate::report::{Cell, Line, Report, Unit, number};
use crate::stats::{Spread, percentile};
use crate::{fleet, tell as progress};

/// How long the client that means no harm waits between two requests.
const REST: Duration = Duration::from_millis(5);
/// When every connection of those who do must have ended, with some time for a busy machine.
const GONE: Duration = Duration::from_secs(40);
/// The same for those who read nothing: the system's buffers have to be full first.
const DEAF_GONE: Duration = Duration::from_mins(2);

/// Row "hostile".
pub(super) fn measure(size: &Size, place: &mut Place, report: &mut Report) -> Result<()> {
    let time = Duration::from_secs_f64(size.seconds);
    let quiet = Client::new(&place.program, size.stores)?.ask(|from| from < time)?;
    let before = place.program.memory()?;
    report.note(&format!(
        "beside no harmful clients: one store read in {} ms (p50), {} ms (p99); {} MB",
        number(percentile(&quiet, 0.5) * 1000.0),
        number(percentile(&quiet, 0.99) * 1000.0),
        number(before / 1e6)
    ));
    // Waiting for the end takes half a minute: the small version does it once.
    let sessions: Vec<Vec<Kind>> = if size.quick {
        vec![Kind::ALL.to_vec()]
    } else {
        Kind::ALL.iter().map(|it| vec![*it]).collect()
    };
    for kinds in sessions {
        let names: Vec<&str> = kinds.iter().map(|it| it.name()).collect();
        let names = names.join(", ");
        progress(&format!("  {names}"));
        let session = session(place, &kinds, size)
            .with_context(|| format!("{} clients: {names}", size.hostile))?;
        tell(
            place,
            &format!("{} clients, {names}", size.hostile),
            (&quiet, before),
            &session,
            report,
        );
    }
    place.tell_memory("harmful clients", report)
}

/// What was seen while clients of some kinds were there.
struct Session {
    /// Seconds that the other client's requests took.
    times: Vec<f64>,
    /// The most memory that the program had.
    memory: f64,
    /// When the last of them was gone.
    last: Duration,
}

fn session(place: &Place, kinds: &[Kind], size: &Size) -> Result<Session> {
    let program = &place.program;
    let over = Arc::new(AtomicBool::new(false));
    let target = Target::new(program);
    let clients = kinds.len() * size.hostile;
    std::thread::scope(|scope| {
        let crowd = scope.spawn({
            let over = over.clone();
            let kinds = kinds.to_vec();
            let each = size.hostile;
            move || {
                let ends = all(&kinds, each, &target);
                over.store(true, Ordering::Relaxed);
                ends
            }
        });
        let watch = scope.spawn({
            let over = over.clone();
            move || -> Result<f64> {
                let mut most = program.memory()?;
                while !over.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(50));
                    most = most.max(program.memory()?);
                }
                Ok(most)
            }
        });
        // As long as they are there, and for as long as without them.
        let time = Duration::from_secs_f64(size.seconds);
        let times = Client::new(program, size.stores)?
            .ask(|from| from < time || !over.load(Ordering::Relaxed));
        let joined = |_| anyhow::anyhow!("a thread failed");
        let last = crowd.join().map_err(joined)??;
        let memory = watch.join().map_err(joined)??;
        let deaf = kinds.contains(&Kind::Deaf);
        ensure!(
            last < if deaf { DEAF_GONE } else { GONE },
            "of {clients} clients some were still there after {} s",
            last.as_secs()
        );
        Ok(Session {
            times: times?,
            memory,
            last,
        })
    })
}

/// Runs all harmful clients to their ends; gives when the last was gone.
fn all(kinds: &[Kind], each: usize, target: &Target) -> Result<Duration> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut clients = Vec::new();
        for _ in 0..each {
            for kind in kinds {
                let (told, mut connected) = mpsc::unbounded_channel();
                clients.push(tokio::spawn(harm(*kind, target.clone(), told)));
                // One after the other: what waits to be accepted is bounded by the system.
                connected
                    .recv()
                    .await
                    .context("a client could not connect")?;
            }
        }
        let mut last = Duration::ZERO;
        for client in clients {
            last = last.max(client.await??.after);
        }
        Ok(last)
    })
}

/// A client that means no harm.
struct Client {
    connection: Connection,
    stores: usize,
}

impl Client {
    fn new(program: &Program, stores: usize) -> Result<Self> {
        let connection = Connection::open(program)?;
        Ok(Self { connection, stores })
    }

    /// Reads stores one by one for as long as it may; gives the seconds of each.
    fn ask(mut self, may: impl Fn(Duration) -> bool) -> Result<Vec<f64>> {
        let (began, mut times) = (Instant::now(), Vec::new());
        for store in numbers(7, self.stores) {
            if !may(began.elapsed()) {
                break;
            }
            let asked = Instant::now();
            self.connection
                .send(&format!("/api/v1/stores/{}", fleet::name(store)?))?;
            self.connection.receive()?;
            times.push(asked.elapsed().as_secs_f64());
            std::thread::sleep(REST);
        }
        Ok(times)
    }
}

fn tell(
    place: &Place,
    who: &str,
    (quiet, before): (&[f64], f64),
    session: &Session,
    report: &mut Report,
) {
    let alone = percentile(quiet, 0.99);
    let with = percentile(&session.times, 0.99);
    let of = |value: f64| Spread::of(&[value]);
    let lines = [
        (
            format!("one store read beside {who}, p99"),
            with,
            alone,
            Unit::Millis,
            "near 1×",
        ),
        (
            format!("most memory beside {who}"),
            session.memory,
            before,
            Unit::Megabytes,
            "≤ 150 MB",
        ),
    ];
    for (figure, ours, rival, unit, reach) in lines {
        report.line(&Line {
            figure,
            fleet: place.fleet(),
            ours: Cell(of(ours), unit),
            rival: Some(("ours without them".to_owned(), Cell(of(rival), unit))),
            ratio: Some((of(ours / rival), "of that")),
            reach,
        });
    }
    report.note(&format!(
        "{who}: the last was gone after {} s",
        number(session.last.as_secs_f64())
    ));
}

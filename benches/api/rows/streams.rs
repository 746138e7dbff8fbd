//! A thousand subscribers of the stream of events while stores change: each must hear everything, in one order.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::Size;
use crate::place::Place;
use crate::program::Program;
use crate::report::{Cell, Line, Report, Unit, number};
use crate::stats::{Spread, percentile};

/// How long nothing may be heard until it counts as the end.
const SILENCE: Duration = Duration::from_secs(3);
/// How long it may take until all streams have begun.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many streams are opened at once: what waits to be accepted is bounded by the system.
const OPENED_AT_ONCE: usize = 100;

/// What one subscriber heard: numbers of events, and when.
type Heard = Vec<(u64, Instant)>;

/// Row "streams".
pub(super) fn measure(size: &Size, place: &mut Place, report: &mut Report) -> Result<()> {
    let stores = place.picks.take(size.changed);
    // What earlier rows asked for must not happen while streams begin.
    let last = place.picks.take(1);
    change(place.program.address(), place.program.token(), &last)?;
    std::thread::sleep(SILENCE);
    let program = &place.program;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let before = program.memory()?;
    let (all, held) = runtime.block_on(async {
        let mut subscribers = Vec::new();
        let (silence, over) = watch::channel(false);
        for number in 0..size.subscribers {
            subscribers.push(tokio::spawn(
                Subscriber::open(program).await?.listen(over.clone()),
            ));
            if number % OPENED_AT_ONCE == 0 {
                tokio::task::yield_now().await;
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let held = program.memory()? - before;
        let (address, token) = (program.address().to_owned(), program.token().to_owned());
        let changing =
            tokio::task::spawn_blocking(move || change(&address, &token, &stores)).await?;
        changing?;
        tokio::time::sleep(SILENCE).await;
        silence.send_replace(true);
        let mut all: Vec<Heard> = Vec::new();
        for subscriber in subscribers {
            all.push(subscriber.await??);
        }
        Ok::<_, anyhow::Error>((all, held))
    })?;
    check(&all, size.changed)?;
    tell(place, &all, held, report)?;
    place.tell_memory("streams of events", report)
}

/// Changes stores one after the other and waits until the last is merged.
fn change(address: &str, token: &str, stores: &[(usize, usize)]) -> Result<()> {
    let mut client = crate::client::Client::connect(address, token)?;
    let (last, rest) = stores.split_last().context("stores that change")?;
    for (store, edition) in rest {
        let (status, body) = client.change(*store, *edition)?;
        ensure!(status == 202, "a request was not accepted: {status} {body}");
    }
    let (status, body) = client.change_and_wait(last.0, last.1, 60)?;
    ensure!(status == 200, "a change was not merged: {status} {body}");
    Ok(())
}

/// One stream that has begun.
struct Subscriber {
    stream: TcpStream,
    text: Vec<u8>,
    heard: Heard,
}

impl Subscriber {
    async fn open(program: &Program) -> Result<Self> {
        let mut stream = TcpStream::connect(program.address()).await?;
        let request = format!(
            "GET /api/v1/events HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
            program.address(),
            program.token()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut subscriber = Self {
            stream,
            text: Vec::new(),
            heard: Vec::new(),
        };
        // The stream begins with its place, and from there on nothing may be missing.
        let begun = async {
            while memchr::memmem::find(&subscriber.text, b"retry: ").is_none() {
                subscriber.read().await?;
            }
            Ok::<_, anyhow::Error>(())
        };
        tokio::time::timeout(PATIENCE, begun)
            .await
            .context("a stream has not begun")??;
        ensure!(
            subscriber.text.starts_with(b"HTTP/1.1 200 "),
            "{}",
            String::from_utf8_lossy(&subscriber.text)
        );
        subscriber.take();
        subscriber.heard.clear();
        Ok(subscriber)
    }

    async fn read(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.text).await? == 0 {
            bail!("a stream ended: {}", String::from_utf8_lossy(&self.text));
        }
        Ok(())
    }

    /// Listens until it is over.
    async fn listen(mut self, mut over: watch::Receiver<bool>) -> Result<Heard> {
        loop {
            tokio::select! {
                _ = over.changed() => return Ok(self.heard),
                read = self.read() => read?,
            }
            self.take();
        }
    }

    /// Notes what has come, frame by frame.
    fn take(&mut self) {
        let now = Instant::now();
        while let Some(end) = memchr::memmem::find(&self.text, b"\n\n") {
            let frame: Vec<u8> = self.text.drain(..end + 2).collect();
            let frame = String::from_utf8_lossy(&frame);
            let field = |name: &str| frame.lines().find_map(|it| it.strip_prefix(name));
            // A frame without an event only says that the stream is still there.
            if let (Some(id), Some(_)) = (field("id: "), field("event: ")) {
                let number = id.rsplit('-').next().and_then(|it| it.parse().ok());
                self.heard.push((number.unwrap_or(0), now));
            }
        }
    }
}

/// All heard the same, one after the other without a gap, and every change at least thrice: queued, written, merged.
fn check(all: &[Heard], changed: usize) -> Result<()> {
    let numbers = |heard: &Heard| heard.iter().map(|(number, _)| *number).collect::<Vec<_>>();
    let first = numbers(all.first().context("there are subscribers")?);
    let gap = first.windows(2).find(|it| it[0] + 1 != it[1]);
    ensure!(gap.is_none(), "events were missed or out of order: {gap:?}");
    ensure!(
        first.len() >= changed * 3,
        "{} events of {changed} changes were heard",
        first.len()
    );
    for heard in all {
        let other = numbers(heard);
        ensure!(
            other == first,
            "one heard the events {:?} to {:?} and another {:?} to {:?}, or not all of them",
            first.first(),
            first.last(),
            other.first(),
            other.last()
        );
    }
    Ok(())
}

fn tell(place: &Place, all: &[Heard], held: f64, report: &mut Report) -> Result<()> {
    let events = all.first().context("there are subscribers")?.len();
    let times = all.iter().flatten().map(|(_, at)| *at);
    let (begin, end) = (times.clone().min(), times.max());
    let took = end
        .context("events")?
        .duration_since(begin.context("events")?);
    let deliveries = f64::from(u32::try_from(events * all.len())?);
    // From the first subscriber that hears of an event to the last.
    let behind: Vec<f64> = (0..events)
        .filter_map(|event| {
            let times = all.iter().map(|heard| heard[event].1);
            let (first, last) = (times.clone().min()?, times.max()?);
            Some(last.duration_since(first).as_secs_f64())
        })
        .collect();
    let subscribers = f64::from(u32::try_from(all.len())?);
    let lines = [
        (
            format!("events delivered, {subscribers} subscribers"),
            deliveries / took.as_secs_f64(),
            Unit::PerSecond,
        ),
        (
            "from the first subscriber that hears an event to the last, p99".to_owned(),
            percentile(&behind, 0.99),
            Unit::Millis,
        ),
        (
            "memory of a subscriber".to_owned(),
            (held / subscribers).max(0.0),
            Unit::Kilobytes,
        ),
    ];
    for (figure, value, unit) in lines {
        report.line(&Line {
            figure,
            fleet: place.fleet(),
            ours: Cell(Spread::of(&[value]), unit),
            rival: None,
            ratio: None,
            reach: "",
        });
    }
    report.note(&format!(
        "every subscriber heard the same {events} events in the same order without a gap, in {} s",
        number(took.as_secs_f64())
    ));
    Ok(())
}

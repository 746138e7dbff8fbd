//! Releases that fail and are well again: the statuses that change while somebody watches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kube::Client;
use tokio::sync::Semaphore;

use crate::api_server::set_status;
use crate::arrivals::poisson;
use crate::fleet;
use crate::kinds::{NAMESPACE, collection};
use crate::objects::flipped;
use crate::phases::expected;
use crate::place::World;
use crate::program::Program;

/// How long it may take until a store shows its phase.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a client that asks about a store waits between two questions. Without a pause each takes a core away from the
/// API server, which is late then, and is asked about for the longer.
const PAUSE: Duration = Duration::from_millis(4);

/// Writes under way at most: an API server that cannot keep up gets fewer a second, and not a crowd of connections.
const AT_ONCE: usize = 64;

/// One status that changed.
#[derive(Debug, Clone)]
pub(crate) struct Flip {
    pub(crate) store: String,
    /// Whether the release fails now.
    pub(crate) failing: bool,
    /// Just before the write was sent.
    pub(crate) sent: Instant,
    /// When the API server said that it is done.
    pub(crate) answered: Instant,
    /// When `GET` showed its phase; none where nobody asked.
    pub(crate) shown: Option<Instant>,
}

impl Flip {
    /// The phase that it leads to.
    pub(crate) fn phase(&self) -> &'static str {
        expected(self.failing)
    }
}

/// Statuses that are to change.
pub(crate) struct Flips(Vec<(Duration, usize, bool)>);

impl Flips {
    /// At random moments (Poisson) at a rate, for a while; the world remembers how stores are afterwards.
    pub(crate) fn plan(world: &mut World, rate: f64, time: Duration, seed: u64) -> Self {
        let moments = poisson(seed, rate, time.as_secs_f64());
        let stores = world.picks.take(moments.len());
        let turned = moments.into_iter().zip(stores).map(|(at, (store, _))| {
            let failing = &mut world.failing[store];
            *failing = !*failing;
            (at, store, *failing)
        });
        Self(turned.collect())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Changes them; about every `asked`-th store, if any, is asked until it shows its phase.
    pub(crate) async fn run(
        self,
        client: Client,
        (program, asked): (&Program, usize),
    ) -> Result<Vec<Flip>> {
        let began = tokio::time::Instant::now();
        let room = Arc::new(Semaphore::new(AT_ONCE));
        let mut tasks = Vec::new();
        for (number, (at, store, failing)) in self.0.into_iter().enumerate() {
            tokio::time::sleep_until(began + at).await;
            let turn = Arc::clone(&room).acquire_owned().await?;
            let asks = number.checked_rem(asked) == Some(0);
            let asking = asks.then(|| program.client()).transpose()?;
            let client = client.clone();
            tasks.push(tokio::spawn(async move {
                let flip = flip(client, store, failing, asking).await;
                drop(turn);
                flip
            }));
        }
        // Every write is made, also where something about one went wrong: later rows count on it.
        let mut flips = Vec::new();
        for task in tasks {
            flips.push(task.await?);
        }
        flips.into_iter().collect()
    }
}

async fn flip(
    client: Client,
    store: usize,
    failing: bool,
    asking: Option<crate::client::Client>,
) -> Result<Flip> {
    let store = fleet::name(store)?.to_string();
    let status = flipped(&store, failing);
    let releases = collection("HelmRelease", Some(NAMESPACE))?;
    let sent = Instant::now();
    let shown = asking.map(|asking| {
        let store = store.clone();
        tokio::task::spawn_blocking(move || until_shown(asking, &store, expected(failing)))
    });
    set_status(&client, &releases, &store, &status).await?;
    let answered = Instant::now();
    let shown = match shown {
        Some(shown) => Some(shown.await??),
        None => None,
    };
    Ok(Flip {
        store,
        failing,
        sent,
        answered,
        shown,
    })
}

/// Asks about a store until it is in a phase.
fn until_shown(mut client: crate::client::Client, store: &str, phase: &str) -> Result<Instant> {
    let began = Instant::now();
    let wanted = format!("\"phase\":\"{phase}\"");
    loop {
        let (_, body) = client.get(&format!("/api/v1/stores/{store}"))?;
        if body.contains(&wanted) {
            return Ok(Instant::now());
        }
        ensure!(
            began.elapsed() < PATIENCE,
            "{store} never became {phase}: {body}"
        );
        std::thread::sleep(PAUSE);
    }
}

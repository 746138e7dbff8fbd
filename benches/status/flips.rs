//! Releases that fail and are well again: the statuses that change while somebody watches.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kube::Client;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
/// How long a client that asks about a store waits between two questions.
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

    /// Changes them. So many askers, if any, each pick a store that is about to change whenever they are free, and ask
    /// until it shows its phase.
    pub(crate) async fn run(
        self,
        client: Client,
        (program, askers): (&Program, usize),
    ) -> Result<Vec<Flip>> {
        let askers = Askers::new(program, askers)?;
        let began = tokio::time::Instant::now();
        let room = Arc::new(Semaphore::new(AT_ONCE));
        let mut tasks = Vec::new();
        for (at, store, failing) in self.0 {
            tokio::time::sleep_until(began + at).await;
            let turn = Arc::clone(&room).acquire_owned().await?;
            let (client, askers) = (client.clone(), askers.clone());
            tasks.push(tokio::spawn(flip(client, (store, failing), askers, turn)));
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
    (store, failing): (usize, bool),
    askers: Askers,
    turn: OwnedSemaphorePermit,
) -> Result<Flip> {
    let store = fleet::name(store)?.to_string();
    let status = flipped(&store, failing);
    let releases = collection("HelmRelease", Some(NAMESPACE))?;
    let sent = Instant::now();
    let shown = askers.take().map(|mut asker| {
        let store = store.clone();
        tokio::task::spawn_blocking(move || {
            let shown = until_shown(&mut asker, &store, expected(failing));
            askers.put(asker);
            shown
        })
    });
    set_status(&client, &releases, &store, &status).await?;
    let answered = Instant::now();
    // Who still asks takes no turn from the next write.
    drop(turn);
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

/// The clients that ask about stores and are free. There are few, however many stores change and however long it takes:
/// whoever asks takes time from the API server, and more of them when it is late would make it later.
#[derive(Clone)]
struct Askers(Arc<Mutex<Vec<crate::client::Client>>>);

impl Askers {
    fn new(program: &Program, count: usize) -> Result<Self> {
        let clients = (0..count).map(|_| program.client());
        let clients = clients.collect::<Result<_>>()?;
        Ok(Self(Arc::new(Mutex::new(clients))))
    }

    fn take(&self) -> Option<crate::client::Client> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, asker: crate::client::Client) {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(asker);
    }
}

/// Asks about a store until it is in a phase.
fn until_shown(client: &mut crate::client::Client, store: &str, phase: &str) -> Result<Instant> {
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

//! The tasks that feed the state: one watch per kind, and one that asks regularly whether the API server answers.
//!
//! A watch whose connection merely ends is resumed where it was, and the API server then tells what came meanwhile.
//! One that fails is begun anew with a full list: only that proves that nothing was missed. The same happens to every watch when the API server answers again after it did not, because
//! a connection may have died without anybody being told.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use futures::{Stream, StreamExt};
use jiff::Timestamp;
use kube::Client;
use kube::api::{Api, DynamicObject};
use kube::runtime::watcher::{self, Event, watcher};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::error::{chain, is_missing_kind, watch_sentence};
use super::kinds::Kind;
use super::parse::Object;
use super::state::{Changes, Feed, State};
use crate::domain::StoreName;
use crate::domain::observed::{ClusterSeen, StoreSeen};

#[cfg(test)]
mod tests;

/// Seconds after which the API server ends a watch, to be renewed.
const RENEW: u32 = 55;
/// How often the API server is asked whether it answers, and how long it may take.
const CONTACT: Duration = Duration::from_secs(5);
/// So many questions in a row without an answer mean that the API server is away; a single one may come of load.
const AWAY: u32 = 2;
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// The wait before a kind is looked for again that the cluster can do without and does not know.
const OPTIONAL_WAIT: Duration = Duration::from_mins(1);

struct Shared {
    state: RwLock<State>,
    pending: Mutex<Changes>,
    news: Notify,
}

impl Shared {
    fn update(&self, change: impl FnOnce(&mut State, Timestamp) -> Changes) {
        let changes = {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            change(&mut state, Timestamp::now())
        };
        if !changes.is_empty() {
            self.pending
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .merge(changes);
            self.news.notify_one();
        }
    }
}

/// What is seen in the cluster, for any number of readers. Cheap to clone.
#[derive(Clone)]
pub struct View(Arc<Shared>);

impl View {
    /// A view of a state made by hand, which nothing feeds.
    pub fn of(state: State) -> Self {
        Self(Arc::new(Shared {
            state: RwLock::new(state),
            pending: Mutex::default(),
            news: Notify::new(),
        }))
    }

    /// What is seen of a store and its shard; none where nothing is.
    pub fn store(&self, name: &StoreName) -> Option<StoreSeen> {
        self.read(|state| state.store(name))
    }

    /// What concerns all stores.
    pub fn cluster(&self) -> ClusterSeen {
        self.read(State::cluster)
    }

    /// Every store of which an object with our label is there, wanted or not.
    pub fn stores(&self) -> BTreeSet<StoreName> {
        self.read(State::stores)
    }

    /// Every store of which something is suspended in the cluster.
    pub fn held(&self) -> BTreeSet<StoreName> {
        self.read(State::held)
    }

    /// The cluster and one store at the same moment.
    pub fn both(&self, name: &StoreName) -> (ClusterSeen, Option<StoreSeen>) {
        self.read(|state| (state.cluster(), state.store(name)))
    }

    fn read<T>(&self, question: impl FnOnce(&State) -> T) -> T {
        question(&self.0.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The running watches of one cluster; dropping it ends them.
pub struct Watcher {
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl Watcher {
    pub(super) fn start(client: &Client, namespace: &str, namespace_prefix: &str) -> Self {
        let View(shared) = View::of(State::new(namespace_prefix));
        let (restart, restarts) = watch::channel(());
        let mut tasks = JoinSet::new();
        for kind in Kind::ALL {
            let feed = KindFeed {
                kind,
                api: api(kind, client, namespace),
                shared: Arc::clone(&shared),
            };
            tasks.spawn(feed.run(restarts.clone()));
        }
        tasks.spawn(keep_contact(client.clone(), Arc::clone(&shared), restart));
        Self {
            shared,
            _tasks: tasks,
        }
    }

    /// What is seen now, for any number of readers.
    pub fn view(&self) -> View {
        View(Arc::clone(&self.shared))
    }

    /// Waits until something changes, then answers all that changed since the last answer. Nothing is lost when the
    /// call is dropped while it waits.
    pub async fn changed(&mut self) -> Changes {
        loop {
            let changes = std::mem::take(
                &mut *self
                    .shared
                    .pending
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner),
            );
            if !changes.is_empty() {
                return changes;
            }
            self.shared.news.notified().await;
        }
    }
}

fn api(kind: Kind, client: &Client, namespace: &str) -> Api<DynamicObject> {
    match kind {
        Kind::Namespace => Api::all_with(client.clone(), &kind.resource()),
        _ => Api::namespaced_with(client.clone(), namespace, &kind.resource()),
    }
}

/// The watch of one kind.
struct KindFeed {
    kind: Kind,
    api: Api<DynamicObject>,
    shared: Arc<Shared>,
}

impl KindFeed {
    async fn run(self, mut restarts: watch::Receiver<()>) {
        let mut attempt = 0;
        loop {
            let pause = tokio::select! {
                end = self.follow(&mut attempt) => self.pause(&end, attempt),
                _ = restarts.changed() => Duration::ZERO,
            };
            attempt += 1;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = restarts.changed() => {}
            }
        }
    }

    /// Follows the kind until something is wrong.
    async fn follow(&self, attempt: &mut u32) -> End {
        let config = watcher::Config::default().timeout(RENEW);
        let config = if self.kind == Kind::Namespace {
            config.labels("fleetwright.dev/store")
        } else {
            config
        };
        let mut events = pin!(watcher(self.api.clone(), config));
        let mut listed = Vec::new();
        loop {
            match next(&mut events).await {
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(object)) => listed.push(Object::parse(self.kind, object)),
                Ok(Event::InitDone) => {
                    *attempt = 0;
                    let objects = std::mem::take(&mut listed);
                    self.shared
                        .update(|state, now| state.reset(self.kind, objects, now));
                }
                Ok(Event::Apply(object)) => {
                    let object = Object::parse(self.kind, object);
                    self.shared.update(|state, now| state.apply(object, now));
                }
                Ok(Event::Delete(object)) => {
                    let name = object.metadata.name.unwrap_or_default();
                    self.shared
                        .update(|state, now| state.delete(self.kind, &name, now));
                }
                Err(error) => return End::of(self.kind, error.as_ref()),
            }
        }
    }

    /// Tells the state why the watch ended; answers how long to wait before the next.
    fn pause(&self, end: &End, attempt: u32) -> Duration {
        let kind = self.kind;
        match end {
            End::Failed(sentence) => {
                tracing::debug!(kind = kind.name(), %sentence, "watch failed");
                let feed = Feed::Watch(kind);
                self.shared
                    .update(|state, now| state.failed(feed, sentence.clone(), now));
                wait(attempt)
            }
            End::NotServed => {
                self.shared
                    .update(|state, now| state.reset(kind, Vec::new(), now));
                OPTIONAL_WAIT
            }
        }
    }
}

/// Why a watch ended.
enum End {
    Failed(String),
    /// The cluster does not have the kind and need not.
    NotServed,
}

impl End {
    fn of(kind: Kind, error: Option<&watcher::Error>) -> Self {
        match error {
            Some(error) if kind.is_optional() && is_missing_kind(error) => Self::NotServed,
            Some(error) => Self::Failed(watch_sentence(kind, error)),
            None => Self::Failed(format!("the watch of {} objects ended", kind.name())),
        }
    }
}

/// The next event; an error that is none means that the stream has ended.
async fn next<S>(events: &mut S) -> Result<Event<DynamicObject>, Option<watcher::Error>>
where
    S: Stream<Item = watcher::Result<Event<DynamicObject>>> + Unpin,
{
    events.next().await.ok_or(None)?.map_err(Some)
}

/// Doubles from half a second.
fn wait(attempt: u32) -> Duration {
    Duration::from_millis(500)
        .saturating_mul(1 << attempt.min(4))
        .min(LONGEST_WAIT)
}

async fn keep_contact(client: Client, shared: Arc<Shared>, restart: watch::Sender<()>) {
    let mut failures = 0_u32;
    loop {
        match contact(&client).await {
            Ok(()) if failures >= AWAY => {
                tracing::info!("the API server answers again; everything is read afresh");
                shared.update(State::reread);
                restart.send_replace(());
                failures = 0;
            }
            Ok(()) => {
                shared.update(|state, _| state.recovered(Feed::Contact));
                failures = 0;
            }
            Err(sentence) => {
                failures += 1;
                if failures == AWAY {
                    tracing::warn!(%sentence, "the API server does not answer");
                }
                shared.update(|state, now| state.failed(Feed::Contact, sentence, now));
            }
        }
        shared.update(State::tick);
        tokio::time::sleep(CONTACT).await;
    }
}

/// Whether the API server answers at all; a refusal is an answer.
async fn contact(client: &Client) -> Result<(), String> {
    match tokio::time::timeout(CONTACT, client.apiserver_version()).await {
        Ok(Ok(_) | Err(kube::Error::Api(_))) => Ok(()),
        Ok(Err(error)) => Err(format!(
            "the API server cannot be reached: {}",
            chain(&error)
        )),
        Err(_) => Err(format!(
            "the API server gives no answer within {} s",
            CONTACT.as_secs()
        )),
    }
}

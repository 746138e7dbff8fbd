//! The watch of one kind.

use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::api::{Api, ApiResource};
use kube::core::DynamicResourceScope;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::cluster::Target;
use crate::cluster::error::{Cause, blind_sentence, cause, watch_sentence};
use crate::cluster::kinds::{Kind, Place, Scope, scope};
use crate::cluster::parse::Object;
use crate::cluster::state::Feed;
use crate::cluster::view::Shared;
use crate::cluster::wire::{FluxWire, LiveWire};

/// Seconds after which the API server ends a watch, to be resumed. A connection that died unnoticed is found five
/// seconds later. Just before the end the server sends a bookmark, so that a watch without news can be resumed too.
const RENEW: u32 = 20;
/// Objects that the first list brings at once. Later pages are read from etcd where the API server's cache does not have
/// the state of the first any more, which takes it longer; but one page for all takes memory for all of them.
const PAGE: u32 = 500;
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// The wait before a kind is looked for again that cannot be read.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// So many refusals in a row are believed. An API server that starts may not know all kinds and rights at once.
const REFUSALS: u32 = 2;
/// So many other failures in a row mean that a kind which is not vital cannot be read.
const FAILURES: u32 = 4;
/// So many times in a row a watch that lost its connection is resumed where it was, with nothing missed.
const RESUMES: u32 = 5;
/// How long a resumed watch has to hold for the ones before to be forgotten.
const HOLDS: Duration = Duration::from_secs(1);

/// What an object looks like on its way, and what becomes of it.
trait Item:
    Resource<DynamicType = ApiResource, Scope = DynamicResourceScope>
    + Clone
    + Debug
    + DeserializeOwned
    + Send
{
    fn parse(self, kind: Kind) -> Object;
}

impl Item for FluxWire {
    fn parse(self, kind: Kind) -> Object {
        Object::flux(kind, self)
    }
}

impl Item for LiveWire {
    fn parse(self, kind: Kind) -> Object {
        Object::live(kind, &self)
    }
}

/// The watch of one kind.
pub(super) struct KindFeed {
    kind: Kind,
    namespace: String,
    namespace_prefix: String,
    shared: Arc<Shared>,
}

/// How a watch went on that has ended.
enum End {
    /// It failed, as this sentence says.
    Failed(String),
    /// A kind that can be done without cannot be read, as this sentence says.
    Blind(String),
    /// The cluster does not have the kind and need not.
    NotServed,
    /// It failed, which is not yet worth a word.
    Stumbled,
}

impl KindFeed {
    pub(super) fn new(kind: Kind, target: &Target, shared: Arc<Shared>) -> Self {
        Self {
            kind,
            namespace: target.namespace.clone(),
            namespace_prefix: target.namespace_prefix.clone(),
            shared,
        }
    }

    /// Follows the kind through every client that comes.
    pub(super) async fn run(self, mut clients: watch::Receiver<Option<Client>>) {
        let mut attempt = 0;
        loop {
            let client = clients.borrow_and_update().clone();
            let Some(client) = client else {
                another(&mut clients).await;
                continue;
            };
            let pause = tokio::select! {
                error = self.follow(client, &mut attempt) => {
                    self.tell(self.end(error.as_ref(), attempt), attempt)
                }
                () = another(&mut clients) => {
                    attempt = 0;
                    continue;
                }
            };
            attempt = attempt.saturating_add(1);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = another(&mut clients) => attempt = 0,
            }
        }
    }

    async fn follow(&self, client: Client, attempt: &mut u32) -> Option<watcher::Error> {
        if self.kind.is_live() {
            self.follow_as::<LiveWire>(client, attempt).await
        } else {
            self.follow_as::<FluxWire>(client, attempt).await
        }
    }

    /// Follows the kind until something is wrong; no error means that the stream has ended.
    async fn follow_as<K: Item + 'static>(
        &self,
        client: Client,
        attempt: &mut u32,
    ) -> Option<watcher::Error> {
        let mut events = pin!(watcher(self.api::<K>(client), self.config()));
        let (mut listed, mut resumes) = (Vec::new(), Resumes::default());
        loop {
            match next(&mut events).await {
                // A connection was cut. kube's watcher goes on from the last object that came, and the API server tells
                // what came since, or that it does not know that any more.
                Err(Some(error)) if is_lost(&error) && resumes.again() => {
                    tokio::time::sleep(resumes.pause()).await;
                }
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(object)) => {
                    let object = object.parse(self.kind);
                    if !object.is_void() && self.is_ours(&object) {
                        listed.push(object);
                    }
                }
                Ok(Event::InitDone) => {
                    *attempt = 0;
                    let objects = std::mem::take(&mut listed);
                    self.shared
                        .update(|state, now| state.reset(self.kind, objects, now));
                }
                Ok(Event::Apply(object)) => {
                    let object = object.parse(self.kind);
                    if self.is_ours(&object) {
                        self.shared.update(|state, now| state.apply(object, now));
                    }
                }
                Ok(Event::Delete(object)) => {
                    let object = object.parse(self.kind);
                    self.shared
                        .update(|state, now| state.delete(self.kind, object.name(), now));
                }
                Err(error) => return error,
            }
        }
    }

    fn is_ours(&self, object: &Object) -> bool {
        scope(self.kind, object.name(), &self.namespace_prefix) != Scope::Foreign
    }

    fn api<K: Item>(&self, client: Client) -> Api<K> {
        let resource = self.kind.resource();
        match self.kind.place() {
            Place::Everywhere => Api::all_with(client, &resource),
            Place::Fleet => Api::namespaced_with(client, &self.namespace, &resource),
        }
    }

    /// The first list is paged, and of the newest state. Streaming it would take less of an API server's memory, but
    /// not every server that is in use offers it, and kube starts such a stream from whatever a server's cache has:
    /// after a change of servers that may be older than what was seen already.
    fn config(&self) -> watcher::Config {
        let mut config = watcher::Config::default().timeout(RENEW).page_size(PAGE);
        if let Some(labels) = self.kind.labels() {
            config = config.labels(labels);
        }
        if let Some(fields) = self.kind.fields() {
            config = config.fields(fields);
        }
        config
    }

    /// What the end of a watch means, after so many attempts in a row.
    fn end(&self, error: Option<&watcher::Error>, attempt: u32) -> End {
        let kind = self.kind;
        let cause = error.map_or(Cause::Other, cause);
        let refused = matches!(cause, Cause::Missing | Cause::Denied(_));
        let believed = attempt >= if refused { REFUSALS } else { FAILURES };
        if matches!(cause, Cause::Missing) && kind.is_optional() && believed {
            return End::NotServed;
        }
        if kind.is_vital() {
            return End::Failed(watch_sentence(kind, error));
        }
        // Without an API server nothing can be read, and there is a better sentence for that.
        if believed && !self.shared.read(super::State::is_away) {
            return End::Blind(blind_sentence(kind, error));
        }
        End::Stumbled
    }

    /// Tells the state how the watch ended; answers how long to wait before the next.
    fn tell(&self, end: End, attempt: u32) -> Duration {
        let kind = self.kind;
        match end {
            End::Failed(sentence) => {
                tracing::debug!(kind = kind.name(), %sentence, "watch failed");
                let feed = Feed::Watch(kind);
                self.shared
                    .update(|state, now| state.failed(feed, sentence, now));
                wait(attempt)
            }
            End::Blind(sentence) => {
                tracing::debug!(kind = kind.name(), %sentence, "watch failed");
                self.shared
                    .update(|state, now| state.blinded(kind, sentence, now));
                LOOK_AGAIN
            }
            End::NotServed => {
                self.shared.update(|state, now| state.unserved(kind, now));
                LOOK_AGAIN
            }
            End::Stumbled => wait(attempt),
        }
    }
}

/// How often a watch lost its connection of late.
#[derive(Default)]
struct Resumes {
    count: u32,
    last: Option<Instant>,
}

impl Resumes {
    /// Notes a lost connection; whether the watch is resumed.
    fn again(&mut self) -> bool {
        let now = Instant::now();
        let held = self.last.is_none_or(|last| now - last >= HOLDS);
        self.count = if held { 1 } else { self.count + 1 };
        self.last = Some(now + self.pause());
        self.count <= RESUMES
    }

    /// Short at first: a cut connection is common, and nothing is wrong with the server.
    fn pause(&self) -> Duration {
        Duration::from_millis(10) * (1 << self.count.min(RESUMES))
    }
}

/// Whether a watch that had listed its objects lost its connection, or found none, and nothing else is wrong.
fn is_lost(error: &watcher::Error) -> bool {
    use watcher::Error::{WatchFailed, WatchStartFailed};
    matches!(error, WatchFailed(inner) | WatchStartFailed(inner) if !matches!(inner, kube::Error::Api(_)))
}

/// Waits for another client. One that is not followed by any stays.
async fn another(clients: &mut watch::Receiver<Option<Client>>) {
    if clients.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The next event; an error that is none means that the stream has ended.
async fn next<S, K>(events: &mut S) -> Result<Event<K>, Option<watcher::Error>>
where
    S: Stream<Item = watcher::Result<Event<K>>> + Unpin,
{
    events.next().await.ok_or(None)?.map_err(Some)
}

/// Doubles from half a second.
fn wait(attempt: u32) -> Duration {
    Duration::from_millis(500)
        .saturating_mul(1 << attempt.min(4))
        .min(LONGEST_WAIT)
}

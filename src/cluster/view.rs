//! The state behind a lock, for the tasks that feed it and the many who read it.
//!
//! Readers take copies and hold the lock for microseconds; objects are read off the wire before a writer takes it.
//! Must not know: where changes come from.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::state::{Changes, State};
use crate::domain::StoreName;
use crate::domain::observed::{ClusterSeen, StoreSeen};

pub(super) struct Shared {
    state: RwLock<State>,
    pending: Mutex<Changes>,
    news: Notify,
}

impl Shared {
    /// Changes the state and tells of it, at the present time of our clock.
    pub(super) fn update(&self, change: impl FnOnce(&mut State, Timestamp) -> Changes) {
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

    pub(super) fn read<T>(&self, question: impl FnOnce(&State) -> T) -> T {
        question(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until something changes, then answers all that changed since the last answer.
    pub(super) async fn changed(&self) -> Changes {
        loop {
            let changes = self.take();
            if !changes.is_empty() {
                return changes;
            }
            self.news.notified().await;
        }
    }

    fn take(&self) -> Changes {
        std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is seen in the cluster, for any number of readers. Cheap to clone.
#[derive(Clone)]
pub struct View(pub(super) Arc<Shared>);

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
        self.0.read(|state| state.store(name))
    }

    /// What concerns all stores, as it was at this moment.
    pub fn cluster(&self) -> Arc<ClusterSeen> {
        self.0.read(State::cluster)
    }

    /// Every store of which an object with our label is there, wanted or not.
    pub fn stores(&self) -> BTreeSet<StoreName> {
        self.0.read(State::stores)
    }

    /// Every store of which something is suspended in the cluster.
    pub fn held(&self) -> BTreeSet<StoreName> {
        self.0.read(State::held)
    }

    /// The cluster and one store at the same moment.
    pub fn both(&self, name: &StoreName) -> (Arc<ClusterSeen>, Option<StoreSeen>) {
        self.0.read(|state| (state.cluster(), state.store(name)))
    }
}

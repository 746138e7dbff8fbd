//! The tasks that feed the state: one watch per kind, and one that keeps in contact.
//!
//! A watch whose connection merely ends is resumed where it was, and the API server then tells what came meanwhile.
//! One that fails is begun anew with a full list: only that proves that nothing was missed. The same happens to every
//! watch when the API server answers again after it did not, and when the connection is made anew.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::Target;
use super::connection::Connection;
use super::contact;
use super::kinds::Kind;
use super::state::{Changes, State};
use super::view::{Shared, View};

mod feed;
#[cfg(test)]
mod tests;

use feed::KindFeed;

/// The running watches of one cluster; dropping it ends them.
pub struct Watcher {
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl Watcher {
    pub(super) fn start(connection: &Arc<Connection>, target: &Target) -> Self {
        let View(shared) = View::of(State::new(&target.namespace_prefix));
        let mut tasks = JoinSet::new();
        for kind in Kind::ALL {
            let feed = KindFeed::new(kind, target, Arc::clone(&shared));
            tasks.spawn(feed.run(connection.clients()));
        }
        let namespace = target.namespace.clone();
        tasks.spawn(contact::keep(
            Arc::clone(connection),
            Arc::clone(&shared),
            namespace,
        ));
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
        self.shared.changed().await
    }
}

//! The workflow: intake, the writer's loop, observation, teardown. The only place where adapters meet.
//!
//! The faces see [`Fleet`] and nothing behind it. Must not know: HTTP, command lines, HTML.

mod adopt;
mod alarm;
mod approve;
mod audit;
mod cancel;
mod core;
mod deploy;
mod derive;
mod desk;
mod dns;
mod dry_run;
mod earlier;
mod events;
mod fetch;
mod group;
mod health;
mod hints;
mod holds;
mod inspect;
mod intake;
mod leaving;
mod limits;
mod metrics;
mod observe;
pub mod offline;
mod orphans;
mod outcome;
mod overdue;
mod pace;
mod parallel;
mod prepare;
mod probes;
mod project;
mod proposals;
mod provisioning;
mod pruning;
mod publish;
mod pusher;
mod query;
mod repair;
mod reserve;
mod resume;
mod retry;
mod schemas;
mod settings;
mod skeleton;
mod start;
mod steady;
mod suspects;
mod tended;
mod tokens;
mod trip;
mod unvouched;
mod upkeep;
mod volumes;
mod vouch;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::domain::change::{Change, State};
use crate::domain::policy::FleetPolicy;
use crate::domain::record_text::RecordText;
use crate::domain::request::{Caller, Refusal, Request};
use crate::domain::view::{ChangeFilter, HistoryItem, Page, Rendered, StoreFilter, StoreView};
use crate::domain::{ChangeId, Host};
use core::Core;

pub use events::{About, Event, EventFilter, News, Subscription};
pub use hints::Delivered;
pub use intake::{Accepted, Idempotency, Origin, Submission};
pub use metrics::TEXT_FORMAT;
pub use settings::{ClusterAccess, ForgeAccess, ForgeIdentity, Mode, Settings};
pub use start::StartError;

/// What asks a cluster to fetch without a right in it.
pub use crate::cluster::Receiver;

/// Which ID tokens are taken, and what their claims mean.
pub use crate::oidc::Trust;

/// A running fleet: one repository, its writer and its watchers. Cheap to clone.
#[derive(Clone)]
pub struct Fleet(Arc<Running>);

struct Running {
    core: Arc<Core>,
    door: intake::Door,
    recorder: audit::Recorder,
    letterbox: hints::Letterbox,
    stop: CancellationToken,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Fleet {
    /// Opens journal, index and repository and starts the writer and the watchers.
    ///
    /// # Errors
    /// One sentence that says what is missing or broken, and what to do.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let opening = tokio::task::spawn_blocking(move || start::open(settings));
        let opened = opening
            .await
            .map_err(|error| StartError::Interrupted(error.to_string()))??;
        let core = Arc::new(opened.core);
        let stop = CancellationToken::new();
        let loading = core.clone();
        tokio::task::spawn_blocking(move || start::load_folders(&loading));
        let mut tasks = vec![tokio::spawn(writer::run(
            core.clone(),
            opened.remote,
            stop.clone(),
        ))];
        let door = intake::Door::open(core.clone());
        tasks.push(tokio::spawn(proposals::run(
            core.clone(),
            opened.proposing,
            door.clone(),
            stop.clone(),
        )));
        tasks.push(tokio::spawn(upkeep::run(core.clone(), stop.clone())));
        tasks.push(tokio::spawn(tokens::follow_issuer(
            core.clone(),
            stop.clone(),
        )));
        tasks.push(tokio::spawn(pruning::run(core.clone(), stop.clone())));
        tasks.push(tokio::spawn(events::run(core.clone(), stop.clone())));
        tasks.push(tokio::spawn(probes::run(core.clone(), stop.clone())));
        for (name, watcher) in opened.watchers {
            tasks.extend(tended::begin(&core, &name, &stop));
            tasks.push(tokio::spawn(observe::follow(
                core.clone(),
                name,
                watcher,
                stop.clone(),
            )));
        }
        let (recorder, noted) = audit::Recorder::new();
        tasks.push(tokio::spawn(audit::write(
            core.clone(),
            noted,
            stop.clone(),
        )));
        let (letterbox, letters) = hints::Letterbox::new();
        tasks.push(tokio::spawn(hints::keep(
            core.clone(),
            letters,
            stop.clone(),
        )));
        Ok(Self(Arc::new(Running {
            core,
            door,
            recorder,
            letterbox,
            stop,
            tasks: Mutex::new(tasks),
        })))
    }

    /// Ends the writer after its current group, and the watchers. What is queued stays in the journal.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        for task in self.0.tasks.lock().await.drain(..) {
            let _ended = task.await;
        }
        if let Err(error) = self.0.core.index.flush() {
            tracing::warn!(%error, "the index was not flushed; the next start takes a little longer");
        }
    }

    /// Hands a request in. When this returns `Ok`, the request is on disk.
    ///
    /// # Errors
    /// Why it was not accepted.
    pub async fn submit(
        &self,
        caller: &Caller,
        submission: Submission,
    ) -> Result<Accepted, Refusal> {
        let proven = dns::proven(&self.0.core, caller, &submission.request).await;
        let answer = self.0.door.submit(caller, submission, proven).await;
        let told = answer.as_ref().map(|it| (&it.change, it.replayed));
        self.0.core.metrics.submitted(told);
        answer
    }

    /// A change, if there is one that the caller may see.
    pub fn change(&self, caller: &Caller, id: &ChangeId) -> Option<Change> {
        query::change(&self.0.core, caller, id)
    }

    /// Changes, newest first; the cursor is the one of an earlier page.
    pub fn changes(
        &self,
        caller: &Caller,
        filter: &ChangeFilter,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Change>, Refusal> {
        query::changes(&self.0.core, caller, filter, limit, cursor)
    }

    /// A store, if there is one that the caller may see.
    ///
    /// # Errors
    /// When the index cannot be read: that is no proof that there is none.
    pub fn store(&self, caller: &Caller, name: &str) -> Result<Option<StoreView>, Refusal> {
        query::store(&self.0.core, caller, name)
    }

    /// The same, to be shown as it is.
    ///
    /// # Errors
    /// As for [`store`](Self::store).
    pub fn store_text(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Option<StoreView<RecordText>>, Refusal> {
        query::store(&self.0.core, caller, name)
    }

    /// Stores, in the order of the filter.
    pub fn stores(
        &self,
        caller: &Caller,
        filter: &StoreFilter,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<StoreView>, Refusal> {
        query::stores(&self.0.core, caller, filter, limit, cursor)
    }

    /// The same, to be shown as they are.
    pub fn stores_text(
        &self,
        caller: &Caller,
        filter: &StoreFilter,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<StoreView<RecordText>>, Refusal> {
        query::stores(&self.0.core, caller, filter, limit, cursor)
    }

    /// A store's commits, newest first.
    pub fn history(
        &self,
        caller: &Caller,
        name: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<HistoryItem>, Refusal> {
        query::history(&self.0.core, caller, name, limit, cursor)
    }

    /// The hosts of a request that are proven to be the caller's. Others answer slowly, or not at all.
    pub async fn proven(&self, caller: &Caller, request: &Request) -> Vec<Host> {
        dns::proven(&self.0.core, caller, request).await
    }

    /// What a request would write, with these hosts [proven](Self::proven); `if_match` as in a [`Submission`]. Blocks;
    /// nothing is accepted.
    ///
    /// # Errors
    /// As for the request itself.
    pub fn render(
        &self,
        caller: &Caller,
        request: &Request,
        proven: &[Host],
        if_match: Option<&str>,
    ) -> Result<Rendered, Refusal> {
        dry_run::render(&self.0.core, caller, request, proven, if_match)
    }

    /// Waits until a change gets to a state, ends, or the time is over, and returns it as it is then.
    pub async fn wait(&self, id: &ChangeId, until: State, timeout: Duration) -> Option<Change> {
        let mut moved = self.0.core.moved.subscribe();
        let there = |change: &Change| {
            change.state.is_end()
                || change.state == until
                || (until == State::Merged && change.state.is_merged())
        };
        let current = || intake::find_change(&self.0.core, &self.0.core.desk(), id);
        let waiting = async {
            loop {
                if current().as_ref().is_some_and(there) {
                    return;
                }
                // A lagging receiver only means that much happened; the state is read again anyway.
                let _news = moved.recv().await;
            }
        };
        let _in_time = tokio::time::timeout(timeout, waiting).await;
        current()
    }

    /// The time, as the fleet has it.
    pub fn now(&self) -> jiff::Timestamp {
        Core::now()
    }

    /// Whether counts and limits are lifted, for load and fault runs.
    pub fn limits_lifted(&self) -> bool {
        self.0.core.settings.lift_limits
    }

    /// Whether requests are taken.
    pub fn ready(&self) -> bool {
        !self.0.stop.is_cancelled()
    }

    /// The policy in force.
    pub fn policy(&self) -> Arc<FleetPolicy> {
        self.0.core.in_force().policy
    }

    /// The bare repository, for who serves it.
    pub fn repository(&self) -> PathBuf {
        self.0.core.settings.repository.clone()
    }
}

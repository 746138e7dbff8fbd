//! The one writer of a fleet repository: an event loop that takes in, writes, and publishes.
//!
//! It is woken by accepted requests, by pushes that ended, by deletions that are due and by the clock; whatever
//! arrives while it works joins the next group.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::core::{Core, lock};
use super::group::{self, GroupError};
use super::project::{self, ProjectError};
use super::settings::Mode;
use super::{adopt, alarm, outcome, publish, reserve};
use crate::domain::{ChangeId, StoreName};
use crate::git::{GitError, PushOutcome, Remote, RemoteError};

/// How many entries one group takes at most; the time bound usually ends it earlier.
const GROUP: usize = 2000;
/// How long the writer waits after a failure of its own or of the remote.
const BACK_OFF: Duration = Duration::from_secs(2);
/// How often the published branch is looked at where nobody tells.
const LOOK: Duration = Duration::from_secs(1);

/// How much of the index a kill may take back; it is then read from Git again.
const FLUSH: Duration = Duration::from_secs(10);

type Push = JoinHandle<Result<PushOutcome, RemoteError>>;

/// The writer's own state between two turns.
struct Writer {
    core: Arc<Core>,
    remote: Option<Arc<Remote>>,
    pushing: Option<Push>,
    last_push: Option<Instant>,
    next_fetch: Instant,
    blocked_until: Option<Instant>,
    next_release: Instant,
    last_flush: Instant,
}

/// Runs the writer until the token is cancelled, then ends after its current group.
pub(super) async fn run(core: Arc<Core>, remote: Option<Remote>, stop: CancellationToken) {
    let remote = remote.map(Arc::new);
    let now = Instant::now();
    let mut writer = Writer {
        core,
        remote,
        pushing: None,
        last_push: None,
        next_fetch: now,
        blocked_until: None,
        next_release: now,
        last_flush: now,
    };
    while !stop.is_cancelled() {
        let idle = match writer.turn().await {
            Ok(idle) => idle,
            Err(error) => {
                tracing::error!(%error, "the writer failed and tries again");
                lock(&writer.core.remote).problem = Some(error.to_string());
                if matches!(error, TurnError::Worker(_)) {
                    // Whatever the thread had taken waits again; what it landed is found on main.
                    writer.core.desk().requeue();
                }
                writer.blocked_until = Some(Instant::now() + BACK_OFF);
                Duration::from_millis(500)
            }
        };
        writer.rest(idle, &stop).await;
    }
    if let Some(push) = writer.pushing.take() {
        let _ended = push.await;
    }
}

/// What stops a turn.
#[derive(Debug, thiserror::Error)]
enum TurnError {
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error(transparent)]
    Group(#[from] GroupError),
    #[error("a worker thread ended early: {0}")]
    Worker(#[from] tokio::task::JoinError),
}

impl Writer {
    /// One turn: hear how the push went, look at the published branch, write what waits, begin the next push.
    /// Returns how long there is nothing to do.
    async fn turn(&mut self) -> Result<Duration, TurnError> {
        self.hear_push().await?;
        if self.pushing.is_none() && self.remote.is_some() && Instant::now() >= self.next_fetch {
            self.fetch().await?;
        }
        let core = self.core.clone();
        let blocked = self
            .blocked_until
            .is_some_and(|until| until > Instant::now());
        if Instant::now() >= self.next_release {
            // What waits for something else is looked at again now and then, not at every turn.
            self.next_release = Instant::now() + LOOK / 2;
            self.core.desk().release();
        }
        if self.last_flush.elapsed() > FLUSH {
            self.last_flush = Instant::now();
            self.core.index.flush().map_err(ProjectError::from)?;
        }
        let worked = tokio::task::spawn_blocking(move || work(&core, !blocked)).await??;
        self.begin_push()?;
        Ok(if worked { Duration::ZERO } else { LOOK })
    }

    async fn rest(&mut self, idle: Duration, stop: &CancellationToken) {
        if idle.is_zero() {
            return;
        }
        let pushed = async {
            match &mut self.pushing {
                Some(push) => {
                    while !push.is_finished() {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.core.wake.notified() => {}
            () = pushed => {}
            () = tokio::time::sleep(idle) => {}
        }
    }

    /// What a push came to, as data, and what follows from it.
    async fn hear_push(&mut self) -> Result<(), TurnError> {
        let Some(push) = self.pushing.take_if(|push| push.is_finished()) else {
            return Ok(());
        };
        let outcome = push.await?;
        let problem = match outcome {
            Ok(PushOutcome::Pushed) => {
                self.core.agreed();
                return Ok(());
            }
            Ok(PushOutcome::LostRace { references }) => {
                tracing::info!(
                    ?references,
                    "somebody else pushed first; deriving again on their tip"
                );
                self.next_fetch = Instant::now();
                return Ok(());
            }
            Ok(PushOutcome::Denied { refusals, said }) => {
                let reasons: Vec<String> = refusals
                    .iter()
                    .map(|it| format!("{}: {}", it.reference, it.reason))
                    .collect();
                format!(
                    "the remote refuses our push ({}) {said}",
                    reasons.join("; ")
                )
            }
            Ok(PushOutcome::TimedOut) => {
                "the push timed out; the remote is looked at before it is tried again".to_owned()
            }
            Ok(PushOutcome::Unreachable { detail }) => {
                format!("the remote cannot be reached: {detail}")
            }
            Err(error) => error.to_string(),
        };
        tracing::warn!(
            problem,
            "the push did not go through; nothing is lost, it is tried again"
        );
        self.core.trouble(problem);
        self.blocked_until = Some(Instant::now() + BACK_OFF);
        self.next_fetch = Instant::now() + BACK_OFF;
        Ok(())
    }

    /// Looks at the remote; where others wrote, everything unpublished is derived again on their tip.
    async fn fetch(&mut self) -> Result<(), TurnError> {
        let (Some(remote), Mode::Remote { poll, .. }) =
            (self.remote.clone(), &self.core.settings.mode)
        else {
            return Ok(());
        };
        self.next_fetch = Instant::now() + *poll;
        let core = self.core.clone();
        let fetched = tokio::task::spawn_blocking(move || -> Result<(), TurnError> {
            if let Err(error) = publish::fetch(&core, &remote) {
                core.trouble(error.to_string());
                return Ok(());
            }
            core.agreed();
            if publish::has_diverged(&core)? {
                publish::start_over(&core)?;
            }
            Ok(())
        });
        fetched.await?
    }

    fn begin_push(&mut self) -> Result<(), TurnError> {
        let (Some(remote), Mode::Remote { pace, .. }) =
            (self.remote.clone(), &self.core.settings.mode)
        else {
            return Ok(());
        };
        let now = Instant::now();
        let paced = self.last_push.is_some_and(|last| last + *pace > now);
        let blocked = self.blocked_until.is_some_and(|until| until > now);
        if self.pushing.is_some() || paced || blocked {
            return Ok(());
        }
        // Read between two groups: while one lands, its deploy branches are ahead of main.
        let out = publish::unpublished(&self.core)?;
        if out.is_empty() {
            return Ok(());
        }
        self.last_push = Some(now);
        let core = self.core.clone();
        self.pushing = Some(tokio::task::spawn_blocking(move || {
            publish::push(&core, &remote, out)
        }));
        Ok(())
    }
}

/// Takes in what is published, then writes one group. Tells whether there may be more to do at once.
fn work(core: &Core, may_write: bool) -> Result<bool, TurnError> {
    // What is about to be let go of must not come back undone.
    core.repo.confirm()?;
    project::catch_up(core)?;
    adopt::take_in(core)?;
    adopt::foreign_policy(core)?;
    alarm::look_at_deploy_branches(core)?;
    if !may_write {
        return Ok(false);
    }
    let (ids, removals) = {
        let mut desk = core.desk();
        let ids: Vec<ChangeId> = std::iter::from_fn(|| desk.next()).take(GROUP).collect();
        (ids, desk.take_teardown())
    };
    let done = write(core, &ids, removals);
    core.desk().end_taking();
    done
}

/// Writes a group and notes what became of it.
fn write(core: &Core, ids: &[ChangeId], removals: BTreeSet<StoreName>) -> Result<bool, TurnError> {
    let written = group::write(core, ids, &removals);
    let report = match written {
        Ok(report) => report,
        Err(error) => {
            give_back(core, ids, removals);
            for store in stores_of(core, ids) {
                let row = core.index.store(&store).map_err(ProjectError::from)?;
                reserve::settle(core, &mut core.desk(), &store, row.as_ref());
            }
            if let GroupError::Moved(reference) = &error {
                tracing::info!(
                    reference,
                    "somebody else moved the branch; deriving again on their tip"
                );
                return Ok(true);
            }
            return Err(error.into());
        }
    };
    let landed = report.landed;
    let left = report.left.clone();
    for (id, reason) in &report.held {
        core.desk().hold(id.clone(), reason.clone());
    }
    give_back(core, &left, BTreeSet::new());
    outcome::record(core, report)?;
    if landed && matches!(core.settings.mode, Mode::Embedded) {
        project::catch_up(core)?;
        core.agreed();
    }
    Ok(landed || !left.is_empty())
}

/// The stores that entries are about.
fn stores_of(core: &Core, ids: &[ChangeId]) -> BTreeSet<StoreName> {
    let desk = core.desk();
    let entries = ids.iter().filter_map(|id| desk.entry(id));
    entries.map(|it| it.change.store.clone()).collect()
}

/// Puts entries and removals back that did not land.
fn give_back(core: &Core, ids: &[ChangeId], removals: BTreeSet<StoreName>) {
    let mut desk = core.desk();
    desk.put_back(ids);
    for store in removals {
        desk.tear_down(store);
    }
}

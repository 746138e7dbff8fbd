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
use super::desk::Take;
use super::group::{self, GroupError, Removals, Report};
use super::pace::BackOff;
use super::project::{self, ProjectError};
use super::pusher::{Pusher, PusherError};
use super::settings::Mode;
use super::steady::Moment;
use super::{adopt, alarm, outcome, overdue, reserve, unvouched};
use crate::domain::phase::DeletionStep;
use crate::domain::{ChangeId, StoreName};
use crate::git::{GitError, Remote};
use crate::index::IndexError;

/// How many entries one group takes at most; the time bound usually ends it earlier.
const GROUP: usize = 2000;
/// How often the published branch is looked at where nobody tells.
const LOOK: Duration = Duration::from_secs(1);
/// How much of the index a kill may take back; it is then read from Git again.
const FLUSH: Duration = Duration::from_secs(10);

/// The writer's own state between two turns.
struct Writer {
    core: Arc<Core>,
    pusher: Option<Pusher>,
    /// After a failure of the writer itself.
    back_off: BackOff,
    next_release: Instant,
    last_flush: Instant,
    flushing: Option<JoinHandle<Result<(), IndexError>>>,
}

/// What a turn did.
#[derive(Default)]
struct Worked {
    /// Whether there may be more to do at once.
    more: bool,
    /// Whether a search for what the remote refuses found nothing to take.
    dry: bool,
    /// What became of the entries that were taken; to be noted.
    report: Option<Report>,
}

/// Runs the writer until the token is cancelled, then ends after its current group.
pub(super) async fn run(core: Arc<Core>, remote: Option<Remote>, stop: CancellationToken) {
    let now = Instant::now();
    let mut writer = Writer {
        pusher: remote.and_then(|remote| Pusher::new(core.clone(), remote)),
        core,
        back_off: BackOff::default(),
        next_release: now,
        last_flush: now,
        flushing: None,
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
                writer.back_off.failed(Instant::now());
                Duration::from_millis(500)
            }
        };
        writer.rest(idle, &stop).await;
    }
    if let Some(pusher) = writer.pusher {
        pusher.end().await;
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
    #[error(transparent)]
    Pusher(#[from] PusherError),
    #[error("a worker thread ended early: {0}")]
    Worker(#[from] tokio::task::JoinError),
}

impl Writer {
    /// One turn: hear how the push went, write what waits, begin the next push. Returns how long there is nothing to
    /// do.
    async fn turn(&mut self) -> Result<Duration, TurnError> {
        if let Some(pusher) = &mut self.pusher {
            pusher.hear()?;
            if pusher.is_pressed() {
                pusher.begin()?;
            }
            if pusher.is_fetching() {
                return Ok(LOOK);
            }
        }
        let now = Instant::now();
        let take = match &mut self.pusher {
            _ if self.back_off.until(now).is_some() => None,
            Some(pusher) => pusher.take(GROUP)?,
            None => Some(Take::any(GROUP)),
        };
        let searching = take.as_ref().is_some_and(|it| it.searching);
        if now >= self.next_release && !searching {
            // What waits for something else is looked at again now and then, not at every turn.
            self.next_release = now + LOOK / 2;
            overdue::expire(&self.core)?;
            self.core.desk().release();
        }
        self.flush_now_and_then(now).await?;
        let (core, wrote) = (self.core.clone(), take.is_some());
        let worked = tokio::task::spawn_blocking(move || work(&core, take.as_ref())).await??;
        if wrote {
            self.back_off.passed();
        }
        let begun = match &mut self.pusher {
            Some(pusher) => pusher.go_on(worked.dry),
            None => Ok(()),
        };
        // Noted beside the push: until then the journal has the entries as open, which is what a restart goes by.
        if let Some(report) = worked.report {
            let core = self.core.clone();
            tokio::task::spawn_blocking(move || note(&core, report)).await??;
        }
        begun?;
        let idle = if worked.more { Duration::ZERO } else { LOOK };
        let wanted = self.pusher.as_ref().and_then(Pusher::idle);
        Ok(wanted.map_or(idle, |it| it.min(idle)))
    }

    /// Has the index go to the disk, beside the writer: after a rebuild that takes seconds, and nothing waits for it. A
    /// failure is that of the next turn.
    async fn flush_now_and_then(&mut self, now: Instant) -> Result<(), TurnError> {
        if let Some(flushed) = self.flushing.take_if(|it| it.is_finished()) {
            flushed.await?.map_err(ProjectError::from)?;
        }
        if self.flushing.is_some() || self.last_flush.elapsed() <= FLUSH {
            return Ok(());
        }
        self.last_flush = now;
        let core = self.core.clone();
        self.flushing = Some(tokio::task::spawn_blocking(move || core.index.flush()));
        Ok(())
    }

    async fn rest(&mut self, idle: Duration, stop: &CancellationToken) {
        if idle.is_zero() {
            return;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.core.wake.notified() => {}
            () = tokio::time::sleep(idle) => {}
        }
    }
}

/// Takes in what is published, then writes one group. Tells whether there may be more to do at once.
fn work(core: &Core, take: Option<&Take>) -> Result<Worked, TurnError> {
    // What is about to be let go of must not come back undone.
    core.repo.confirm()?;
    project::catch_up(core)?;
    adopt::take_in(core)?;
    alarm::forget_old(core);
    let moment = Moment::now(core)?;
    if !moment.is_steady(core) {
        unvouched::note(core)?;
        alarm::look_at_deploy_branches(core)?;
    }
    let Some(take) = take else {
        return Ok(Worked::default());
    };
    let (ids, removals) = {
        let mut desk = core.desk();
        let ids = desk.take(take);
        if ids.is_empty() && take.searching {
            return Ok(Worked {
                more: true,
                dry: true,
                report: None,
            });
        }
        let removals = if take.searching {
            Removals::new()
        } else {
            desk.take_teardown()
        };
        (ids, removals)
    };
    let report = match write(core, moment, (&ids, take.bound), removals) {
        Ok(report) => report,
        Err(error) => {
            core.desk().end_taking();
            return Err(error);
        }
    };
    let left = report
        .as_ref()
        .is_none_or(|it| it.landed || !it.left.is_empty());
    Ok(Worked {
        // A search takes few: what it took may have come to nothing, and others wait.
        more: left || (take.searching && core.desk().waits()),
        dry: false,
        report,
    })
}

/// Writes a group; none when somebody else was faster, and it is to be written again.
fn write(
    core: &Core,
    moment: Moment,
    (ids, bound): (&[ChangeId], Duration),
    removals: Removals,
) -> Result<Option<Report>, TurnError> {
    let began = Instant::now();
    let error = match group::write(core, moment, (ids, bound), &removals) {
        Ok(report) => {
            if report.landed {
                core.metrics.landed(report.fates.len(), began.elapsed());
                tracing::debug!(
                    entries = report.fates.len(),
                    left = report.left.len(),
                    ms = began.elapsed().as_millis(),
                    "a group landed"
                );
            }
            return Ok(Some(report));
        }
        Err(error) => error,
    };
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
        core.desk().end_taking();
        return Ok(None);
    }
    Err(error.into())
}

/// Notes what became of what a group took.
fn note(core: &Core, report: Report) -> Result<(), TurnError> {
    for (id, reason) in &report.held {
        core.desk().hold(id.clone(), reason.clone());
    }
    give_back(core, &report.left, Removals::new());
    let landed = report.landed;
    let noted = outcome::record(core, report);
    core.desk().end_taking();
    noted?;
    if landed && matches!(core.settings.mode, Mode::Embedded) {
        project::catch_up(core)?;
        core.agreed();
    }
    Ok(())
}

/// The stores that entries are about.
fn stores_of(core: &Core, ids: &[ChangeId]) -> BTreeSet<StoreName> {
    let desk = core.desk();
    let entries = ids.iter().filter_map(|id| desk.entry(id));
    entries.map(|it| it.change.store.clone()).collect()
}

/// Puts entries and removals back that did not land.
fn give_back(core: &Core, ids: &[ChangeId], removals: Removals) {
    let mut desk = core.desk();
    desk.put_back(ids);
    for (store, step) in removals {
        // Somebody else may have asked for it meanwhile.
        let _news = match step {
            DeletionStep::First => desk.begin_again(store),
            DeletionStep::Second => desk.tear_down(store),
        };
    }
}

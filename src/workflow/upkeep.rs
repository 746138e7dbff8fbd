//! Upkeep of the repository in the background, beside the writer: when it is due, and what becomes of a failure.
//!
//! Must not know: packs and how they are put together (`git/upkeep.rs`). It never holds up the writer, and nothing
//! waits for it: when it fails, reading gets slower, and that is shown.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::core::{Core, lock};
use crate::git::{CommandError, Pace, UpkeepError};

/// From how many packs on they are put together. Below it a reader that meets a new pack looks through the others in
/// some 0.1 ms; the time grows with the square of their number (1 ms at 500, 10 ms at 2,000).
const MANY: usize = 64;
/// From how many packs on upkeep no longer lets everybody else go first.
const TOO_MANY: usize = 8 * MANY;
/// How often the packs are counted.
const LOOK: Duration = Duration::from_secs(1);
/// Upkeep rests this many times as long as it worked: it takes a fifth of one core at most.
const REST: u32 = 4;
/// How long a failure is let be: a full disk does not empty itself.
const BACK_OFF: Duration = Duration::from_mins(1);
/// How long a quiet repository goes without: leftovers of killed processes lie there no longer.
const QUIET: Duration = Duration::from_hours(1);

/// Runs until the token is cancelled, then stops git, which leaves everything as it was.
pub(super) async fn run(core: Arc<Core>, stop: CancellationToken) {
    let mut last: Option<Instant> = None;
    let mut rest = LOOK;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(rest) => {}
        }
        let due = match last {
            None => Due::First,
            Some(last) if last.elapsed() >= QUIET => Due::Now,
            Some(_) => Due::WhenMany,
        };
        let (work, until) = (core.clone(), stop.clone());
        let turn = move || turn(&work, due, &|| !until.is_cancelled());
        let began = Instant::now();
        rest = match tokio::task::spawn_blocking(turn).await {
            Ok(Ok(worked)) => {
                if worked {
                    last = Some(began);
                }
                *lock(&core.upkeep) = None;
                LOOK.max(began.elapsed() * REST)
            }
            Ok(Err(UpkeepError::Program(CommandError::Stopped { .. }))) => return,
            Ok(Err(error)) => failed(&core, &error),
            Err(error) => failed(&core, &error),
        };
    }
}

fn failed(core: &Core, error: &dyn std::error::Error) -> Duration {
    let problem = format!("the repository was not tidied, and reading it gets slower: {error}");
    tracing::warn!(problem);
    *lock(&core.upkeep) = Some(problem);
    BACK_OFF
}

/// When the next turn is due.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Due {
    /// At once, and what an earlier run left is not relied on.
    First,
    /// At once.
    Now,
    /// When there are many packs.
    WhenMany,
}

/// Tidies when it is due, and tells whether it was.
fn turn(core: &Core, due: Due, go_on: &dyn Fn() -> bool) -> Result<bool, UpkeepError> {
    let packs = core.repo.packs()?;
    if due == Due::WhenMany && packs < MANY {
        return Ok(false);
    }
    let pace = if packs < TOO_MANY {
        Pace::Gentle
    } else {
        Pace::Urgent
    };
    let began = Instant::now();
    let tidied = core.repo.tidy(pace, go_on)?;
    if due == Due::First {
        core.repo.graph_commits_anew(go_on)?;
    } else {
        core.repo.graph_commits(go_on)?;
    }
    let milliseconds = began.elapsed().as_millis();
    tracing::debug!(?pace, ?tidied, milliseconds, "the repository was tidied");
    Ok(true)
}

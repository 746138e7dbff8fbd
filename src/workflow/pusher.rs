//! What goes to the remote and comes from it: one push or one fetch at a time, beside the writer.
//!
//! What a push came to is data, and decides what the writer may do next: write on; write again on the tip of those who
//! were faster, and less of it; look for the change that the remote refuses; or wait. Must not know: what a group does.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::core::{Core, lock};
use super::desk::Take;
use super::outcome;
use super::pace::{BackOff, Contention};
use super::project::ProjectError;
use super::publish;
use super::settings::Mode;
use super::suspects::{Next, Suspects, Verdict};
use super::trip::{News, Outcome, Trip};
use crate::git::{GitError, PushOutcome, Refusal, Remote, RemoteError};

/// How long one push follows the other without a look at the remote while others push: as they do not get in between, there
/// is nothing to see.
const CHAIN: Duration = Duration::from_mins(1);
/// How many groups are written beside a push while others push; each takes a quarter of its time.
const BESIDE: u32 = 4;
/// How many entries a group takes at most while others push: its time bound ends it earlier, and what is left costs time.
const FEW: usize = 250;
/// How much of what a remote says is kept, in characters.
const WORDS: usize = 600;

/// When the remote is looked at next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// When it is time.
    OnTime,
    /// Before anything is pushed.
    First,
    /// It was, in this very turn.
    JustNow,
}

/// The side of the writer that is turned to the remote.
pub(super) struct Pusher {
    core: Arc<Core>,
    remote: Arc<Remote>,
    /// The least time between two pushes.
    pace: Duration,
    /// The time between two looks at the remote.
    poll: Duration,
    trip: Option<Trip>,
    next_fetch: Instant,
    look: Look,
    back_off: BackOff,
    /// Why the last push did not go through; a fetch that passes does not take it back.
    refused: bool,
    contention: Contention,
    /// Groups written since the last push ended.
    groups: u32,
    suspects: Suspects,
}

/// Why a turn with the remote failed on our side.
#[derive(Debug, thiserror::Error)]
pub(super) enum PusherError {
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error("the thread that talked to the remote ended early; the remote is looked at again")]
    Worker,
}

impl Pusher {
    /// A pusher of a fleet that has a remote.
    pub(super) fn new(core: Arc<Core>, remote: Remote) -> Option<Self> {
        let Mode::Remote { pace, poll, .. } = core.settings.mode else {
            return None;
        };
        Some(Self {
            core,
            remote: Arc::new(remote),
            pace,
            poll,
            trip: None,
            next_fetch: Instant::now(),
            look: Look::OnTime,
            back_off: BackOff::default(),
            refused: false,
            contention: Contention::default(),
            groups: 0,
            suspects: Suspects::default(),
        })
    }

    /// Hears what became of the push or the fetch that was under way, and does what follows from it.
    pub(super) fn hear(&mut self) -> Result<(), PusherError> {
        if self.look == Look::JustNow {
            self.look = Look::OnTime;
        }
        while let Some(trip) = &mut self.trip {
            match trip.hear() {
                News::None => break,
                News::Came(Outcome::Push(outcome, took)) => {
                    self.groups = 0;
                    self.pushed(outcome, took)?;
                }
                News::Came(Outcome::Fetch(outcome)) => self.fetched(outcome)?,
                News::Over => {
                    let told = trip.has_told();
                    self.trip = None;
                    if !told {
                        self.look = Look::First;
                        self.back_off.failed(Instant::now());
                        return Err(PusherError::Worker);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the published branches may move at any moment. Who wrote before it is known what they hold would write
    /// on a tip that does not have people's commits, and take those for done.
    pub(super) fn is_fetching(&self) -> bool {
        self.trip.as_ref().is_some_and(Trip::fetches)
    }

    /// Whether others push as well, and we were faster a moment ago: whoever pushes again at once, on what he has written
    /// meanwhile, needs less time than those who have to look at the remote first.
    pub(super) fn is_ahead(&self) -> bool {
        !self.suspects.searching() && self.contention.is_ahead(Instant::now())
    }

    /// Whether others push as well, so that no moment is to be lost.
    pub(super) fn is_pressed(&self) -> bool {
        let limit = self.contention.limit(Instant::now(), self.pace);
        limit.is_some() && !self.suspects.searching()
    }

    /// What the writer may take now; none when it shall write nothing.
    pub(super) fn take(&mut self, most: usize) -> Result<Option<Take>, GitError> {
        let now = Instant::now();
        let limit = self.contention.limit(now, self.pace);
        if limit.is_none() && !self.suspects.searching() {
            return Ok(Some(Take::any(most)));
        }
        if self.is_ahead() {
            // What follows a push must be ready when it ends, and no more than that: it makes the next push longer.
            if self.trip.is_some() && self.groups >= BESIDE {
                return Ok(None);
            }
            self.groups += 1;
        } else {
            // One push per group: what is written now must go out at once.
            let stale = limit.is_some() && self.look != Look::JustNow;
            let free = self.trip.is_none() && !stale && self.due_in(now).is_zero();
            if !free || !publish::unpublished(&self.core)?.is_empty() {
                return Ok(None);
            }
        }
        let core = self.core.clone();
        let desk = core.desk();
        self.suspects.retain(|id| desk.entry(id).is_some());
        let mut take = Take::any(most);
        if let Some(bound) = limit {
            take.bound = take.bound.min(bound);
            take.most = most.min(FEW);
        }
        take.searching = self.suspects.searching();
        match self.suspects.next() {
            Next::Anything => {}
            Next::Few(few) => {
                take.most = take.most.min(few);
                take.but = self.suspects.aside();
            }
            Next::Of(store) => take.only = Some(store),
        }
        Ok(Some(take))
    }

    /// After a group: begins what is due. `dry`: a search found nothing to take.
    pub(super) fn go_on(&mut self, dry: bool) -> Result<(), PusherError> {
        if dry {
            let verdict = self.suspects.ran_dry();
            self.follow(verdict, "")?;
        }
        Ok(self.begin()?)
    }

    /// Begins what is due: a look at the remote, or a push of what is not published.
    pub(super) fn begin(&mut self) -> Result<(), GitError> {
        let now = Instant::now();
        if self.trip.is_some() {
            return Ok(());
        }
        if self.core.look_now.swap(false, Ordering::Relaxed) {
            self.next_fetch = now;
        }
        let due = self.due_in(now).is_zero();
        // Whoever was too slow looks again right before he writes and pushes.
        let pressed = self.is_pressed();
        let slow = pressed && !self.is_ahead() && due && self.core.desk().waits();
        let wanted = match self.look {
            Look::First => true,
            Look::OnTime => slow || (now >= self.next_fetch && !self.is_ahead()),
            Look::JustNow => false,
        };
        if wanted && self.waits_until(now).is_none() {
            self.trip = Some(Trip::fetch(&self.core, &self.remote));
            return Ok(());
        }
        if !due || self.look == Look::First {
            return Ok(());
        }
        let heads = publish::unpublished(&self.core)?;
        if heads.is_empty() {
            return Ok(());
        }
        lock(&self.core.pushes).take(now, self.pace);
        let freely = self.pace.is_zero() && !self.suspects.searching();
        let turn_back = if pressed {
            now + CHAIN
        } else {
            self.next_fetch
        };
        let turn_back = freely.then_some(turn_back);
        self.trip = Some(Trip::push(&self.core, &self.remote, heads, turn_back));
        Ok(())
    }

    /// How long there is nothing to do with the remote, if that is known.
    pub(super) fn idle(&self) -> Option<Duration> {
        if self.trip.is_some() {
            return None;
        }
        let now = Instant::now();
        let fetch = match self.look {
            Look::First => now,
            _ => self.next_fetch,
        };
        let fetch = fetch.max(self.waits_until(now).unwrap_or(now));
        let fetch = fetch.saturating_duration_since(now);
        match self.due_in(now) {
            due if due.is_zero() => Some(fetch),
            due => Some(due.min(fetch)),
        }
    }

    /// Waits for what is under way.
    pub(super) async fn end(self) {
        if let Some(trip) = self.trip {
            trip.end().await;
        }
    }

    /// Until when the remote is left alone, after a failure or a lost race.
    fn waits_until(&self, now: Instant) -> Option<Instant> {
        self.back_off.until(now).max(self.contention.until(now))
    }

    /// How long until the next push is allowed.
    fn due_in(&self, now: Instant) -> Duration {
        let paced = lock(&self.core.pushes).due_in(now);
        let until = self.waits_until(now);
        let wait = until.map_or(Duration::ZERO, |it| it.saturating_duration_since(now));
        wait.max(paced)
    }

    /// What a push came to.
    fn pushed(
        &mut self,
        outcome: Result<PushOutcome, RemoteError>,
        took: Duration,
    ) -> Result<(), PusherError> {
        self.core.metrics.pushed(word(&outcome), took);
        match outcome {
            Ok(PushOutcome::Pushed) => {
                self.contention.won(Instant::now(), took);
                self.arrived()
            }
            Ok(PushOutcome::LostRace { references }) => {
                let carried = self.core.desk().unpublished().len();
                self.contention.lost(Instant::now(), random_share());
                tracing::info!(
                    ?references,
                    carried,
                    "somebody else pushed first; deriving again on their tip"
                );
                self.look = Look::First;
                Ok(())
            }
            Ok(PushOutcome::Denied { refusals, said }) => {
                let words = words(&refusals, &said);
                let carried = self.core.desk().unpublished();
                let verdict = self.suspects.refused(&carried, &words);
                self.follow(verdict, &words)
            }
            Ok(PushOutcome::TimedOut) => {
                self.unknown(
                    "the push timed out; the remote is looked at before it is tried again",
                );
                Ok(())
            }
            Ok(PushOutcome::Unreachable { detail }) => {
                self.unknown(&format!("the remote cannot be reached: {detail}"));
                Ok(())
            }
            Err(error) => {
                self.unknown(&error.to_string());
                Ok(())
            }
        }
    }

    /// What is unpublished of ours is on the remote.
    fn arrived(&mut self) -> Result<(), PusherError> {
        let carried = self.core.desk().unpublished();
        for guilty in self.suspects.passed(&carried) {
            tracing::warn!(change = %guilty.change, "the remote refuses this change; others pass");
            outcome::refused_by_remote(&self.core, &guilty)?;
        }
        self.back_off.passed();
        if !self.suspects.searching() {
            self.settled();
        }
        Ok(())
    }

    /// What a refusal leads to.
    fn follow(&mut self, verdict: Verdict, words: &str) -> Result<(), PusherError> {
        const WHY: &str = "written again: the remote refused the push that carried it";
        let now = Instant::now();
        let searched = self.suspects.searching();
        if !words.is_empty() {
            let next = if searched {
                "; which change it refuses is found out by pushing less at a time"
            } else {
                "; nothing is lost, and it is tried again"
            };
            self.trouble(format!("the remote refuses our push ({words}){next}"));
        }
        match verdict {
            Verdict::Search => {
                publish::start_over(&self.core, WHY)?;
                if !searched && words.is_empty() {
                    self.settled();
                }
            }
            Verdict::Guilty(guilty) => {
                publish::start_over(&self.core, WHY)?;
                outcome::refused_by_remote(&self.core, &guilty)?;
                if !searched {
                    self.settled();
                }
            }
            Verdict::SearchLater | Verdict::Blocked => {
                self.back_off.failed(now);
            }
        }
        Ok(())
    }

    /// Nothing is known to be wrong with the remote.
    fn settled(&mut self) {
        self.back_off.passed();
        self.refused = false;
        self.core.agreed();
    }

    /// Nobody knows whether a push arrived.
    fn unknown(&mut self, problem: &str) {
        self.look = Look::First;
        self.contention.forget();
        self.back_off.failed(Instant::now());
        self.trouble(problem.to_owned());
    }

    /// What a look at the remote came to; where others wrote, everything unpublished is derived again on their tip.
    fn fetched(&mut self, outcome: Result<(), RemoteError>) -> Result<(), PusherError> {
        let now = Instant::now();
        if let Err(error) = outcome {
            let wait = self.back_off.failed(now);
            self.next_fetch = now + wait.max(self.poll);
            self.core.trouble(error.to_string());
            return Ok(());
        }
        self.next_fetch = now + self.poll;
        self.look = Look::JustNow;
        if publish::has_diverged(&self.core)? {
            publish::start_over(&self.core, "derived again on the new tip")?;
        }
        let nothing_left = publish::unpublished(&self.core)?.is_empty();
        if nothing_left && !self.core.desk().unpublished().is_empty() {
            // A push of which nothing was heard has arrived.
            return self.arrived();
        }
        if !self.refused || (nothing_left && !self.suspects.searching()) {
            self.settled();
        }
        Ok(())
    }

    fn trouble(&mut self, problem: String) {
        tracing::warn!(
            problem,
            "the push did not go through; nothing is lost, it is tried again"
        );
        self.refused = true;
        self.core.trouble(problem);
    }
}

/// A random number from 0 to 1.
fn random_share() -> f64 {
    let mut bytes = [0_u8; 4];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}

/// What a push came to, as one word.
fn word(outcome: &Result<PushOutcome, RemoteError>) -> &'static str {
    match outcome {
        Ok(PushOutcome::Pushed) => "pushed",
        Ok(PushOutcome::LostRace { .. }) => "lost_race",
        Ok(PushOutcome::Denied { .. }) => "denied",
        Ok(PushOutcome::TimedOut) => "timed_out",
        Ok(PushOutcome::Unreachable { .. }) => "unreachable",
        Err(_) => "failed",
    }
}

/// What a server said about a refused push, in one line that is not too long.
fn words(refusals: &[Refusal], said: &str) -> String {
    let reasons = refusals
        .iter()
        .map(|it| format!("{}: {}", it.reference, it.reason));
    let said = (!said.is_empty()).then(|| said.replace('\n', " "));
    let text = reasons.chain(said).collect::<Vec<_>>().join("; ");
    let mut line: String = text.chars().filter(|it| !it.is_control()).collect();
    if let Some((end, _)) = line.char_indices().nth(WORDS) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_becomes_one_short_line() {
        let refusal = |reference: &str| Refusal {
            reference: reference.to_owned(),
            reason: "hook declined".to_owned(),
        };
        let both = [refusal("refs/heads/main"), refusal("refs/heads/deploy/eu")];
        let line =
            "refs/heads/main: hook declined; refs/heads/deploy/eu: hook declined; no such size ask";
        assert_eq!(words(&both, "no such size\nask\u{1b}"), line);
        assert_eq!(words(&[], ""), "");
        let long = words(&[], &"é".repeat(5000));
        assert_eq!(long.chars().count(), WORDS + 1);
    }
}

//! A trip to the remote, beside the writer: one fetch, or one push after the other.
//!
//! A push that passed is followed at once by the next one, of what was written meanwhile: the writer may be busy with a
//! group, and whoever else pushes must not get in between. Must not know: when to go, what an outcome leads to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender, error::TryRecvError};

use super::core::Core;
use super::publish::{self, Heads};
use crate::git::{PushOutcome, Remote, RemoteError};

/// What came of a push or a fetch.
pub(super) enum Outcome {
    /// What a push came to, and how long it took.
    Push(Result<PushOutcome, RemoteError>, Duration),
    /// What a fetch came to.
    Fetch(Result<(), RemoteError>),
}

/// What is heard of a trip.
pub(super) enum News {
    /// Nothing yet.
    None,
    /// This.
    Came(Outcome),
    /// It is over.
    Over,
}

/// A push or a fetch that is under way.
pub(super) struct Trip {
    fetches: bool,
    heard: UnboundedReceiver<Outcome>,
    /// Whether anything was heard of it.
    told: bool,
}

impl Trip {
    /// Sets out to see what the remote has.
    pub(super) fn fetch(core: &Arc<Core>, remote: &Arc<Remote>) -> Self {
        Self::set_out(true, core, remote, |core, remote, told| {
            // Nobody listens any more when the server has stopped.
            let _stopped = told.send(Outcome::Fetch(publish::fetch(core, remote)));
        })
    }

    /// Sets out to push branches; until `turn_back` comes, whatever has landed by the time that a push has passed is
    /// pushed next.
    pub(super) fn push(
        core: &Arc<Core>,
        remote: &Arc<Remote>,
        mut heads: Heads,
        turn_back: Option<Instant>,
    ) -> Self {
        Self::set_out(false, core, remote, move |core, remote, told| {
            while !heads.is_empty() {
                let began = Instant::now();
                let outcome = publish::push(core, remote, heads);
                let passed = matches!(outcome, Ok(PushOutcome::Pushed));
                let heard = told.send(Outcome::Push(outcome, began.elapsed())).is_ok();
                let goes_on = turn_back.is_some_and(|it| Instant::now() < it);
                if !(passed && heard && goes_on) {
                    break;
                }
                core.wake.notify_one();
                // What cannot be read now is read by the writer, which says why.
                heads = publish::unpublished(core).unwrap_or_default();
            }
        })
    }

    /// Does something beside the writer, and wakes it at the end.
    fn set_out(
        fetches: bool,
        core: &Arc<Core>,
        remote: &Arc<Remote>,
        trip: impl FnOnce(&Core, &Remote, &UnboundedSender<Outcome>) + Send + 'static,
    ) -> Self {
        let (told, heard) = mpsc::unbounded_channel();
        let (core, remote) = (core.clone(), remote.clone());
        tokio::task::spawn_blocking(move || {
            trip(&core, &remote, &told);
            drop(told);
            core.wake.notify_one();
        });
        Self {
            fetches,
            heard,
            told: false,
        }
    }

    /// Whether it is a fetch.
    pub(super) fn fetches(&self) -> bool {
        self.fetches
    }

    /// Hears what came of it meanwhile.
    pub(super) fn hear(&mut self) -> News {
        match self.heard.try_recv() {
            Ok(outcome) => {
                self.told = true;
                News::Came(outcome)
            }
            Err(TryRecvError::Empty) => News::None,
            Err(TryRecvError::Disconnected) => News::Over,
        }
    }

    /// Whether anything was heard of it.
    pub(super) fn has_told(&self) -> bool {
        self.told
    }

    /// Waits for the end of what is under way; nothing follows it.
    pub(super) async fn end(mut self) {
        self.heard.close();
        while self.heard.recv().await.is_some() {}
    }
}

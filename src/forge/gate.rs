//! The gate that every call passes: waits until the budget lets it through.
//!
//! Must not know: what a call says, or how it is sent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::ForgeError;
use super::budget::{Ask, Budget, Heard, Ticket, Wait};
use super::clock::Clock;
use crate::domain::forge::{BudgetView, Priority};

/// The budget, and the way to wait for it.
#[derive(Debug)]
pub(super) struct Gate {
    budget: Mutex<Budget>,
    moved: Notify,
    clock: Clock,
}

/// The right to make one call. It ends with the answer, or when it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    gate: Arc<Gate>,
    ask: Ask,
    over: bool,
}

/// A place in the queue, given up when the caller goes away.
struct Place<'a>(&'a Gate, Ticket);

/// How long a call waits for its turn; who would wait for longer is told at once, and comes again.
pub(super) fn patience(priority: Priority) -> SignedDuration {
    SignedDuration::from_secs(match priority {
        Priority::Merge | Priority::Open => 60,
        Priority::Comment => 30,
        Priority::Poll => 10,
    })
}

impl Gate {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            budget: Mutex::new(Budget::new()),
            moved: Notify::new(),
            clock,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn view(&self) -> BudgetView {
        self.budget().view(self.now())
    }

    /// Waits for the call's turn.
    ///
    /// # Errors
    /// `Limited` as soon as it is known that the turn does not come before `deadline`.
    pub(super) async fn pass(
        self: &Arc<Self>,
        ask: Ask,
        deadline: Timestamp,
    ) -> Result<Permit, ForgeError> {
        let place = Place(self, self.budget().join(ask));
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            let Some(nap) = self.try_pass(place.1, deadline)? else {
                let gate = Arc::clone(self);
                let over = false;
                return Ok(Permit { gate, ask, over });
            };
            // Either way there is another look.
            let _ = tokio::time::timeout(nap, moved).await;
        }
    }

    /// None when it is let through, else for how long to wait.
    fn try_pass(
        &self,
        ticket: Ticket,
        deadline: Timestamp,
    ) -> Result<Option<Duration>, ForgeError> {
        let now = self.now();
        let mut budget = self.budget();
        let Err(wait) = budget.take(ticket, now) else {
            drop(budget);
            // There may be room for another one.
            self.moved.notify_waiters();
            return Ok(None);
        };
        let until = budget.forecast(ticket, now);
        if until > deadline || now >= deadline {
            let until = until.max(now + SignedDuration::from_secs(1));
            return Err(ForgeError::Limited { until });
        }
        let nap = self.clock.nap();
        let Wait::Until(due) = wait else {
            return Ok(Some(nap));
        };
        let due = Duration::try_from(due.duration_since(now)).unwrap_or(nap);
        Ok(Some(due.min(nap)))
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn over(&self, ask: Ask, heard: Option<&Heard>) {
        self.budget().done(ask, self.now(), heard);
        self.moved.notify_waiters();
    }
}

impl Permit {
    pub(super) fn now(&self) -> Timestamp {
        self.gate.now()
    }

    /// The call was answered.
    pub(super) fn answered(mut self, heard: &Heard) {
        self.over = true;
        self.gate.over(self.ask, Some(heard));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.over {
            self.gate.over(self.ask, None);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.budget().leave(self.1);
        self.0.moved.notify_waiters();
    }
}

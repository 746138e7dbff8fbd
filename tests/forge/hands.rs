//! A clock that moves when a test says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fleetwright::forge::Clock;
use jiff::{SignedDuration, Timestamp};

/// Its hands. It shows the real time when it is made.
#[derive(Clone)]
pub(crate) struct Hands(Arc<AtomicI64>);

impl Default for Hands {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(Timestamp::now().as_millisecond())))
    }
}

impl Hands {
    /// The clock.
    pub(crate) fn clock(&self) -> Clock {
        let hands = Arc::clone(&self.0);
        Clock::of(move || {
            Timestamp::UNIX_EPOCH + SignedDuration::from_millis(hands.load(Ordering::SeqCst))
        })
    }

    /// Moves them on.
    pub(crate) fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(by, Ordering::SeqCst);
    }

    /// Waits until they have come that far.
    pub(crate) async fn reach(&self, time: Timestamp) {
        while self.0.load(Ordering::SeqCst) < time.as_millisecond() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

//! Where the adapter reads the time: one place, so that a test can move the hands.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

/// Says what time it is.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    nap: Duration,
}

impl Clock {
    /// A clock of somebody's own, that may run ahead of this machine's timers.
    pub fn of(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            now: Arc::new(now),
            nap: Duration::from_millis(5),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// After how long a wait looks at the clock again: it may have been set.
    pub(super) fn nap(&self) -> Duration {
        self.nap
    }
}

impl Default for Clock {
    /// This machine's.
    fn default() -> Self {
        Self {
            nap: Duration::from_secs(1),
            ..Self::of(Timestamp::now)
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

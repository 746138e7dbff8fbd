//! When to try again, and how much at a time. Pure: the time is an argument.

use std::time::{Duration, Instant};

/// The first wait after a failure.
const FIRST: Duration = Duration::from_secs(2);
/// The longest.
const LONGEST: Duration = Duration::from_mins(1);

/// Waits that double with every failure and end with the first success.
#[derive(Debug, Default)]
pub(super) struct BackOff {
    wait: Option<Duration>,
    until: Option<Instant>,
}

impl BackOff {
    /// It failed: returns how long to wait from now.
    pub(super) fn failed(&mut self, now: Instant) -> Duration {
        let wait = self.wait.map_or(FIRST, |it| (it * 2).min(LONGEST));
        self.wait = Some(wait);
        self.until = Some(now + wait);
        wait
    }

    /// It passed: the next failure waits for the shortest time again.
    pub(super) fn passed(&mut self) {
        *self = Self::default();
    }

    /// Until when to wait, if the time has not come.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|it| *it > now)
    }
}

/// How much one push carries while others push as well.
///
/// Who derives much on a tip finds it moved when he pushes. So every lost race halves what the next push carries, down
/// to one entry, and every push that passes doubles it, until there is no limit again.
#[derive(Debug, Default)]
pub(super) struct Contention(Option<usize>);

impl Contention {
    /// Above this there is no limit: a group is bounded by its time.
    const FREE: usize = 1000;

    /// How many entries the next push may carry; none when nobody is in the way.
    pub(super) fn limit(&self) -> Option<usize> {
        self.0
    }

    /// A push of so many entries lost its race.
    pub(super) fn lost(&mut self, carried: usize) {
        let carried = self.0.map_or(carried, |limit| carried.min(limit));
        self.0 = Some((carried / 2).clamp(1, Self::FREE));
    }

    /// A push passed.
    pub(super) fn won(&mut self) {
        self.0 = self
            .0
            .map(|limit| limit * 2)
            .filter(|limit| *limit <= Self::FREE);
    }

    /// Something else is in the way.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_start_again_after_a_success() {
        let now = Instant::now();
        let mut back_off = BackOff::default();
        assert_eq!(back_off.until(now), None);
        let waits: Vec<u64> = (0..7).map(|_| back_off.failed(now).as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60]);
        let end = now + LONGEST;
        assert_eq!(back_off.until(now), Some(end));
        assert_eq!(back_off.until(end), None);
        back_off.passed();
        assert_eq!(back_off.until(now), None);
        assert_eq!(back_off.failed(now), FIRST);
    }

    #[test]
    fn lost_races_halve_a_push_and_won_ones_double_it() {
        let mut contention = Contention::default();
        contention.won();
        assert_eq!(contention.limit(), None);
        let lost = |contention: &mut Contention, carried| {
            contention.lost(carried);
            contention.limit()
        };
        let limits: Vec<_> = [5000, 300, 150, 3, 1, 1]
            .map(|carried| lost(&mut contention, carried))
            .to_vec();
        assert_eq!(limits, [1000, 150, 75, 1, 1, 1].map(Some));
        let mut won = 0;
        while contention.limit().is_some() {
            contention.won();
            won += 1;
        }
        assert_eq!(won, 10, "from one entry to no limit");
        contention.lost(8);
        contention.forget();
        assert_eq!(contention.limit(), None);
    }
}

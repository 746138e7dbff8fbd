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

/// How much is written at a time while others push as well.
///
/// Who derives much on a tip finds it moved when he pushes. So a group is halved when it lost a race, and every push that
/// passes lets it grow a little, until there is no limit again. Whoever lost has to look at the remote first, which takes
/// most of his time: his next tries carry less and less, and once one has passed he goes on with groups as before.
#[derive(Debug, Default)]
pub(super) struct Contention {
    /// How many entries a group has while we are ahead.
    size: Option<usize>,
    /// Races lost in a row while we were not.
    misses: u32,
    /// When a push of ours passed, if none has lost since.
    won: Option<Instant>,
    /// Since the last lost race: until when to let others pass before the next try begins.
    next_try: Option<Instant>,
}

impl Contention {
    /// Above this there is no limit: a group is bounded by its time.
    const FREE: usize = 1000;
    /// How long those who lost to us need at least until they have pushed to a remote that is not next door.
    const AHEAD: Duration = Duration::from_secs(1);

    /// How many entries the next group may have; none when nobody is in the way.
    pub(super) fn limit(&self) -> Option<usize> {
        let misses = self.misses.min(usize::BITS - 1);
        self.size.map(|size| (size >> misses).max(1))
    }

    /// Whether others are in the way, and the remote's tip was ours a moment ago.
    pub(super) fn is_ahead(&self, now: Instant) -> bool {
        let recent = |won: Instant| now.saturating_duration_since(won) < Self::AHEAD;
        self.size.is_some() && self.won.is_some_and(recent)
    }

    /// Until when to let others pass, if the time has not come.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        self.next_try.filter(|it| *it > now)
    }

    /// A push of so many entries lost its race.
    ///
    /// Two who need the same time for a try may go on losing to each other in step. So whoever loses again waits for
    /// `share` (a random number from 0 to 1) of the time that his last try took.
    pub(super) fn lost(&mut self, carried: usize, now: Instant, share: f64) {
        match self.size {
            Some(_) if self.won.is_none() => self.misses += 1,
            size => {
                let half = size.unwrap_or(carried) / 2;
                self.size = Some(half.clamp(1, Self::FREE));
            }
        }
        self.won = None;
        let began = self.next_try.unwrap_or(now);
        let took = now.saturating_duration_since(began);
        let wait = took.min(LONGEST).mul_f64(share.clamp(0.0, 1.0));
        self.next_try = Some(now + wait);
    }

    /// A push passed.
    pub(super) fn won(&mut self, now: Instant) {
        self.won = Some(now);
        self.next_try = None;
        self.misses = 0;
        let more = self.size.map(|size| size + size / 16 + 1);
        self.size = more.filter(|size| *size <= Self::FREE);
    }

    /// Something else is in the way.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
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
    fn lost_races_halve_a_group_and_won_ones_let_it_grow_again() {
        let now = Instant::now();
        let mut contention = Contention::default();
        contention.won(now);
        assert_eq!(contention.limit(), None);
        assert!(!contention.is_ahead(now), "of nobody");
        let limits = [5000, 300, 150, 3].map(|carried| {
            contention.lost(carried, now, 0.0);
            contention.limit()
        });
        assert_eq!(limits, [1000, 500, 250, 125].map(Some));
        for _ in 0..99 {
            contention.lost(1, now, 0.0);
        }
        assert_eq!(contention.limit(), Some(1));
        // in again, he goes on as before, and a race lost then is lost by the group's size
        contention.won(now);
        assert_eq!(
            contention.limit(),
            None,
            "1000 were too few to be in the way"
        );
        contention.lost(200, now, 0.0);
        contention.lost(1, now, 0.0);
        assert_eq!(contention.limit(), Some(50));
        contention.won(now);
        assert_eq!(contention.limit(), Some(107));
        contention.lost(1, now, 0.0);
        assert_eq!(contention.limit(), Some(53));
        let mut won = 0;
        while contention.limit().is_some() {
            contention.won(now);
            won += 1;
        }
        assert_eq!(won, 46, "until there is no limit");
        contention.lost(8, now, 1.0);
        assert!(!contention.is_ahead(now));
        contention.won(now);
        assert!(contention.is_ahead(now));
        assert!(!contention.is_ahead(now + Contention::AHEAD));
        contention.forget();
        assert_eq!(contention.limit(), None);
    }

    #[test]
    fn who_loses_again_waits_for_a_share_of_what_his_try_took() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let mut contention = Contention::default();
        contention.lost(8, now, 1.0);
        assert_eq!(
            contention.until(now),
            None,
            "the first time he tries at once"
        );
        let later = now + second;
        contention.lost(8, later, 0.5);
        assert_eq!(contention.until(later), Some(later + second / 2));
        // the wait itself is no part of the next try
        let last = later + second / 2 + second;
        contention.lost(8, last, 1.0);
        assert_eq!(contention.until(last), Some(last + second));
        contention.won(last);
        assert_eq!(contention.until(last), None);
    }
}

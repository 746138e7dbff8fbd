//! When to try again, and how long to write for it. Pure: the time is an argument.

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

/// When the remote takes the next push. Main, deploy branches and proposals share what it takes.
#[derive(Debug, Default)]
pub(super) struct PushSlots {
    next: Option<Instant>,
}

impl PushSlots {
    /// How long until the next push.
    pub(super) fn due_in(&self, now: Instant) -> Duration {
        self.next
            .map_or(Duration::ZERO, |it| it.saturating_duration_since(now))
    }

    /// Takes the next slot, and tells when it comes.
    pub(super) fn take(&mut self, now: Instant, pace: Duration) -> Instant {
        let at = self.next.map_or(now, |it| it.max(now));
        self.next = Some(at + pace);
        at
    }
}

/// How long is written for a push while others push as well.
///
/// Who writes for long on a tip finds it moved when he pushes. Whoever lost a race has to look at the remote before he can
/// try again, which takes more time than a push: so who won pushes again at once, on what he wrote meanwhile, and stays
/// ahead as long as he writes for less time than a push takes.
#[derive(Debug, Default)]
pub(super) struct Contention {
    /// How long a push takes that carries little: the shortest of late.
    push: Option<Duration>,
    /// When the last race was lost.
    lost: Option<Instant>,
    /// When a push of ours passed, if none has lost since.
    won: Option<Instant>,
    /// Since the last lost race, if no push has passed: when the next try begins.
    next_try: Option<Instant>,
}

impl Contention {
    /// When no race was lost for so long, nobody is in the way any more. Longer where pushes are rare.
    const CALM: Duration = Duration::from_mins(1);

    /// How long the next group may be written; none when nobody is in the way. `pace` is the least time between two pushes.
    pub(super) fn limit(&self, now: Instant, pace: Duration) -> Option<Duration> {
        let lost = now.saturating_duration_since(self.lost?);
        if lost > Self::CALM.max(pace * 4) {
            return None;
        }
        let push = self.push.unwrap_or_default();
        Some(if self.is_ahead(now) {
            push / 4
        } else {
            push / 16
        })
    }

    /// Whether a race was lost and the remote's tip was ours a moment ago: too short for the others to push.
    pub(super) fn is_ahead(&self, now: Instant) -> bool {
        let moment = self.push.unwrap_or_default() * 2;
        let recent = |won: Instant| now.saturating_duration_since(won) < moment;
        self.lost.is_some() && self.won.is_some_and(recent)
    }

    /// Until when not to try again, if the time has not come.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        self.next_try.filter(|it| *it > now)
    }

    /// A push lost its race.
    ///
    /// Two who need the same time for a try may go on losing to each other in step. So whoever loses again waits for
    /// `share` (a random number from 0 to 1) of the time that his last try took.
    pub(super) fn lost(&mut self, now: Instant, share: f64) {
        let began = self.next_try.unwrap_or(now);
        let took = now.saturating_duration_since(began).min(LONGEST);
        self.next_try = Some(now + took.mul_f64(share.clamp(0.0, 1.0)));
        self.lost = Some(now);
        self.won = None;
    }

    /// A push passed, and took so long.
    pub(super) fn won(&mut self, now: Instant, took: Duration) {
        self.won = Some(now);
        self.next_try = None;
        self.push = Some(self.push.map_or(took, |push| took.min(push * 9 / 8)));
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
    fn who_lost_a_race_writes_little_for_a_push_until_nobody_is_in_the_way() {
        let (second, pace) = (Duration::from_secs(1), Duration::ZERO);
        let now = Instant::now();
        let mut contention = Contention::default();
        assert_eq!(contention.limit(now, pace), None);
        contention.won(now, second);
        assert_eq!(contention.limit(now, pace), None, "nobody is in the way");
        assert!(!contention.is_ahead(now), "of nobody");
        contention.lost(now, 0.0);
        assert_eq!(contention.limit(now, pace), Some(second / 16));
        assert!(!contention.is_ahead(now));
        contention.won(now, second);
        assert!(contention.is_ahead(now));
        assert_eq!(contention.limit(now, pace), Some(second / 4));
        // others had the time to push
        assert!(!contention.is_ahead(now + second * 2));
        assert_eq!(contention.limit(now + second * 2, pace), Some(second / 16));
        let later = now + Contention::CALM + second;
        assert_eq!(contention.limit(later, pace), None);
        assert!(
            contention.limit(later, second * 20).is_some(),
            "pushes are rare"
        );
        contention.forget();
        assert_eq!(contention.limit(now, pace), None);
        contention.lost(now, 0.0);
        assert_eq!(
            contention.limit(now, pace),
            Some(Duration::ZERO),
            "one entry"
        );
    }

    #[test]
    fn who_loses_again_waits_for_a_share_of_what_his_try_took() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let mut contention = Contention::default();
        contention.lost(now, 1.0);
        assert_eq!(contention.until(now), None, "at first he tries at once");
        let later = now + second;
        contention.lost(later, 0.5);
        assert_eq!(contention.until(later), Some(later + second / 2));
        // the wait itself is no part of the next try
        let last = later + second / 2 + second;
        contention.lost(last, 1.0);
        assert_eq!(contention.until(last), Some(last + second));
        contention.won(last, second);
        assert_eq!(contention.until(last), None);
    }
}

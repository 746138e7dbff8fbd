//! How long to leave the forge alone after it said that we ask too much. Pure: the time is an argument.
//!
//! Without a time in the answer GitHub wants at least a minute, and more each time. Must not know: calls.

use jiff::{SignedDuration, Timestamp};

use crate::domain::forge::Pause;

/// The least wait where the answer names none.
const FIRST: SignedDuration = SignedDuration::from_mins(1);
/// The longest such wait.
const LONGEST: SignedDuration = SignedDuration::from_mins(30);

/// Pauses, longer each time until something passes.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    current: Option<Pause>,
    strikes: u32,
    /// Whether it was a write that was refused: then reads that pass say nothing.
    by_write: bool,
}

impl Pauses {
    /// A call was refused. `after` is how long to wait, where the answer said that.
    pub(super) fn refused(
        &mut self,
        now: Timestamp,
        after: Option<SignedDuration>,
        write: bool,
        why: &str,
    ) {
        let grown = (FIRST * (1 << self.strikes.min(10))).min(LONGEST);
        let until = now + after.unwrap_or(grown);
        self.strikes += 1;
        self.by_write = write;
        if self.until(now).is_none_or(|it| it < until) {
            let why = why.to_owned();
            self.current = Some(Pause { until, why });
        }
    }

    /// A call passed.
    pub(super) fn passed(&mut self, write: bool) {
        if write || !self.by_write {
            self.strikes = 0;
        }
    }

    /// Until when nothing is sent.
    pub(super) fn until(&self, now: Timestamp) -> Option<Timestamp> {
        self.current(now).map(|it| it.until)
    }

    /// The pause that runs.
    pub(super) fn current(&self, now: Timestamp) -> Option<&Pause> {
        self.current.as_ref().filter(|it| it.until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("a time")
    }

    #[test]
    fn what_the_answer_says_is_kept() {
        let mut pauses = Pauses::default();
        pauses.refused(at(0), Some(SignedDuration::from_secs(7)), true, "slow down");
        let pause = pauses.current(at(6)).expect("a pause");
        assert_eq!((pause.until, pause.why.as_str()), (at(7), "slow down"));
        assert_eq!(pauses.until(at(7)), None);
    }

    #[test]
    fn without_a_time_waits_grow_until_a_write_passes() {
        let mut pauses = Pauses::default();
        let mut now = 0;
        for wait in [60, 120, 240, 480, 960, 1_800, 1_800] {
            pauses.refused(at(now), None, true, "");
            assert_eq!(pauses.until(at(now)), Some(at(now + wait)));
            now += wait;
            // that reads pass means nothing
            pauses.passed(false);
        }
        pauses.passed(true);
        pauses.refused(at(now), None, true, "");
        assert_eq!(pauses.until(at(now)), Some(at(now + 60)));
    }

    #[test]
    fn a_shorter_pause_does_not_end_a_longer_one() {
        let mut pauses = Pauses::default();
        pauses.refused(at(0), None, false, "");
        pauses.refused(at(1), Some(SignedDuration::from_secs(1)), false, "");
        assert_eq!(pauses.until(at(2)), Some(at(60)));
    }
}

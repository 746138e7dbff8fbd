//! A sliding window: how much was done in the last minute or hour. Pure: the time is an argument.
//!
//! Must not know: what is counted.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

/// What was done in the last while, and how much of it is allowed.
#[derive(Debug)]
pub(super) struct Window {
    span: SignedDuration,
    most: u32,
    used: u32,
    marks: VecDeque<(Timestamp, u32)>,
}

impl Window {
    /// A window of that length, in which that much is allowed.
    pub(super) fn new(span: SignedDuration, most: u32) -> Self {
        Self {
            span,
            most,
            used: 0,
            marks: VecDeque::new(),
        }
    }

    /// Notes that something of that weight is done now.
    pub(super) fn add(&mut self, now: Timestamp, weight: u32) {
        self.marks.push_back((now, weight));
        self.used += weight;
    }

    /// Says that the newest was done only now.
    pub(super) fn retime(&mut self, now: Timestamp) {
        if let Some(newest) = self.marks.back_mut() {
            newest.0 = newest.0.max(now);
        }
    }

    /// Lets go of what is too old.
    pub(super) fn expire(&mut self, now: Timestamp) {
        // A clock that was set back must not make waits longer than the window is.
        for mark in self.marks.iter_mut().rev().take_while(|it| it.0 > now) {
            mark.0 = now;
        }
        while let Some((at, weight)) = self.marks.front().copied() {
            if at + self.span > now {
                break;
            }
            self.used -= weight;
            self.marks.pop_front();
        }
    }

    /// How much is left.
    pub(super) fn left(&self) -> u32 {
        self.most.saturating_sub(self.used)
    }

    /// When something of that weight may be done after something else of the weight `ahead`, if no more than `percent`
    /// of what is allowed may be used up.
    pub(super) fn free_at(
        &self,
        now: Timestamp,
        weight: u32,
        ahead: u32,
        percent: u32,
    ) -> Timestamp {
        let most = self.most * percent / 100;
        let mut over = (self.used + ahead + weight).saturating_sub(most);
        if over == 0 {
            return now;
        }
        for (at, weight) in &self.marks {
            over = over.saturating_sub(*weight);
            if over == 0 {
                return *at + self.span;
            }
        }
        // Those ahead fill the window themselves: not before it has passed once.
        now + self.span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("a time")
    }

    #[test]
    fn the_next_is_free_when_the_oldest_has_left() {
        // given 3 in 60 s, of which all are used, at 0, 10 and 20
        let mut window = Window::new(SignedDuration::from_secs(60), 3);
        for second in [0, 10, 20] {
            assert_eq!(window.free_at(at(second), 1, 0, 100), at(second));
            window.add(at(second), 1);
        }
        // when at 30 somebody asks, with so many ahead: then
        for (ahead, free) in [(0, 60), (1, 70), (2, 80), (3, 90)] {
            assert_eq!(window.free_at(at(30), 1, ahead, 100), at(free), "{ahead}");
        }
        assert_eq!(window.left(), 0);
        window.expire(at(60));
        assert_eq!(window.left(), 1);
        assert_eq!(window.free_at(at(60), 1, 0, 100), at(60));
    }

    #[test]
    fn a_share_ends_before_the_whole() {
        let mut window = Window::new(SignedDuration::from_secs(60), 10);
        for second in 0..8 {
            window.add(at(second), 1);
        }
        assert_eq!(window.free_at(at(8), 1, 0, 100), at(8));
        assert_eq!(window.free_at(at(8), 1, 0, 80), at(60));
    }

    #[test]
    fn a_clock_set_back_costs_one_span_at_most() {
        let mut window = Window::new(SignedDuration::from_secs(60), 1);
        window.add(at(3_600), 1);
        window.expire(at(0));
        assert_eq!(window.free_at(at(0), 1, 0, 100), at(60));
    }
}

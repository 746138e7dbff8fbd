//! A sliding window: the moments that still count, each for as long as the window is.
//!
//! A bucket that refills (GCRA) is smaller, but lets nearly twice the count pass in one span of time; a moment is
//! eight bytes, and there are never more of them than the limit.

use jiff::{SignedDuration, Timestamp};

use super::Rule;

/// The moments of one limit and one caller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window(Vec<Timestamp>);

impl Window {
    /// Counts one.
    pub fn push(&mut self, at: Timestamp) {
        self.0.push(at);
    }

    /// Takes one back that was counted at a moment.
    pub fn remove(&mut self, at: Timestamp) {
        if let Some(place) = self.0.iter().rposition(|it| *it == at) {
            self.0.remove(place);
        }
    }

    /// How many count now; the others are forgotten.
    pub fn used(&mut self, per: SignedDuration, now: Timestamp) -> u32 {
        for at in &mut self.0 {
            // The clock was put back: what came later then counts from now on, and not until its old time has come.
            *at = (*at).min(now);
        }
        self.0.retain(|at| now.duration_since(*at) < per);
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// When more is left than now. That is when the oldest one ends; of more than the limit (it was lowered), so many
    /// have to end that there is room for one.
    pub fn resets_at(&mut self, rule: Rule, now: Timestamp) -> Option<Timestamp> {
        let used = self.used(rule.per, now);
        self.0.sort_unstable();
        let over = usize::try_from(used.saturating_sub(rule.count)).unwrap_or(usize::MAX);
        let at = self.0.get(over)?;
        Some(at.saturating_add(rule.per).unwrap_or(Timestamp::MAX))
    }
}

//! The last phase that was known, for as long as the cluster cannot be seen.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Phase, Status};

/// A phase that a store was seen in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastKnown {
    /// The phase; never Unknown.
    pub phase: Phase,
    /// Since when it was seen in it.
    pub at: Timestamp,
}

impl LastKnown {
    /// What is known after a store was found in a phase: the same for as long as the phase stays, or is not known.
    pub fn after(before: Option<Self>, found: Phase, now: Timestamp) -> Option<Self> {
        match before {
            _ if found == Phase::Unknown => before,
            Some(known) if known.phase == found => before,
            _ => Some(Self {
                phase: found,
                at: now,
            }),
        }
    }
}

impl Status {
    /// A status that cannot be known says what was known last. Nothing else takes from it: what was may have passed.
    #[must_use]
    pub fn with_last_known(mut self, known: Option<LastKnown>) -> Self {
        if let (Phase::Unknown, Some(known)) = (self.phase, known) {
            let LastKnown { phase, at } = known;
            self.message
                .push_str(&format!("; it was last known to be {phase}, since {at:.0}"));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a moment")
    }

    #[test]
    fn what_was_known_last_stays_until_something_else_is_known() {
        let mut known = None;
        for (second, found, phase, since) in [
            (1, Phase::Unknown, None, 0),
            (2, Phase::Ready, Some(Phase::Ready), 2),
            (3, Phase::Ready, Some(Phase::Ready), 2),
            (4, Phase::Unknown, Some(Phase::Ready), 2),
            (5, Phase::Ready, Some(Phase::Ready), 2),
            (6, Phase::Degraded, Some(Phase::Degraded), 6),
        ] {
            known = LastKnown::after(known, found, at(second));
            let expected = phase.map(|phase| LastKnown {
                phase,
                at: at(since),
            });
            assert_eq!(known, expected, "at {second}");
        }
    }

    #[test]
    fn only_an_unknown_phase_tells_of_the_one_before() {
        let known = Some(LastKnown {
            phase: Phase::Ready,
            at: at(0),
        });
        let told = |phase| {
            let status = Status::new(phase, "R", "m", "");
            status.with_last_known(known).message
        };
        assert_eq!(
            told(Phase::Unknown),
            "m; it was last known to be Ready, since 1970-01-01T00:00:00Z"
        );
        assert_eq!(told(Phase::Failed), "m");
    }
}

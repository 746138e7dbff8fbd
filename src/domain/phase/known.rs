//! How a store was, for as long as nobody sees how it is: its cluster is away, or somebody holds it by hand.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::SUSPENDED_IN_CLUSTER;
use super::{Phase, Status};

/// A phase that a store was seen in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastKnown {
    /// The phase; never Unknown.
    pub phase: Phase,
    /// The newest reason of it; empty where it was noted by a version that kept none.
    #[serde(default)]
    pub reason: String,
    /// Since when it was seen in that phase.
    pub at: Timestamp,
}

impl LastKnown {
    /// What is known after a store was found with a status: the same for as long as nothing is known of it.
    pub fn after(before: Option<Self>, found: &Status, now: Timestamp) -> Option<Self> {
        if found.phase == Phase::Unknown {
            return before;
        }
        let same = before.filter(|it| it.phase == found.phase);
        Some(Self {
            phase: found.phase,
            reason: found.reason.clone(),
            at: same.map_or(now, |it| it.at),
        })
    }

    /// Whether a status says the same.
    pub fn is(&self, status: &Status) -> bool {
        self.phase == status.phase && self.reason == status.reason
    }
}

/// What is remembered of a store's phases: for while its cluster cannot be seen, and for while somebody holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// The phase it was last seen in.
    pub known: Option<LastKnown>,
    /// While it is suspended by hand, the one before that.
    pub held: Option<LastKnown>,
}

impl Memory {
    /// What is remembered at a status. `off`: Git wants the shop off, so that Suspended may be what it was before.
    #[must_use]
    pub fn at(self, status: &Status, off: bool) -> Self {
        let known = self.known.clone();
        let before = known.filter(|it| off || it.phase != Phase::Suspended);
        let held = match status.phase {
            Phase::Unknown => self.held,
            _ if by_hand(status) => self.held.or(before),
            _ => None,
        };
        Self { held, ..self }
    }

    /// What a status itself does not say: none unless the cluster cannot be seen, or somebody holds the store.
    pub fn beside(&self, status: &Status) -> Option<&LastKnown> {
        match status.phase {
            Phase::Unknown => self.known.as_ref(),
            _ if by_hand(status) => self.held.as_ref(),
            _ => None,
        }
    }
}

fn by_hand(status: &Status) -> bool {
    status.phase == Phase::Suspended && status.reason == SUSPENDED_IN_CLUSTER
}

impl Status {
    /// A status that does not say how the store is says how it was. Nothing else takes from it: that may have passed.
    #[must_use]
    pub fn with_memory(mut self, memory: &Memory) -> Self {
        if let Some(LastKnown { phase, at, .. }) = memory.beside(&self) {
            let was = if self.phase == Phase::Unknown {
                "it was last known to be"
            } else {
                "before that it was"
            };
            self.message
                .push_str(&format!("; {was} {phase}, since {at:.0}"));
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

    fn was(phase: Phase, second: i64) -> LastKnown {
        LastKnown {
            phase,
            reason: "R".to_owned(),
            at: at(second),
        }
    }

    fn held() -> Status {
        Status::new(Phase::Suspended, SUSPENDED_IN_CLUSTER, "m", "")
    }

    fn of(phase: Phase) -> Status {
        Status::new(phase, "R", "m", "")
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
            known = LastKnown::after(known, &of(found), at(second));
            assert_eq!(known, phase.map(|it| was(it, since)), "at {second}");
        }
    }

    #[test]
    fn who_holds_a_store_does_not_hide_how_it_was() {
        let mut memory = Memory::default();
        // a lost index finds it held and does not know how it was before
        let steps = [
            (1, held(), false, None),
            (2, held(), false, None),
            (3, of(Phase::Degraded), false, None),
            (4, held(), false, Some(was(Phase::Degraded, 3))),
            (5, held(), false, Some(was(Phase::Degraded, 3))),
            (6, of(Phase::Unknown), false, Some(was(Phase::Suspended, 4))),
            (7, held(), false, Some(was(Phase::Degraded, 3))),
            (8, of(Phase::Ready), false, None),
            (9, held(), false, Some(was(Phase::Ready, 8))),
            (10, of(Phase::Suspended), true, None),
            (11, held(), true, Some(was(Phase::Suspended, 9))),
        ];
        for (second, status, off, expected) in steps {
            memory = memory.at(&status, off);
            let (phase, since) = (memory.beside(&status)).map(|it| (it.phase, it.at)).unzip();
            let told = expected.map(|it| (it.phase, it.at)).unzip();
            assert_eq!((phase, since), told, "at {second}");
            memory.known = LastKnown::after(memory.known, &status, at(second));
        }
    }

    #[test]
    fn a_status_that_says_nothing_of_the_store_says_how_it_was() {
        let memory = Memory {
            known: Some(was(Phase::Ready, 0)),
            held: Some(was(Phase::Degraded, 0)),
        };
        let since = "since 1970-01-01T00:00:00Z";
        for (status, told) in [
            (
                of(Phase::Unknown),
                format!("m; it was last known to be Ready, {since}"),
            ),
            (held(), format!("m; before that it was Degraded, {since}")),
            (of(Phase::Suspended), "m".to_owned()),
            (of(Phase::Failed), "m".to_owned()),
        ] {
            assert_eq!(status.with_memory(&memory).message, told);
        }
    }
}

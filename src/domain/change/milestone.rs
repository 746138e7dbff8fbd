//! The steps of a change on its way to a shop that answers, each with its moment.
//!
//! States say where a change is; milestones say how long each part of the way took, the parts in the cluster included.
//! Must not know: who reaches them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::State;

/// A step on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MilestoneName {
    /// The request is in the journal.
    Accepted,
    /// A commit carries it, here or on its proposal's branch.
    Committed,
    /// Its commits are at the remote.
    Pushed,
    /// People are asked.
    Proposed,
    /// People agreed.
    Approved,
    /// It is on published main, and on the deploy branch.
    Merged,
    /// The cluster has fetched its deploy commit.
    Fetched,
    /// Flux has looked at what was applied.
    Applied,
    /// The `HelmRelease` is Ready for it.
    Installed,
    /// All workloads are ready, where any are seen.
    WorkloadsReady,
    /// The shop answers, where it is asked.
    Answering,
}

impl MilestoneName {
    /// The word, as in JSON and in labels of figures.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Committed => "committed",
            Self::Pushed => "pushed",
            Self::Proposed => "proposed",
            Self::Approved => "approved",
            Self::Merged => "merged",
            Self::Fetched => "fetched",
            Self::Applied => "applied",
            Self::Installed => "installed",
            Self::WorkloadsReady => "workloadsReady",
            Self::Answering => "answering",
        }
    }

    fn of(state: State) -> Option<Self> {
        match state {
            State::Written => Some(Self::Committed),
            State::Proposed => Some(Self::Proposed),
            State::Approved => Some(Self::Approved),
            State::Merged => Some(Self::Merged),
            State::Applied => Some(Self::Applied),
            _ => None,
        }
    }
}

/// A step that a change has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Milestone {
    /// Which.
    pub name: MilestoneName,
    /// When this server saw it reached; never before the one that stands before it.
    pub at: Timestamp,
}

/// The milestones of a change, in the order in which they were reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Milestones(Vec<Milestone>);

impl Milestones {
    /// Those of a change that has just been accepted.
    pub fn begin(now: Timestamp) -> Self {
        let name = MilestoneName::Accepted;
        Self(vec![Milestone { name, at: now }])
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Milestone> {
        self.0.iter()
    }

    /// When a step was reached, if it was.
    pub fn at(&self, name: MilestoneName) -> Option<Timestamp> {
        self.0.iter().find(|it| it.name == name).map(|it| it.at)
    }

    /// Notes that a step is reached, unless it was before. A clock that was set back does not turn the order round.
    pub fn reach(&mut self, name: MilestoneName, now: Timestamp) {
        if self.at(name).is_none() {
            let at = self.0.last().map_or(now, |last| last.at.max(now));
            self.0.push(Milestone { name, at });
        }
    }

    /// Follows a change into a state. What is done once more counts from then: the attempt before came to nothing.
    pub(super) fn enter(&mut self, state: State, now: Timestamp) {
        use MilestoneName::{Committed, Pushed};
        if state == State::Queued {
            self.0.retain(|it| !matches!(it.name, Committed | Pushed));
        }
        let Some(name) = MilestoneName::of(state) else {
            return;
        };
        if let Some(before) = self.0.iter().position(|it| it.name == name) {
            self.0.truncate(before);
        }
        self.reach(name, now);
    }

    /// Each step after the first with the seconds since the one before it.
    pub fn seconds(&self) -> impl Iterator<Item = (MilestoneName, f64)> {
        self.0.windows(2).map(|pair| {
            let took = pair[1].at.duration_since(pair[0].at);
            (pair[1].name, took.as_secs_f64())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::MilestoneName::{
        Accepted, Applied, Approved, Committed, Fetched, Merged, Proposed, Pushed,
    };
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a moment")
    }

    fn names(milestones: &Milestones) -> Vec<MilestoneName> {
        milestones.iter().map(|it| it.name).collect()
    }

    #[test]
    fn each_way_of_a_change_leaves_its_milestones_in_order() {
        use State::{Merged as InMain, Proposed as Asked, Queued, Written};
        let ways: [(&[State], &[MilestoneName]); 4] = [
            (&[Written, InMain], &[Accepted, Committed, Merged]),
            (
                &[Written, Asked, State::Approved, InMain],
                &[Accepted, Committed, Proposed, Approved, Merged],
            ),
            (
                &[Asked, State::Approved, Written, InMain],
                &[Accepted, Proposed, Approved, Committed, Merged],
            ),
            (
                &[Asked, State::Approved, Asked, State::Approved, Queued],
                &[Accepted, Proposed, Approved],
            ),
        ];
        for (states, expected) in ways {
            let mut milestones = Milestones::begin(at(0));
            for (second, state) in (1..).zip(states) {
                milestones.enter(*state, at(second));
            }
            assert_eq!(names(&milestones), expected, "{states:?}");
        }
    }

    #[test]
    fn what_is_done_again_counts_from_the_last_time() {
        let mut milestones = Milestones::begin(at(0));
        milestones.enter(State::Written, at(1));
        milestones.reach(Pushed, at(2));
        milestones.enter(State::Queued, at(3));
        assert_eq!(names(&milestones), [Accepted]);
        milestones.enter(State::Written, at(9));
        assert_eq!(milestones.at(Committed), Some(at(9)));
    }

    #[test]
    fn a_step_is_reached_once_and_never_before_the_one_before_it() {
        let mut milestones = Milestones::begin(at(10));
        milestones.reach(Fetched, at(5));
        milestones.reach(Fetched, at(20));
        milestones.reach(Applied, at(13));
        assert_eq!(milestones.at(Fetched), Some(at(10)));
        let seconds: Vec<_> = milestones.seconds().collect();
        assert_eq!(seconds, [(Fetched, 0.0), (Applied, 3.0)]);
    }

    #[test]
    fn names_are_the_same_in_json_and_in_figures() {
        for name in [Accepted, Proposed, MilestoneName::WorkloadsReady] {
            let json = serde_json::to_string(&name).expect("a word");
            assert_eq!(json, format!("\"{}\"", name.as_str()));
        }
    }
}

//! One accepted request and its life, from queued to its end.
//!
//! Must not know: who drives it on. [`Change::go`] is the only way a state changes, and refuses what cannot follow.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ChangeId, CommitId, StoreName, Uid};

mod milestone;

pub use milestone::{Milestone, MilestoneName, Milestones};

/// What a change does to its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// A new store.
    Create,
    /// Fields of the spec.
    Update,
    /// Another chart version.
    Upgrade,
    /// The shop goes off, its data stays.
    Suspend,
    /// The shop comes back.
    Resume,
    /// The spec of an earlier commit.
    Rollback,
    /// Flux tries again.
    Retry,
    /// The store and its data go.
    Delete,
}

impl Action {
    /// The word, as in JSON and in trailers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Upgrade => "upgrade",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Rollback => "rollback",
            Self::Retry => "retry",
            Self::Delete => "delete",
        }
    }

    /// The action of a trailer's word.
    pub fn parse(word: &str) -> Option<Self> {
        serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
    }
}

/// Where a change is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ChangeState")]
pub enum State {
    /// Accepted and in the journal.
    Queued,
    /// A commit exists locally or on its branch.
    Written,
    /// Waits for people.
    Proposed,
    /// People agreed.
    Approved,
    /// Reachable from published main, with the deploy commit that carries it.
    Merged,
    /// Flux has it.
    Applied,
    /// The goal of the action is reached. An end.
    Ready,
    /// People said no. An end.
    Rejected,
    /// It could not be done. An end.
    Failed,
    /// A later change of the same store overtook it. An end.
    Superseded,
    /// Taken back before it was merged. An end.
    Cancelled,
}

impl State {
    /// The word, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Written => "written",
            Self::Proposed => "proposed",
            Self::Approved => "approved",
            Self::Merged => "merged",
            Self::Applied => "applied",
            Self::Ready => "ready",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing follows.
    pub fn is_end(self) -> bool {
        matches!(
            self,
            Self::Ready | Self::Rejected | Self::Failed | Self::Superseded | Self::Cancelled
        )
    }

    /// Whether the change is on the published branch, or past it.
    pub fn is_merged(self) -> bool {
        matches!(self, Self::Merged | Self::Applied | Self::Ready)
    }

    /// Whether `next` may follow. Ends are final; a written change goes back to queued when its race was lost.
    pub fn may_become(self, next: Self) -> bool {
        use State::{
            Applied, Approved, Failed, Merged, Proposed, Queued, Ready, Superseded, Written,
        };
        if self.is_end() {
            return false;
        }
        match next {
            Queued => matches!(self, Written | Approved),
            Written => matches!(self, Queued | Approved),
            // Back to the people: what they agreed to is not what would be written.
            Proposed => matches!(self, Queued | Written | Approved),
            Approved => self == Proposed,
            Merged => matches!(self, Queued | Written | Approved),
            Applied => self == Merged,
            Ready => matches!(self, Queued | Merged | Applied),
            Failed | Superseded => true,
            State::Rejected | State::Cancelled => !self.is_merged(),
        }
    }
}

/// Why a change failed, in words for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeError {
    /// One word for programs (`PolicyViolation`, `InstallFailed`, …).
    pub reason: String,
    /// What happened, and where.
    pub message: String,
    /// What to do next.
    pub next_step: String,
}

/// One step of a change's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ChangeStep")]
pub struct Step {
    /// The state reached.
    pub state: State,
    /// When.
    pub at: Timestamp,
    /// What a reader wants to know about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The pull request that carries a change. Filled by the forge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// Where people see it.
    pub url: String,
    /// `open`, `closed` or `merged`.
    pub state: String,
}

/// One accepted request, as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Its identity.
    pub id: ChangeId,
    /// The store it is about.
    pub store: StoreName,
    /// The store's uid.
    pub uid: Uid,
    /// What it does.
    pub action: Action,
    /// Where it is.
    pub state: State,
    /// Who asked.
    pub requester: String,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When its state last changed.
    pub updated_at: Timestamp,
    /// Until when it should be ready; counted from merged.
    pub deadline: Option<Timestamp>,
    /// The commit on published main; null until it is there.
    pub commit: Option<CommitId>,
    /// The pull request, where one carries it.
    pub pull_request: Option<PullRequest>,
    /// What it waits for, as a sentence; null when it ended.
    pub waiting_for: Option<String>,
    /// Whether there was nothing to change.
    pub noop: bool,
    /// The change that overtook it.
    pub superseded_by: Option<ChangeId>,
    /// The states so far.
    pub timeline: Vec<Step>,
    /// The steps on the way to a shop that answers, each with its moment. A change of an older version has none.
    #[serde(default)]
    pub milestones: Milestones,
    /// When Helm first deployed the release, as it stood when this change last found the store ready. What was
    /// deployed afresh since then has another moment, and none of the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_deployed: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<ChangeError>,
}

impl Change {
    /// A change that has just been accepted.
    pub fn queued(
        id: ChangeId,
        store: StoreName,
        uid: Uid,
        action: Action,
        requester: String,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            store,
            uid,
            action,
            state: State::Queued,
            requester,
            created_at: now,
            updated_at: now,
            deadline: None,
            commit: None,
            pull_request: None,
            waiting_for: Some("the writer".to_owned()),
            noop: false,
            superseded_by: None,
            timeline: vec![Step {
                state: State::Queued,
                at: now,
                detail: None,
            }],
            milestones: Milestones::begin(now),
            first_deployed: None,
            error: None,
        }
    }

    /// Moves on to `next` where that may follow, and tells whether it did.
    pub fn go(&mut self, next: State, now: Timestamp, detail: Option<String>) -> bool {
        if !self.state.may_become(next) {
            return false;
        }
        self.state = next;
        self.updated_at = now;
        self.milestones.enter(next, now);
        self.waiting_for = match next {
            State::Queued => Some("the writer".to_owned()),
            State::Written => Some("the push to the fleet repository".to_owned()),
            State::Proposed => Some("approval".to_owned()),
            State::Merged => Some("Flux to apply it".to_owned()),
            State::Applied => Some("the store to become ready".to_owned()),
            _ => None,
        };
        self.timeline.push(Step {
            state: next,
            at: now,
            detail,
        });
        true
    }

    /// Ends as failed, with the reason.
    pub fn fail(&mut self, error: ChangeError, now: Timestamp) -> bool {
        let moved = self.go(State::Failed, now, Some(error.message.clone()));
        if moved {
            self.error = Some(error);
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_final_and_merged_changes_cannot_be_cancelled() {
        let all = [
            State::Queued,
            State::Written,
            State::Merged,
            State::Applied,
            State::Ready,
            State::Failed,
        ];
        for end in [
            State::Ready,
            State::Rejected,
            State::Failed,
            State::Superseded,
            State::Cancelled,
        ] {
            assert!(all.iter().all(|next| !end.may_become(*next)), "{end:?}");
        }
        assert!(State::Queued.may_become(State::Cancelled));
        assert!(!State::Merged.may_become(State::Cancelled));
        assert!(
            State::Written.may_become(State::Queued),
            "a lost race is derived again"
        );
    }
}

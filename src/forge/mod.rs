//! The forge that hosts the fleet repository: GitHub, asked through octocrab.
//!
//! Every call passes one budget, so that the forge's limits are kept whoever asks. Nothing is sent twice blindly: a
//! write whose answer was lost is [`ForgeError::InDoubt`], and who asked looks first. Must not know: what a change or
//! a store is.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::CommitId;
use crate::domain::forge::{
    CheckReport, Comment, Conclusion, Issue, MergeMethod, MergeOutcome, Pull, PullState, Review,
};

/// Why the forge did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// It was not reached, or answered 5xx, and nothing was written: a read, or a write that never left.
    #[error("GitHub cannot be reached: {0}")]
    Unreachable(String),
    /// The answer to a write was lost: it may have been done.
    #[error("GitHub did not say whether it did it: {0}")]
    InDoubt(String),
    /// There is no such thing, or it may not be seen.
    #[error("GitHub finds nothing there: {0}")]
    NotFound(String),
    /// The identity may not do it.
    #[error("GitHub does not allow it: {0}")]
    Forbidden(String),
    /// The credential is not taken.
    #[error("GitHub does not take our credential: {0}")]
    Unauthorized(String),
    /// What was sent is not valid (422), or clashes with what is there.
    #[error("GitHub refuses it: {0}")]
    Refused(String),
    /// The budget is spent until then.
    #[error("GitHub's limits are used up until {until}")]
    Limited {
        /// When calls are taken again.
        until: Timestamp,
    },
    /// The answer could not be read.
    #[error("GitHub's answer cannot be read: {0}")]
    Unreadable(String),
}

/// What a new pull request says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPull {
    /// Its branch, without `refs/heads/`.
    pub branch: String,
    /// The branch it goes to.
    pub base: String,
    /// Its title.
    pub title: String,
    /// Its text, in Markdown.
    pub body: String,
}

/// The forge, for one repository. Cheap to clone.
#[derive(Clone)]
pub struct Forge(Arc<Inner>);

struct Inner {}

impl Forge {
    /// The credential for git's own program. Fresh enough for one fetch or push.
    pub async fn token(&self) -> Result<String, ForgeError> {
        unimplemented!()
    }

    /// Pull requests of one branch of ours, in any state, newest first.
    pub async fn pulls_of(&self, branch: &str) -> Result<Vec<Pull>, ForgeError> {
        unimplemented!()
    }
    /// All open pull requests that go to `base`; none where nothing changed since the last time (`ETag`).
    pub async fn open_pulls(&self, base: &str) -> Result<Option<Vec<Pull>>, ForgeError> {
        unimplemented!()
    }
    /// One pull request.
    pub async fn pull(&self, number: u64) -> Result<Pull, ForgeError> {
        unimplemented!()
    }
    /// Opens a pull request.
    pub async fn open(&self, new: &NewPull) -> Result<Pull, ForgeError> {
        unimplemented!()
    }
    /// Changes title, text or state of a pull request.
    pub async fn edit(
        &self,
        number: u64,
        title: Option<&str>,
        body: Option<&str>,
        state: Option<PullState>,
    ) -> Result<Pull, ForgeError> {
        unimplemented!()
    }
    /// Asks people and teams for reviews. Names the forge does not know are left out, and returned.
    pub async fn request_reviews(
        &self,
        number: u64,
        people: &[String],
        teams: &[String],
    ) -> Result<Vec<String>, ForgeError> {
        unimplemented!()
    }
    /// Adds labels.
    pub async fn label(&self, number: u64, labels: &[String]) -> Result<(), ForgeError> {
        unimplemented!()
    }
    /// All reviews of a pull request, oldest first.
    pub async fn reviews(&self, number: u64) -> Result<Vec<Review>, ForgeError> {
        unimplemented!()
    }
    /// The paths that a pull request changes.
    pub async fn files(&self, number: u64) -> Result<Vec<String>, ForgeError> {
        unimplemented!()
    }
    /// Publishes a check of our own, or a commit status where the identity may make no checks.
    pub async fn report(&self, commit: &CommitId, report: &CheckReport) -> Result<(), ForgeError> {
        unimplemented!()
    }
    /// How the checks and statuses of a commit stand, by name, ours and others'.
    pub async fn checks(&self, commit: &CommitId) -> Result<Vec<(String, Conclusion)>, ForgeError> {
        unimplemented!()
    }
    /// Merges a pull request whose head is still `head`.
    pub async fn merge(
        &self,
        number: u64,
        head: &CommitId,
        method: MergeMethod,
        title: &str,
        message: &str,
    ) -> Result<MergeOutcome, ForgeError> {
        unimplemented!()
    }
    /// Has the forge merge it by itself as soon as its rules allow.
    pub async fn arm_auto_merge(
        &self,
        pull: &Pull,
        method: MergeMethod,
    ) -> Result<MergeOutcome, ForgeError> {
        unimplemented!()
    }
    /// Takes that back.
    pub async fn disarm_auto_merge(&self, pull: &Pull) -> Result<(), ForgeError> {
        unimplemented!()
    }
    /// Puts it into the merge queue.
    pub async fn enqueue(&self, pull: &Pull) -> Result<MergeOutcome, ForgeError> {
        unimplemented!()
    }
    /// Deletes a branch; done as well where there is none.
    pub async fn delete_branch(&self, branch: &str) -> Result<(), ForgeError> {
        unimplemented!()
    }

    /// Whether an account may write to the repository.
    pub async fn may_write(&self, login: &str) -> Result<bool, ForgeError> {
        unimplemented!()
    }
    /// The account numbers of a team's members; the team by its slug.
    pub async fn team(&self, slug: &str) -> Result<Vec<u64>, ForgeError> {
        unimplemented!()
    }

    /// Comments of an issue or pull request, oldest first.
    pub async fn comments(&self, number: u64) -> Result<Vec<Comment>, ForgeError> {
        unimplemented!()
    }
    /// One comment.
    pub async fn comment(&self, id: u64) -> Result<Comment, ForgeError> {
        unimplemented!()
    }
    /// Writes a comment; its number.
    pub async fn say(&self, number: u64, body: &str) -> Result<u64, ForgeError> {
        unimplemented!()
    }
    /// Writes a comment anew.
    pub async fn say_again(&self, id: u64, body: &str) -> Result<(), ForgeError> {
        unimplemented!()
    }
    /// Reacts to a comment (`+1`, `-1`, `eyes`, …).
    pub async fn react(&self, comment: u64, reaction: &str) -> Result<(), ForgeError> {
        unimplemented!()
    }
    /// One issue.
    pub async fn issue(&self, number: u64) -> Result<Issue, ForgeError> {
        unimplemented!()
    }
    /// Open issues with a label, oldest first; none where nothing changed since the last time.
    pub async fn issues(&self, label: &str) -> Result<Option<Vec<Issue>>, ForgeError> {
        unimplemented!()
    }
    /// Closes an issue.
    pub async fn close_issue(&self, number: u64, done: bool) -> Result<(), ForgeError> {
        unimplemented!()
    }
}

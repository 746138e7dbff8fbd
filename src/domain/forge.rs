//! What a forge knows, in words of ours: people, pull requests, reviews, checks and what it tells by webhook.
//!
//! Plain data that the adapter fills and the workflow decides by. Must not know: GitHub's own shapes, or how it is
//! asked. Facts: GitHub's REST description (<https://docs.github.com/rest>).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::CommitId;

/// An account at the forge. Its number stays when the account is renamed, so identities go by that.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Account {
    /// The number.
    pub id: u64,
    /// The name people know it by, without `@`.
    pub login: String,
    /// Whether it is an App or another program.
    pub bot: bool,
}

/// Where a pull request is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PullState {
    /// It waits.
    Open,
    /// It was closed and not merged.
    Closed,
    /// It was merged.
    Merged,
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Its number in the repository.
    pub number: u64,
    /// Its id for GraphQL.
    pub node_id: String,
    /// Its page.
    pub url: String,
    /// Where it is in its life.
    pub state: PullState,
    /// Its title.
    pub title: String,
    /// Who opened it.
    pub author: Account,
    /// The branch it comes from, without `refs/heads/`.
    pub branch: String,
    /// Whether that branch lies in the fleet repository itself; not so for a fork.
    pub own_repository: bool,
    /// The head commit of that branch.
    pub head: CommitId,
    /// The branch it goes to.
    pub base: String,
    /// The commit that merged it.
    pub merge_commit: Option<CommitId>,
    /// Who merged it, where the answer said so.
    pub merged_by: Option<Account>,
    /// Whether the forge can merge it; none while it has not found out, or where the answer does not say.
    pub mergeable: Option<bool>,
    /// The forge's own word for that: `clean`, `blocked`, `behind`, `dirty`, `unstable`, `unknown`, …
    pub merge_state: Option<String>,
    /// Whether auto-merge is armed.
    pub auto_merge: bool,
    /// When anything about it changed last.
    pub updated_at: Timestamp,
}

/// What a review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewState {
    /// Yes.
    Approved,
    /// Not like this.
    ChangesRequested,
    /// Words only: it decides nothing.
    Commented,
    /// Taken back by somebody, or by a rule of the repository.
    Dismissed,
    /// Not handed in yet.
    Pending,
}

/// A review of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Its number.
    pub id: u64,
    /// Whose it is.
    pub by: Account,
    /// What it says.
    pub state: ReviewState,
    /// The head commit that was looked at.
    pub commit: Option<CommitId>,
    /// When it was handed in.
    pub at: Timestamp,
}

/// How a check or a commit status ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// It is not over.
    Pending,
    /// Well.
    Success,
    /// Badly.
    Failure,
    /// Nobody is held up by it.
    Neutral,
}

/// One line at fault, for a check to point at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// The file.
    pub path: String,
    /// Its line, from 1.
    pub line: u32,
    /// What is wrong, and what to do.
    pub message: String,
}

/// A check that we publish on a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// Its name, such as `fleetwright/render`.
    pub name: &'static str,
    /// How it ended.
    pub conclusion: Conclusion,
    /// One line.
    pub title: String,
    /// More, in Markdown.
    pub summary: String,
    /// Lines at fault.
    pub annotations: Vec<Annotation>,
}

/// How a pull request is merged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MergeMethod {
    /// A merge commit over the commits as they are: our signatures stay.
    #[default]
    Merge,
    /// One commit of the forge's.
    Squash,
    /// The same commits, made again by the forge.
    Rebase,
}

/// What became of an attempt to merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeOutcome {
    /// It is merged, as this commit.
    Merged(CommitId),
    /// It was put into the merge queue, or the forge merges it when its rules allow.
    Queued,
    /// The head is another than the one that was decided on (409).
    HeadMoved,
    /// The forge does not merge it now, and says why (405).
    NotMergeable(String),
}

/// A comment on a pull request or an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Its number.
    pub id: u64,
    /// Whose it is.
    pub by: Account,
    /// Its text as it is now.
    pub body: String,
    /// Whether it was changed after it was written.
    pub edited: bool,
}

/// An issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Its number.
    pub number: u64,
    /// Who opened it.
    pub author: Account,
    /// Its title.
    pub title: String,
    /// Its text as it is now.
    pub body: String,
    /// Whether its text was changed after it was opened, where the answer said so.
    pub edited: bool,
    /// Whether it is open.
    pub open: bool,
    /// Its labels.
    pub labels: Vec<String>,
}

/// What a webhook hints at. It is looked up again before anything follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "about")]
pub enum Hint {
    /// A pull request: opened, closed, reviewed, pushed to.
    Pull {
        /// Its number.
        number: u64,
    },
    /// Checks or statuses of a commit.
    Commit {
        /// The commit.
        sha: CommitId,
    },
    /// A branch moved.
    Push {
        /// The full name of the reference.
        reference: String,
    },
    /// A comment was written.
    Comment {
        /// The issue or pull request.
        number: u64,
        /// The comment.
        comment: u64,
        /// Its text when it was written.
        body: String,
    },
    /// An issue was opened.
    Issue {
        /// Its number.
        number: u64,
        /// Its text when it was opened.
        body: String,
    },
    /// What the App may do changed.
    Installation,
}

//! What a forge knows, in words of ours: people, pull requests, reviews, checks and what it tells by webhook.
//!
//! Plain data that the adapter fills and the workflow decides by. Must not know: GitHub's own shapes, or how it is
//! asked. Facts: GitHub's REST description (<https://docs.github.com/rest>).

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
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
    /// Whether a merge waits for it.
    pub urgent: bool,
}

impl CheckReport {
    /// One that a single line says all of, and that nobody waits for.
    pub fn new(name: &'static str, conclusion: Conclusion, title: impl Into<String>) -> Self {
        Self {
            name,
            conclusion,
            title: title.into(),
            summary: String::new(),
            annotations: Vec::new(),
            urgent: false,
        }
    }

    /// The same, where a merge waits for it.
    #[must_use]
    pub fn urgent(self) -> Self {
        Self {
            urgent: true,
            ..self
        }
    }
}

/// How a pull request is merged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Auto-merge was asked for where there is nothing to wait for any more: merge it.
    MergeDirectly,
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
    /// Whether it is open.
    pub open: bool,
    /// Its labels.
    pub labels: Vec<String>,
}

/// What a call to the forge is for, the most urgent first. Where the forge's limits are short, this is the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// To merge or close, and what that is decided by.
    Merge,
    /// To open a proposal, or find one again.
    Open,
    /// To comment, label, or publish a check.
    Comment,
    /// To see whether anything changed.
    Poll,
}

impl Priority {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Merge, Self::Open, Self::Comment, Self::Poll];

    /// The word that metrics and `/api/health` have for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Open => "open",
            Self::Comment => "comment",
            Self::Poll => "poll",
        }
    }
}

/// How many requests an hour the forge takes, as it last said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Of how many.
    pub limit: u32,
    /// How many are left.
    pub remaining: u32,
    /// When there are `limit` again.
    pub resets_at: Timestamp,
}

/// Why nothing is sent for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Until when.
    pub until: Timestamp,
    /// What the forge said.
    pub why: String,
}

/// How much of the forge's limits is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetView {
    /// Requests, REST; none before the first answer, or where the forge has no such limit.
    pub rest: Option<Quota>,
    /// Points, GraphQL; none likewise.
    pub graphql: Option<Quota>,
    /// How many calls that create content may still be made in this minute.
    pub content_minute: u32,
    /// How many in this hour.
    pub content_hour: u32,
    /// Calls that wait for their turn.
    pub waiting: Vec<(Priority, usize)>,
    /// Set while the forge wants to be left alone.
    pub paused: Option<Pause>,
}

/// How bad a finding of `serve --check` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Something will not work as one may expect.
    Warning,
    /// The bot cannot do its work.
    Stops,
}

impl Severity {
    /// The word that a finding begins with.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Stops => "stops",
        }
    }
}

/// What `serve --check` found out about the forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What is the matter, and what to do about it.
    pub sentence: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity.as_str(), self.sentence)
    }
}

/// The word for anything that happened to a review.
pub const REVIEW: &str = "review";

/// What a webhook hints at. It is looked up again before anything follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "about")]
pub enum Hint {
    /// A pull request: opened, closed, reviewed, pushed to.
    Pull {
        /// Its number.
        number: u64,
        /// What happened to it, in the forge's word; empty where that is not known.
        #[serde(default)]
        action: String,
        /// Its head, where the forge said.
        #[serde(default)]
        head: Option<CommitId>,
    },
    /// Checks or statuses of a commit.
    Commit {
        /// The commit.
        sha: CommitId,
    },
    /// The merge queue made a group, and waits for its checks.
    Group {
        /// The head of the group.
        sha: CommitId,
        /// The pull request that it ends with.
        number: u64,
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

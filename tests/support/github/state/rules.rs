//! Settings of the repository and rules of its branches.

use super::accounts::Role;
use super::{World, pulls::Method};

/// Settings of the repository, by their names in the REST API.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "GitHub has that many")]
pub(crate) struct Settings {
    pub(crate) allow_merge_commit: bool,
    pub(crate) allow_squash_merge: bool,
    pub(crate) allow_rebase_merge: bool,
    pub(crate) allow_auto_merge: bool,
    pub(crate) delete_branch_on_merge: bool,
    /// `PR_TITLE` or `COMMIT_OR_PR_TITLE`.
    pub(crate) squash_merge_commit_title: String,
    /// `PR_BODY`, `COMMIT_MESSAGES` or `BLANK`.
    pub(crate) squash_merge_commit_message: String,
    pub(crate) has_issues: bool,
    pub(crate) archived: bool,
    /// Entries of the merge queue are merged at once, and not when the test says so.
    pub(crate) queue_at_once: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow_merge_commit: true,
            allow_squash_merge: true,
            allow_rebase_merge: true,
            allow_auto_merge: true,
            delete_branch_on_merge: false,
            squash_merge_commit_title: "COMMIT_OR_PR_TITLE".to_owned(),
            squash_merge_commit_message: "COMMIT_MESSAGES".to_owned(),
            has_issues: true,
            archived: false,
            queue_at_once: false,
        }
    }
}

impl Settings {
    /// Whether a method is allowed.
    pub(crate) fn allows(&self, method: Method) -> bool {
        match method {
            Method::Merge => self.allow_merge_commit,
            Method::Squash => self.allow_squash_merge,
            Method::Rebase => self.allow_rebase_merge,
        }
    }
}

/// Rules of one branch. The default has none.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "GitHub has that many")]
pub(crate) struct Rules {
    /// A ruleset, and not a classic branch protection.
    pub(crate) ruleset: bool,
    /// Only pull requests change it.
    pub(crate) pull_request: bool,
    /// How many must approve.
    pub(crate) approvals: usize,
    /// Approvals are dismissed when the head moves.
    pub(crate) dismiss_stale: bool,
    /// The last pusher's approval does not count.
    pub(crate) last_push_approval: bool,
    /// Checks or statuses that must be well.
    pub(crate) checks: Vec<String>,
    /// The head must hold the base.
    pub(crate) strict: bool,
    pub(crate) linear_history: bool,
    /// Commits must be signed with a key that GitHub knows.
    pub(crate) signatures: bool,
    pub(crate) merge_queue: bool,
    /// No forced pushes, no deletion.
    pub(crate) fixed: bool,
    /// Logins that no rule holds.
    pub(crate) bypass: Vec<String>,
}

impl Rules {
    /// Whether there is any.
    pub(crate) fn any(&self) -> bool {
        self.pull_request
            || self.approvals > 0
            || !self.checks.is_empty()
            || self.linear_history
            || self.signatures
            || self.merge_queue
            || self.fixed
    }
}

impl World {
    /// Whether somebody is on the list of those that no rule holds.
    pub(crate) fn bypasses(&self, rules: &Rules, by: u64) -> bool {
        let login = &self.account(by).login;
        rules.bypass.contains(login)
    }

    /// Whether somebody may write to the repository.
    pub(crate) fn writes(&self, by: u64) -> bool {
        self.role(by) >= Role::Write
    }
}

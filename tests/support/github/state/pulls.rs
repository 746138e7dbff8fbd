//! Pull requests, their reviews, and the merge queue.

use std::collections::BTreeSet;

use jiff::Timestamp;

/// A pull request.
#[derive(Debug, Clone)]
pub(crate) struct Pull {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) author: u64,
    pub(crate) open: bool,
    pub(crate) draft: bool,
    /// The owner of the fork it comes from; none where it comes from the repository itself.
    pub(crate) fork: Option<u64>,
    pub(crate) branch: String,
    pub(crate) head: String,
    /// Who pushed the head last.
    pub(crate) pushed_by: u64,
    pub(crate) base: String,
    /// The base's head: as it is while open, as it was at the merge.
    pub(crate) base_sha: String,
    pub(crate) labels: Vec<String>,
    pub(crate) reviewers: BTreeSet<u64>,
    pub(crate) teams: BTreeSet<String>,
    pub(crate) reviews: Vec<Review>,
    pub(crate) auto_merge: Option<AutoMerge>,
    pub(crate) merged: Option<Merged>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) closed_at: Option<Timestamp>,
    pub(crate) closed_by: Option<u64>,
    /// The base and head for which it was found out whether it can be merged.
    pub(crate) tested: Option<(String, String)>,
    /// The commit that GitHub makes to find out; it merges nothing.
    pub(crate) test_merge: Option<String>,
}

/// How a pull request ended well.
#[derive(Debug, Clone)]
pub(crate) struct Merged {
    pub(crate) commit: String,
    pub(crate) by: u64,
    pub(crate) at: Timestamp,
}

/// What auto-merge will do.
#[derive(Debug, Clone)]
pub(crate) struct AutoMerge {
    pub(crate) by: u64,
    pub(crate) method: Method,
    pub(crate) title: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) at: Timestamp,
}

/// How to merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Merge,
    Squash,
    Rebase,
}

impl Method {
    /// Its name in the REST API; GraphQL writes it in capitals.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }

    /// Reads the name in either API.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let all = [Self::Merge, Self::Squash, Self::Rebase];
        all.into_iter()
            .find(|it| it.name().eq_ignore_ascii_case(name))
    }
}

/// A review.
#[derive(Debug, Clone)]
pub(crate) struct Review {
    pub(crate) id: u64,
    pub(crate) by: u64,
    /// `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED`, `DISMISSED`, `PENDING`.
    pub(crate) state: &'static str,
    pub(crate) body: String,
    pub(crate) commit: String,
    pub(crate) at: Option<Timestamp>,
}

/// A pull request in the merge queue.
#[derive(Debug, Clone)]
pub(crate) struct QueueEntry {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) by: u64,
    pub(crate) at: Timestamp,
    /// The base the group was made on, and the commit that would become the base.
    pub(crate) base: String,
    pub(crate) head: String,
    /// Its temporary branch.
    pub(crate) branch: String,
}

impl Pull {
    /// The newest review of each person that says yes or no.
    pub(crate) fn verdicts(&self) -> Vec<&Review> {
        let mut latest: Vec<&Review> = Vec::new();
        for review in &self.reviews {
            if ["COMMENTED", "PENDING"].contains(&review.state) {
                continue;
            }
            latest.retain(|it| it.by != review.by);
            latest.push(review);
        }
        latest.retain(|it| it.state != "DISMISSED");
        latest
    }

    /// Where the branch is, as `owner:branch` says it.
    pub(crate) fn is_from(&self, owner: u64, branch: &str) -> bool {
        self.branch == branch && self.fork.unwrap_or(super::OWNER) == owner
    }

    /// Whether it comes from the repository itself.
    pub(crate) fn is_own(&self) -> bool {
        self.fork.is_none()
    }

    /// `merge_commit_sha`: of a merged one the commit, of an open one GitHub's test merge, which merges nothing.
    pub(crate) fn merge_commit(&self) -> Option<&String> {
        let merged = self.merged.as_ref().map(|it| &it.commit);
        merged.or(self.test_merge.as_ref())
    }
}

//! GitHub's answers, as far as they are read: what is not needed is passed over, so that old and partial answers do.
//!
//! Must not know: how they were asked for.

use jiff::Timestamp;
use serde::Deserialize;

use crate::domain::CommitId;
use crate::domain::forge::{Account, Comment, Issue, Pull, PullState, Review, ReviewState};

/// An account. It is null where the account is gone.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) login: String,
    #[serde(rename = "type", default)]
    kind: String,
}

/// Nobody's account: GitHub shows `ghost` for one that is gone, whose number is not told.
fn ghost() -> Account {
    Account {
        id: 0,
        login: "ghost".to_owned(),
        bot: false,
    }
}

pub(super) fn account(user: Option<User>) -> Account {
    user.map_or_else(ghost, Account::from)
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        let bot = user.kind == "Bot" || user.login.ends_with("[bot]");
        Self {
            id: user.id,
            login: user.login,
            bot,
        }
    }
}

/// A pull request, alone or in a list.
#[derive(Debug, Deserialize)]
pub(super) struct PullShape {
    number: u64,
    node_id: String,
    html_url: String,
    state: String,
    title: String,
    user: Option<User>,
    head: Side,
    base: Side,
    merge_commit_sha: Option<String>,
    merged_at: Option<Timestamp>,
    merged_by: Option<User>,
    mergeable: Option<bool>,
    mergeable_state: Option<String>,
    auto_merge: Option<serde_json::Value>,
    updated_at: Timestamp,
}

#[derive(Debug, Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    branch: String,
    sha: CommitId,
    repo: Option<RepoId>,
}

#[derive(Debug, Deserialize)]
struct RepoId {
    id: u64,
}

impl From<PullShape> for Pull {
    fn from(it: PullShape) -> Self {
        let state = match (it.merged_at, it.state.as_str()) {
            (Some(_), _) => PullState::Merged,
            (None, "open") => PullState::Open,
            _ => PullState::Closed,
        };
        // Of one that is not merged it is a commit that GitHub made to try it.
        let merge_commit = it.merge_commit_sha.filter(|_| state == PullState::Merged);
        let own_repository = match (&it.head.repo, &it.base.repo) {
            (Some(head), Some(base)) => head.id == base.id,
            _ => false,
        };
        Self {
            number: it.number,
            node_id: it.node_id,
            url: it.html_url,
            state,
            title: it.title,
            author: account(it.user),
            branch: it.head.branch,
            own_repository,
            head: it.head.sha,
            base: it.base.branch,
            merge_commit: merge_commit.and_then(|it| it.parse().ok()),
            merged_by: it.merged_by.map(Account::from),
            mergeable: it.mergeable,
            merge_state: it.mergeable_state,
            auto_merge: it.auto_merge.is_some(),
            updated_at: it.updated_at,
        }
    }
}

/// A review. One that is not handed in has no time.
#[derive(Debug, Deserialize)]
pub(super) struct ReviewShape {
    id: u64,
    user: Option<User>,
    state: String,
    commit_id: Option<String>,
    submitted_at: Option<Timestamp>,
}

impl From<ReviewShape> for Review {
    fn from(it: ReviewShape) -> Self {
        let state = match it.state.to_ascii_uppercase().as_str() {
            "APPROVED" => ReviewState::Approved,
            "CHANGES_REQUESTED" => ReviewState::ChangesRequested,
            "DISMISSED" => ReviewState::Dismissed,
            "PENDING" => ReviewState::Pending,
            _ => ReviewState::Commented,
        };
        Self {
            id: it.id,
            by: account(it.user),
            state,
            commit: it.commit_id.and_then(|it| it.parse().ok()),
            at: it.submitted_at.unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }
}

/// A comment on an issue or pull request.
#[derive(Debug, Deserialize)]
pub(super) struct CommentShape {
    id: u64,
    user: Option<User>,
    body: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<CommentShape> for Comment {
    fn from(it: CommentShape) -> Self {
        Self {
            id: it.id,
            by: account(it.user),
            body: it.body.unwrap_or_default(),
            edited: it.updated_at != it.created_at,
        }
    }
}

/// An issue, which may be a pull request.
#[derive(Debug, Deserialize)]
pub(super) struct IssueShape {
    number: u64,
    user: Option<User>,
    title: String,
    body: Option<String>,
    state: String,
    labels: Vec<Label>,
    pull_request: Option<serde_json::Value>,
    #[serde(default)]
    closed_by: Option<User>,
}

/// A label: an object, or in old answers its name alone.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Label {
    Object { name: Option<String> },
    Name(String),
}

impl IssueShape {
    pub(super) fn is_pull(&self) -> bool {
        self.pull_request.is_some()
    }

    pub(super) fn closed_by(self) -> Option<Account> {
        self.closed_by.map(Account::from)
    }
}

impl From<IssueShape> for Issue {
    fn from(it: IssueShape) -> Self {
        let names = it.labels.into_iter().filter_map(|it| match it {
            Label::Object { name } => name,
            Label::Name(name) => Some(name),
        });
        Self {
            number: it.number,
            author: account(it.user),
            title: it.title,
            body: it.body.unwrap_or_default(),
            open: it.state == "open",
            labels: names.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pull(change: impl FnOnce(&mut Value)) -> Pull {
        let sha = "a".repeat(40);
        let mut body = json!({
            "number": 7, "node_id": "PR_7", "html_url": "https://h/7", "state": "open", "title": "t", "brand_new": 1,
            "user": {"id": 1, "login": "ann", "type": "User"},
            "head": {"ref": "b", "sha": sha, "repo": {"id": 5}}, "base": {"ref": "main", "sha": sha, "repo": {"id": 5}},
            "merge_commit_sha": sha, "merged_at": null, "auto_merge": null, "updated_at": "2026-11-22T01:02:03Z",
        });
        change(&mut body);
        serde_json::from_value::<PullShape>(body)
            .expect("a pull request")
            .into()
    }

    #[test]
    fn a_pull_request_in_a_list_is_enough() {
        let open = pull(|_| ());
        assert_eq!((open.state, open.own_repository), (PullState::Open, true));
        assert_eq!(
            (open.merge_commit, open.mergeable, open.auto_merge),
            (None, None, false)
        );
        let merged = pull(|it| {
            it["state"] = json!("closed");
            it["merged_at"] = json!("2026-11-22T01:02:03Z");
        });
        assert_eq!(merged.state, PullState::Merged);
        assert_eq!(
            merged.merge_commit.map(|it| it.to_string()),
            Some("a".repeat(40))
        );
        assert_eq!(
            pull(|it| it["state"] = json!("closed")).state,
            PullState::Closed
        );
        assert!(pull(|it| it["auto_merge"] = json!({"merge_method": "merge"})).auto_merge);
    }

    #[test]
    fn a_fork_or_a_repository_that_is_gone_is_not_ours() {
        assert!(!pull(|it| it["head"]["repo"]["id"] = json!(6)).own_repository);
        assert!(!pull(|it| it["head"]["repo"] = json!(null)).own_repository);
    }

    #[test]
    fn programs_are_told_from_people() {
        for (user, bot) in [
            (json!({"id": 1, "login": "ann", "type": "User"}), false),
            (json!({"id": 2, "login": "fleet[bot]", "type": "Bot"}), true),
            (json!({"id": 2, "login": "fleet[bot]"}), true),
        ] {
            let user: User = serde_json::from_value(user).expect("a user");
            assert_eq!(Account::from(user).bot, bot);
        }
        assert_eq!(account(None), ghost());
    }

    #[test]
    fn labels_are_read_in_both_shapes() {
        let body = json!({"number": 1, "user": null, "title": "t", "body": null, "state": "open",
            "labels": ["a", {"name": "b", "id": 1}, {"name": null}]});
        let issue: Issue = serde_json::from_value::<IssueShape>(body)
            .expect("an issue")
            .into();
        assert_eq!(issue.labels, ["a", "b"]);
    }
}

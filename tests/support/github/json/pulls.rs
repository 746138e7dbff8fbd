//! Pull requests and reviews.

use serde_json::{Value, json};

use super::super::state::pulls::{AutoMerge, Pull, Review};
use super::super::state::{OWNER, World};
use super::issues::{association, labels};
use super::{accounts, node_id, repository, time};

/// The form of lists.
pub(crate) fn simple(world: &World, it: &Pull) -> Value {
    let api = world.repo_api();
    let url = format!("{api}/pulls/{}", it.number);
    let html = format!("{}/pull/{}", world.repo_html(), it.number);
    let teams = it.teams.iter().filter_map(|slug| world.teams.get(slug));
    let links = links(world, it);
    json!({
        "url": url,
        "id": it.id,
        "node_id": node_id("PR", it.number),
        "html_url": html,
        "diff_url": format!("{html}.diff"),
        "patch_url": format!("{html}.patch"),
        "issue_url": links["issue"]["href"],
        "commits_url": links["commits"]["href"],
        "review_comments_url": links["review_comments"]["href"],
        "review_comment_url": links["review_comment"]["href"],
        "comments_url": links["comments"]["href"],
        "statuses_url": links["statuses"]["href"],
        "number": it.number,
        "state": if it.open { "open" } else { "closed" },
        "locked": false,
        "title": it.title,
        "user": world.user(it.author),
        "body": it.body,
        "created_at": time(it.created_at),
        "updated_at": time(it.updated_at),
        "closed_at": it.closed_at.map(time),
        "merged_at": it.merged.as_ref().map(|it| time(it.at)),
        "merge_commit_sha": it.merge_commit(),
        "assignee": null,
        "assignees": [],
        "requested_reviewers": it.reviewers.iter().map(|id| world.user(*id)).collect::<Vec<_>>(),
        "requested_teams": teams.map(|team| accounts::team(world, team)).collect::<Vec<_>>(),
        "labels": labels(world, &it.labels),
        "milestone": null,
        "draft": it.draft,
        "head": end(world, it.fork.unwrap_or(OWNER), &it.branch, &it.head),
        "base": end(world, OWNER, &it.base, &it.base_sha),
        "_links": links,
        "author_association": association(world, it.author),
        "auto_merge": it.auto_merge.as_ref().map(|it| auto_merge(world, it)),
        "active_lock_reason": null,
    })
}

/// The full form. `mergeable` is `null` while GitHub finds it out.
pub(crate) fn full(world: &World, it: &Pull) -> Value {
    let mut shown = simple(world, it);
    let known = it.tested.as_ref() == Some(&(it.base_sha.clone(), it.head.clone()));
    let (mergeable, state) = if it.open && known {
        world.merge_state(it)
    } else {
        (None, "unknown")
    };
    let commits = world.commits_of(it);
    let files = world.files_of(it);
    let comments = world.comments.values().filter(|c| c.number == it.number);
    let additions: u64 = files.iter().map(|it| it.additions).sum();
    let deletions: u64 = files.iter().map(|it| it.deletions).sum();
    repository::merge(
        &mut shown,
        json!({
            "merged": it.merged.is_some(),
            "mergeable": mergeable,
            "rebaseable": mergeable,
            "mergeable_state": state,
            "merged_by": it.merged.as_ref().map(|it| world.user(it.by)),
            "comments": comments.count(),
            "review_comments": 0,
            "maintainer_can_modify": false,
            "commits": commits.len(),
            "additions": additions,
            "deletions": deletions,
            "changed_files": files.len(),
        }),
    );
    shown
}

fn end(world: &World, owner: u64, branch: &str, sha: &str) -> Value {
    let login = &world.account(owner).login;
    let mut repo = repository::usual(world);
    if owner != OWNER {
        repo["id"] = json!(repository::ID + owner);
        repo["owner"] = world.user(owner);
        repo["full_name"] = json!(format!("{login}/{}", world.options.name));
        repo["fork"] = json!(true);
    }
    json!({
        "label": format!("{login}:{branch}"),
        "ref": branch,
        "sha": sha,
        "user": world.user(owner),
        "repo": repo,
    })
}

fn links(world: &World, it: &Pull) -> Value {
    let api = world.repo_api();
    let (pull, issue) = (
        format!("{api}/pulls/{}", it.number),
        format!("{api}/issues/{}", it.number),
    );
    let link = |href: String| json!({"href": href});
    json!({
        "self": link(pull.clone()),
        "html": link(format!("{}/pull/{}", world.repo_html(), it.number)),
        "issue": link(issue.clone()),
        "comments": link(format!("{issue}/comments")),
        "review_comments": link(format!("{pull}/comments")),
        "review_comment": link(format!("{api}/pulls/comments{{/number}}")),
        "commits": link(format!("{pull}/commits")),
        "statuses": link(format!("{api}/statuses/{}", it.head)),
    })
}

fn auto_merge(world: &World, it: &AutoMerge) -> Value {
    json!({
        "enabled_by": world.user(it.by),
        "merge_method": it.method.name(),
        "commit_title": it.title.clone().unwrap_or_default(),
        "commit_message": it.message.clone().unwrap_or_default(),
    })
}

/// A review.
pub(crate) fn review(world: &World, pull: u64, it: &Review) -> Value {
    let url = format!("{}/pulls/{pull}", world.repo_api());
    let html = format!(
        "{}/pull/{pull}#pullrequestreview-{}",
        world.repo_html(),
        it.id
    );
    let mut shown = json!({
        "id": it.id,
        "node_id": node_id("PRR", it.id),
        "user": world.user(it.by),
        "body": it.body,
        "state": it.state,
        "html_url": html,
        "pull_request_url": url,
        "author_association": association(world, it.by),
        "_links": {"html": {"href": html}, "pull_request": {"href": url}},
        "commit_id": it.commit,
    });
    if let Some(at) = it.at {
        shown["submitted_at"] = json!(time(at));
    }
    shown
}

/// A review as webhooks show it: the state in small letters.
pub(crate) fn review_in_webhook(world: &World, pull: u64, it: &Review) -> Value {
    let mut shown = review(world, pull, it);
    shown["state"] = json!(it.state.to_lowercase());
    shown["body"] = if it.body.is_empty() {
        Value::Null
    } else {
        json!(it.body)
    };
    shown["submitted_at"] = json!(it.at.map(time));
    shown
}

//! What queries see: repository, pull request, merge queue, viewer.

use serde_json::{Value, json};

use super::super::http::auth::Who;
use super::super::json::{node_id, number_in, repository, time};
use super::super::state::World;
use super::super::state::issues::Issue;
use super::super::state::pulls::{Pull, QueueEntry, Review};
use super::Failure;
use super::parse::Field;
use super::select::connection;

/// A field of the query's root; none where there is no such field.
pub(super) fn root(
    world: &mut World,
    who: &Who,
    by: u64,
    field: &Field,
) -> Result<Option<Value>, Failure> {
    let argument = |name: &str| field.arguments.get(name).and_then(Value::as_str);
    Ok(Some(match field.name.as_str() {
        "viewer" => actor(world, by),
        "repository" => {
            let owner = argument("owner").unwrap_or_default();
            let name = argument("name").unwrap_or_default();
            let full = format!("{owner}/{name}");
            if !full.eq_ignore_ascii_case(&world.full_name()) || !who.sees(world) {
                let why = format!("Could not resolve to a Repository with the name '{full}'.");
                return Err(Failure::new("NOT_FOUND", why));
            }
            whole_repository(world, field)
        }
        "node" => node(world, argument("id").unwrap_or_default())?,
        "nodes" => {
            let ids = field.arguments.get("ids").and_then(Value::as_array);
            let ids = ids.into_iter().flatten().filter_map(Value::as_str);
            let found: Result<Vec<Value>, Failure> = ids.map(|id| node(world, id)).collect();
            Value::Array(found?)
        }
        "rateLimit" => {
            let it = world.limits.allowance(&who.identity(world), true);
            json!({
                "__typename": "RateLimit",
                "limit": it.limit,
                "cost": 1,
                "used": it.used,
                "remaining": it.limit.saturating_sub(it.used),
                "resetAt": time(it.reset),
            })
        }
        "__typename" => json!("Query"),
        _ => return Ok(None),
    }))
}

/// The number of the pull request behind a node id.
pub(super) fn pull_number(world: &World, id: &str) -> Result<u64, Failure> {
    let number = number_in("PR", id).filter(|it| world.pulls.contains_key(it));
    number.ok_or_else(|| {
        let why = format!("Could not resolve to a node with the global id of '{id}'");
        Failure::new("NOT_FOUND", why)
    })
}

fn node(world: &World, id: &str) -> Result<Value, Failure> {
    if id == node_id("R", repository::ID) {
        return Ok(plain_repository(world));
    }
    let number = pull_number(world, id)?;
    Ok(pull(world, &world.pulls[&number]))
}

fn plain_repository(world: &World) -> Value {
    let settings = &world.settings;
    json!({
        "__typename": "Repository",
        "id": node_id("R", repository::ID),
        "databaseId": repository::ID,
        "name": world.options.name,
        "nameWithOwner": world.full_name(),
        "url": world.repo_html(),
        "autoMergeAllowed": settings.allow_auto_merge,
        "mergeCommitAllowed": settings.allow_merge_commit,
        "squashMergeAllowed": settings.allow_squash_merge,
        "rebaseMergeAllowed": settings.allow_rebase_merge,
        "deleteBranchOnMerge": settings.delete_branch_on_merge,
        "squashMergeCommitTitle": settings.squash_merge_commit_title,
        "squashMergeCommitMessage": settings.squash_merge_commit_message,
        "isArchived": settings.archived,
        "isPrivate": world.options.private,
        "mergeQueue": null,
        "issue": null,
        "pullRequest": null,
        "pullRequests": null,
    })
}

/// The repository with those of its parts that arguments choose.
fn whole_repository(world: &World, field: &Field) -> Value {
    let mut shown = plain_repository(world);
    for asked in &field.fields {
        let argument = |name: &str| asked.arguments.get(name);
        match asked.name.as_str() {
            "pullRequest" => {
                let number = argument("number").and_then(Value::as_u64);
                let found = number.and_then(|it| world.pulls.get(&it));
                shown["pullRequest"] = found.map_or(Value::Null, |it| pull(world, it));
            }
            "issue" => {
                let number = argument("number").and_then(Value::as_u64);
                let found = number.and_then(|it| world.issues.get(&it));
                shown["issue"] = found.map_or(Value::Null, issue);
            }
            "pullRequests" => {
                let states = argument("states").map(ToString::to_string);
                let wanted = |it: &&Pull| {
                    states
                        .as_ref()
                        .is_none_or(|states| states.contains(state(it)))
                };
                let all = world.pulls.values().filter(wanted);
                let all: Vec<Value> = all.map(|it| pull(world, it)).collect();
                shown["pullRequests"] = connection("PullRequest", &all);
            }
            "mergeQueue" => {
                let branch = argument("branch").and_then(Value::as_str).unwrap_or("main");
                shown["mergeQueue"] = merge_queue(world, branch);
            }
            _ => {}
        }
    }
    shown
}

fn issue(it: &Issue) -> Value {
    json!({
        "__typename": "Issue",
        "databaseId": it.id,
        "number": it.number,
        "title": it.title,
        "body": it.body.clone().unwrap_or_default(),
        "createdAt": it.created_at.to_string(),
        "lastEditedAt": it.edited_at.map(|it| it.to_string()),
    })
}

fn state(it: &Pull) -> &'static str {
    match (&it.merged, it.open) {
        (Some(_), _) => "MERGED",
        (None, true) => "OPEN",
        (None, false) => "CLOSED",
    }
}

/// A pull request.
pub(super) fn pull(world: &World, it: &Pull) -> Value {
    let (mergeable, merge_state) = if it.open {
        world.merge_state(it)
    } else {
        (None, "unknown")
    };
    let mergeable = match mergeable {
        Some(true) => "MERGEABLE",
        Some(false) => "CONFLICTING",
        None => "UNKNOWN",
    };
    let entry = world.queue.iter().find(|entry| entry.number == it.number);
    let reviews: Vec<Value> = it.reviews.iter().map(|it| review(world, it)).collect();
    json!({
        "__typename": "PullRequest",
        "id": node_id("PR", it.number),
        "databaseId": it.id,
        "number": it.number,
        "url": format!("{}/pull/{}", world.repo_html(), it.number),
        "title": it.title,
        "body": it.body.clone().unwrap_or_default(),
        "state": state(it),
        "closed": !it.open,
        "merged": it.merged.is_some(),
        "mergedAt": it.merged.as_ref().map(|it| time(it.at)),
        "mergedBy": it.merged.as_ref().map(|it| actor(world, it.by)),
        "mergeCommit": it.merged.as_ref().map(|it| json!({"__typename": "Commit", "oid": it.commit})),
        "isDraft": it.draft,
        "isCrossRepository": !it.is_own(),
        "headRefName": it.branch,
        "headRefOid": it.head,
        "baseRefName": it.base,
        "baseRefOid": it.base_sha,
        "mergeable": mergeable,
        "mergeStateStatus": merge_state.to_uppercase(),
        "reviewDecision": decision(world, it),
        "author": actor(world, it.author),
        "createdAt": time(it.created_at),
        "updatedAt": time(it.updated_at),
        "isInMergeQueue": entry.is_some(),
        "isMergeQueueEnabled": world.rules_of(&it.base).merge_queue,
        "mergeQueueEntry": entry.map(|entry| queue_entry(world, entry)),
        "autoMergeRequest": it.auto_merge.as_ref().map(|auto| json!({
            "__typename": "AutoMergeRequest",
            "enabledAt": time(auto.at),
            "enabledBy": actor(world, auto.by),
            "mergeMethod": auto.method.name().to_uppercase(),
            "commitHeadline": auto.title,
            "commitBody": auto.message,
            "authorEmail": null,
        })),
        "reviews": connection("PullRequestReview", &reviews),
        "latestReviews": connection("PullRequestReview", &reviews),
    })
}

/// What the reviews come to, where the branch's rules want any.
fn decision(world: &World, it: &Pull) -> Value {
    let rules = world.rules_of(&it.base);
    if rules.approvals == 0 {
        return Value::Null;
    }
    let verdicts = it.verdicts();
    let mut counted = verdicts.iter().filter(|it| world.writes(it.by));
    if counted.clone().any(|it| it.state == "CHANGES_REQUESTED") {
        return json!("CHANGES_REQUESTED");
    }
    if counted.by_ref().count() >= rules.approvals {
        json!("APPROVED")
    } else {
        json!("REVIEW_REQUIRED")
    }
}

fn review(world: &World, it: &Review) -> Value {
    json!({
        "__typename": "PullRequestReview",
        "id": node_id("PRR", it.id),
        "databaseId": it.id,
        "state": it.state,
        "body": it.body,
        "author": actor(world, it.by),
        "submittedAt": it.at.map(time),
        "commit": {"__typename": "Commit", "oid": it.commit},
    })
}

fn actor(world: &World, id: u64) -> Value {
    let account = world.account(id);
    json!({
        "__typename": account.kind,
        "id": node_id("U", id),
        "databaseId": id,
        // GraphQL leaves the brackets of a bot's name out
        "login": account.login.trim_end_matches("[bot]"),
    })
}

/// An entry of the merge queue.
pub(super) fn queue_entry(world: &World, it: &QueueEntry) -> Value {
    let place = world.queue.iter().position(|entry| entry.id == it.id);
    let pull = &world.pulls[&it.number];
    let rules = world.rules_of(&pull.base);
    let state = if world.missing_checks(&it.head, &rules).is_none() {
        "MERGEABLE"
    } else {
        "AWAITING_CHECKS"
    };
    json!({
        "__typename": "MergeQueueEntry",
        "id": node_id("MQE", it.id),
        "position": place.map(|it| it + 1),
        "state": state,
        "enqueuedAt": time(it.at),
        "enqueuer": actor(world, it.by),
        "baseCommit": {"__typename": "Commit", "oid": it.base},
        "headCommit": {"__typename": "Commit", "oid": it.head},
        "pullRequest": {
            "__typename": "PullRequest",
            "id": node_id("PR", it.number),
            "number": it.number,
            "headRefOid": pull.head,
            "state": "OPEN",
        },
        "jump": false,
        "solo": false,
        "estimatedTimeToMerge": 60,
    })
}

fn merge_queue(world: &World, branch: &str) -> Value {
    if !world.rules_of(branch).merge_queue {
        return Value::Null;
    }
    let inside = world.queue.iter();
    let inside = inside.filter(|it| world.pulls[&it.number].base == branch);
    let entries: Vec<Value> = inside.map(|it| queue_entry(world, it)).collect();
    json!({
        "__typename": "MergeQueue",
        "id": node_id("MQ", branch),
        "url": format!("{}/queue/{branch}", world.repo_html()),
        "entries": connection("MergeQueueEntry", &entries),
    })
}

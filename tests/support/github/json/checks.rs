//! Statuses, check runs and check suites.

use serde_json::{Value, json};

use super::super::state::World;
use super::super::state::checks::{CheckRun, Status, Suite};
use super::{accounts, commits, node_id, repository, time};

/// A status with its author.
pub(crate) fn status(world: &World, it: &Status) -> Value {
    let mut shown = simple_status(world, it);
    shown["creator"] = world.user(it.creator);
    shown
}

/// A status as it stands in the combined one.
pub(crate) fn simple_status(world: &World, it: &Status) -> Value {
    json!({
        "url": format!("{}/statuses/{}", world.repo_api(), it.sha),
        "avatar_url": format!("{}/avatars/u/{}", world.host, it.creator),
        "id": it.id,
        "node_id": node_id("SC", it.id),
        "state": it.state,
        "description": it.description,
        "target_url": it.target_url,
        "context": it.context,
        "created_at": time(it.at),
        "updated_at": time(it.at),
    })
}

/// A check run.
pub(crate) fn run(world: &World, it: &CheckRun) -> Value {
    let url = format!("{}/check-runs/{}", world.repo_api(), it.id);
    let html = format!("{}/runs/{}", world.repo_html(), it.id);
    json!({
        "id": it.id,
        "name": it.name,
        "node_id": node_id("CR", it.id),
        "head_sha": it.sha,
        "external_id": it.external_id,
        "url": url,
        "html_url": html,
        "details_url": it.details_url.clone().unwrap_or(html),
        "status": it.status,
        "conclusion": it.conclusion,
        "started_at": it.started_at,
        "completed_at": it.completed_at,
        "output": {
            "title": it.title,
            "summary": it.summary,
            "text": it.text,
            "annotations_count": it.annotations.len(),
            "annotations_url": format!("{url}/annotations"),
        },
        "check_suite": {"id": it.suite},
        "app": accounts::app(world, world.app_of(it.app)),
        "pull_requests": pulls_at(world, &it.sha),
    })
}

/// A check suite.
pub(crate) fn suite(world: &World, it: &Suite) -> Value {
    let mut shown = suite_in_webhook(world, it);
    shown["repository"] = repository::minimal(world);
    shown
}

/// A check suite as webhooks show it.
pub(crate) fn suite_in_webhook(world: &World, it: &Suite) -> Value {
    let url = format!("{}/check-suites/{}", world.repo_api(), it.id);
    let runs = world.runs.values().filter(|run| run.suite == it.id);
    let (status, conclusion) = world.suite_state(it.id);
    json!({
        "id": it.id,
        "node_id": node_id("CS", it.id),
        "head_branch": it.branch,
        "head_sha": it.sha,
        "status": status,
        "conclusion": conclusion,
        "url": url,
        "before": it.before,
        "after": it.sha,
        "pull_requests": pulls_at(world, &it.sha),
        "app": accounts::app(world, world.app_of(it.app)),
        "created_at": time(it.at),
        "updated_at": time(it.at),
        "rerequestable": true,
        "runs_rerequestable": false,
        "latest_check_runs_count": runs.count(),
        "check_runs_url": format!("{url}/check-runs"),
        "head_commit": world.repo.commit(&it.sha).map(|it| commits::simple(&it)),
    })
}

fn pulls_at(world: &World, sha: &str) -> Vec<Value> {
    let repo = json!({
        "id": repository::ID,
        "url": world.repo_api(),
        "name": world.options.name,
    });
    let there = world.pulls.values().filter(|it| it.open && it.head == sha);
    there
        .map(|it| {
            json!({
                "id": it.id,
                "number": it.number,
                "url": format!("{}/pulls/{}", world.repo_api(), it.number),
                "head": {"ref": it.branch, "sha": it.head, "repo": repo},
                "base": {"ref": it.base, "sha": it.base_sha, "repo": repo},
            })
        })
        .collect()
}

//! Issues, comments, labels, reactions.

use serde_json::{Value, json};

use super::super::state::World;
use super::super::state::issues::{Comment, Issue};
use super::super::state::pulls::Pull;
use super::{accounts, node_id, time};

/// An issue.
pub(crate) fn issue(world: &World, it: &Issue) -> Value {
    let api = format!("{}/issues/{}", world.repo_api(), it.number);
    let comments = world.comments.values().filter(|c| c.number == it.number);
    let assignees: Vec<Value> = it.assignees.iter().map(|id| world.user(*id)).collect();
    json!({
        "url": api,
        "repository_url": world.repo_api(),
        "labels_url": format!("{api}/labels{{/name}}"),
        "comments_url": format!("{api}/comments"),
        "events_url": format!("{api}/events"),
        "timeline_url": format!("{api}/timeline"),
        "html_url": format!("{}/issues/{}", world.repo_html(), it.number),
        "id": it.id,
        "node_id": node_id("I", it.id),
        "number": it.number,
        "title": it.title,
        "user": world.user(it.author),
        "labels": labels(world, &it.labels),
        "state": if it.open { "open" } else { "closed" },
        "state_reason": it.state_reason,
        "locked": false,
        "assignee": assignees.first(),
        "assignees": assignees,
        "milestone": null,
        "comments": comments.count(),
        "created_at": time(it.created_at),
        "updated_at": time(it.updated_at),
        "closed_at": it.closed_at.map(time),
        "closed_by": it.closed_by.map(|id| world.user(id)),
        "author_association": association(world, it.author),
        "active_lock_reason": null,
        "body": it.body,
        "reactions": reactions(&api, &[]),
        "performed_via_github_app": null,
    })
}

/// A pull request, seen as an issue.
pub(crate) fn pull_as_issue(world: &World, it: &Pull) -> Value {
    let seen = Issue {
        id: it.id + 5_000_000,
        number: it.number,
        title: it.title.clone(),
        body: it.body.clone(),
        author: it.author,
        open: it.open,
        state_reason: None,
        labels: it.labels.clone(),
        assignees: Vec::new(),
        created_at: it.created_at,
        updated_at: it.updated_at,
        edited_at: None,
        closed_at: it.closed_at,
        closed_by: it.closed_by,
    };
    let mut shown = issue(world, &seen);
    let html = format!("{}/pull/{}", world.repo_html(), it.number);
    shown["html_url"] = json!(html);
    shown["draft"] = json!(it.draft);
    shown["pull_request"] = json!({
        "url": format!("{}/pulls/{}", world.repo_api(), it.number),
        "html_url": html,
        "diff_url": format!("{html}.diff"),
        "patch_url": format!("{html}.patch"),
        "merged_at": it.merged.as_ref().map(|it| time(it.at)),
    });
    shown
}

/// A comment.
pub(crate) fn comment(world: &World, it: &Comment) -> Value {
    let url = format!("{}/issues/comments/{}", world.repo_api(), it.id);
    let kind = if world.pulls.contains_key(&it.number) {
        "pull"
    } else {
        "issues"
    };
    let page = format!("{}/{kind}/{}", world.repo_html(), it.number);
    let app = it.app.map(|id| accounts::app(world, world.app_of(id)));
    json!({
        "id": it.id,
        "node_id": node_id("IC", it.id),
        "url": url,
        "html_url": format!("{page}#issuecomment-{}", it.id),
        "issue_url": format!("{}/issues/{}", world.repo_api(), it.number),
        "body": it.body,
        "user": world.user(it.author),
        "created_at": time(it.created_at),
        "updated_at": time(it.updated_at),
        "author_association": association(world, it.author),
        "reactions": reactions(&url, &it.reactions),
        "performed_via_github_app": app,
    })
}

fn reactions(url: &str, all: &[(u64, String, u64)]) -> Value {
    let mut shown = json!({"url": format!("{url}/reactions"), "total_count": all.len()});
    for name in REACTIONS {
        let count = all.iter().filter(|(_, content, _)| content == name).count();
        shown[name] = json!(count);
    }
    shown
}

/// All reactions there are.
pub(crate) const REACTIONS: [&str; 8] = [
    "+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes",
];

/// Labels by their names.
pub(crate) fn labels(world: &World, names: &[String]) -> Vec<Value> {
    let known = names.iter().filter_map(|name| world.labels.get(name));
    known
        .map(|it| {
            json!({
                "id": it.id,
                "node_id": node_id("LA", it.id),
                "url": format!("{}/labels/{}", world.repo_api(), super::commits::path_in_url(&it.name)),
                "name": it.name,
                "color": it.color,
                "default": false,
                // the short form of a pull request wants a text here
                "description": "",
            })
        })
        .collect()
}

/// How somebody is related to the repository.
pub(crate) fn association(world: &World, id: u64) -> &'static str {
    use super::super::state::accounts::Role;
    let account = world.account(id);
    match account.kind {
        "Bot" => "CONTRIBUTOR",
        _ if world.teams.values().any(|it| it.members.contains(&id)) => "MEMBER",
        _ if account.role >= Role::Admin => "OWNER",
        _ if account.role >= Role::Read => "COLLABORATOR",
        _ => "NONE",
    }
}

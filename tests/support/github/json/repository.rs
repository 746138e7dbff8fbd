//! The repository, in its lengths.

use serde_json::{Value, json};

use super::super::state::accounts::Role;
use super::super::state::{OWNER, World};
use super::accounts::role_permissions;
use super::{node_id, time};

/// The repository's number.
pub(crate) const ID: u64 = 70_001;

/// What every length has: names and addresses.
fn addresses(world: &World) -> Value {
    let api = world.repo_api();
    let mut shown = json!({
        "id": ID,
        "node_id": node_id("R", ID),
        "name": world.options.name,
        "full_name": world.full_name(),
        "private": world.options.private,
        "owner": world.user(OWNER),
        "html_url": world.repo_html(),
        "description": null,
        "fork": false,
        "url": api,
    });
    for (name, path) in ADDRESSES {
        shown[*name] = json!(format!("{api}{path}"));
    }
    shown
}

/// Addresses below the repository's.
const ADDRESSES: &[(&str, &str)] = &[
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    (
        "notifications_url",
        "/notifications{?since,all,participating}",
    ),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
];

/// The short form, as it stands in statuses and check suites.
pub(crate) fn minimal(world: &World) -> Value {
    addresses(world)
}

/// The usual form, as it stands in pull requests and webhooks.
pub(crate) fn usual(world: &World) -> Value {
    let mut shown = addresses(world);
    let html = world.repo_html();
    let open = world.pulls.values().filter(|it| it.open).count()
        + world.issues.values().filter(|it| it.open).count();
    let more = json!({
        "git_url": format!("git://{}.git", html.trim_start_matches("http://")),
        "ssh_url": format!("git@localhost:{}.git", world.full_name()),
        "clone_url": format!("{html}.git"),
        "svn_url": html,
        "mirror_url": null,
        "homepage": null,
        "language": null,
        "license": null,
        "size": 108,
        "default_branch": "main",
        "created_at": time(world.began),
        "updated_at": time(world.began),
        "pushed_at": time(world.began),
        "has_issues": world.settings.has_issues,
        "has_projects": false,
        "has_wiki": false,
        "has_pages": false,
        "has_downloads": true,
        "has_discussions": false,
        "archived": world.settings.archived,
        "disabled": false,
        "is_template": false,
        "allow_forking": true,
        "web_commit_signoff_required": false,
        "topics": [],
        "visibility": if world.options.private { "private" } else { "public" },
        "open_issues_count": open,
        "open_issues": open,
    });
    merge(&mut shown, more);
    for name in [
        "forks_count",
        "stargazers_count",
        "watchers_count",
        "forks",
        "watchers",
    ] {
        shown[name] = json!(0);
    }
    shown
}

/// The full form, for somebody of this role.
pub(crate) fn full(world: &World, role: Role) -> Value {
    let mut shown = usual(world);
    shown["permissions"] = role_permissions(role);
    shown["subscribers_count"] = json!(0);
    shown["network_count"] = json!(0);
    shown["temp_clone_token"] = json!("");
    if world.options.organization {
        shown["organization"] = world.user(OWNER);
    }
    // GitHub shows the merge settings to those who may push
    if role >= Role::Write {
        merge(&mut shown, settings(world));
    }
    shown
}

/// The form of webhooks.
pub(crate) fn in_webhook(world: &World) -> Value {
    let mut shown = usual(world);
    shown["custom_properties"] = json!({});
    shown
}

fn settings(world: &World) -> Value {
    let it = &world.settings;
    json!({
        "allow_merge_commit": it.allow_merge_commit,
        "allow_squash_merge": it.allow_squash_merge,
        "allow_rebase_merge": it.allow_rebase_merge,
        "allow_auto_merge": it.allow_auto_merge,
        "delete_branch_on_merge": it.delete_branch_on_merge,
        "allow_update_branch": false,
        "use_squash_pr_title_as_default": it.squash_merge_commit_title == "PR_TITLE",
        "squash_merge_commit_title": it.squash_merge_commit_title,
        "squash_merge_commit_message": it.squash_merge_commit_message,
        "merge_commit_title": "MERGE_MESSAGE",
        "merge_commit_message": "PR_TITLE",
    })
}

/// Lays the fields of one object over another.
pub(crate) fn merge(onto: &mut Value, more: Value) {
    if let (Value::Object(onto), Value::Object(more)) = (onto, more) {
        onto.extend(more);
    }
}

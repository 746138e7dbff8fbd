//! Users, teams, the App and its installation.

use serde_json::{Map, Value, json};

use super::super::state::accounts::{Account, Role, Team};
use super::super::state::tokens::{App, Permissions};
use super::super::state::{OWNER, World};
use super::{node_id, time};

/// The short form of an account.
pub(crate) fn user(world: &World, account: &Account) -> Value {
    let login = &account.login;
    let api = format!("{}/users/{}", world.api(), login);
    json!({
        "login": login,
        "id": account.id,
        "node_id": node_id("U", account.id),
        "avatar_url": format!("{}/avatars/u/{}", world.host, account.id),
        "gravatar_id": "",
        "url": api,
        "html_url": format!("{}/{}", world.host, login),
        "followers_url": format!("{api}/followers"),
        "following_url": format!("{api}/following{{/other_user}}"),
        "gists_url": format!("{api}/gists{{/gist_id}}"),
        "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{api}/subscriptions"),
        "organizations_url": format!("{api}/orgs"),
        "repos_url": format!("{api}/repos"),
        "events_url": format!("{api}/events{{/privacy}}"),
        "received_events_url": format!("{api}/received_events"),
        "type": account.kind,
        "site_admin": false,
    })
}

/// The long form of an account.
pub(crate) fn profile(world: &World, account: &Account) -> Value {
    let mut shown = user(world, account);
    for name in [
        "name",
        "company",
        "location",
        "email",
        "hireable",
        "bio",
        "twitter_username",
    ] {
        shown[name] = Value::Null;
    }
    shown["blog"] = json!("");
    for name in ["public_repos", "public_gists", "followers", "following"] {
        shown[name] = json!(0);
    }
    shown["created_at"] = json!(time(world.began));
    shown["updated_at"] = json!(time(world.began));
    shown
}

/// What somebody may do in the repository.
pub(crate) fn collaborator_permission(world: &World, account: &Account) -> Value {
    let role = account.role;
    let mut shown = user(world, account);
    shown["permissions"] = role_permissions(role);
    shown["role_name"] = json!(role.name());
    shown["email"] = Value::Null;
    shown["name"] = Value::Null;
    json!({"permission": role.permission(), "role_name": role.name(), "user": shown})
}

/// A role as five answers.
pub(crate) fn role_permissions(role: Role) -> Value {
    json!({
        "admin": role >= Role::Admin,
        "maintain": role >= Role::Maintain,
        "push": role >= Role::Write,
        "triage": role >= Role::Triage,
        "pull": role >= Role::Read,
    })
}

/// The short form of a team.
pub(crate) fn team(world: &World, team: &Team) -> Value {
    let api = format!("{}/organizations/{OWNER}/team/{}", world.api(), team.id);
    let owner = &world.options.owner;
    json!({
        "id": team.id,
        "node_id": node_id("T", team.id),
        "name": team.slug,
        "slug": team.slug,
        "description": "",
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "url": api,
        "html_url": format!("{}/orgs/{owner}/teams/{}", world.host, team.slug),
        "members_url": format!("{api}/members{{/member}}"),
        "repositories_url": format!("{api}/repos"),
        "permission": "push",
        "type": "organization",
        "organization_id": OWNER,
        "parent": null,
    })
}

/// The long form of a team.
pub(crate) fn full_team(world: &World, it: &Team) -> Value {
    let mut shown = team(world, it);
    shown["members_count"] = json!(it.members.len());
    shown["repos_count"] = json!(1);
    shown["created_at"] = json!(time(world.began));
    shown["updated_at"] = json!(time(world.began));
    let mut organization = organization(world);
    let owner = profile(world, world.account(OWNER));
    for name in [
        "html_url",
        "followers",
        "following",
        "public_gists",
        "public_repos",
        "created_at",
        "updated_at",
        "type",
    ] {
        organization[name] = owner[name].clone();
    }
    organization["has_organization_projects"] = json!(false);
    organization["has_repository_projects"] = json!(false);
    organization["archived_at"] = Value::Null;
    shown["organization"] = organization;
    shown
}

/// The organisation as webhooks show it.
pub(crate) fn organization(world: &World) -> Value {
    let login = &world.options.owner;
    let api = format!("{}/orgs/{login}", world.api());
    json!({
        "login": login,
        "id": OWNER,
        "node_id": node_id("O", OWNER),
        "url": api,
        "repos_url": format!("{api}/repos"),
        "events_url": format!("{api}/events"),
        "hooks_url": format!("{api}/hooks"),
        "issues_url": format!("{api}/issues"),
        "members_url": format!("{api}/members{{/member}}"),
        "public_members_url": format!("{api}/public_members{{/member}}"),
        "avatar_url": format!("{}/avatars/u/{OWNER}", world.host),
        "description": null,
    })
}

/// Permissions by name.
pub(crate) fn permissions(granted: &Permissions) -> Value {
    let one = |(name, level): (&String, &super::super::state::tokens::Level)| {
        (name.clone(), json!(level.name()))
    };
    Value::Object(granted.iter().map(one).collect::<Map<_, _>>())
}

/// The events an App is told of.
pub(crate) fn events(app: &App) -> Vec<&'static str> {
    let by_permission = [
        ("pull_requests", "pull_request"),
        ("pull_requests", "pull_request_review"),
        ("checks", "check_suite"),
        ("checks", "check_run"),
        ("statuses", "status"),
        ("contents", "push"),
        ("merge_queues", "merge_group"),
        ("issues", "issue_comment"),
        ("issues", "issues"),
    ];
    let granted = by_permission.into_iter();
    granted
        .filter(|(name, _)| app.permissions.contains_key(*name))
        .map(|(_, event)| event)
        .collect()
}

/// An App.
pub(crate) fn app(world: &World, app: &App) -> Value {
    json!({
        "id": app.id,
        "slug": app.slug,
        "node_id": node_id("A", app.id),
        "owner": world.user(OWNER),
        "name": app.slug,
        "description": "",
        "external_url": "https://example.com",
        "html_url": format!("{}/apps/{}", world.host, app.slug),
        "created_at": time(world.began),
        "updated_at": time(world.began),
        "permissions": permissions(&app.permissions),
        "events": events(app),
    })
}

/// The App's installation.
pub(crate) fn installation(world: &World, app: &App) -> Value {
    let id = app.installation;
    let kind = world.account(OWNER).kind;
    json!({
        "id": id,
        "account": world.user(OWNER),
        "repository_selection": "selected",
        "access_tokens_url": format!("{}/app/installations/{id}/access_tokens", world.api()),
        "repositories_url": format!("{}/installation/repositories", world.api()),
        "html_url": format!("{}/organizations/{}/settings/installations/{id}", world.host, world.options.owner),
        "app_id": app.id,
        "app_slug": app.slug,
        "target_id": OWNER,
        "target_type": kind,
        "permissions": permissions(&app.permissions),
        "events": events(app),
        "created_at": time(world.began),
        "updated_at": time(world.began),
        "single_file_name": null,
        "has_multiple_single_files": false,
        "single_file_paths": [],
        "suspended_by": null,
        "suspended_at": null,
    })
}

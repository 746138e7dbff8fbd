//! Branches, references, their rules, and files at a commit.

use serde_json::{Value, json};

use super::super::state::World;
use super::super::state::rules::Rules;
use super::commits::path_in_url;
use super::{commits, node_id, time};

/// A branch.
pub(crate) fn branch(world: &World, name: &str, head: &str) -> Value {
    let api = world.repo_api();
    let rules = world.rules_of(name);
    let url = format!("{api}/branches/{}", path_in_url(name));
    let commit = world.repo.commit(head);
    json!({
        "name": name,
        "commit": commit.map(|it| commits::full(world, &it)),
        "_links": {"self": url, "html": format!("{}/tree/{name}", world.repo_html())},
        "protected": rules.any(),
        "protection": {
            "enabled": rules.any() && !rules.ruleset,
            "required_status_checks": {
                "enforcement_level": if rules.checks.is_empty() { "off" } else { "everyone" },
                "contexts": rules.checks,
                "checks": rules.checks.iter().map(|it| json!({"context": it, "app_id": null})).collect::<Vec<_>>(),
            },
        },
        "protection_url": format!("{url}/protection"),
    })
}

/// A reference to a branch.
pub(crate) fn reference(world: &World, name: &str, head: &str) -> Value {
    let api = world.repo_api();
    json!({
        "ref": format!("refs/heads/{name}"),
        "node_id": node_id("REF", name),
        "url": format!("{api}/git/refs/heads/{}", path_in_url(name)),
        "object": {"sha": head, "type": "commit", "url": format!("{api}/git/commits/{head}")},
    })
}

/// Classic branch protection, as an administrator sees it.
pub(crate) fn protection(world: &World, name: &str, rules: &Rules) -> Value {
    let url = format!(
        "{}/branches/{}/protection",
        world.repo_api(),
        path_in_url(name)
    );
    let on = |it: bool| json!({"enabled": it});
    let mut shown = json!({
        "url": url,
        "enforce_admins": {"url": format!("{url}/enforce_admins"), "enabled": true},
        "required_linear_history": on(rules.linear_history),
        "allow_force_pushes": on(false),
        "allow_deletions": on(false),
        "block_creations": on(false),
        "required_conversation_resolution": on(false),
        "lock_branch": on(false),
        "allow_fork_syncing": on(false),
        "required_signatures": {"url": format!("{url}/required_signatures"), "enabled": rules.signatures},
    });
    if !rules.checks.is_empty() {
        shown["required_status_checks"] = json!({
            "url": format!("{url}/required_status_checks"),
            "strict": rules.strict,
            "contexts": rules.checks,
            "contexts_url": format!("{url}/required_status_checks/contexts"),
            "checks": rules.checks.iter().map(|it| json!({"context": it, "app_id": null})).collect::<Vec<_>>(),
        });
    }
    if rules.pull_request || rules.approvals > 0 {
        shown["required_pull_request_reviews"] = json!({
            "url": format!("{url}/required_pull_request_reviews"),
            "dismiss_stale_reviews": rules.dismiss_stale,
            "require_code_owner_reviews": false,
            "require_last_push_approval": rules.last_push_approval,
            "required_approving_review_count": rules.approvals,
        });
    }
    shown
}

/// The rules of rulesets that hold for a branch.
pub(crate) fn rules(world: &World, rules: &Rules) -> Vec<Value> {
    if !rules.ruleset {
        return Vec::new();
    }
    let mut shown = listed(rules);
    for rule in &mut shown {
        rule["ruleset_source_type"] = json!("Repository");
        rule["ruleset_source"] = json!(world.full_name());
        rule["ruleset_id"] = json!(RULESET);
    }
    shown
}

/// The number of the one ruleset.
const RULESET: u64 = 42;

fn listed(rules: &Rules) -> Vec<Value> {
    let mut shown = Vec::new();
    if rules.fixed {
        shown.push(json!({"type": "deletion"}));
        shown.push(json!({"type": "non_fast_forward"}));
    }
    if rules.signatures {
        shown.push(json!({"type": "required_signatures"}));
    }
    if rules.linear_history {
        shown.push(json!({"type": "required_linear_history"}));
    }
    if rules.pull_request || rules.approvals > 0 {
        shown.push(json!({"type": "pull_request", "parameters": {
            "required_approving_review_count": rules.approvals,
            "dismiss_stale_reviews_on_push": rules.dismiss_stale,
            "require_code_owner_review": false,
            "require_last_push_approval": rules.last_push_approval,
            "required_review_thread_resolution": false,
            "allowed_merge_methods": ["merge", "squash", "rebase"],
        }}));
    }
    if !rules.checks.is_empty() {
        let checks: Vec<Value> = rules
            .checks
            .iter()
            .map(|it| json!({"context": it}))
            .collect();
        shown.push(json!({"type": "required_status_checks", "parameters": {
            "strict_required_status_checks_policy": rules.strict,
            "do_not_enforce_on_create": false,
            "required_status_checks": checks,
        }}));
    }
    if rules.merge_queue {
        shown.push(json!({"type": "merge_queue", "parameters": {
            "check_response_timeout_minutes": 60,
            "grouping_strategy": "ALLGREEN",
            "max_entries_to_build": 5,
            "max_entries_to_merge": 5,
            "merge_method": "MERGE",
            "min_entries_to_merge": 1,
            "min_entries_to_merge_wait_minutes": 5,
        }}));
    }
    shown
}

/// The rulesets of the repository, without their rules.
pub(crate) fn rulesets(world: &World) -> Vec<Value> {
    if !world.rules.values().any(|it| it.ruleset && it.any()) {
        return Vec::new();
    }
    let url = format!("{}/rulesets/{RULESET}", world.repo_api());
    vec![json!({
        "id": RULESET,
        "name": "branches",
        "target": "branch",
        "source_type": "Repository",
        "source": world.full_name(),
        "enforcement": "active",
        "node_id": node_id("RRS", RULESET),
        "_links": {"self": {"href": url}, "html": {"href": format!("{}/rules/{RULESET}", world.repo_html())}},
        "created_at": time(world.began),
        "updated_at": time(world.began),
    })]
}

/// One ruleset with its rules, as GitHub shows it by its number.
pub(crate) fn ruleset(world: &World, number: u64) -> Option<Value> {
    let mut shown = rulesets(world).into_iter().next()?;
    let ours = world.rules.iter().filter(|(_, it)| it.ruleset && it.any());
    let (names, rules): (Vec<_>, Vec<_>) = ours.unzip();
    let names: Vec<String> = names.iter().map(|it| format!("refs/heads/{it}")).collect();
    shown["conditions"] = json!({"ref_name": {"include": names, "exclude": []}});
    shown["rules"] = rules.into_iter().flat_map(listed).collect();
    shown["bypass_actors"] = json!([]);
    (number == RULESET).then_some(shown)
}

/// A file or folder entry, without content.
pub(crate) fn entry(
    world: &World,
    commit: &str,
    (kind, id, size, path): &(String, String, u64, String),
) -> Value {
    let (api, html) = (world.repo_api(), world.repo_html());
    let in_url = path_in_url(path);
    let url = format!("{api}/contents/{in_url}?ref={commit}");
    let (kind, folder) = if kind == "tree" {
        ("dir", "trees")
    } else {
        ("file", "blobs")
    };
    let git = format!("{api}/git/{folder}/{id}");
    let page = format!(
        "{html}/{}/{commit}/{in_url}",
        if kind == "dir" { "tree" } else { "blob" }
    );
    let download = (kind == "file").then(|| format!("{html}/raw/{commit}/{in_url}"));
    json!({
        "type": kind,
        "size": size,
        "name": path.rsplit('/').next(),
        "path": path,
        "sha": id,
        "url": url,
        "git_url": git,
        "html_url": page,
        "download_url": download,
        "_links": {"self": url, "git": git, "html": page},
    })
}

//! All routes, in one table.

use super::super::http::fields::{Field, Is};
use super::super::state::tokens::Level::{Read, Write};
use super::Route;
use super::{app, branches, checks, issues, merge, pulls, repo, reviews, users};

type Needs = &'static [(&'static str, super::Level)];

/// The route itself judges who may.
const NOTHING: Needs = &[];
const METADATA: Needs = &[("metadata", Read)];
const CONTENTS: Needs = &[("contents", Read)];
const CONTENTS_WRITE: Needs = &[("contents", Write)];
const PULLS: Needs = &[("pull_requests", Read)];
const PULLS_WRITE: Needs = &[("pull_requests", Write)];
const ISSUES: Needs = &[("issues", Read), ("pull_requests", Read)];
const ISSUES_WRITE: Needs = &[("issues", Write), ("pull_requests", Write)];
const ONLY_ISSUES_WRITE: Needs = &[("issues", Write)];
const CHECKS: Needs = &[("checks", Read)];
const CHECKS_WRITE: Needs = &[("checks", Write)];
const STATUSES: Needs = &[("statuses", Read)];
const STATUSES_WRITE: Needs = &[("statuses", Write)];
const ADMINISTRATION: Needs = &[("administration", Read)];

const NEW_PULL: &[Field] = &[
    ("title", Is::Text),
    ("head!", Is::Text),
    ("head_repo", Is::Text),
    ("base!", Is::Text),
    ("body", Is::TextOrNull),
    ("maintainer_can_modify", Is::Flag),
    ("draft", Is::Flag),
    ("issue", Is::Number),
];
const PULL_EDIT: &[Field] = &[
    ("title", Is::Text),
    ("body", Is::TextOrNull),
    ("state", Is::Word(&["open", "closed"])),
    ("base", Is::Text),
    ("maintainer_can_modify", Is::Flag),
];
const EVENTS: Is = Is::Word(&["APPROVE", "REQUEST_CHANGES", "COMMENT"]);
const NEW_REVIEW: &[Field] = &[
    ("commit_id", Is::Text),
    ("body", Is::Text),
    ("event", EVENTS),
    ("comments", Is::Objects),
];
const MERGE: &[Field] = &[
    ("commit_title", Is::TextOrNull),
    ("commit_message", Is::TextOrNull),
    ("sha", Is::TextOrNull),
    ("merge_method", Is::Word(&["merge", "squash", "rebase"])),
];
const REVIEWERS: &[Field] = &[("reviewers", Is::Texts), ("team_reviewers", Is::Texts)];
const NEW_ISSUE: &[Field] = &[
    ("title!", Is::Text),
    ("body", Is::TextOrNull),
    ("labels", Is::Any),
    ("assignees", Is::Texts),
    ("assignee", Is::TextOrNull),
    ("milestone", Is::Any),
    ("type", Is::TextOrNull),
];
const ISSUE_EDIT: &[Field] = &[
    ("title", Is::Text),
    ("body", Is::TextOrNull),
    ("state", Is::Word(&["open", "closed"])),
    ("state_reason", Is::TextOrNull),
    ("labels", Is::Any),
    ("assignees", Is::Texts),
    ("milestone", Is::Any),
];
const NEW_STATUS: &[Field] = &[
    (
        "state!",
        Is::Word(&["error", "failure", "pending", "success"]),
    ),
    ("target_url", Is::TextOrNull),
    ("description", Is::TextOrNull),
    ("context", Is::Text),
];
const RUN_STATUS: Is = Is::Word(&[
    "queued",
    "in_progress",
    "completed",
    "waiting",
    "requested",
    "pending",
]);
const CONCLUSION: Is = Is::Word(&[
    "action_required",
    "cancelled",
    "failure",
    "neutral",
    "success",
    "skipped",
    "stale",
    "timed_out",
]);
const NEW_RUN: &[Field] = &[
    ("name!", Is::Text),
    ("head_sha!", Is::Text),
    ("details_url", Is::Text),
    ("external_id", Is::Text),
    ("status", RUN_STATUS),
    ("started_at", Is::Text),
    ("conclusion", CONCLUSION),
    ("completed_at", Is::Text),
    ("output", Is::Object),
    ("actions", Is::Objects),
];
const RUN_EDIT: &[Field] = &[
    // octocrab says it here too, and GitHub does not mind
    ("check_run_id", Is::Number),
    ("name", Is::Text),
    ("details_url", Is::Text),
    ("external_id", Is::Text),
    ("status", RUN_STATUS),
    ("started_at", Is::Text),
    ("conclusion", CONCLUSION),
    ("completed_at", Is::Text),
    ("output", Is::Object),
    ("actions", Is::Objects),
];
const BODY: &[Field] = &[("body!", Is::Text)];
const NEW_TOKEN: &[Field] = &[
    ("repositories", Is::Texts),
    ("repository_ids", Is::Numbers),
    ("permissions", Is::Object),
];

macro_rules! route {
    ($method:literal $path:literal $needs:ident $fields:expr => $run:path) => {
        Route {
            method: $method,
            path: $path,
            needs: $needs,
            fields: $fields,
            run: $run,
        }
    };
}

/// Routes outside of the repository. They judge their callers themselves.
pub(super) const TOP: &[Route] = &[
    route!("GET" "app" METADATA &[] => app::app),
    route!("GET" "app/installations" METADATA &[] => app::installations),
    route!("GET" "app/installations/{id}" METADATA &[] => app::installation),
    route!("POST" "app/installations/{id}/access_tokens" METADATA NEW_TOKEN => app::new_token),
    route!("GET" "app/hook/deliveries" METADATA &[] => app::deliveries),
    route!("POST" "app/hook/deliveries/{id}/attempts" METADATA &[] => app::redeliver),
    route!("GET" "installation/repositories" METADATA &[] => app::repositories),
    route!("GET" "rate_limit" METADATA &[] => app::rate_limit),
    route!("GET" "meta" METADATA &[] => app::meta),
    route!("GET" "user" METADATA &[] => users::me),
    route!("GET" "user/{id}" METADATA &[] => users::by_number),
    route!("GET" "users/{login}" METADATA &[] => users::by_name),
    route!("GET" "orgs/{org}/teams/{slug}" METADATA &[] => users::team),
    route!("GET" "orgs/{org}/teams/{slug}/members" METADATA &[] => users::members),
];

/// Routes below the repository's own path.
pub(super) const REPO: &[Route] = &[
    route!("GET" "" METADATA &[] => repo::get),
    route!("GET" "installation" NOTHING &[] => app::of_repository),
    route!("GET" "branches" CONTENTS &[] => branches::list),
    route!("GET" "branches/{*branch}/protection" ADMINISTRATION &[] => branches::protection),
    route!("GET" "branches/{*branch}" CONTENTS &[] => branches::get),
    route!("GET" "rules/branches/{*branch}" METADATA &[] => branches::rules),
    route!("GET" "rulesets" METADATA &[] => branches::rulesets),
    route!("GET" "rulesets/{id}" METADATA &[] => branches::ruleset),
    route!("GET" "git/ref/heads/{*branch}" CONTENTS &[] => branches::reference),
    route!("GET" "git/matching-refs/heads/{*branch}" CONTENTS &[] => branches::matching),
    route!("DELETE" "git/refs/heads/{*branch}" CONTENTS_WRITE &[] => branches::delete),
    route!("GET" "commits" CONTENTS &[] => repo::commits),
    route!("GET" "commits/{*ref}/status" STATUSES &[] => checks::combined),
    route!("GET" "commits/{*ref}/statuses" STATUSES &[] => checks::statuses),
    route!("GET" "commits/{*ref}/check-runs" CHECKS &[] => checks::runs_at),
    route!("GET" "commits/{*ref}/check-suites" CHECKS &[] => checks::suites_at),
    route!("GET" "commits/{sha}/pulls" PULLS &[] => pulls::of_commit),
    route!("GET" "commits/{*ref}" CONTENTS &[] => repo::commit),
    route!("GET" "contents" CONTENTS &[] => repo::root),
    route!("GET" "contents/{*path}" CONTENTS &[] => repo::contents),
    route!("GET" "compare/{*basehead}" CONTENTS &[] => repo::compare),
    route!("POST" "statuses/{sha}" STATUSES_WRITE NEW_STATUS => checks::new_status),
    route!("POST" "check-runs" CHECKS_WRITE NEW_RUN => checks::new_run),
    route!("GET" "check-runs/{id}" CHECKS &[] => checks::run),
    route!("PATCH" "check-runs/{id}" CHECKS_WRITE RUN_EDIT => checks::edit_run),
    route!("GET" "check-runs/{id}/annotations" CHECKS &[] => checks::annotations),
    route!("GET" "pulls" PULLS &[] => pulls::list),
    route!("POST" "pulls" PULLS_WRITE NEW_PULL => pulls::open),
    route!("GET" "pulls/{n}" PULLS &[] => pulls::get),
    route!("PATCH" "pulls/{n}" PULLS_WRITE PULL_EDIT => pulls::edit),
    route!("GET" "pulls/{n}/files" PULLS &[] => pulls::files),
    route!("GET" "pulls/{n}/commits" PULLS &[] => pulls::commits),
    route!("GET" "pulls/{n}/merge" PULLS &[] => merge::is_merged),
    route!("PUT" "pulls/{n}/merge" CONTENTS_WRITE MERGE => merge::merge),
    route!("PUT" "pulls/{n}/update-branch" PULLS_WRITE &[("expected_head_sha", Is::Text)] => merge::update_branch),
    route!("GET" "pulls/{n}/requested_reviewers" PULLS &[] => reviews::requested),
    route!("POST" "pulls/{n}/requested_reviewers" PULLS_WRITE REVIEWERS => reviews::request),
    route!("DELETE" "pulls/{n}/requested_reviewers" PULLS_WRITE REVIEWERS => reviews::unrequest),
    route!("GET" "pulls/{n}/reviews" PULLS &[] => reviews::list),
    route!("POST" "pulls/{n}/reviews" PULLS_WRITE NEW_REVIEW => reviews::new),
    route!("GET" "pulls/{n}/reviews/{id}" PULLS &[] => reviews::get),
    route!("POST" "pulls/{n}/reviews/{id}/events" PULLS_WRITE &[("event!", EVENTS), ("body", Is::Text)] => reviews::submit),
    route!("PUT" "pulls/{n}/reviews/{id}/dismissals" PULLS_WRITE &[("message!", Is::Text), ("event", Is::Word(&["DISMISS"]))] => reviews::dismiss),
    route!("GET" "issues" ISSUES &[] => issues::list),
    route!("POST" "issues" ONLY_ISSUES_WRITE NEW_ISSUE => issues::open),
    route!("GET" "issues/comments/{id}" ISSUES &[] => issues::comment),
    route!("PATCH" "issues/comments/{id}" ISSUES_WRITE BODY => issues::edit_comment),
    route!("GET" "issues/comments/{id}/reactions" ISSUES &[] => issues::reactions),
    route!("POST" "issues/comments/{id}/reactions" ISSUES_WRITE &[("content!", Is::Text)] => issues::react),
    route!("GET" "issues/{n}" ISSUES &[] => issues::get),
    route!("PATCH" "issues/{n}" ISSUES_WRITE ISSUE_EDIT => issues::edit),
    route!("GET" "issues/{n}/comments" ISSUES &[] => issues::comments),
    route!("POST" "issues/{n}/comments" ISSUES_WRITE BODY => issues::new_comment),
    route!("GET" "issues/{n}/labels" ISSUES &[] => issues::labels),
    route!("POST" "issues/{n}/labels" ISSUES_WRITE &[("labels!", Is::Texts)] => issues::add_labels),
    route!("DELETE" "issues/{n}/labels/{name}" ISSUES_WRITE &[] => issues::remove_label),
    route!("GET" "collaborators/{login}/permission" METADATA &[] => users::permission),
];

//! What the rules of branches would stop, or not stop that one might think they do.
//!
//! A rule that the bot may bypass stops nothing of ours; then only our own evaluation stands between a proposal and its
//! merge. Must not know: how rules were read.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::{Branch, Grants, Seen, Wanted, note, stops, warns};
use crate::domain::forge::{Finding, MergeMethod};
use crate::forge::graphql::word;

/// What is pushed to main whatever the policy wants approved.
const PUSHED: &str = "Fleetwright pushes to it directly: what needs no approval, the second commit of a deletion, and what \
                      puts people's edits right";

/// A rule of a ruleset.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::forge) struct Rule {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) parameters: Value,
    /// The ruleset that it is in.
    pub(in crate::forge) ruleset_id: Option<u64>,
    /// As its ruleset says.
    #[serde(skip)]
    pub(in crate::forge) bypass: Bypass,
}

impl Rule {
    /// Whether it is of this kind, by GitHub's word.
    pub(in crate::forge) fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }

    /// What it asks in particular.
    pub(in crate::forge) fn parameters(&self) -> &Value {
        &self.parameters
    }
}

/// Whether the bot is on the bypass list of a ruleset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::forge) enum Bypass {
    /// It is not, or nobody says so.
    #[default]
    No,
    /// For pull requests only: its pushes are held to the rules.
    PullRequests,
    /// For everything.
    Always,
}

impl Bypass {
    /// GitHub's word, `current_user_can_bypass`.
    pub(in crate::forge) fn parse(word: Option<&str>) -> Self {
        match word {
            Some("always" | "exempt") => Self::Always,
            Some("pull_requests_only") => Self::PullRequests,
            _ => Self::No,
        }
    }
}

/// The branch that proposals go to.
pub(super) fn base(seen: &Seen, wanted: &Wanted, found: &mut Vec<Finding>) {
    let branch = &seen.base;
    let name = &branch.name;
    for rule in branch.binding() {
        base_rule(seen, rule, wanted, found);
    }
    bypassed(branch, found);
    older_protection(branch, found);
    if wanted.auto_merge && !branch.rules.iter().any(Rule::holds_a_merge_up) && !branch.protected {
        warns(
            found,
            &format!(
                "no rule of {name} asks for a review or a check, so there is nothing that auto-merge would wait for: require the check fleetwright/approval"
            ),
        );
    }
}

fn base_rule(seen: &Seen, rule: &Rule, wanted: &Wanted, found: &mut Vec<Finding>) {
    let name = &seen.base.name;
    match rule.kind.as_str() {
        "required_signatures" => signatures(seen, name, found),
        "required_linear_history" if wanted.method == Some(MergeMethod::Merge) => stops(
            found,
            &format!(
                "{name} requires a linear history, so a merge commit is refused: write proposals.mergeMethod: rebase or squash, or take the rule away"
            ),
        ),
        "merge_queue" => merge_queue(name, rule, wanted, found),
        "pull_request" => pull_request(name, rule, wanted, found),
        "required_status_checks" => status_checks(name, rule, found),
        "update" => stops(
            found,
            &format!("{name} may not be updated: let the bot bypass the rule"),
        ),
        "commit_message_pattern"
        | "commit_author_email_pattern"
        | "committer_email_pattern"
        | "file_path_restriction"
        | "max_file_path_length"
        | "file_extension_restriction"
        | "max_file_size" => warns(
            found,
            &format!(
                "{name} has the rule {}: see that our commits keep it, or let the bot bypass it",
                rule.kind
            ),
        ),
        "workflows" | "code_scanning" | "required_deployments" => warns(
            found,
            &format!(
                "{name} has the rule {}, which a direct push cannot keep: let the bot bypass it",
                rule.kind
            ),
        ),
        // No force push, no deletion: neither is ever done.
        _ => {}
    }
}

/// Our key is one that GitHub does not know, unless an account of a person's kind has it.
fn signatures(seen: &Seen, name: &str, found: &mut Vec<Finding>) {
    match seen.grants {
        Grants::App { .. } => stops(
            found,
            &format!(
                "{name} requires signed commits, and an App has no key at GitHub, so that ours are \"Unverified\" and refused: let the bot bypass the rule, or use the token of a machine user that has our public key as signing key"
            ),
        ),
        Grants::Token => warns(
            found,
            &format!(
                "{name} requires signed commits: see that the token's account has our public key as signing key, and that git.author is one of its addresses, or let it bypass the rule"
            ),
        ),
    }
}

fn merge_queue(name: &str, rule: &Rule, wanted: &Wanted, found: &mut Vec<Finding>) {
    stops(
        found,
        &format!("{name} has a merge queue, and {PUSHED}. Let the bot bypass the rule"),
    );
    let method = rule.parameters["merge_method"].as_str().unwrap_or_default();
    let Some(ours) = wanted.method.map(word) else {
        return;
    };
    if !method.is_empty() && !method.eq_ignore_ascii_case(ours) {
        let theirs = method.to_lowercase();
        note(
            found,
            &format!(
                "the merge queue of {name} merges by {theirs}, whatever proposals.mergeMethod ({ours}) says"
            ),
        );
    }
}

fn pull_request(name: &str, rule: &Rule, wanted: &Wanted, found: &mut Vec<Finding>) {
    stops(
        found,
        &format!(
            "{name} takes changes by pull request only, and {PUSHED}. Let the bot bypass the rule"
        ),
    );
    let methods = rule.parameters["allowed_merge_methods"].as_array();
    let methods = methods.filter(|it| !it.is_empty());
    if let (Some(methods), Some(method)) = (methods, wanted.method.map(word))
        && !methods.iter().any(|it| it == method)
    {
        stops(
            found,
            &format!(
                "{name} does not allow the method {method} for pull requests: choose another in proposals.mergeMethod, or allow it in the rule"
            ),
        );
    }
    if rule.is_on("required_review_thread_resolution") {
        note(
            found,
            &format!(
                "{name} wants every conversation resolved: an open one holds a merge up, whatever our own rules say"
            ),
        );
    }
}

fn status_checks(name: &str, rule: &Rule, found: &mut Vec<Finding>) {
    stops(
        found,
        &format!(
            "{name} requires status checks, which a new commit does not have yet when it is pushed, and {PUSHED}. Let the bot bypass the rule"
        ),
    );
    if rule.is_on("strict_required_status_checks_policy") {
        warns(
            found,
            &format!(
                "{name} wants branches up to date before they are merged, so every push to it makes all open proposals wait for a rebuild: take \"Require branches to be up to date\" away, our proposals do not conflict"
            ),
        );
    }
}

/// Bypassing is right for our pushes, and leaves nothing at the forge that would refuse a merge of ours.
fn bypassed(branch: &Branch, found: &mut Vec<Finding>) {
    let passed = branch.rules.iter().filter(|it| it.bypass != Bypass::No);
    let passed = passed.filter(|it| it.holds_a_merge_up() || it.kind == "merge_queue");
    let kinds: BTreeSet<&str> = passed.map(|it| it.kind.as_str()).collect();
    if !kinds.is_empty() {
        let (name, kinds) = (&branch.name, Vec::from_iter(kinds).join(", "));
        note(
            found,
            &format!(
                "the bot is on the bypass list of {name} ({kinds}): GitHub refuses no merge of its for these rules, so that Fleetwright's own evaluation alone decides"
            ),
        );
    }
}

/// A branch that only we push to.
pub(super) fn deploy(branch: &Branch, found: &mut Vec<Finding>) {
    let name = &branch.name;
    // Who else may push there is a good question; that we may not is a bad answer.
    let forbids = [
        "update",
        "pull_request",
        "required_status_checks",
        "required_signatures",
        "merge_queue",
        "required_deployments",
        "workflows",
        "code_scanning",
    ];
    for rule in branch
        .binding()
        .filter(|it| forbids.contains(&it.kind.as_str()))
    {
        stops(
            found,
            &format!(
                "{name} has the rule {}: the bot pushes there directly, let it bypass the rule",
                rule.kind
            ),
        );
    }
    older_protection(branch, found);
    if branch.rules.is_empty() && !branch.protected {
        note(
            found,
            &format!(
                "no rule protects {name}: the cluster checks signatures, yet a rule against force pushes, deletion and updates by others keeps accidents away"
            ),
        );
    }
}

fn older_protection(branch: &Branch, found: &mut Vec<Finding>) {
    if branch.protected && branch.rules.is_empty() {
        let name = &branch.name;
        warns(
            found,
            &format!(
                "{name} has branch protection of the older kind, whose rules an App cannot read: see that it lets the bot push, or replace it by a ruleset that can be checked"
            ),
        );
    }
}

impl Branch {
    /// The rules that our pushes are held to.
    fn binding(&self) -> impl Iterator<Item = &Rule> {
        let rules = self.rules.iter();
        rules.filter(|it| it.bypass != Bypass::Always)
    }
}

impl Rule {
    fn is_on(&self, parameter: &str) -> bool {
        self.parameters[parameter] == Value::Bool(true)
    }

    fn holds_a_merge_up(&self) -> bool {
        let reviews = &self.parameters["required_approving_review_count"];
        match self.kind.as_str() {
            "required_status_checks" => true,
            "pull_request" => reviews.as_u64().is_some_and(|it| it > 0),
            _ => false,
        }
    }
}

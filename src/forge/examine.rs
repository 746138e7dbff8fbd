//! What of a repository's settings would stop the bot or surprise its people, as sentences that say what to do.
//!
//! Pure. Facts: <https://docs.github.com/rest/repos/rules> and <https://docs.github.com/rest/repos/repos>. Must not
//! know: how they were read.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::permissions::{Features, Need, needed};
use crate::domain::forge::{Finding, MergeMethod, Severity};
use crate::domain::proposal::form::LABEL;

mod rules;

pub(super) use rules::{Bypass, Rule};

use rules::{base, deploy};

/// What the fleet's policy and configuration want of the forge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The branch that proposals go to, and that we push to.
    pub base: String,
    /// The branches that only we push to.
    pub deploy: Vec<String>,
    /// How proposals are merged; none where the policy was not read.
    pub method: Option<MergeMethod>,
    /// Whether some rule of the policy leaves merging to the forge.
    pub auto_merge: bool,
    /// Whether people may ask for stores by issue form.
    pub forms: bool,
}

/// All that was seen.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) repository: String,
    pub(super) grants: Grants,
    pub(super) settings: Settings,
    pub(super) base: Branch,
    pub(super) deploy: Vec<Branch>,
    /// Whether there is the label of issues from the form; none where nobody asked.
    pub(super) label: Option<bool>,
}

/// What we may do.
#[derive(Debug)]
pub(super) enum Grants {
    /// An App knows.
    App {
        permissions: BTreeMap<String, String>,
        suspended: bool,
    },
    /// Of a fine-grained token nobody can tell before it is used.
    Token,
}

/// A branch and the rules that hold for it.
#[derive(Debug, Default)]
pub(super) struct Branch {
    pub(super) name: String,
    /// Whether anything protects it, the older kind of protection included, whose rules cannot be read.
    pub(super) protected: bool,
    pub(super) rules: Vec<Rule>,
}

/// A repository's settings, as far as they matter. Those on merging are told only to who may write.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    full_name: String,
    archived: bool,
    disabled: bool,
    has_issues: Option<bool>,
    has_pull_requests: Option<bool>,
    allow_merge_commit: Option<bool>,
    allow_squash_merge: Option<bool>,
    allow_rebase_merge: Option<bool>,
    allow_auto_merge: Option<bool>,
    squash_merge_commit_message: Option<String>,
    permissions: Option<Permissions>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Permissions {
    push: bool,
}

/// Everything worth saying, the worst first.
pub(super) fn examine(seen: &Seen, wanted: &Wanted) -> Vec<Finding> {
    let mut found = Vec::new();
    token(seen, &mut found);
    repository(seen, wanted, &mut found);
    merging(&seen.settings, wanted, &mut found);
    base(seen, wanted, &mut found);
    for branch in &seen.deploy {
        deploy(branch, &mut found);
    }
    found.sort_by_key(|it| std::cmp::Reverse(it.severity));
    found
}

/// What an App may not do and has to. Where that is anything, GitHub gives it no token, so nothing else can be looked at.
pub(super) fn lacking(grants: &Grants, features: Features) -> Vec<Finding> {
    let mut found = Vec::new();
    let Grants::App {
        permissions,
        suspended,
    } = grants
    else {
        return found;
    };
    if *suspended {
        stops(
            &mut found,
            "the App's installation is suspended: somebody has to resume it in the App's settings",
        );
    }
    for row in needed(features) {
        let granted = permissions.get(row.name).map(String::as_str);
        if !row.level.is_met_by(granted) {
            let (title, level, why) = (row.title, row.level.as_str(), row.why);
            let has = granted.unwrap_or("none");
            let place = if row.need == Need::Teams {
                " of the organization"
            } else {
                ""
            };
            stops(
                &mut found,
                &format!(
                    "the App lacks the permission {title}: {level}{place} (it has {has}), which it needs {why}: grant it in the App's settings, and accept it in the installation"
                ),
            );
        }
    }
    if !found.is_empty() {
        note(
            &mut found,
            "until then GitHub gives no token, so that settings and branch rules were not looked at",
        );
    }
    found
}

/// What a token may do shows only when it is used, but for this.
fn token(seen: &Seen, found: &mut Vec<Finding>) {
    if !matches!(seen.grants, Grants::Token) {
        return;
    }
    let rights = seen.settings.permissions.as_ref();
    if rights.is_some_and(|it| !it.push) {
        stops(
            found,
            "the token may not write to the repository: give it Contents, read and write",
        );
    }
    note(
        found,
        "a token cannot publish checks: commit statuses are used, without annotations. A GitHub App can",
    );
}

fn repository(seen: &Seen, wanted: &Wanted, found: &mut Vec<Finding>) {
    let it = &seen.settings;
    if it.archived || it.disabled {
        stops(
            found,
            "the repository is archived or disabled: nothing can be pushed to it",
        );
    }
    if !it.full_name.is_empty() && !it.full_name.eq_ignore_ascii_case(&seen.repository) {
        let (old, new) = (&seen.repository, &it.full_name);
        stops(
            found,
            &format!("the repository {old} is called {new} now: write that in the configuration"),
        );
    }
    if it.has_pull_requests == Some(false) {
        stops(
            found,
            "pull requests are turned off in the repository: turn them on in its settings",
        );
    }
    if it.has_issues == Some(false) && wanted.forms {
        stops(
            found,
            "issues are turned off in the repository, so nobody can use the form: turn them on in its settings",
        );
    }
    if seen.label == Some(false) {
        warns(
            found,
            &format!(
                "the repository has no label {LABEL}, so that GitHub leaves it off issues from the form and they are not seen: make that label"
            ),
        );
    }
}

fn merging(it: &Settings, wanted: &Wanted, found: &mut Vec<Finding>) {
    let (allowed, name) = match wanted.method {
        None => (None, ""),
        Some(MergeMethod::Merge) => (it.allow_merge_commit, "merge commits"),
        Some(MergeMethod::Squash) => (it.allow_squash_merge, "squash merging"),
        Some(MergeMethod::Rebase) => (it.allow_rebase_merge, "rebase merging"),
    };
    if allowed == Some(false) {
        stops(
            found,
            &format!(
                "the repository does not allow {name}, which the policy's proposals.mergeMethod wants: allow it, or choose another method"
            ),
        );
    }
    let text = match it.squash_merge_commit_message.as_deref() {
        Some("BLANK") => "an empty message",
        Some("PR_BODY") => "the text of the pull request as message",
        _ => "",
    };
    if it.allow_squash_merge == Some(true) && !text.is_empty() {
        warns(
            found,
            &format!(
                "squash merges get {text} here, so that a person's squash drops our trailers and the proposal is recognised by its content alone: choose \"Pull request title and commit details\" as default message, or do not allow squash merging"
            ),
        );
    }
    if wanted.auto_merge && it.allow_auto_merge == Some(false) {
        stops(
            found,
            "a rule of the policy merges by auto, and the repository does not allow auto-merge: allow it in its settings, or write merge: bot",
        );
    }
}

fn stops(found: &mut Vec<Finding>, sentence: &str) {
    push(found, Severity::Stops, sentence);
}

fn warns(found: &mut Vec<Finding>, sentence: &str) {
    push(found, Severity::Warning, sentence);
}

fn note(found: &mut Vec<Finding>, sentence: &str) {
    push(found, Severity::Note, sentence);
}

fn push(found: &mut Vec<Finding>, severity: Severity, sentence: &str) {
    let sentence = sentence.to_owned();
    found.push(Finding { severity, sentence });
}

#[cfg(test)]
mod tests;

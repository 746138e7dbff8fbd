//! Title and text of a pull request, from which a reviewer can decide.
//!
//! Nothing secret is shown: the text holds what the commits hold and who asked for it, and values that a chart's schema
//! marks as secret never get into a record (`domain/secrets.rs`). The same proposal has the same text, whoever
//! renders it again. Must not know: how a diff is made, or where a text is sent.

use std::collections::{BTreeMap, BTreeSet};

use super::markdown::{clipped, code, fenced, folded, line};
use crate::domain::approval::{Needed, asking};
use crate::domain::change::{Action, Change};
use crate::domain::policy::{ApprovalRule, FleetPolicy, Merge};
use crate::domain::record::Record;
use crate::domain::{ProposalId, StoreName};

mod section;

use section::Section;

/// GitHub takes 65,536 characters; bytes are never fewer.
pub const LIMIT: usize = 65_536;

/// Kept free for the sentences that say what was left out.
const NOTES: usize = 600;

/// A rendered file that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileText {
    /// Its path on main.
    pub path: String,
    /// How it is shown.
    pub shown: Shown,
}

/// How a file's change is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A new file, whole.
    New(String),
    /// A unified diff.
    Diff(String),
    /// It goes.
    Gone,
}

/// A Kubernetes object that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectChange {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Lines that come.
    pub added: usize,
    /// Lines that go.
    pub removed: usize,
}

/// What a plan changes, as a reviewer sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edited {
    /// The record's change, as a unified diff.
    pub record: String,
    /// Rendered objects, in the order of their files.
    pub objects: Vec<ObjectChange>,
    /// Rendered files, by path.
    pub files: Vec<FileText>,
}

/// One change of a proposal.
#[derive(Debug, Clone)]
pub struct ChangeText<'a> {
    /// What was asked, and by whom.
    pub change: &'a Change,
    /// Why, in the requester's words.
    pub reason: Option<&'a str>,
    /// The record before.
    pub old: Option<&'a Record>,
    /// The record afterwards; of a deletion the marked one.
    pub new: &'a Record,
    /// What is written.
    pub edited: Edited,
}

/// All of a proposal.
#[derive(Debug, Clone)]
pub struct ProposalText<'a> {
    /// Which.
    pub id: &'a ProposalId,
    /// The policy in force.
    pub policy: &'a FleetPolicy,
    /// What its changes need together.
    pub needed: &'a Needed,
    /// Its changes, in the order of their commits.
    pub changes: Vec<ChangeText<'a>>,
}

/// The comment that tells whose pull request this is. It is not seen.
pub fn marker(id: &ProposalId) -> String {
    format!("<!-- fleetwright:proposal {id} -->")
}

/// The title. It has words of ours and names of stores only, because a squash makes it a commit's.
pub fn title(changes: &[&Change]) -> String {
    let stores: BTreeSet<&StoreName> = changes.iter().map(|it| &it.store).collect();
    let names: Vec<&str> = stores.iter().take(3).map(|it| it.as_str()).collect();
    let more = stores.len() - names.len();
    let names = match more {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    };
    let noun = if stores.len() == 1 { "store" } else { "stores" };
    let actions: BTreeSet<&str> = changes.iter().map(|it| it.action.as_str()).collect();
    match (actions.first(), actions.len(), changes.len()) {
        (Some(action), 1, count) if count == stores.len() => format!("{action} {noun} {names}"),
        (_, _, count) => format!("{count} changes of {noun} {names}"),
    }
}

/// The text, at most [`LIMIT`] bytes long.
pub fn body(proposal: &ProposalText<'_>) -> String {
    let mut out = format!("{}\n{}", marker(proposal.id), head(proposal));
    let foot = foot();
    let mut room = LIMIT.saturating_sub(out.len() + foot.len() + NOTES);
    let sections: Vec<Section> = proposal.changes.iter().map(section_of(proposal)).collect();
    out.push_str(&section::fitted(&sections, &mut room));
    out.push_str(&files(proposal, &mut room));
    out.push_str(&foot);
    out
}

fn section_of<'a>(proposal: &ProposalText<'a>) -> impl Fn(&ChangeText<'a>) -> Section {
    let policy = proposal.policy;
    move |it| Section::of(policy, it)
}

fn head(proposal: &ProposalText<'_>) -> String {
    let count = proposal.changes.len();
    let changes = if count == 1 { "change" } else { "changes" };
    let needed = proposal.needed;
    let merges = match needed.merge {
        Merge::Person => "then a person merges it",
        Merge::Auto => "then GitHub merges it as soon as the repository's rules allow",
        Merge::Bot => "then Fleetwright merges it",
    };
    let wants = line(&clipped(&needed.sentence(), 500));
    let mut out = format!("{count} {changes} of the fleet. It needs {wants}; {merges}.\n");
    let rules = rules(proposal);
    if !rules.is_empty() {
        out.push_str("\nAsked for by the fleet policy:\n");
        // A policy with more rules than people read is shown in part.
        for rule in rules.iter().take(20) {
            out.push_str(&format!("- {}\n", line(&clipped(rule, 300))));
        }
    }
    out.push_str(&cost(proposal));
    out
}

/// The rules that match any of the changes, each once.
fn rules(proposal: &ProposalText<'_>) -> Vec<String> {
    let matching = proposal.changes.iter().flat_map(|it| {
        let old = it.old.map(|it| &it.spec);
        asking(proposal.policy, it.change.action, old, &it.new.spec)
    });
    let by_place: BTreeMap<usize, &ApprovalRule> = matching.collect();
    let rules = by_place.into_iter();
    rules
        .map(|(at, rule)| format!("rule {}: {}", at + 1, rule.in_words()))
        .collect()
}

/// The prices of all stores inside, before and after.
fn cost(proposal: &ProposalText<'_>) -> String {
    let (mut before, mut after) = (0, 0);
    let mut seen = BTreeSet::new();
    for change in &proposal.changes {
        let (old, new) = price(proposal.policy, change);
        // Of several changes of one store the first says what was, and each what will be instead of the one before.
        if seen.insert(&change.change.store) {
            before += old;
            after += new;
        } else {
            after = after + new - old;
        }
    }
    format!("\nCost: {before} → {after} price units.\n")
}

/// The price of a change's store, before and after.
fn price(policy: &FleetPolicy, change: &ChangeText<'_>) -> (i64, i64) {
    let of = |record: &Record| {
        let plan = policy.plans.get(&record.spec.plan);
        plan.map_or(0, |it| i64::from(it.price))
    };
    let after = if change.change.action == Action::Delete {
        0
    } else {
        of(change.new)
    };
    (change.old.map_or(0, of), after)
}

/// The rendered files, folded, as many as there is room for.
fn files(proposal: &ProposalText<'_>, room: &mut usize) -> String {
    let all = || proposal.changes.iter().flat_map(|it| &it.edited.files);
    if all().next().is_none() {
        return String::new();
    }
    let mut out = "\n### Rendered files\n".to_owned();
    *room = room.saturating_sub(out.len());
    let mut left_out = 0_usize;
    for file in all() {
        let text = match &file.shown {
            Shown::New(text) => fenced("yaml", text),
            Shown::Diff(diff) => fenced("diff", diff),
            Shown::Gone => "It goes.\n".to_owned(),
        };
        let text = folded(&file.path, &text);
        if text.len() <= *room {
            *room -= text.len();
            out.push_str(&text);
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        let files = if left_out == 1 {
            "file is"
        } else {
            "files are"
        };
        out.push_str(&format!(
            "\n{left_out} more {files} too much for this page; see {} in the Files tab.\n",
            folders(proposal)
        ));
    }
    out
}

/// The folders of the clusters that are touched, of which a few are named.
fn folders(proposal: &ProposalText<'_>) -> String {
    let clusters = proposal.changes.iter().map(|it| &it.new.spec.cluster);
    let clusters: BTreeSet<_> = clusters.collect();
    let named = clusters.iter().take(3);
    let named: Vec<String> = named.map(|it| code(&format!("clusters/{it}/"))).collect();
    named.join(", ")
}

fn foot() -> String {
    "\n---\nApprove it, or ask for changes, by a review. A comment of the one line `/fleetwright cancel`, `retry`, \
     `rebuild` or `status` tells Fleetwright to do that; where there are several changes, put the id of one behind it.\n"
        .to_owned()
}

#[cfg(test)]
mod tests;

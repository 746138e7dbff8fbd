//! Which changes people approve before they are written.
//!
//! Must not know: who approves where. Several matching rules add up: the most approvals, the strictest merge.

use super::change::Action;
use super::policy::{ApprovalRule, FleetPolicy};
use super::record::Spec;

/// What the matching rules want together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// How many people.
    pub approvals: u32,
    /// Who may, in words.
    pub by: String,
}

impl Needed {
    /// What a change waits for, as a sentence's end.
    pub fn sentence(&self) -> String {
        let people = if self.approvals == 1 {
            "person"
        } else {
            "people"
        };
        format!("approval by {} {people} ({})", self.approvals, self.by)
    }
}

/// What a change of a store needs; none where no rule matches. `old` is the spec before, `new` the one after.
pub fn needed(
    policy: &FleetPolicy,
    action: Action,
    old: Option<&Spec>,
    new: &Spec,
) -> Option<Needed> {
    let rules: Vec<&ApprovalRule> = policy
        .approval
        .iter()
        .filter(|rule| matches(rule, action, old, new))
        .collect();
    let approvals = rules
        .iter()
        .map(|rule| rule.require.approvals)
        .max()
        .filter(|it| *it > 0)?;
    let names: Vec<&str> = rules
        .iter()
        .flat_map(|rule| rule.require.reviewers.iter().chain(&rule.require.teams))
        .map(String::as_str)
        .collect();
    let by = if names.is_empty() {
        "anyone who may write".to_owned()
    } else {
        names.join(", ")
    };
    Some(Needed { approvals, by })
}

fn matches(rule: &ApprovalRule, action: Action, old: Option<&Spec>, new: &Spec) -> bool {
    let when = &rule.when;
    let specs = || old.into_iter().chain([new]);
    let any = |listed: &[String], of: fn(&Spec) -> &str| {
        listed.is_empty() || specs().any(|it| listed.iter().any(|l| l == of(it)))
    };
    (when.actions.is_empty() || when.actions.contains(&action))
        && any(&when.plans, |it| &it.plan)
        && any(&when.engines, |it| &it.engine)
        && (when.clusters.is_empty() || specs().any(|it| when.clusters.contains(&it.cluster)))
        && (when.owners.is_empty() || specs().any(|it| when.owners.contains(&it.owner)))
}

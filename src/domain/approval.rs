//! Which changes people approve before they are written.
//!
//! Must not know: who approves where. Several matching rules add up: the most approvals, the strictest merge.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::change::Action;
use super::policy::{ApprovalRule, FleetPolicy};
use super::record::{Record, Spec, sha256_hex};

/// One person's agreement to one content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who, as the audit names them.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What they saw: [`digest`] of the record that the change leaves.
    pub digest: String,
}

/// What an approval is bound to: all of a record that a change decides. The same content has the same digest however
/// often it is rendered again.
pub fn digest(record: &Record) -> String {
    let deletion = record.metadata.deletion.as_ref().map(|it| &it.change);
    let decided = (&record.metadata.uid, &record.spec, deletion);
    sha256_hex(&serde_json::to_vec(&decided).unwrap_or_default())
}

/// How many people have agreed to this content.
pub fn given(approvals: &[Approval], digest: &str) -> u32 {
    let people: BTreeSet<&str> = approvals
        .iter()
        .filter(|it| it.digest == digest)
        .map(|it| it.by.as_str())
        .collect();
    u32::try_from(people.len()).unwrap_or(u32::MAX)
}

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
        self.missing(0)
    }

    /// The same where some have agreed already.
    pub fn missing(&self, given: u32) -> String {
        let more = if given == 0 { "" } else { "more " };
        let left = self.approvals.saturating_sub(given);
        let people = if left == 1 { "person" } else { "people" };
        format!("approval by {left} {more}{people} ({})", self.by)
    }
}

/// What a change of a store needs; none where no rule matches. `old` is the spec before, `new` the one after.
pub fn needed(
    policy: &FleetPolicy,
    action: Action,
    old: Option<&Spec>,
    new: &Spec,
) -> Option<Needed> {
    let actions = actions(action, old, new);
    let asks = |rule: &&ApprovalRule| actions.iter().any(|it| matches(rule, *it, old, new));
    let rules: Vec<&ApprovalRule> = policy.approval.iter().filter(asks).collect();
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

/// Every action that a change amounts to: a rule about upgrades holds for a version changed by an update as well.
fn actions(action: Action, old: Option<&Spec>, new: &Spec) -> Vec<Action> {
    let mut all = vec![action];
    let Some(old) = old else { return all };
    if old.version != new.version {
        all.push(Action::Upgrade);
    }
    if old.suspended != new.suspended {
        all.push(if new.suspended {
            Action::Suspend
        } else {
            Action::Resume
        });
    }
    all
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_match_by_what_a_change_amounts_to() {
        let policy = |when: serde_json::Value| -> FleetPolicy {
            serde_json::from_value(json!({
                "apiVersion": "fleetwright.dev/v1", "kind": "FleetPolicy", "clusters": {}, "engines": {}, "plans": {},
                "approval": [{"when": when, "require": {"approvals": 2, "teams": ["platform"]}}],
            }))
            .unwrap()
        };
        let spec = |plan: &str, version: &str| -> Spec {
            serde_json::from_value(json!({
                "engine": "woocommerce", "plan": plan, "owner": "alice", "cluster": "local",
                "host": "a.example.com", "version": version,
            }))
            .unwrap()
        };
        let (small, large, newer) = (
            spec("small", "1.0.0"),
            spec("large", "1.0.0"),
            spec("small", "1.1.0"),
        );
        for (when, action, new, asks) in [
            (json!({}), Action::Update, &small, true),
            (
                json!({"actions": ["delete"]}),
                Action::Update,
                &large,
                false,
            ),
            (
                json!({"actions": ["upgrade"]}),
                Action::Update,
                &newer,
                true,
            ),
            (
                json!({"actions": ["upgrade"]}),
                Action::Update,
                &large,
                false,
            ),
            (json!({"plans": ["large"]}), Action::Update, &large, true),
            (
                json!({"plans": ["large"], "owners": ["bob"]}),
                Action::Update,
                &large,
                false,
            ),
            (
                json!({"clusters": ["local"], "engines": ["woocommerce"]}),
                Action::Update,
                &small,
                true,
            ),
        ] {
            let needed = needed(&policy(when.clone()), action, Some(&small), new);
            assert_eq!(needed.is_some(), asks, "{when}");
            if let Some(needed) = needed {
                assert_eq!(needed.sentence(), "approval by 2 people (platform)");
            }
        }
    }
}

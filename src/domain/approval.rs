//! Which changes people approve before they are written.
//!
//! Must not know: who approves where. Several matching rules add up: the most approvals, the strictest merge.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::change::Action;
use super::policy::{ApprovalRule, FleetPolicy, Merge};
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needed {
    /// How many people.
    pub approvals: u32,
    /// Which people, by login, each once.
    pub reviewers: Vec<String>,
    /// Members of which teams, by slug, each once. Where neither people nor teams are named: whoever may write.
    pub teams: Vec<String>,
    /// Who merges.
    pub merge: Merge,
}

impl Needed {
    /// Who may approve, in words.
    pub fn by(&self) -> String {
        let names: Vec<&str> = self.names().map(String::as_str).collect();
        if names.is_empty() {
            return "anyone who may write".to_owned();
        }
        names.join(", ")
    }

    /// Whether it names who may approve.
    pub fn names_people(&self) -> bool {
        self.names().next().is_some()
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        self.reviewers.iter().chain(&self.teams)
    }

    /// What two changes in one proposal need together: all of both, the most approvals, the strictest merge.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.approvals = self.approvals.max(other.approvals);
        self.merge = self.merge.min(other.merge);
        add(&mut self.reviewers, &other.reviewers);
        add(&mut self.teams, &other.teams);
        self
    }

    /// What a change waits for, as a sentence's end.
    pub fn sentence(&self) -> String {
        self.missing(0)
    }

    /// The same where some have agreed already.
    pub fn missing(&self, given: u32) -> String {
        let more = if given == 0 { "" } else { "more " };
        let left = self.approvals.saturating_sub(given);
        let people = if left == 1 { "person" } else { "people" };
        format!("approval by {left} {more}{people} ({})", self.by())
    }
}

fn add(all: &mut Vec<String>, more: &[String]) {
    for name in more {
        if !all.contains(name) {
            all.push(name.clone());
        }
    }
}

/// What a change of a store needs; none where no rule matches. `old` is the spec before, `new` the one after.
pub fn needed(
    policy: &FleetPolicy,
    action: Action,
    old: Option<&Spec>,
    new: &Spec,
) -> Option<Needed> {
    let rules = asking(policy, action, old, new);
    let wanted = rules.into_iter().map(|(_, rule)| wanted(rule));
    let all = wanted.reduce(|all, next| all.and(&next))?;
    (all.approvals > 0).then_some(all)
}

/// The rules that match a change, each with its place in the policy's list, counted from 0.
pub fn asking<'a>(
    policy: &'a FleetPolicy,
    action: Action,
    old: Option<&Spec>,
    new: &Spec,
) -> Vec<(usize, &'a ApprovalRule)> {
    let actions = actions(action, old, new);
    let asks = |rule: &ApprovalRule| actions.iter().any(|it| matches(rule, *it, old, new));
    let rules = policy.approval.iter().enumerate();
    rules.filter(|(_, rule)| asks(rule)).collect()
}

/// What another policy needs before it is in force: as much as the strictest change of a store, and one person at least.
pub fn needed_for_policy(policy: &FleetPolicy) -> Needed {
    let all = policy.approval.iter().map(wanted);
    let mut all = all.fold(Needed::default(), |all, next| all.and(&next));
    all.approvals = all.approvals.max(1);
    all
}

fn wanted(rule: &ApprovalRule) -> Needed {
    let (mut reviewers, mut teams) = (Vec::new(), Vec::new());
    add(&mut reviewers, &rule.require.reviewers);
    add(&mut teams, &rule.require.teams);
    Needed {
        approvals: rule.require.approvals,
        reviewers,
        teams,
        merge: rule.require.merge,
    }
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

    #[test]
    fn several_rules_add_up_to_the_most_and_the_strictest() {
        let rule = |approvals: u32, reviewers: &[&str], teams: &[&str], merge: &str| json!({"require": {"approvals": approvals, "reviewers": reviewers, "teams": teams, "merge": merge}});
        let policy = |rules: &[serde_json::Value]| -> FleetPolicy {
            serde_json::from_value(json!({
                "apiVersion": "fleetwright.dev/v1", "kind": "FleetPolicy", "clusters": {}, "engines": {}, "plans": {},
                "approval": rules,
            }))
            .unwrap()
        };
        let spec: Spec = serde_json::from_value(json!({
            "engine": "woocommerce", "plan": "small", "owner": "alice", "cluster": "local",
            "host": "a.example.com", "version": "1.0.0",
        }))
        .unwrap();
        let ask = |rules: &[serde_json::Value]| needed(&policy(rules), Action::Create, None, &spec);
        assert_eq!(ask(&[]), None);
        assert_eq!(ask(&[rule(0, &["ann"], &[], "person")]), None);
        let both = ask(&[
            rule(1, &["ann"], &["platform"], "auto"),
            rule(2, &["bob", "ann"], &["platform"], "bot"),
        ])
        .unwrap();
        assert_eq!(both.sentence(), "approval by 2 people (ann, bob, platform)");
        assert_eq!(both.merge, Merge::Auto);
        let anyone = ask(&[rule(1, &[], &[], "bot"), rule(1, &[], &[], "person")]).unwrap();
        assert_eq!(
            anyone.missing(0),
            "approval by 1 person (anyone who may write)"
        );
        assert_eq!(anyone.merge, Merge::Person);
        assert!(!anyone.names_people());
    }

    #[test]
    fn another_policy_needs_what_its_strictest_rule_does() {
        let sentence = |rules: serde_json::Value| {
            let policy: FleetPolicy = serde_json::from_value(json!({
                "apiVersion": "fleetwright.dev/v1", "kind": "FleetPolicy", "clusters": {}, "engines": {}, "plans": {},
                "approval": rules,
            }))
            .unwrap();
            needed_for_policy(&policy).sentence()
        };
        for (rules, wanted) in [
            (json!([]), "approval by 1 person (anyone who may write)"),
            (
                json!([{"require": {"approvals": 0}}]),
                "approval by 1 person (anyone who may write)",
            ),
            (
                json!([
                    {"when": {"plans": ["large"]}, "require": {"approvals": 2}},
                    {"when": {"actions": ["delete"]}, "require": {"approvals": 1, "teams": ["platform"]}},
                ]),
                "approval by 2 people (platform)",
            ),
        ] {
            assert_eq!(sentence(rules), wanted);
        }
    }
}

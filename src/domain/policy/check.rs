//! Whether a policy is right in itself: every name it uses it also has, every duration and domain is one.
//!
//! Must not know: the policy before it, or whether stores would suffer.

use std::collections::BTreeMap;

use super::duration::go_duration;
use super::{ApprovalRule, FleetPolicy, GithubAccount, OwnerPolicy, ProposalPolicy};
use crate::domain::record::API_VERSION;
use crate::domain::request::Violation;
use crate::domain::text::hidden;
use crate::domain::{ClusterName, Host, Owner};

use super::cluster::ClusterPolicy;

impl FleetPolicy {
    /// Everything that is wrong with the policy in itself, each with a JSON pointer.
    pub fn check(&self) -> Vec<Violation> {
        gathered(|say| self.check_all(say))
    }

    fn check_all(&self, mut say: &mut dyn FnMut(bool, String, &str)) {
        say(
            self.api_version != API_VERSION,
            "/apiVersion".into(),
            "must be fleetwright.dev/v1",
        );
        say(
            self.kind != "FleetPolicy",
            "/kind".into(),
            "must be FleetPolicy",
        );
        say(
            self.clusters.is_empty(),
            "/clusters".into(),
            "name at least one cluster",
        );
        say(
            self.engines.is_empty(),
            "/engines".into(),
            "name at least one engine",
        );
        say(
            self.plans.is_empty(),
            "/plans".into(),
            "name at least one plan",
        );
        let share = self.limits.mass_change_share;
        say(
            !(0.0..=1.0).contains(&share),
            "/limits/massChangeShare".into(),
            "must be from 0 to 1",
        );
        for (field, value) in [
            ("gracePeriod", &self.deletion.grace_period),
            ("tombstone", &self.deletion.tombstone),
        ] {
            let pointer = format!("/deletion/{field}");
            say(
                !go_duration(value),
                pointer,
                "a duration looks like 0s or 2160h",
            );
        }
        self.check_offers(&mut say);
        for (name, cluster) in &self.clusters {
            cluster.check(name, &mut say);
        }
    }

    /// Names that rules use and the policy does not have, and words that it does not know. Such a rule holds for nothing:
    /// a slip of the pen that lets everything pass. No new policy may have any; one in force is not broken by them.
    pub fn slips(&self) -> Vec<Violation> {
        gathered(|mut say| {
            self.check_names(&mut say);
            self.check_proposals(&mut say);
            self.check_accounts(&mut say);
        })
    }

    fn check_names(&self, say: &mut impl FnMut(bool, String, &str)) {
        let mut known = |pointer: &str, kind: &str, name: &str| {
            let there = match kind {
                "plans" => self.plans.contains_key(name),
                "engines" => self.engines.contains_key(name),
                _ => self.clusters.keys().any(|it| it.as_str() == name),
            };
            let detail = format!("/{kind} does not have {name:?}");
            say(!there, format!("{pointer}/{kind}"), &detail);
        };
        for (at, ApprovalRule { when, .. }) in self.approval.iter().enumerate() {
            let pointer = format!("/approval/{at}/when");
            for plan in &when.plans {
                known(&pointer, "plans", plan);
            }
            for engine in &when.engines {
                known(&pointer, "engines", engine);
            }
            for cluster in &when.clusters {
                known(&pointer, "clusters", cluster.as_str());
            }
        }
        for (owner, OwnerPolicy { plans, engines, .. }) in &self.owners {
            let pointer = format!("/owners/{owner}");
            for plan in plans {
                known(&pointer, "plans", plan);
            }
            for engine in engines {
                known(&pointer, "engines", engine);
            }
        }
    }

    fn check_proposals(&self, say: &mut impl FnMut(bool, String, &str)) {
        let ProposalPolicy {
            group,
            on_new_change,
            labels,
            merge_method: _,
        } = &self.proposals;
        let grouped = matches!(group.as_str(), "none" | "owner") || go_duration(group);
        let words = "must be none, owner, or a window as in 1h";
        say(!grouped, "/proposals/group".into(), words);
        let known = matches!(on_new_change.as_str(), "append" | "supersede");
        let words = "must be append or supersede";
        say(!known, "/proposals/onNewChange".into(), words);
        for (at, label) in labels.iter().enumerate() {
            // GitHub's own bounds of a label's name.
            let fits = (1..=50).contains(&label.chars().count()) && !label.chars().any(hidden);
            let words = "a label has 1 to 50 visible characters";
            say(!fits, format!("/proposals/labels/{at}"), words);
        }
    }

    /// An account speaks for one owner: the first that names it. A second one would be there in vain.
    fn check_accounts(&self, say: &mut impl FnMut(bool, String, &str)) {
        let mut seen: BTreeMap<(bool, String), &Owner> = BTreeMap::new();
        for (owner, policy) in &self.owners {
            for (at, account) in policy.github.iter().enumerate() {
                let pointer = format!("/owners/{owner}/github/{at}");
                let words = "must be the number of an account, or its login without @";
                say(!account.is_well_formed(), pointer.clone(), words);
                // A login may be made of digits alone and is another account than the number.
                let number = matches!(account, GithubAccount::Id(_));
                let key = (number, account.to_string().to_ascii_lowercase());
                let first = *seen.entry(key).or_insert(owner);
                let words = format!("is an account of owner {first} already");
                say(first != owner, pointer, &words);
            }
        }
    }

    fn check_offers(&self, say: &mut impl FnMut(bool, String, &str)) {
        for (name, engine) in &self.engines {
            let known = engine.versions.contains(&engine.default);
            say(
                !known,
                format!("/engines/{name}/default"),
                "must be one of the engine's versions",
            );
            say(
                !is_label(name),
                format!("/engines/{name}"),
                "must be an RFC 1123 label",
            );
            for (index, version) in engine.versions.iter().enumerate() {
                let pointer = format!("/engines/{name}/versions/{index}");
                say(
                    !is_version(version),
                    pointer,
                    "a version looks like 1.2.3 or 1.2.3-rc1",
                );
            }
        }
        for (name, plan) in &self.plans {
            for engine in plan
                .engines
                .keys()
                .filter(|it| !self.engines.contains_key(*it))
            {
                let pointer = format!("/plans/{name}/engines/{engine}");
                say(true, pointer, "names an engine that /engines does not have");
            }
        }
    }
}

/// What a check says, each with a JSON pointer.
fn gathered(check: impl FnOnce(&mut dyn FnMut(bool, String, &str))) -> Vec<Violation> {
    let mut found = Vec::new();
    check(&mut |bad, pointer, detail| {
        if bad {
            found.push(Violation::new(pointer, detail));
        }
    });
    found
}

impl ClusterPolicy {
    fn check(&self, name: &ClusterName, say: &mut impl FnMut(bool, String, &str)) {
        let at = |field: &str| format!("/clusters/{name}/{field}");
        let domain = self.base_domain.parse::<Host>().is_ok();
        say(
            !domain,
            at("baseDomain"),
            "must be a domain in lower case, as in shops.example.com",
        );
        let scheme = matches!(self.scheme.as_str(), "http" | "https");
        say(!scheme, at("scheme"), "must be http or https");
        let times = [
            &self.flux.interval,
            &self.flux.timeout,
            &self.flux.retry_interval,
        ];
        let right = times.iter().all(|it| go_duration(it));
        say(!right, at("flux"), "durations look like 6h, 10m or 1m30s");
        let deadline = go_duration(&self.ready_deadline);
        say(!deadline, at("readyDeadline"), "a duration looks like 15m");
        let resume = go_duration(&self.resume_after);
        say(
            !resume,
            at("resumeAfter"),
            "a duration looks like 1m or 24h",
        );
        say(
            !is_label(&self.namespace),
            at("namespace"),
            "must be an RFC 1123 label",
        );
        let prefix = self.namespace_prefix.as_str();
        // An account `fleetwright-root` must not be a store's.
        let reserved = prefix.starts_with("fleetwright-") || prefix.starts_with("kube-");
        let fits = prefix.len() <= 20 && prefix.ends_with('-') && is_label(&format!("{prefix}x"));
        say(
            reserved || !fits,
            at("namespacePrefix"),
            "a short label that ends with a hyphen, as in store-",
        );
    }
}

fn is_label(text: &str) -> bool {
    text.parse::<ClusterName>().is_ok()
}

/// A chart version as a part of a Kubernetes name: no build metadata, lower case.
fn is_version(text: &str) -> bool {
    let (core, pre) = text
        .split_once('-')
        .map_or((text, None), |(core, pre)| (core, Some(pre)));
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    core.split('.').count() == 3
        && core.split('.').all(number)
        && pre.is_none_or(|it| !it.is_empty() && it.bytes().all(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_about_what_nobody_offers_is_a_slip_of_the_pen() {
        let policy = include_str!("../../../fleet/fleetwright.yaml");
        let wrong = |from: &str, to: &str| -> Vec<String> {
            let text = policy.replace(from, to);
            assert!(from == to || text != policy, "{from}");
            let policy: FleetPolicy = serde_yaml::from_str(&text).expect("a policy");
            assert!(policy.check().is_empty(), "{to}");
            policy.slips().into_iter().map(|it| it.pointer).collect()
        };
        assert!(wrong("", "").is_empty());
        let cases = [
            ("plans: [large]", "plans: [lareg]", "/approval/0/when/plans"),
            (
                "plans: [large]",
                "engines: [magento]",
                "/approval/0/when/engines",
            ),
            (
                "clusters: [production]",
                "clusters: [prod]",
                "/approval/0/when/clusters",
            ),
            (
                "owners: {}",
                "owners: {ann: {plans: [tiny]}}",
                "/owners/ann/plans",
            ),
            (
                "owners: {}",
                "owners: {ann: {engines: [magento]}}",
                "/owners/ann/engines",
            ),
            ("group: none", "group: maybe", "/proposals/group"),
            (
                "onNewChange: append",
                "onNewChange: wait",
                "/proposals/onNewChange",
            ),
            (
                "onNewChange: append",
                "labels: [store, \"\"]",
                "/proposals/labels/1",
            ),
            (
                "owners: {}",
                "owners: {ann: {github: [ann-gh, \"@ann\"]}}",
                "/owners/ann/github/1",
            ),
            (
                "owners: {}",
                "owners: {ann: {github: [7, ann-gh]}, bob: {github: [Ann-GH]}}",
                "/owners/bob/github/0",
            ),
        ];
        for (from, to, pointer) in cases {
            assert_eq!(wrong(from, to), [pointer], "{to}");
        }
    }

    #[test]
    fn versions_can_be_part_of_a_kubernetes_name() {
        for good in ["1.0.0", "10.2.33", "1.2.3-rc.1"] {
            assert!(is_version(good), "{good}");
        }
        for bad in [
            "",
            "1.0",
            "v1.0.0",
            "1.0.0+build",
            "1.0.0-",
            "1.0.0-RC1",
            "../1.0.0",
        ] {
            assert!(!is_version(bad), "{bad}");
        }
    }
}

//! The fleet policy, `fleetwright.yaml` at the root of the fleet repository: what there is and who may have it.
//!
//! Must not know: where it was read, or which of several is in force.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::record::API_VERSION;
use super::request::Violation;
use super::{ClusterName, Owner};

/// The whole policy. Maps keep the file's order: the first cluster, and the first plan, is the default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FleetPolicy {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// Always `FleetPolicy`.
    pub kind: String,
    /// Limits of the whole fleet.
    #[serde(default)]
    pub limits: Limits,
    /// The clusters, by name.
    pub clusters: IndexMap<ClusterName, ClusterPolicy>,
    /// The engines, by name.
    pub engines: IndexMap<String, EnginePolicy>,
    /// The plans, by name.
    pub plans: IndexMap<String, PlanPolicy>,
    /// What holds for single owners, by owner.
    #[serde(default)]
    pub owners: IndexMap<Owner, OwnerPolicy>,
    /// How stores are deleted.
    #[serde(default)]
    pub deletion: DeletionPolicy,
    /// Which changes people approve first.
    #[serde(default)]
    pub approval: Vec<ApprovalRule>,
    /// How proposals are made.
    #[serde(default)]
    pub proposals: ProposalPolicy,
}

/// Limits of the whole fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Limits {
    /// Stores in all.
    pub stores: u32,
    /// Stores of one owner.
    pub stores_per_owner: u32,
    /// Creates under way at once, per cluster.
    pub provisions_at_once: u32,
    /// The share of all stores that one group may change or drop without an admin.
    pub mass_change_share: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stores: 50,
            stores_per_owner: 5,
            provisions_at_once: 3,
            mass_change_share: 0.2,
        }
    }
}

/// One cluster: how stores are reached there and how Flux follows the fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ClusterPolicy {
    /// Stores answer at `<name>.<baseDomain>`.
    pub base_domain: String,
    /// `http` or `https`.
    #[serde(default = "https")]
    pub scheme: String,
    /// The storage class of volumes; empty takes the cluster's default.
    #[serde(default)]
    pub storage_class: String,
    /// How traffic reaches a store.
    #[serde(default)]
    pub route: Route,
    /// The namespace of every Flux object. Never changed after bootstrap.
    #[serde(default = "fleet")]
    pub namespace: String,
    /// What a store's namespace is called before its name. Never changed after bootstrap.
    #[serde(default = "store_dash")]
    pub namespace_prefix: String,
    /// Whether shards are cut out by source-watcher or read from the repository.
    #[serde(default)]
    pub source: Source,
    /// Flux's intervals.
    #[serde(default)]
    pub flux: FluxTimes,
    /// Whether the cluster checks the signature of the deploy branch.
    #[serde(default = "yes")]
    pub verify: bool,
    /// How long a change may take from merged to ready.
    #[serde(default = "fifteen_minutes")]
    pub ready_deadline: String,
    /// Stores on this cluster.
    #[serde(default = "three_thousand")]
    pub max_stores: u32,
    /// Deletions under way at once.
    #[serde(default = "three")]
    pub deletes_at_once: u32,
}

/// How traffic reaches a store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Route {
    /// Which kind of object carries the hosts.
    #[serde(rename = "type")]
    pub kind: RouteKind,
    /// The ingress class; empty takes the cluster's default.
    pub class_name: String,
}

impl Default for Route {
    fn default() -> Self {
        Self {
            kind: RouteKind::Ingress,
            class_name: String::new(),
        }
    }
}

/// Which kind of object carries a store's hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteKind {
    /// `networking.k8s.io/v1` Ingress.
    Ingress,
    /// `gateway.networking.k8s.io/v1` HTTPRoute.
    Gateway,
    /// None: reached inside the cluster only.
    None,
}

/// Where a shard's Kustomizations read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// One ExternalArtifact per shard: a commit wakes the touched shards only.
    #[default]
    Artifact,
    /// The GitRepository itself: for small fleets and older Flux.
    Git,
}

/// Flux's intervals, as Go durations (`6h`, `1m30s`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct FluxTimes {
    /// How often drift is looked for.
    pub interval: String,
    /// How long an apply or a release may take.
    pub timeout: String,
    /// How long Flux waits after a failure.
    pub retry_interval: String,
}

impl Default for FluxTimes {
    fn default() -> Self {
        Self {
            interval: "6h".into(),
            timeout: "10m".into(),
            retry_interval: "1m".into(),
        }
    }
}

/// One engine: a chart and how its stores are known to answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EnginePolicy {
    /// Chart versions that may be chosen.
    pub versions: Vec<String>,
    /// The version of a store that names none.
    pub default: String,
    /// The top-level chart values that a merchant may set.
    #[serde(default)]
    pub merchant_values: Vec<String>,
    /// How a store of this engine is asked whether it works.
    #[serde(default)]
    pub probe: Option<Probe>,
}

/// A request that a working store answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// Path and query.
    pub path: String,
    /// The status that means "works".
    pub expect: u16,
}

/// One plan: what it costs and what it gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PlanPolicy {
    /// Price units.
    pub price: u32,
    /// `hard` of the namespace's ResourceQuota.
    pub quota: Map<String, Value>,
    /// The one item of the namespace's LimitRange, without its `type`.
    pub limit_range: Map<String, Value>,
    /// The engines that offer this plan, by name.
    pub engines: IndexMap<String, PlanEngine>,
}

/// What a plan gives a store of one engine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlanEngine {
    /// Chart values.
    pub values: Map<String, Value>,
    /// Volume sizes of a new store, by their place in the chart's values.
    pub volumes: std::collections::BTreeMap<String, String>,
}

/// What holds for one owner.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct OwnerPolicy {
    /// Stores of this owner.
    pub stores_per_owner: Option<u32>,
    /// The plans this owner may take; none listed: all.
    pub plans: Vec<String>,
    /// The engines this owner may take; none listed: all.
    pub engines: Vec<String>,
    /// The sum of the plans' prices this owner may use.
    pub budget: Option<u32>,
    /// The owner's accounts at the forge.
    pub github: Vec<String>,
}

/// How stores are deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct DeletionPolicy {
    /// How long a delete waits and can be cancelled.
    pub grace_period: String,
    /// Whether new stores are protected.
    pub protect: bool,
    /// How long name and hosts stay held for the old owner.
    pub tombstone: String,
}

impl Default for DeletionPolicy {
    fn default() -> Self {
        Self {
            grace_period: "0s".into(),
            protect: false,
            tombstone: "2160h".into(),
        }
    }
}

/// Which changes people approve, and who.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRule {
    /// Every list given must match; an empty one matches all.
    #[serde(default)]
    pub when: ApprovalWhen,
    /// What is wanted then.
    pub require: ApprovalRequire,
}

/// The changes an approval rule is about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalWhen {
    /// Actions (`create`, `delete`, …).
    pub actions: Vec<super::change::Action>,
    /// Plans, before or after the change.
    pub plans: Vec<String>,
    /// Engines.
    pub engines: Vec<String>,
    /// Clusters.
    pub clusters: Vec<ClusterName>,
    /// Owners.
    pub owners: Vec<Owner>,
}

/// What an approval rule wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRequire {
    /// How many people.
    pub approvals: u32,
    /// Which people; none named: whoever may write.
    #[serde(default)]
    pub reviewers: Vec<String>,
    /// Which teams.
    #[serde(default)]
    pub teams: Vec<String>,
    /// Who merges.
    #[serde(default)]
    pub merge: Merge,
}

/// Who merges an approved proposal, from the strictest down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Merge {
    /// A person.
    Person,
    /// The forge, as soon as its rules allow.
    Auto,
    /// Fleetwright.
    #[default]
    Bot,
}

/// How proposals are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct ProposalPolicy {
    /// `none`, `owner`, or a window as a duration.
    pub group: String,
    /// `append` or `supersede`.
    pub on_new_change: String,
}

impl Default for ProposalPolicy {
    fn default() -> Self {
        Self {
            group: "none".into(),
            on_new_change: "append".into(),
        }
    }
}

impl FleetPolicy {
    /// Everything that is wrong with the policy in itself, each with a JSON pointer.
    pub fn check(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut say = |bad: bool, pointer: String, detail: &str| {
            if bad {
                found.push(Violation::new(pointer, detail));
            }
        };
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
        for (name, cluster) in &self.clusters {
            let at = |field: &str| format!("/clusters/{name}/{field}");
            let hostlike = cluster.base_domain.parse::<super::Host>().is_ok();
            say(
                !hostlike,
                at("baseDomain"),
                "must be a domain in lower case, as in shops.example.com",
            );
            say(
                !matches!(cluster.scheme.as_str(), "http" | "https"),
                at("scheme"),
                "must be http or https",
            );
            let times = [
                &cluster.flux.interval,
                &cluster.flux.timeout,
                &cluster.flux.retry_interval,
            ];
            say(
                !times.iter().all(|it| go_duration(it)),
                at("flux"),
                "durations look like 6h, 10m or 1m30s",
            );
            say(
                !go_duration(&cluster.ready_deadline),
                at("readyDeadline"),
                "a duration looks like 15m",
            );
            let prefix = cluster.namespace_prefix.as_str();
            let reserved = prefix.starts_with("fleetwright-") || prefix.starts_with("kube-");
            let fits = !reserved
                && prefix.len() <= 20
                && prefix.ends_with('-')
                && format!("{prefix}x").parse::<ClusterName>().is_ok();
            say(
                !fits,
                at("namespacePrefix"),
                "a short label that ends with a hyphen, as in store-",
            );
            say(
                cluster.namespace.parse::<ClusterName>().is_err(),
                at("namespace"),
                "must be an RFC 1123 label",
            );
        }
        for (name, engine) in &self.engines {
            let known = engine.versions.contains(&engine.default);
            say(
                !known,
                format!("/engines/{name}/default"),
                "must be one of the engine's versions",
            );
            say(
                name.parse::<ClusterName>().is_err(),
                format!("/engines/{name}"),
                "must be an RFC 1123 label",
            );
        }
        for (name, plan) in &self.plans {
            for engine in plan
                .engines
                .keys()
                .filter(|it| !self.engines.contains_key(*it))
            {
                say(
                    true,
                    format!("/plans/{name}/engines/{engine}"),
                    "names an engine that /engines does not have",
                );
            }
        }
        for (field, value) in [
            ("gracePeriod", &self.deletion.grace_period),
            ("tombstone", &self.deletion.tombstone),
        ] {
            say(
                !go_duration(value),
                format!("/deletion/{field}"),
                "a duration looks like 0s or 2160h",
            );
        }
        found
    }

    /// How long a delete waits and can be cancelled, in seconds.
    pub fn grace_seconds(&self) -> i64 {
        go_seconds(&self.deletion.grace_period)
    }

    /// How many of some stores may be dropped at once without an admin.
    pub fn mass_limit(&self, stores: u32) -> u32 {
        let share = f64::from(stores) * self.limits.mass_change_share;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count is a count")]
        let whole = share.max(0.0) as u32;
        whole.max(1)
    }

    /// How long name and hosts of a deleted store stay held, in seconds.
    pub fn tombstone_seconds(&self) -> i64 {
        go_seconds(&self.deletion.tombstone)
    }
}

impl ClusterPolicy {
    /// How long a change may take from merged to ready, in seconds.
    pub fn deadline_seconds(&self) -> i64 {
        go_seconds(&self.ready_deadline)
    }
}

/// Whether a text is a duration as Flux's CRDs accept it (`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`).
fn go_duration(text: &str) -> bool {
    parts(text).is_some()
}

/// A duration's whole seconds; 0 for what [`go_duration`] refuses.
fn go_seconds(text: &str) -> i64 {
    let seconds: f64 = parts(text)
        .unwrap_or_default()
        .iter()
        .map(|(n, unit)| n * unit)
        .sum();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "policy durations are far below 2^52 seconds"
    )]
    let whole = seconds as i64;
    whole
}

fn parts(text: &str) -> Option<Vec<(f64, f64)>> {
    let mut rest = text;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
        let (unit, seconds) = units.into_iter().find(|(unit, _)| rest.starts_with(unit))?;
        found.push((number, seconds));
        rest = &rest[unit.len()..];
    }
    (!found.is_empty()).then_some(found)
}

fn https() -> String {
    "https".into()
}
fn fleet() -> String {
    "fleet".into()
}
fn store_dash() -> String {
    "store-".into()
}
fn fifteen_minutes() -> String {
    "15m".into()
}
fn yes() -> bool {
    true
}
fn three() -> u32 {
    3
}
fn three_thousand() -> u32 {
    3000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_that_flux_accepts() {
        for (text, seconds) in [
            ("6h", 21600),
            ("1m30s", 90),
            ("500ms", 0),
            ("1.5m", 90),
            ("2160h", 7_776_000),
        ] {
            assert!(go_duration(text), "{text}");
            assert_eq!(go_seconds(text), seconds, "{text}");
        }
        for bad in ["", "6", "h", "5 minutes", "-1s", "1d"] {
            assert!(!go_duration(bad), "{bad}");
        }
    }
}

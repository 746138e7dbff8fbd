//! A cluster's entry in the policy: how stores are reached there, and how Flux follows the fleet.
//!
//! Must not know: how a cluster is talked to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::go_seconds;

/// One cluster: how stores are reached there and how Flux follows the fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// How long something that was suspended in the cluster by hand is let be before it is put right.
    #[serde(default = "one_minute")]
    pub resume_after: String,
    /// Stores on this cluster.
    #[serde(default = "three_thousand")]
    pub max_stores: u32,
    /// Deletions under way at once.
    #[serde(default = "three")]
    pub deletes_at_once: u32,
}

/// How traffic reaches a store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Route {
    /// Which kind of object carries the hosts.
    #[serde(rename = "type")]
    pub kind: RouteKind,
    /// The ingress class; empty takes the cluster's default.
    pub class_name: String,
}

/// Which kind of object carries a store's hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RouteKind {
    /// `networking.k8s.io/v1` Ingress.
    Ingress,
    /// `gateway.networking.k8s.io/v1` `HTTPRoute`.
    Gateway,
    /// None: reached inside the cluster only.
    None,
}

/// Where a shard's Kustomizations read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// One `ExternalArtifact` per shard: a commit wakes the touched shards only.
    #[default]
    Artifact,
    /// The `GitRepository` itself: for small fleets and older Flux.
    Git,
}

/// Flux's intervals, as Go durations (`6h`, `1m30s`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct FluxTimes {
    /// How often drift is looked for.
    pub interval: String,
    /// How long an apply or a release may take.
    pub timeout: String,
    /// How long Flux waits after a failure.
    pub retry_interval: String,
}

impl Default for Route {
    fn default() -> Self {
        Self {
            kind: RouteKind::Ingress,
            class_name: String::new(),
        }
    }
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

impl ClusterPolicy {
    /// How long a change may take from merged to ready, in seconds.
    pub fn deadline_seconds(&self) -> i64 {
        go_seconds(&self.ready_deadline)
    }

    /// How long something that was suspended by hand is let be, in seconds.
    pub fn resume_seconds(&self) -> i64 {
        go_seconds(&self.resume_after)
    }
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
fn one_minute() -> String {
    "1m".into()
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

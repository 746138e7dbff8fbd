//! A store's desired state: the one small file in Git that people review and everything else is rendered from.
//!
//! Shaped like a Kubernetes object. Must not know: how it is written as YAML, or what policy allows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{ChangeId, ClusterName, Host, Owner, StoreName, Uid};

/// `apiVersion` of everything that people write for Fleetwright.
pub const API_VERSION: &str = "fleetwright.dev/v1";

/// One store as it shall be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Record {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// Always `Store`.
    pub kind: String,
    /// Who it is.
    pub metadata: Metadata,
    /// What it shall be.
    pub spec: Spec,
}

/// A store's identity, and the mark of its deletion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The name, which is also the file's.
    pub name: StoreName,
    /// The identity; absent only in a record that a person has just added by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uid>,
    /// Set by the first commit of a deletion and never taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<Deletion>,
}

/// The accepted deletion that a record carries while its store is taken down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deletion {
    /// The change that asked for it.
    pub change: ChangeId,
    /// When it was accepted.
    pub at: Timestamp,
    /// Whether the release had been rendered before: then the tenant's objects stay until it is uninstalled.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub applied: bool,
}

/// What a store shall be. Cluster, host, version and volume sizes are resolved at creation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Spec {
    /// The engine: a chart and its entry in the policy. Never changed.
    pub engine: String,
    /// The plan, by its name in the policy.
    pub plan: String,
    /// Who owns the store.
    pub owner: Owner,
    /// The cluster it runs on. Never changed.
    pub cluster: ClusterName,
    /// The host it answers at.
    pub host: Host,
    /// Further hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_hosts: Vec<Host>,
    /// The chart's version: one of `charts/<engine>/<version>/`.
    pub version: String,
    /// The merchant's own chart values.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub values: Map<String, Value>,
    /// Volume sizes by their place in the chart's values (`database.persistence.size`), fixed at creation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, String>,
    /// Whether the shop is switched off, its data kept.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspended: bool,
    /// Whether a delete is refused.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deletion_protection: bool,
    /// The newest `retry`, rendered as Flux's annotations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
}

/// A request to Flux to try again (`reconcile.fluxcd.io/*At` annotations of the `HelmRelease`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Differs from the one before, so that Flux sees a new request.
    pub token: String,
    /// How much is tried again.
    pub mode: RetryMode,
}

/// How much of a release is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RetryMode {
    /// Reconcile now.
    Reconcile,
    /// Reconcile with the failure counters reset.
    Reset,
    /// Install or upgrade even where nothing changed.
    Force,
}

impl Record {
    /// A record of a new store.
    pub fn new(name: StoreName, uid: Uid, spec: Spec) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "Store".to_owned(),
            metadata: Metadata {
                name,
                uid: Some(uid),
                deletion: None,
            },
            spec,
        }
    }

    /// The store's name.
    pub fn name(&self) -> &StoreName {
        &self.metadata.name
    }

    /// Every host the store answers at, its own first.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        std::iter::once(&self.spec.host).chain(&self.spec.extra_hosts)
    }
}

/// The two hex digits that shard a store: the first of SHA-256 over its name.
pub fn shard(name: &StoreName) -> String {
    hex(&Sha256::digest(name.as_str().as_bytes())[..1])
}

/// The path of a store's record on main.
pub fn record_path(name: &StoreName) -> String {
    format!("stores/{}/{name}.yaml", shard(name))
}

/// Bytes as lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// SHA-256 of some bytes, in lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_true(flag: &bool) -> bool {
    *flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

//! `GET /api/health`: how the server's parts are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::{ClusterName, CommitId};

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// It works.
    Ok,
    /// People should look at it.
    Degraded,
    /// There is no such part.
    None,
}

impl Condition {
    /// Of a part that works, or does not.
    pub fn of(well: bool) -> Self {
        if well { Self::Ok } else { Self::Degraded }
    }
}

/// The server's own state.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Health {
    /// `ok` where every part is.
    pub status: Condition,
    /// One entry per part.
    pub checks: Checks,
}

/// The server's parts.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "HealthChecks")]
pub struct Checks {
    /// What is known of Git and clusters.
    pub index: IndexCheck,
    /// The fleet repository.
    pub git: GitCheck,
    /// The forge, where changes become pull requests.
    pub forge: ForgeCheck,
    /// The clusters of the policy.
    pub clusters: BTreeMap<ClusterName, ClusterCheck>,
    /// The fleet policy.
    pub policy: PolicyCheck,
    /// The issuer of ID tokens, where one is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc: Option<IssuerCheck>,
}

/// How the index is.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct IndexCheck {
    /// How it is.
    pub status: Condition,
    /// What is wrong.
    pub message: Option<String>,
    /// The commit of main that it has read.
    pub commit: Option<CommitId>,
    /// Stores in it.
    pub stores: Option<u64>,
}

/// How the fleet repository is.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitCheck {
    /// How it is.
    pub status: Condition,
    /// What is wrong.
    pub message: Option<String>,
    /// Where it is.
    pub mode: Repository,
    /// The published head of main.
    pub published: Option<CommitId>,
    /// When the remote was last found to have what was written here.
    pub agreed_at: Option<Timestamp>,
    /// Changes that wait to be written.
    pub queued: usize,
}

/// Where the fleet repository is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Repository {
    /// In the data folder of this server (`dev`).
    Embedded,
    /// At a remote (`serve`).
    Remote,
}

/// How the forge is.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ForgeCheck {
    /// How it is.
    pub status: Condition,
    /// The same in words.
    pub message: Option<String>,
}

/// How a cluster is.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ClusterCheck {
    /// How it is.
    pub status: Condition,
    /// How the watch is, as a sentence.
    pub message: String,
    /// Whether it is watched by this server.
    pub watched: bool,
    /// What people must look at.
    pub alarms: Vec<String>,
}

/// How the policy is.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PolicyCheck {
    /// How it is.
    pub status: Condition,
    /// The commit whose policy is in force.
    pub commit: CommitId,
    /// Why the one on main is not; null where it is.
    pub message: Option<String>,
}

/// How the issuer of ID tokens is.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssuerCheck {
    /// How it is.
    pub status: Condition,
    /// What is wrong.
    pub message: Option<String>,
    /// Keys that are known of it.
    pub keys: usize,
    /// When they were fetched.
    pub fetched_at: Option<Timestamp>,
}

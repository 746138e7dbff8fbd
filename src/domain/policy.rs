//! The fleet policy, `fleetwright.yaml` at the root of the fleet repository: what there is and who may have it.
//!
//! Must not know: where it was read, or which of several is in force.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ClusterName, Owner};

mod approval;
mod check;
mod cluster;
mod duration;
mod offer;
mod share;

pub use approval::{
    ApprovalRequire, ApprovalRule, ApprovalWhen, Grouping, Merge, OnNewChange, ProposalPolicy,
};
pub use cluster::{ClusterPolicy, FluxTimes, Route, RouteKind, Source};
use duration::go_seconds;
pub use offer::{EnginePolicy, GithubAccount, OwnerPolicy, PlanEngine, PlanPolicy, Probe};
pub use share::Offered;

/// The whole policy. Maps keep the file's order: the first cluster, and the first plan, is the default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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

/// How stores are deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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

impl FleetPolicy {
    /// How long a delete waits and can be cancelled, in seconds.
    pub fn grace_seconds(&self) -> i64 {
        go_seconds(&self.deletion.grace_period)
    }

    /// Whether some rule has teams review.
    pub fn names_teams(&self) -> bool {
        self.approval.iter().any(|it| !it.require.teams.is_empty())
    }

    /// Whether some rule leaves merging to the forge.
    pub fn merges_by_forge(&self) -> bool {
        let mut rules = self.approval.iter();
        rules.any(|it| it.require.merge == Merge::Auto)
    }

    /// How many of some stores may be dropped at once without an admin.
    pub fn mass_limit(&self, stores: u32) -> u32 {
        let share = f64::from(stores) * self.limits.mass_change_share;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a count is a count"
        )]
        let whole = share.max(0.0) as u32;
        whole.max(1)
    }

    /// How long name and hosts of a deleted store stay held, in seconds.
    pub fn tombstone_seconds(&self) -> i64 {
        go_seconds(&self.deletion.tombstone)
    }
}

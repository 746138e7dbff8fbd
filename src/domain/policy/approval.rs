//! Which changes people approve, and how proposals are made.
//!
//! Must not know: where people approve.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::change::Action;
use crate::domain::{ClusterName, Owner};

/// Which changes people approve, and who.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRule {
    /// Every list given must match; an empty one matches all.
    #[serde(default)]
    pub when: ApprovalWhen,
    /// What is wanted then.
    pub require: ApprovalRequire,
}

/// The changes an approval rule is about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalWhen {
    /// Actions (`create`, `delete`, …).
    pub actions: Vec<Action>,
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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

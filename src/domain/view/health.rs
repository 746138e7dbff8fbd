//! `GET /api/health`: how the server's parts are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::forge::{BudgetView, Quota};
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
    /// What it still takes of us, and what waits for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<ForgeBudget>,
}

/// What the forge still takes of us, and what waits for it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForgeBudget {
    /// Requests to the REST API; null where the forge has not said, or has no such limit.
    pub rest: Option<ForgeQuota>,
    /// Points of the GraphQL API, likewise.
    pub graphql: Option<ForgeQuota>,
    /// Calls that make content (pull requests, comments) which may still be sent within this minute.
    pub content_minute_left: u32,
    /// The same within this hour.
    pub content_hour_left: u32,
    /// Calls that wait for their turn, by what they are for: `merge`, `open`, `comment`, `poll`.
    pub waiting: BTreeMap<&'static str, usize>,
    /// Until when nothing is sent.
    pub paused_until: Option<Timestamp>,
    /// Why, as the forge said.
    pub paused_because: Option<String>,
}

/// What is left of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForgeQuota {
    /// What is left until `resetAt`.
    pub remaining: u32,
    /// What there is of it in a whole window.
    pub limit: u32,
    /// When `remaining` is `limit` again.
    pub reset_at: Timestamp,
}

impl From<BudgetView> for ForgeBudget {
    fn from(budget: BudgetView) -> Self {
        let quota = |it: Quota| ForgeQuota {
            remaining: it.remaining,
            limit: it.limit,
            reset_at: it.resets_at,
        };
        let waiting = budget.waiting.into_iter();
        let (paused_until, paused_because) = budget.paused.map(|it| (it.until, it.why)).unzip();
        Self {
            rest: budget.rest.map(quota),
            graphql: budget.graphql.map(quota),
            content_minute_left: budget.content_minute,
            content_hour_left: budget.content_hour,
            waiting: waiting.map(|(it, count)| (it.as_str(), count)).collect(),
            paused_until,
            paused_because,
        }
    }
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
    /// Kinds that cannot be read in it, though the rest goes on: a sentence each, with the rule that gives the right.
    pub blind: Vec<String>,
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

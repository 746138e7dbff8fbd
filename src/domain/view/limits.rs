//! `GET /api/v1/limits`: what there may be, what is used, what is left.

use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::Owner;
use crate::domain::limits::Standing;

/// One limit. Null stands for no limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Room {
    /// The most there may be.
    pub limit: Option<u64>,
    /// What there is, requests that wait included.
    pub used: u64,
    /// What may come; 0 when a limit was lowered below what there is.
    pub left: Option<u64>,
}

impl Room {
    /// A limit and what is used of it.
    pub fn new(limit: Option<u64>, used: u64) -> Self {
        let left = limit.map(|it| it.saturating_sub(used));
        Self { limit, used, left }
    }
}

/// The limits of the fleet, of the caller, and of his requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Limits")]
pub struct LimitsView {
    /// Of the whole fleet.
    pub fleet: FleetLimits,
    /// Of the caller's owner.
    pub mine: MyLimits,
    /// Of the caller's requests; empty for callers that are not limited.
    pub requests: Vec<Standing>,
}

/// What the fleet has room for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FleetLimits {
    /// Stores.
    pub stores: Room,
    /// Requests that wait to be written.
    pub queue: Room,
}

/// What an owner has room for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MyLimits {
    /// The owner.
    pub owner: Owner,
    /// Stores.
    pub stores: Room,
    /// Price units.
    pub budget: Room,
    /// Requests that wait to be written.
    pub queue: Room,
    /// The plans a new store may have.
    pub plans: Vec<String>,
    /// The engines a new store may have.
    pub engines: Vec<String>,
}

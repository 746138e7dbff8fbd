//! `GET /api/v1/plans` and `GET /api/v1/engines`: what the policy in force has to choose from.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::policy::{EnginePolicy, PlanPolicy, Probe};

/// What a plan costs and gives.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Plan")]
#[serde(rename_all = "camelCase")]
pub struct PlanView {
    /// Its name.
    pub name: String,
    /// Price units.
    pub price: u32,
    /// `hard` of the namespace's `ResourceQuota`.
    pub quota: Map<String, Value>,
    /// The one item of the namespace's `LimitRange`, without its `type`.
    pub limit_range: Map<String, Value>,
    /// The engines that offer it.
    pub engines: Vec<String>,
}

impl PlanView {
    /// A plan of the policy.
    pub fn of(name: &str, plan: &PlanPolicy) -> Self {
        Self {
            name: name.to_owned(),
            price: plan.price,
            quota: plan.quota.clone(),
            limit_range: plan.limit_range.clone(),
            engines: plan.engines.keys().cloned().collect(),
        }
    }
}

/// An engine, and what may be chosen of it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Engine")]
#[serde(rename_all = "camelCase")]
pub struct EngineView {
    /// Its name.
    pub name: String,
    /// Chart versions that may be chosen.
    pub versions: Vec<String>,
    /// The version of a store that names none.
    pub default: String,
    /// The top-level chart values that a merchant may set.
    pub merchant_values: Vec<String>,
    /// The request that a working store answers.
    pub probe: Option<Probe>,
}

impl EngineView {
    /// An engine of the policy.
    pub fn of(name: &str, engine: &EnginePolicy) -> Self {
        Self {
            name: name.to_owned(),
            versions: engine.versions.clone(),
            default: engine.default.clone(),
            merchant_values: engine.merchant_values.clone(),
            probe: engine.probe.clone(),
        }
    }
}

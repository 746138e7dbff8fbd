//! What there is to choose: engines, plans, and what single owners may have of them.
//!
//! Must not know: who chose what.

use std::fmt;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::forge::Account;

/// One engine: a chart and how its stores are known to answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// Path and query.
    pub path: String,
    /// The status that means "works".
    pub expect: u16,
}

/// One plan: what it costs and what it gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PlanPolicy {
    /// Price units.
    pub price: u32,
    /// Whether it is no longer on offer. Stores that have it keep it.
    #[serde(default)]
    pub withdrawn: bool,
    /// `hard` of the namespace's `ResourceQuota`.
    pub quota: Map<String, Value>,
    /// The one item of the namespace's `LimitRange`, without its `type`.
    pub limit_range: Map<String, Value>,
    /// The engines that offer this plan, by name.
    pub engines: IndexMap<String, PlanEngine>,
}

/// What a plan gives a store of one engine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PlanEngine {
    /// Chart values.
    pub values: Map<String, Value>,
    /// Volume sizes of a new store, by their place in the chart's values.
    pub volumes: std::collections::BTreeMap<String, String>,
}

/// What holds for one owner.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// The owner's accounts at GitHub. What they approve never counts for the owner's own stores, and what they ask for
    /// by comment or form is the owner's.
    pub github: Vec<GithubAccount>,
}

/// An account at GitHub, as a policy names it.
///
/// A number stays with its account. A login can be given up, and taken by somebody else then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "the number or the login of an account")]
pub enum GithubAccount {
    /// Its number (`id` of <https://docs.github.com/rest/users/users>).
    Id(u64),
    /// Its login, without `@`.
    Login(String),
}

impl GithubAccount {
    /// Whether it is this account. Logins are told apart without case.
    pub fn is(&self, account: &Account) -> bool {
        match self {
            Self::Id(id) => *id == account.id,
            Self::Login(login) => login.eq_ignore_ascii_case(&account.login),
        }
    }

    /// Whether it can be an account at all: a login has letters, digits, hyphens and, of managed users, an underscore.
    pub fn is_well_formed(&self) -> bool {
        match self {
            Self::Id(id) => *id > 0,
            Self::Login(login) => {
                let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
                !login.is_empty() && login.len() <= 100 && login.bytes().all(plain)
            }
        }
    }
}

impl fmt::Display for GithubAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Login(login) => f.write_str(login),
        }
    }
}

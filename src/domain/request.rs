//! What somebody asks for, and who asks.
//!
//! Must not know: JSON texts or HTTP. A request here is well-formed; whether it is allowed is
//! [`accept`](super::accept)'s business.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::limits::Exhausted;
use super::record::RetryMode;
use super::{CommitId, Owner, StoreName};

/// One thing that is wrong with a request or a file, with the place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// A JSON pointer (RFC 6901) to the field.
    pub pointer: String,
    /// What is wrong, as a sentence that says what would be right.
    pub detail: String,
}

impl Violation {
    /// A violation at a place.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            detail: detail.into(),
        }
    }
}

/// What a caller may do, from the least up.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Its own owner's stores.
    Merchant,
    /// All stores, approvals.
    Operator,
    /// Tokens, vouching, mass changes.
    Admin,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// How trailers and the audit name the caller (`token:admin`, `git:ann@example.com`).
    pub subject: String,
    /// What the caller may do.
    pub role: Role,
    /// The owner a new store gets when the request names none.
    pub owner: Owner,
}

/// A new store, as asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CreateRequest {
    /// The name; when none is given, 12 hex characters of which the first is a letter.
    #[serde(default)]
    #[schemars(with = "Option<super::StoreName>")]
    pub name: Option<String>,
    /// The engine.
    pub engine: String,
    /// The plan; when none is given, the policy's first.
    #[serde(default)]
    pub plan: Option<String>,
    /// The owner; when none is given, the caller's.
    #[serde(default)]
    #[schemars(with = "Option<Owner>")]
    pub owner: Option<String>,
    /// The cluster; when none is given, the policy's first.
    #[serde(default)]
    #[schemars(with = "Option<super::ClusterName>")]
    pub cluster: Option<String>,
    /// The host; when none is given, `<name>.<baseDomain>`.
    #[serde(default)]
    #[schemars(with = "Option<super::Host>")]
    pub host: Option<String>,
    /// Further hosts.
    #[serde(default)]
    #[schemars(with = "Vec<super::Host>")]
    pub extra_hosts: Vec<String>,
    /// The chart version; when none is given, the engine's default.
    #[serde(default)]
    pub version: Option<String>,
    /// The merchant's chart values.
    #[serde(default)]
    pub values: Map<String, Value>,
}

/// A well-formed request.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// A new store.
    Create(CreateRequest),
    /// A JSON merge patch (RFC 7396) of a store's spec.
    Update {
        /// The store.
        store: StoreName,
        /// The patch.
        patch: Map<String, Value>,
    },
    /// Another chart version.
    Upgrade {
        /// The store.
        store: StoreName,
        /// The version.
        version: String,
        /// Whether it may be an older one.
        allow_downgrade: bool,
    },
    /// The shop goes off, its data stays.
    Suspend {
        /// The store.
        store: StoreName,
    },
    /// The shop comes back.
    Resume {
        /// The store.
        store: StoreName,
    },
    /// The spec of an earlier commit of the store, without owner, hosts and volumes.
    Rollback {
        /// The store.
        store: StoreName,
        /// The commit, or the change that made it; without it the state before the newest.
        to: Option<String>,
    },
    /// Flux tries again.
    Retry {
        /// The store.
        store: StoreName,
        /// How much of it; none: as much as the state needs.
        mode: Option<RetryMode>,
    },
    /// The store and its data go.
    Delete {
        /// The store.
        store: StoreName,
    },
    /// A person changed a record on main by hand.
    Adopt {
        /// The store.
        store: StoreName,
        /// The newest commit of theirs that this is about.
        commit: CommitId,
        /// What it amounts to.
        kind: Adopted,
    },
}

impl Request {
    /// The store that it is about; none of a create, whose name may be made for it.
    pub fn store(&self) -> Option<&StoreName> {
        match self {
            Self::Create(_) => None,
            Self::Update { store, .. }
            | Self::Upgrade { store, .. }
            | Self::Suspend { store }
            | Self::Resume { store }
            | Self::Rollback { store, .. }
            | Self::Retry { store, .. }
            | Self::Delete { store }
            | Self::Adopt { store, .. } => Some(store),
        }
    }
}

/// What a hand edit of a record amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Adopted {
    /// A record where none was.
    Added,
    /// Another content.
    Edited,
    /// The record is gone.
    Removed,
}

/// Why a request was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Fields are wrong or not allowed (422).
    #[error("the request is not valid: {}", .0.iter().map(|it| format!("{} {}", it.pointer, it.detail)).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Violation>),
    /// It cannot be done to the store as it is (409).
    #[error("{0}")]
    Conflict(String),
    /// It does not follow on the phase that the store is in (409). The workflow adds the phase.
    #[error("{0}")]
    Illegal(String),
    /// There is no such store, or none the caller may see (404).
    #[error("there is no store {0:?}; GET /api/v1/stores lists those you may see")]
    NotFound(String),
    /// The caller may not do this (403).
    #[error("{0}")]
    Forbidden(String),
    /// The store has changed since the caller read it (412).
    #[error("{0}")]
    Precondition(String),
    /// The caller has asked for too much in too little time (429).
    #[error(transparent)]
    TooMany(#[from] Exhausted),
    /// Too much is queued, or the server is stopping (503).
    #[error("{0}")]
    Unavailable(String),
}

impl Refusal {
    /// The class of the reason, as one word.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::Conflict(_) => "conflict",
            Self::Illegal(_) => "illegal",
            Self::TooMany(_) => "too_many",
            Self::NotFound(_) => "not_found",
            Self::Forbidden(_) => "forbidden",
            Self::Precondition(_) => "precondition",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

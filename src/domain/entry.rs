//! What journal and index keep: accepted requests until they are published, and stores as Git has them.
//!
//! Must not know: tables, files or encodings.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::accept::Intent;
use super::approval::Approval;
use super::audit::AuditItem;
use super::change::Change;
use super::phase::{LastKnown, Memory};
use super::proposal::life::Carried;
use super::record::Record;
use super::request::Caller;
use super::view::HistoryItem;
use super::{ChangeId, ClusterName, CommitId, Host, StoreName, Uid};

/// An accepted request that is not on the published branch yet. It exists in the journal and nowhere else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The change, as the API shows it.
    pub change: Change,
    /// What it shall do.
    pub intent: Intent,
    /// Who asked.
    pub caller: Caller,
    /// The named fields as the caller had read them, when that is a condition (`If-Match`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Map<String, Value>>,
    /// Who agreed to it, and to which content.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// The hosts that the caller had proved to be theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proven: Vec<Host>,
    /// Why, in the requester's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The commit that carries it on the local branch, once written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitId>,
    /// The proposal that carries it, where a forge has people decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried: Option<Carried>,
}

impl Entry {
    /// Whether the writer writes it: what people decide on at a forge is not his before it is merged there.
    pub fn is_for_writer(&self) -> bool {
        self.carried.as_ref().is_none_or(Carried::is_for_writer)
    }

    /// Whether it takes over what a person did on main.
    pub fn is_by_hand(&self) -> bool {
        matches!(self.intent, Intent::Adopt { .. })
    }

    /// Whether it has the cluster do again what Git holds already. Then nobody has to agree, and it goes before a
    /// deletion that waits for it.
    pub fn restores(&self) -> bool {
        matches!(self.intent, Intent::Restore)
    }

    /// The commit of main that merged its proposal.
    pub fn merged(&self) -> Option<&CommitId> {
        self.carried.as_ref()?.merged.as_ref()
    }
}

/// A store as published main has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreRow<R = Record> {
    /// Its record; of a deleted store the last one.
    pub record: R,
    /// Its uid.
    pub uid: Uid,
    /// The newest of our commits that changed it.
    pub desired: CommitId,
    /// A deploy commit that carries that state.
    pub deploy: Option<CommitId>,
    /// The spec hash of that state.
    pub spec_hash: String,
    /// The change that made that state.
    pub change: ChangeId,
    /// The newest commit that the cluster was seen to run.
    pub applied: Option<CommitId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its record last changed.
    pub updated_at: Timestamp,
    /// When the commit that took its last files was made.
    pub removed_at: Option<Timestamp>,
    /// Whether its cluster was seen without it after that.
    pub gone: bool,
    /// The digest of the templates that rendered it.
    pub template: String,
    /// The digest of what its rendering read of the policy.
    pub policy: String,
    /// When Helm first deployed what was there when the store was last found ready: a release that is deployed afresh
    /// has another moment. None before it was ready, and after a retry.
    #[serde(default)]
    pub installed: Option<Timestamp>,
    /// The phase it was last seen in, and since when, for as long as its cluster cannot be seen.
    #[serde(default)]
    pub known: Option<LastKnown>,
    /// While somebody holds it suspended by hand, the phase before that.
    #[serde(default)]
    pub held: Option<LastKnown>,
}

impl<R> StoreRow<R> {
    /// What is remembered of its phases.
    pub fn memory(&self) -> Memory {
        Memory {
            known: self.known.clone(),
            held: self.held.clone(),
        }
    }
}

/// What one or more published commits change in the index, in one transaction.
#[derive(Debug, Clone, Default)]
pub struct Projection {
    /// Stores with their new state.
    pub stores: Vec<(StoreName, StoreRow)>,
    /// Changes with their new state.
    pub changes: Vec<Change>,
    /// Commits of stores.
    pub history: Vec<(Uid, HistoryItem)>,
    /// Every commit, ours or not.
    pub audit: Vec<AuditItem>,
    /// The newest commit that is in the index afterwards.
    pub tip: Option<CommitId>,
    /// How far deploy branches were looked at for what people merged at a forge, by sequence.
    pub landed: BTreeMap<ClusterName, u64>,
}

/// A first answer kept for repeats of the same request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// SHA-256 of what was asked.
    pub fingerprint: String,
    /// The change that was answered.
    pub change: ChangeId,
    /// When.
    pub at: Timestamp,
}

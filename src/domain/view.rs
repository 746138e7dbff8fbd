//! What the API shows: answers assembled from Git, journal, index and clusters.
//!
//! Must not know: how any of it was found out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::change::{Action, State};
use super::phase::{LastKnown, Phase};
use super::record::Record;
use super::{ChangeId, ClusterName, CommitId, Owner, StoreName, Uid};

mod health;
mod limits;
mod offer;

pub use health::{
    Checks, ClusterCheck, Condition, ForgeCheck, GitCheck, Health, IndexCheck, IssuerCheck,
    PolicyCheck, Repository,
};
pub use limits::{FleetLimits, LimitsView, MyLimits, Room};
pub use offer::{EngineView, PlanView};

/// One page of a list, and where the next begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// An opaque cursor; null at the end.
    pub next: Option<String>,
}

/// What a list of stores is sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StoreSort {
    /// By name.
    #[default]
    #[serde(rename = "name")]
    Name,
    /// By name, from the end of the alphabet.
    #[serde(rename = "-name")]
    NameDown,
    /// The oldest first.
    #[serde(rename = "createdAt")]
    Created,
    /// The newest first.
    #[serde(rename = "-createdAt")]
    CreatedDown,
    /// What was left alone longest first.
    #[serde(rename = "updatedAt")]
    Updated,
    /// What changed last first.
    #[serde(rename = "-updatedAt")]
    UpdatedDown,
}

impl StoreSort {
    /// Whether the order is a descending one.
    pub fn is_backwards(self) -> bool {
        matches!(self, Self::NameDown | Self::CreatedDown | Self::UpdatedDown)
    }
}

/// Which stores a list shall hold, and in which order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoreFilter {
    /// In which order.
    pub sort: StoreSort,
    /// Only this owner's.
    pub owner: Option<Owner>,
    /// Only of this engine.
    pub engine: Option<String>,
    /// Only of this plan.
    pub plan: Option<String>,
    /// Only on this cluster.
    pub cluster: Option<ClusterName>,
    /// Only in this phase.
    pub phase: Option<Phase>,
    /// Only of this chart version.
    pub version: Option<String>,
    /// Only those whose name or host holds this text.
    pub q: Option<String>,
}

/// Which changes a list shall hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChangeFilter {
    /// Only in this state.
    pub state: Option<State>,
    /// Only of this store.
    pub store: Option<StoreName>,
    /// Only of stores of this owner.
    pub owner: Option<Owner>,
    /// Only of this action.
    pub action: Option<Action>,
}

/// A store as the API shows it; its record as itself, or as [`RecordText`](super::record_text::RecordText).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreView<R = Record> {
    /// The name.
    pub name: StoreName,
    /// The uid.
    pub uid: Uid,
    /// What it shall be.
    pub record: R,
    /// Where it is.
    pub phase: Phase,
    /// One word for programs.
    pub reason: String,
    /// The same for people, with Flux's own words where there are any.
    pub message: String,
    /// What to do next; empty when there is nothing.
    pub next_step: String,
    /// While the phase is Unknown, the one that it was last known to be in; while somebody has suspended it in the cluster
    /// by hand, the one before that; else null.
    #[serde(default)]
    pub last_known: Option<LastKnown>,
    /// Where the shop answers.
    pub url: String,
    /// Where its admin signs in.
    pub admin_url: String,
    /// Where the credentials are; never the values.
    pub credentials_ref: CredentialsRef,
    /// Desired and applied commits.
    pub revisions: Revisions,
    /// Whether the shop works, as far as its cluster shows: `healthy`, `degraded`, `failed` or `unknown`.
    pub health: String,
    /// Changes that are not merged yet.
    pub pending_changes: Vec<ChangeId>,
    /// Whether an older template or policy rendered it.
    pub outdated: bool,
    /// What people should know besides: of a deleted store the volumes that are kept; null when there is nothing.
    pub notice: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its record or its phase last changed.
    pub updated_at: Timestamp,
    /// Hash of the newest accepted spec, queued changes included.
    #[serde(skip)]
    pub etag: String,
}

/// Where a store's credentials are kept in its cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CredentialsRef {
    /// The store's namespace.
    pub namespace: String,
    /// The Secret the chart makes.
    pub secret: String,
    /// Its keys.
    pub keys: Vec<String>,
}

/// Desired and applied state of a store, as commits of main.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revisions {
    /// The newest commit that changed the store.
    pub desired: Option<CommitId>,
    /// The newest commit that the cluster is known to run.
    pub applied: Option<CommitId>,
}

/// One commit in a store's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryItem {
    /// The commit on main.
    pub commit: CommitId,
    /// The change it belongs to.
    pub change: ChangeId,
    /// What it did.
    pub action: Action,
    /// Who asked.
    pub requester: String,
    /// When it was committed.
    pub at: Timestamp,
    /// The first line of its message.
    pub title: String,
    /// Who wrote it, as `Name <address>`.
    pub author: String,
    /// What its message says of itself, by the names of its trailers (git-interpret-trailers(1)). Of one that occurs more
    /// than once every value, comma separated.
    pub trailers: BTreeMap<String, String>,
    /// Where a person sees the diff; null where no forge shows it.
    pub diff: Option<String>,
}

/// What a record renders to, without anything being written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rendered {
    /// The store's name.
    pub store: StoreName,
    /// Whether nothing would change.
    pub noop: bool,
    /// The files, by path on main.
    pub files: BTreeMap<String, String>,
    /// What changes, as a unified diff.
    pub diff: String,
    /// What the requester should know.
    pub warnings: Vec<String>,
}

/// A cluster as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterView {
    /// Its name.
    pub name: ClusterName,
    /// Whether it is watched by this server.
    pub watched: bool,
    /// Stores on it.
    pub stores: u32,
    /// How the watch is, as a sentence.
    pub status: String,
    /// Seconds since the oldest published deploy commit that it has not fetched; 0 when it has all, null when that is
    /// not known.
    pub lag: Option<f64>,
    /// When it last fetched something new.
    pub last_sync: Option<Timestamp>,
    /// How Flux's controllers are, as far as the cluster-wide objects of each tell.
    pub controllers: Vec<ControllerView>,
    /// What the cluster's `GitRepository` has and whether it may be trusted.
    pub source: SourceView,
    /// What people must look at.
    pub alarms: Vec<String>,
    /// Kinds that cannot be read in it, though the rest goes on: a sentence each, with the rule that gives the right.
    pub blind: Vec<String>,
    /// Objects without a record and records without objects that were found there: see `/api/v1/orphans`.
    pub orphans: usize,
}

/// One of Flux's controllers, by what it says of the objects that all stores depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControllerView {
    /// Its name, as in `source-controller`.
    pub name: String,
    /// Whether all of these objects are ready.
    pub ready: bool,
    /// What it says of the first that is not; null when all are.
    pub message: Option<String>,
}

/// The deploy branch as a cluster sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceView {
    /// The head of the deploy branch as published.
    pub published: Option<CommitId>,
    /// The commit the cluster has fetched.
    pub observed: Option<CommitId>,
    /// The published head's sequence number.
    pub sequence: Option<u64>,
    /// Whether the cluster accepted its signature.
    pub verified: Option<bool>,
    /// Why the branch is not to be trusted; null when it is.
    pub alarm: Option<String>,
}

/// A path on main that people changed and that has no effect, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Foreign {
    /// The path.
    pub path: String,
    /// Why it has no effect, and what would give it one.
    pub why: String,
}

/// Something that happened to a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreEvent {
    /// When.
    pub at: Timestamp,
    /// `change` (a change reached a state), `phase` (the store got into a phase) or `notice`.
    pub kind: String,
    /// The change's state or the store's phase; of a notice `notice`.
    pub reason: String,
    /// What a person wants to know about it; empty when there is nothing more to say.
    pub message: String,
    /// The change, of which this is a step.
    pub change: Option<ChangeId>,
    /// What that change does.
    pub action: Option<Action>,
}

/// A file that published main holds for a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// Its path on main.
    pub path: String,
    /// What it says.
    pub content: String,
}

/// A store's phase, as the stream of events tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhaseEvent {
    /// The store.
    pub name: StoreName,
    /// Its uid.
    pub uid: Uid,
    /// Its owner.
    pub owner: Owner,
    /// The phase it got into.
    pub phase: Phase,
    /// One word for programs.
    pub reason: String,
    /// The same for people.
    pub message: String,
    /// What to do next; empty when there is nothing.
    pub next_step: String,
    /// When.
    pub at: Timestamp,
}

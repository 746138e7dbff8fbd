//! What every part of the workflow shares: the adapters, the policy in force, the desk, and the bells.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use jiff::Timestamp;
use tokio::sync::{Notify, broadcast, watch};

use super::desk::{Busy, Desk};
use super::events::Events;
use super::limits::Limits;
use super::metrics::Metrics;
use super::pace::PushSlots;
use super::probes::Answers;
use super::query::Catalog;
use super::settings::Settings;
use super::steady::Moment;
use super::tended::Tended;
use super::tokens::Tokens;
use super::unvouched::Known;
use crate::cluster::{Cluster, Receiver, View};
use crate::domain::forge::BudgetView;
use crate::domain::policy::FleetPolicy;
use crate::domain::proposal::life::{Asked, Proposal};
use crate::domain::schema::ChartSchema;
use crate::domain::{ChangeId, ClusterName, CommitId, StoreName};
use crate::forge::Forge;
use crate::git::{FleetRepo, GitError, KeyRing, SigningKey};
use crate::index::Index;
use crate::journal::Journal;
use crate::oidc::Issuer;
use crate::render::{PolicyDigests, Templates, deploy_branch};

/// The policy in force and the commit it comes from; that commit's charts are in force as well.
#[derive(Debug, Clone)]
pub(super) struct InForce {
    pub(super) policy: Arc<FleetPolicy>,
    /// What stores' renderings read of it.
    pub(super) digests: Arc<PolicyDigests>,
    pub(super) commit: CommitId,
}

/// Our keys, and those we trust.
pub(super) struct Keys {
    pub(super) main: SigningKey,
    pub(super) deploy: SigningKey,
    pub(super) ring: KeyRing,
}

/// A cluster that is watched.
pub(super) struct Watched {
    pub(super) cluster: Cluster,
    pub(super) view: View,
    /// What asks it to fetch; none: an annotation of ours.
    pub(super) receiver: Option<Receiver>,
}

/// How the remote is, for `/api/health`.
#[derive(Debug, Clone, Default)]
pub(super) struct RemoteStatus {
    /// What is wrong, as a sentence.
    pub(super) problem: Option<String>,
    /// When the remote was last seen to agree with us.
    pub(super) agreed_at: Option<Timestamp>,
}

/// How the forge is, for `/api/health` and `/metrics`.
#[derive(Debug, Clone, Default)]
pub(super) struct ForgeStatus {
    /// What is wrong, as a sentence.
    pub(super) problem: Option<String>,
    /// What it still takes of us.
    pub(super) budget: Option<BudgetView>,
}

/// Everything the parts of the workflow share.
pub(super) struct Core {
    pub(super) settings: Settings,
    pub(super) repo: FleetRepo,
    pub(super) journal: Journal,
    pub(super) index: Index,
    pub(super) templates: Templates,
    pub(super) keys: Keys,
    pub(super) in_force: RwLock<InForce>,
    pub(super) desk: Mutex<Desk>,
    /// The stores that have something on it.
    pub(super) busy: Busy,
    pub(super) watched: BTreeMap<ClusterName, Watched>,
    pub(super) remote: Mutex<RemoteStatus>,
    pub(super) forge_status: Mutex<ForgeStatus>,
    /// Why the repository could not be tidied, as a sentence.
    pub(super) upkeep: Mutex<Option<String>>,
    /// The API tokens.
    pub(super) tokens: Tokens,
    /// The issuer whose ID tokens are taken as well.
    pub(super) issuer: Option<Arc<Issuer>>,
    /// People's paths on main that have no effect, and why.
    pub(super) foreign: Mutex<BTreeMap<String, String>>,
    /// Why policy and charts on main have no effect, where a forge was asked who approved them.
    pub(super) unvouched: Mutex<Option<Known>>,
    /// Schemas of chart versions that were asked for, by chart name; none where a chart has none.
    pub(super) schemas: Mutex<BTreeMap<String, Option<Arc<ChartSchema>>>>,
    /// The newest commit of main whose hand edits were all taken in.
    pub(super) seen: Mutex<Option<CommitId>>,
    /// Stores whose record a person removed without being allowed to: it is put back.
    pub(super) put_back: Mutex<BTreeSet<StoreName>>,
    /// What was wrong with deploy branches, by cluster, and when that was last seen.
    pub(super) deploy_alarms: Mutex<BTreeMap<ClusterName, (Timestamp, String)>>,
    /// What is known of watched clusters beside what their watches show.
    pub(super) tended: Mutex<BTreeMap<ClusterName, Tended>>,
    /// How stores answered over HTTP.
    pub(super) probes: Mutex<Answers>,
    /// Whether the clusters' bootstraps on main were looked at since the policy came into force.
    pub(super) prepared: AtomicBool,
    /// How things were when everything was last found right.
    pub(super) steady: Mutex<Option<Moment>>,
    /// Rings when published branches moved.
    pub(super) published: watch::Sender<()>,
    /// The forge that hosts the fleet repository, where people decide on changes.
    pub(super) forge: Option<Forge>,
    /// Proposals at the forge that are not over, by branch.
    pub(super) proposals: Mutex<BTreeMap<String, Proposal>>,
    /// Issues that were taken in, by number.
    pub(super) asked: Mutex<BTreeMap<u64, Asked>>,
    /// Wakes who keeps proposals.
    pub(super) propose: Notify,
    /// Whether the remote is to be looked at now.
    pub(super) look_now: AtomicBool,
    /// When the remote takes the next push.
    pub(super) pushes: Mutex<PushSlots>,
    /// What request limits count.
    pub(super) limits: Limits,
    /// Wakes the writer.
    pub(super) wake: Notify,
    /// Rings when the forge told something that is in the journal now.
    pub(super) hinted: Notify,
    /// Rings for every change that moved on.
    pub(super) moved: broadcast::Sender<ChangeId>,
    /// Stores and changes as lists see them.
    pub(super) catalog: Catalog,
    /// What happens, for those who listen.
    pub(super) events: Events,
    /// Figures for Prometheus.
    pub(super) metrics: Metrics,
}

impl Core {
    /// The time, asked for in one place.
    pub(super) fn now() -> Timestamp {
        Timestamp::now()
    }

    /// Has the remote looked at now: it is known that it moved.
    pub(super) fn look_at_remote(&self) {
        self.look_now.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// The policy in force.
    pub(super) fn in_force(&self) -> InForce {
        self.in_force
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The desk, for as long as the guard is held; never across an await.
    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The full name of a branch as it is published.
    pub(super) fn published_ref(&self, branch: &str) -> String {
        self.settings.mode.published(branch)
    }

    /// The head of a branch as it is published.
    pub(super) fn published(&self, branch: &str) -> Result<Option<CommitId>, GitError> {
        self.repo.reference(&self.published_ref(branch))
    }

    /// The published head of a cluster's deploy branch.
    pub(super) fn published_deploy(
        &self,
        cluster: &ClusterName,
    ) -> Result<Option<CommitId>, GitError> {
        self.published(&deploy_branch(cluster))
    }
}

/// Locks a mutex whose content stays consistent even when a holder panicked.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

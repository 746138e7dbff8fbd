//! A store's phase: one pure function of what Git wants and what a cluster shows.
//!
//! Must not know: where either came from. The rules are asked in order and the first that fits answers; every answer
//! has one word for programs, a sentence for people and, where something is wrong, what a person can do about it.
//! They follow how kustomize-controller 1.9 and helm-controller 1.6 set their conditions (source read at these tags).

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::observed::{ClusterSeen, StoreSeen};
use super::{CommitId, StoreName, Uid};

mod deletion;
mod known;
mod live;
mod look;
mod namespace;
mod pending;
mod reached;
mod release;
mod running;
#[cfg(test)]
mod tests;
pub mod words;

pub use deletion::{first_deletion_step_done, first_deletion_step_held, is_gone};
pub use known::{LastKnown, Memory};
use look::Look;
pub use reached::{installed, reached};
pub use running::SILENT_ANSWERS;

macro_rules! phases {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Where a store is in its life.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Phase {
            $($(#[$doc])* $name),+
        }

        impl Phase {
            /// Every phase, in the order of a store's life.
            pub const ALL: &'static [Phase] = &[$(Phase::$name),+];

            /// The phase as the API writes it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Phase::$name => stringify!($name)),+
                }
            }
        }
    };
}

phases! {
    /// Accepted, not in Git yet.
    Requested,
    /// Waits for people to approve it.
    AwaitingApproval,
    /// In Git; the cluster has not begun with it.
    Committed,
    /// The cluster is applying it.
    Applying,
    /// The first installation runs.
    Provisioning,
    /// It runs as Git wants it.
    Ready,
    /// It runs, but not as Git wants it.
    Degraded,
    /// It does not run, and will not by itself.
    Failed,
    /// Switched off, or held by hand.
    Suspended,
    /// Being taken away.
    Deleting,
    /// Gone.
    Deleted,
    /// The cluster cannot be seen.
    Unknown,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no phase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no phase: use one of Requested, AwaitingApproval, Committed, Applying, Provisioning, Ready, Degraded, Failed, Suspended, Deleting, Deleted, Unknown"
)]
pub struct BadPhase(String);

impl FromStr for Phase {
    type Err = BadPhase;
    fn from_str(text: &str) -> Result<Self, BadPhase> {
        let found = Self::ALL
            .iter()
            .copied()
            .find(|phase| phase.as_str() == text);
        found.ok_or_else(|| BadPhase(text.chars().take(40).collect()))
    }
}

/// A store's phase with its explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The phase.
    pub phase: Phase,
    /// One word for programs: Flux's own reason where Flux gives one, else ours.
    pub reason: String,
    /// What is the case, in at most about a thousand characters.
    pub message: String,
    /// What a person can do; empty when there is nothing to do.
    pub next_step: String,
}

impl Status {
    fn new(phase: Phase, reason: &str, message: impl Into<String>, next_step: &str) -> Self {
        let (reason, next_step) = (reason.to_owned(), next_step.to_owned());
        Self {
            phase,
            reason,
            message: message.into(),
            next_step,
        }
    }
}

/// Which of a deletion's two commits Git is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DeletionStep {
    /// The release is taken away, the namespace marked.
    First,
    /// The rest is taken away.
    Second,
}

/// What Git wants of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// The store.
    pub name: StoreName,
    /// Its identity: objects of another uid are orphans and say nothing about it.
    pub uid: Uid,
    /// The hash over its rendered files.
    pub spec_hash: String,
    /// The first published deploy commit that carries this state; none before it is published.
    pub deploy_commit: Option<CommitId>,
    /// Set while it is being deleted.
    pub deletion: Option<DeletionStep>,
    /// Whether the shop shall be off.
    pub suspended: bool,
    /// When Helm first deployed what was there when the store was last found ready; none before it was.
    pub installed: Option<Timestamp>,
}

/// Answers whether the history of a commit that a cluster shows holds the desired deploy commit (as an ancestor or
/// as itself). None: that commit is not known here.
pub type Contains<'a> = &'a dyn Fn(&CommitId) -> Option<bool>;

/// The phase of a store that is in Git. `watched` is none where no cluster is watched; inside, the store is none
/// where nothing is seen of it. `before` is what was found last: how long something has lasted is known from having
/// seen it begin, and a start forgets that. What was told before then goes on, as far as nothing else is missing.
pub fn status(
    desired: &Desired,
    watched: Option<(&ClusterSeen, Option<&StoreSeen>)>,
    contains: Contains<'_>,
    before: Option<&LastKnown>,
    now: Timestamp,
) -> Status {
    let Some((cluster, seen)) = watched else {
        return unwatched(desired);
    };
    if let Some(unknown) = unknown(cluster, now) {
        return unknown;
    }
    let mut look = Look::new(desired, (cluster, seen), contains, now);
    let mut status = look.status(before);
    if look.orphans {
        status.message.push_str("; objects of an earlier store of this name are still in the cluster and are not counted");
    }
    status
}

/// Whether Flux has the desired state: its spec hash is on the live `HelmRelease`, and Flux has looked at that.
pub fn is_applied(
    desired: &Desired,
    cluster: &ClusterSeen,
    seen: Option<&StoreSeen>,
    now: Timestamp,
) -> bool {
    let release = seen.and_then(|seen| seen.release.as_ref());
    cluster.synced
        && !cluster.is_stale(now)
        && release.is_some_and(|release| {
            let hash = release.meta.spec_hash.as_deref() == Some(desired.spec_hash.as_str());
            hash && release.meta.belongs_to(desired.uid.as_str()) && release.attempted()
        })
}

/// Whether a store is where the change that led to `desired` wanted it. Where nothing is watched, being in Git is all
/// that can be known.
pub fn goal_reached(desired: &Desired, status: &Status) -> bool {
    let unwatched = status.reason == words::NOT_WATCHED && status.phase == Phase::Committed;
    match (desired.deletion, desired.suspended) {
        (Some(_), _) => status.phase == Phase::Deleted,
        (None, true) => {
            unwatched || (status.phase == Phase::Suspended && status.reason == words::SUSPENDED)
        }
        (None, false) => unwatched || status.phase == Phase::Ready,
    }
}

fn unwatched(desired: &Desired) -> Status {
    let watch = "start the server with access to the cluster (`--kubeconfig`) to see more";
    let (phase, message) = match (desired.deletion, &desired.deploy_commit) {
        (None, _) => (
            Phase::Committed,
            "it is in Git; no cluster is watched, so what became of it there is not known",
        ),
        (Some(DeletionStep::Second), Some(_)) => (
            Phase::Deleted,
            "it is gone from Git; no cluster is watched, so whether it is gone there is not known",
        ),
        (Some(_), _) => (
            Phase::Deleting,
            "it is being taken out of Git; no cluster is watched",
        ),
    };
    Status::new(phase, words::NOT_WATCHED, message, watch)
}

fn unknown(cluster: &ClusterSeen, now: Timestamp) -> Option<Status> {
    if let Some(since) = cluster.stale_since.filter(|_| cluster.is_stale(now)) {
        let trouble = cluster.trouble.as_deref().unwrap_or("no reason is known");
        // The moment and not the duration: the text of a phase that stays the same stays the same.
        let message = format!("the cluster cannot be watched since {since:.0}: {trouble}");
        let next_step =
            "make the cluster's API server reachable again; the store itself may be running well";
        return Some(Status::new(
            Phase::Unknown,
            "ClusterUnreachable",
            message,
            next_step,
        ));
    }
    let sentence = cluster.status_sentence(now);
    (!cluster.synced).then(|| Status::new(Phase::Unknown, "NotSynced", sentence, "wait a moment"))
}

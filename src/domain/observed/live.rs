//! What a store's namespace shows beyond Flux: workloads, pods, claims, quotas and warnings.
//!
//! A `HelmRelease` that is Ready says that Helm was done once, not that the shop runs now (flux.md §2.3). These
//! objects say that. Must not know: what follows from them for the store (`phase` says that), nor how they were seen.
//! Field names follow apps/v1, batch/v1 and core/v1 of Kubernetes 1.36.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// Everything live in one store's namespace; the default is: nothing seen. Only what differs from a healthy state is
/// kept of pods and warnings, so that ten thousand healthy stores take little memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Live {
    /// Deployments, `StatefulSets` and Jobs, by `<Kind>/<name>`.
    pub workloads: BTreeMap<String, WorkloadSeen>,
    /// Pods that are not in order, by name.
    pub pods: BTreeMap<String, PodSeen>,
    /// Claims on volumes, by name.
    pub claims: BTreeMap<String, ClaimSeen>,
    /// Quotas that are used up, by name.
    pub quotas: BTreeMap<String, QuotaSeen>,
    /// The newest warnings, by `<Kind>/<name>` of what they are about; a few only.
    pub warnings: BTreeMap<String, Warning>,
    /// Since when some workload has been short of what is wanted, by our own clock; none while all have it.
    pub short_since: Option<Timestamp>,
}

impl Live {
    /// Whether some workload is short of what is wanted.
    pub fn is_short(&self) -> bool {
        self.workloads.values().any(WorkloadSeen::is_short)
    }
}

/// A kind of workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorkloadKind {
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` `StatefulSet`.
    StatefulSet,
    /// `batch/v1` Job.
    Job,
}

/// A Deployment, a `StatefulSet` or a Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadSeen {
    /// Which of them.
    pub kind: WorkloadKind,
    /// Replicas, or completions, that are wanted.
    pub wanted: i64,
    /// Replicas that are ready and up to date; completions that succeeded.
    pub ready: i64,
    /// Whether its controller has looked at its newest spec.
    pub observed: bool,
    /// Why it will not get there by itself: a Deployment's Progressing=False or `ReplicaFailure`, a Job's Failed, as
    /// reason and message.
    pub failed: Option<String>,
}

impl WorkloadSeen {
    /// Whether it has less than is wanted of it. A Job that still runs has time.
    pub fn is_short(&self) -> bool {
        match self.kind {
            WorkloadKind::Job => self.failed.is_some() && self.ready < self.wanted,
            WorkloadKind::Deployment | WorkloadKind::StatefulSet => {
                self.wanted > 0 && (self.ready < self.wanted || !self.observed)
            }
        }
    }
}

/// A pod that is not in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodSeen {
    /// One word: a waiting container's reason (`ImagePullBackOff`, `CrashLoopBackOff`, `CreateContainerConfigError`),
    /// `Unschedulable`, `Evicted`, or `NotReady`.
    pub reason: String,
    /// The same as Kubernetes says it.
    pub message: String,
    /// The container it is about, where it is about one.
    pub container: Option<String>,
    /// Restarts of that container.
    pub restarts: i64,
    /// Since when: the pod's creation, or its last change of readiness.
    pub since: Option<Timestamp>,
}

/// A claim on a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimSeen {
    /// Whether it has its volume.
    pub bound: bool,
    /// Whether the volume it had is gone.
    pub lost: bool,
    /// Its `PersistentVolume`.
    pub volume: Option<String>,
}

/// A quota that is used up in at least one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaSeen {
    /// What is used up, as `requests.memory 2Gi of 2Gi`.
    pub full: Vec<String>,
}

/// An event of type Warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Its reason, as in `FailedCreate`, `FailedScheduling`, `BackOff`.
    pub reason: String,
    /// In the words of who reported it, cut to a length that fits.
    pub message: String,
    /// When it was last seen.
    pub at: Option<Timestamp>,
}

/// How a store answered when it was last asked over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeSeen {
    /// Whether it answered as a working shop does.
    pub well: bool,
    /// What it answered, or why it did not: one sentence.
    pub message: String,
    /// Since when it has been answering like this.
    pub since: Timestamp,
    /// So many answers of this sort in a row.
    pub times: u32,
}

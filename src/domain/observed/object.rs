//! The objects of a cluster that say something about a store, each with the parts that can change.
//!
//! Must not know: what its parts mean for a store. Field names follow the API types of Flux 2.9
//! (kustomize-controller 1.9, helm-controller 1.6, source-controller 1.9, source-watcher 2.2).

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{ARTIFACT_WITHIN_SECONDS, commit_of};
use crate::domain::CommitId;

/// Characters of a controller's message that are quoted. Flux cuts its own at 20,000.
const MESSAGE_KEPT: usize = 600;

/// A condition's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// `True`.
    True,
    /// `False`.
    False,
    /// `Unknown`, or anything else.
    Unknown,
}

/// One entry of `status.conditions`. Its transition time is left out on purpose: it has whole seconds only and a
/// changed message moves it as well, so nothing may be derived from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The type, as in `Ready`.
    pub kind: String,
    /// The status.
    pub status: Truth,
    /// The reason, an open set.
    pub reason: String,
    /// The message, in the controller's words.
    pub message: String,
    /// The generation the controller says it was set for.
    pub observed_generation: Option<i64>,
}

impl Condition {
    /// Reason and message as part of a sentence: on one line, cut to a length that fits.
    pub fn quoted(&self) -> String {
        let message = self
            .message
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        match message.char_indices().nth(MESSAGE_KEPT) {
            _ if message.is_empty() => self.reason.clone(),
            Some((end, _)) => format!("{}: {}…", self.reason, &message[..end]),
            None => format!("{}: {message}", self.reason),
        }
    }
}

/// The conditions of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions(pub Vec<Condition>);

impl Conditions {
    /// The condition of a type.
    pub fn get(&self, kind: &str) -> Option<&Condition> {
        self.0.iter().find(|condition| condition.kind == kind)
    }

    /// The condition of a type, when it has this status.
    pub fn with(&self, kind: &str, status: Truth) -> Option<&Condition> {
        self.get(kind)
            .filter(|condition| condition.status == status)
    }

    /// Whether `Ready` is True.
    pub fn ready(&self) -> bool {
        self.with("Ready", Truth::True).is_some()
    }
}

/// What all watched objects have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meta {
    /// Label `fleetwright.dev/uid`.
    pub uid: Option<String>,
    /// Annotation `fleetwright.dev/spec-hash`.
    pub spec_hash: Option<String>,
    /// `metadata.generation`; 0 for kinds without.
    pub generation: i64,
    /// `status.observedGeneration`; -1 is Flux's default before the first look.
    pub observed_generation: Option<i64>,
    /// `metadata.deletionTimestamp`.
    pub deleting_since: Option<Timestamp>,
    /// Annotation `reconcile.fluxcd.io/requestedAt`.
    pub requested_at: Option<String>,
    /// `status.lastHandledReconcileAt`.
    pub last_handled: Option<String>,
    /// `status.conditions`.
    pub conditions: Conditions,
}

impl Meta {
    /// Whether the controller has finished a look at the newest spec.
    pub fn observed(&self) -> bool {
        self.observed_generation == Some(self.generation)
    }

    /// Whether the controller has handled the newest request by annotation, if there is one.
    pub fn handled(&self) -> bool {
        self.requested_at.is_none() || self.requested_at == self.last_handled
    }

    /// Whether the object is this uid's. One without the label counts as its own: a stripped label must not make a
    /// live object look gone.
    pub fn belongs_to(&self, uid: &str) -> bool {
        self.uid.as_deref().is_none_or(|label| label == uid)
    }
}

/// What a Kustomization reads from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceRef {
    /// `GitRepository` or `ExternalArtifact`.
    pub kind: String,
    /// The object's name.
    pub name: String,
}

/// A Kustomization: the root's, a shard's or a store's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KustomizationSeen {
    /// What all objects have.
    pub meta: Meta,
    /// `spec.suspend`.
    pub suspended: bool,
    /// `spec.sourceRef`.
    pub source: SourceRef,
    /// Ids of `status.inventory`, as `<namespace>_<name>_<group>_<kind>`.
    pub inventory: BTreeSet<String>,
    /// `status.lastAppliedRevision`: the last that was applied with success.
    pub last_applied_revision: Option<String>,
    /// `status.lastAppliedOriginRevision`. It lags while the content stays the same; proves nothing by itself.
    pub last_applied_origin: Option<String>,
    /// `status.lastAttemptedRevision`: the last that was built.
    pub last_attempted_revision: Option<String>,
    /// How the last attempt that ended failed; none once one succeeds. While the next attempt runs, the object itself
    /// says no more than that it runs, so this is remembered from before.
    pub last_failure: Option<Failure>,
}

/// An attempt of a Kustomization that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its condition Ready.
    pub condition: Condition,
    /// The revision that was attempted.
    pub revision: Option<String>,
}

impl KustomizationSeen {
    /// What it failed with, as far as it has tried its newest revision. While it tries that again, the failure before
    /// still stands.
    pub fn failure(&self) -> Option<&Condition> {
        let stands = |failure: &&Failure| failure.revision == self.last_attempted_revision;
        let before = || self.last_failure.as_ref().filter(stands);
        let now = self.meta.conditions.with("Ready", Truth::False);
        now.or_else(|| before().map(|failure| &failure.condition))
    }

    /// Carries the memory of a failure over from the state of the same object seen before this one.
    pub fn remember(&mut self, before: Option<&Self>) {
        let ready = self.meta.conditions.get("Ready");
        self.last_failure = match ready.map(|condition| (condition.status, condition)) {
            Some((Truth::True, _)) => None,
            Some((Truth::False, condition)) => Some(Failure {
                condition: condition.clone(),
                revision: self.last_attempted_revision.clone(),
            }),
            Some((Truth::Unknown, _)) | None => before.and_then(|seen| seen.last_failure.clone()),
        };
    }

    /// Whether a Namespace is among the objects it has applied. A store's Kustomization applies one only, the store's.
    pub fn holds_namespace(&self) -> bool {
        self.inventory
            .iter()
            .any(|id| id.starts_with('_') && id.ends_with("__Namespace"))
    }

    /// Whether it reads an artifact cut out of the repository rather than the repository itself.
    pub fn reads_artifact(&self) -> bool {
        self.source.kind == "ExternalArtifact"
    }
}

/// One entry of a `HelmRelease`'s `status.history`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Helm's revision number.
    pub version: i64,
    /// `deployed`, `superseded`, `failed`, `uninstalled`, `pending-…`.
    pub status: String,
    /// `install`, `upgrade`, `rollback`, `uninstall` (Flux 2.8 and later).
    pub action: Option<String>,
    /// The chart's version.
    pub chart_version: String,
    /// When Helm first deployed the release. It stays the same over upgrades; a later one means that it was installed
    /// afresh.
    pub first_deployed: Option<Timestamp>,
    /// When Helm deployed this revision.
    pub last_deployed: Option<Timestamp>,
}

impl Snapshot {
    /// Whether this revision is or was in service.
    pub fn served(&self) -> bool {
        matches!(self.status.as_str(), "deployed" | "superseded")
    }
}

/// A store's `HelmRelease`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReleaseSeen {
    /// What all objects have.
    pub meta: Meta,
    /// `spec.suspend`.
    pub suspended: bool,
    /// `status.history`, newest first.
    pub history: Vec<Snapshot>,
    /// `status.failures`: failed attempts at the present spec, of any kind.
    pub failures: i64,
    /// `status.installFailures`.
    pub install_failures: i64,
    /// `status.upgradeFailures`.
    pub upgrade_failures: i64,
    /// `status.lastAttemptedRevision`: a chart version, not a commit.
    pub last_attempted_revision: Option<String>,
    /// `status.lastAttemptedGeneration`: set just before Helm acts.
    pub last_attempted_generation: Option<i64>,
}

impl ReleaseSeen {
    /// Whether Helm has acted, or Flux decided that it need not, for the newest spec and request.
    pub fn attempted(&self) -> bool {
        let meta = &self.meta;
        let generation = Some(meta.generation);
        (meta.observed() || self.last_attempted_generation == generation) && meta.handled()
    }

    /// Whether any revision ever was in service.
    pub fn ever_served(&self) -> bool {
        self.history.iter().any(Snapshot::served)
    }
}

/// A store's Namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamespaceSeen {
    /// What all objects have.
    pub meta: Meta,
    /// Annotation `fleetwright.dev/deleting`: the change that deletes the store.
    pub deleting_mark: Option<String>,
}

/// A shard's `ExternalArtifact`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArtifactSeen {
    /// What all objects have.
    pub meta: Meta,
    /// `status.artifact.revision`: a digest of the content, as `latest@sha256:…`.
    pub revision: Option<String>,
    /// The revision of the repository it was cut from; moves with every fetch, also when the content stays.
    pub origin: Option<String>,
}

/// The cluster's `GitRepository`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceSeen {
    /// What all objects have.
    pub meta: Meta,
    /// `spec.suspend`.
    pub suspended: bool,
    /// `status.artifact.revision`, as `deploy/local@sha1:…`; none while there is no artifact.
    pub revision: Option<String>,
    /// `status.artifact.lastUpdateTime`: when the cluster fetched it.
    pub fetched_at: Option<Timestamp>,
    /// Since when it is seen without an artifact, by our clock; none while it has one.
    pub empty_since: Option<Timestamp>,
}

impl SourceSeen {
    /// Carries over since when there is no artifact from the state of the same object seen before this one.
    pub fn remember(&mut self, before: Option<&Self>, now: Timestamp) {
        let since = before.and_then(|seen| seen.empty_since).unwrap_or(now);
        self.empty_since = self.revision.is_none().then_some(since);
    }

    /// Whether it has been without an artifact for so long that a first fetch does not explain it.
    pub fn starves(&self, now: Timestamp) -> bool {
        let seconds = |since: Timestamp| now.as_second() - since.as_second();
        self.empty_since
            .is_some_and(|since| seconds(since) >= ARTIFACT_WITHIN_SECONDS)
    }

    /// The commit whose files the cluster has.
    pub fn commit(&self) -> Option<CommitId> {
        self.revision.as_deref().and_then(commit_of)
    }

    /// Whether the newest head's signature was accepted; none where the cluster does not check.
    pub fn verified(&self) -> Option<bool> {
        self.meta
            .conditions
            .get("SourceVerified")
            .map(|condition| condition.status == Truth::True)
    }
}

/// One of the cluster's `ArtifactGenerators`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GeneratorSeen {
    /// What all objects have.
    pub meta: Meta,
}

/// A `HelmChart`: one version of an engine's chart, which all releases that pin it share.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChartSeen {
    /// What all objects have.
    pub meta: Meta,
    /// `status.artifact.revision`: the version that was built last; none before the first build.
    pub revision: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_are_cut_and_stay_on_one_line() {
        let condition = |message: String| Condition {
            kind: "Ready".into(),
            status: Truth::False,
            reason: "InstallFailed".into(),
            message,
            observed_generation: None,
        };
        assert_eq!(condition("a\n  b".into()).quoted(), "InstallFailed: a b");
        assert_eq!(condition(String::new()).quoted(), "InstallFailed");
        let long = condition("ä".repeat(5000)).quoted();
        assert!(long.ends_with('…') && long.chars().count() < 700);
    }
}

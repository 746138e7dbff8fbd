//! What is seen in a cluster: of every object only the parts that say something about a store.
//!
//! Must not know: how it was seen (no Kubernetes types here), nor what the store shall be; `phase` compares the two.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::CommitId;

mod alarm;
mod controllers;
mod live;
mod object;

pub use alarm::Alarm;
pub use live::{
    ClaimSeen, Live, PodSeen, ProbeSeen, QuotaSeen, Warning, WorkloadKind, WorkloadSeen,
};
pub use object::{
    ArtifactSeen, ChartSeen, Condition, Conditions, Failure, GeneratorSeen, KustomizationSeen,
    Meta, NamespaceSeen, ReleaseSeen, Snapshot, SourceRef, SourceSeen, Truth,
};

/// How long a watch may fail, in seconds, before what was seen through it counts as stale. Shorter is a restart of
/// the API server, which shall not turn a whole fleet Unknown.
pub const STALE_AFTER_SECONDS: i64 = 15;

/// How long the cluster's source may be without an artifact, in seconds, before that is an alarm: a first fetch takes
/// some of them.
pub const ARTIFACT_WITHIN_SECONDS: i64 = 60;

/// Everything seen of one store; the default is: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreSeen {
    /// The store's own Kustomization.
    pub kustomization: Option<KustomizationSeen>,
    /// Its `HelmRelease`.
    pub release: Option<ReleaseSeen>,
    /// Its Namespace.
    pub namespace: Option<NamespaceSeen>,
    /// Its shard's artifact.
    pub artifact: Option<ArtifactSeen>,
    /// Its shard's Kustomization.
    pub shard: Option<KustomizationSeen>,
    /// What runs in its namespace.
    pub live: Live,
    /// How it answers over HTTP; none where it is not asked, or was not yet.
    pub probe: Option<ProbeSeen>,
    /// When any of the store's own objects was last seen to change.
    pub changed_at: Option<Timestamp>,
}

impl StoreSeen {
    /// Whether any object of the store's own is there.
    pub fn present(&self) -> bool {
        self.kustomization.is_some() || self.release.is_some() || self.namespace.is_some()
    }

    /// The spec hash that is live in the cluster.
    pub fn applied_hash(&self) -> Option<&str> {
        self.release.as_ref()?.meta.spec_hash.as_deref()
    }

    /// The same without the objects of another uid, and whether there were any. Nearly always there are none, and then
    /// nothing is copied.
    pub fn of_uid(&self, uid: &str) -> (Cow<'_, Self>, bool) {
        let parts = [
            self.kustomization.as_ref().map(|seen| &seen.meta),
            self.release.as_ref().map(|seen| &seen.meta),
            self.namespace.as_ref().map(|seen| &seen.meta),
        ];
        if parts.into_iter().flatten().all(|it| it.belongs_to(uid)) {
            return (Cow::Borrowed(self), false);
        }
        let mut own = self.clone();
        own.kustomization.take_if(|seen| !seen.meta.belongs_to(uid));
        own.release.take_if(|seen| !seen.meta.belongs_to(uid));
        own.namespace.take_if(|seen| !seen.meta.belongs_to(uid));
        (Cow::Owned(own), true)
    }
}

/// What concerns all stores of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterSeen {
    /// Whether every kind was listed completely at least once.
    pub synced: bool,
    /// Since when some watch or the API server fails; none while all is well.
    pub stale_since: Option<Timestamp>,
    /// What fails, as one sentence; without `stale_since` it is something that has not yet made anything stale.
    pub trouble: Option<String>,
    /// The `GitRepository`.
    pub source: Option<SourceSeen>,
    /// The `ArtifactGenerators`, by name.
    pub generators: BTreeMap<String, GeneratorSeen>,
    /// The `HelmCharts`, by name.
    pub charts: BTreeMap<String, ChartSeen>,
    /// The root Kustomization.
    pub root: Option<KustomizationSeen>,
    /// Kinds that cannot be read, though the rest goes on: one sentence each, with the rule that would give the right.
    pub blind: Vec<String>,
    /// Kinds of source-watcher that the cluster does not know, by name. A fleet whose root reads the repository itself can
    /// do without.
    pub unserved: Vec<&'static str>,
}

impl ClusterSeen {
    /// Whether what was seen may be out of date.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        let fails_for = self
            .stale_since
            .map_or(0, |since| now.as_second() - since.as_second());
        fails_for >= STALE_AFTER_SECONDS
    }

    /// Whether it is complete and up to date to our knowledge. Whatever destroys something asks for this.
    pub fn is_current(&self) -> bool {
        self.synced && self.stale_since.is_none()
    }

    /// How the watch is, for people.
    pub fn status_sentence(&self, now: Timestamp) -> String {
        let trouble = self.trouble.as_deref().unwrap_or("no reason is known");
        match (self.synced, self.stale_since) {
            (true, None) => match &self.trouble {
                None => "watched; everything seen is current".to_owned(),
                Some(trouble) => format!("watched; everything seen is current, but {trouble}"),
            },
            (false, None) => "the first lists of its objects are being read".to_owned(),
            (_, Some(since)) => {
                let seconds = now.as_second() - since.as_second();
                format!("the cluster cannot be watched for {seconds} s: {trouble}")
            }
        }
    }
}

/// The commit of a Flux revision such as `deploy/local@sha1:<40 hex digits>`; a branch may hold slashes and more `@`.
pub fn commit_of(revision: &str) -> Option<CommitId> {
    let name = revision.rsplit('@').next()?;
    name.strip_prefix("sha1:")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_names_its_commit() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        for revision in [
            format!("deploy/local@sha1:{commit}"),
            format!("sha1:{commit}"),
            format!("a@b@sha1:{commit}"),
        ] {
            assert_eq!(
                commit_of(&revision).map(|id| id.to_string()).as_deref(),
                Some(commit),
                "{revision}"
            );
        }
        for revision in ["", "main", "latest@sha256:00", "main@sha1:123"] {
            assert_eq!(commit_of(revision), None, "{revision}");
        }
    }

    #[test]
    fn short_trouble_is_not_stale() {
        let since = Timestamp::UNIX_EPOCH;
        let seen = ClusterSeen {
            synced: true,
            stale_since: Some(since),
            ..ClusterSeen::default()
        };
        let after = |seconds: i64| Timestamp::from_second(seconds).expect("a small number");
        assert!(!seen.is_stale(after(STALE_AFTER_SECONDS - 1)));
        assert!(seen.is_stale(after(STALE_AFTER_SECONDS)));
        assert!(!seen.is_current());
    }

    #[test]
    fn another_uid_is_an_orphan_and_a_missing_one_is_not() {
        let with = |uid: Option<&str>| Meta {
            uid: uid.map(str::to_owned),
            ..Meta::default()
        };
        let seen = StoreSeen {
            release: Some(ReleaseSeen {
                meta: with(Some("B")),
                ..ReleaseSeen::default()
            }),
            namespace: Some(NamespaceSeen {
                meta: with(None),
                deleting_mark: None,
            }),
            ..StoreSeen::default()
        };
        let (own, orphan) = seen.of_uid("A");
        assert!(orphan && own.release.is_none() && own.namespace.is_some());
    }
}

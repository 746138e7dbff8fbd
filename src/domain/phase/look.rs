//! All that the rules are asked about, and the questions that several of them share.

use std::borrow::Cow;
use std::cell::Cell;

use jiff::Timestamp;

use super::words::SUSPENDED_IN_CLUSTER;
use super::{Contains, Desired, LastKnown, Phase, Status, deletion, pending, release};
use crate::domain::observed::{ClusterSeen, KustomizationSeen, ReleaseSeen, StoreSeen, commit_of};

/// Seconds that a store's objects must have been quiet before a contradiction between them counts: each kind comes
/// through a watch of its own, and one may be a moment ahead of another.
pub(super) const SETTLE_SECONDS: i64 = 10;

/// What to do about something that was suspended by hand.
pub(super) const RESUME_BY_HAND: &str = "find out why; then set spec.suspend of that object to false, or wait until Fleetwright's next commit puts it right";

/// All that the rules are asked about.
pub(super) struct Look<'a> {
    pub(super) desired: &'a Desired,
    pub(super) cluster: &'a ClusterSeen,
    /// What is seen of the store, without objects of another uid.
    pub(super) seen: Cow<'a, StoreSeen>,
    /// Whether there were objects of another uid.
    pub(super) orphans: bool,
    pub(super) now: Timestamp,
    contains: Contains<'a>,
    /// What was found before, while the question is whether that goes on.
    before: Option<&'a LastKnown>,
    /// Whether a rule would have needed what a start forgets.
    forgot: Cell<bool>,
}

impl<'a> Look<'a> {
    pub(super) fn new(
        desired: &'a Desired,
        (cluster, seen): (&'a ClusterSeen, Option<&'a StoreSeen>),
        contains: Contains<'a>,
        now: Timestamp,
    ) -> Self {
        let own = seen.map(|seen| seen.of_uid(desired.uid.as_str()));
        let (seen, orphans) = own.unwrap_or_default();
        Self {
            desired,
            cluster,
            seen,
            orphans,
            now,
            contains,
            before: None,
            forgot: Cell::new(false),
        }
    }

    /// What was found before, for a rule that needs what a start forgets; none unless the question is whether that goes
    /// on.
    pub(super) fn before_start(&self) -> Option<&'a LastKnown> {
        self.forgot.set(true);
        self.before
    }

    fn holds_commit(&self, revision: Option<&str>) -> Option<bool> {
        revision
            .and_then(commit_of)
            .and_then(|commit| (self.contains)(&commit))
    }

    pub(super) fn in_source(&self) -> Option<bool> {
        self.holds_commit(self.cluster.source.as_ref()?.revision.as_deref())
    }

    /// Whether this store's shard is cut out as an artifact of its own.
    fn by_artifact(&self) -> bool {
        let appliers = [
            &self.seen.kustomization,
            &self.seen.shard,
            &self.cluster.root,
        ];
        let nearest = appliers.into_iter().flatten().next();
        nearest.map_or(
            !self.cluster.generators.is_empty(),
            KustomizationSeen::reads_artifact,
        )
    }

    /// Whether the files that the shard's Kustomizations read carry the desired deploy commit.
    pub(super) fn in_shard(&self) -> bool {
        if !self.by_artifact() {
            return self.in_source() == Some(true);
        }
        let origin = self
            .seen
            .artifact
            .as_ref()
            .and_then(|artifact| artifact.origin.as_deref());
        self.holds_commit(origin) == Some(true)
    }

    /// Whether a revision that a Kustomization reports is one that carries the desired deploy commit. For artifacts
    /// the contents are compared: the origin that a Kustomization reports lags while its content stays the same.
    pub(super) fn at_target(&self, revision: Option<&str>) -> bool {
        if !self.by_artifact() {
            return self.holds_commit(revision) == Some(true);
        }
        let target = self
            .seen
            .artifact
            .as_ref()
            .and_then(|artifact| artifact.revision.as_deref());
        self.in_shard() && revision.is_some() && revision == target
    }

    pub(super) fn quiet(&self) -> bool {
        self.quiet_for(SETTLE_SECONDS)
    }

    /// Whether none of the store's objects was seen to change for so long. Both moments are ours.
    pub(super) fn quiet_for(&self, seconds: i64) -> bool {
        let changed = self.seen.changed_at.unwrap_or(Timestamp::MIN);
        let quiet = self.now.as_second().saturating_sub(changed.as_second()) >= seconds;
        quiet || self.before_start().is_some()
    }

    /// Whether a workload has been short of what is wanted for so long, with the release itself unchanged meanwhile.
    pub(super) fn short_for(&self, seconds: i64) -> bool {
        let since = self.seen.live.short_since.unwrap_or(Timestamp::MIN);
        let age = self.now.as_second().saturating_sub(since.as_second());
        (age >= seconds || self.before_start().is_some()) && self.quiet_for(seconds)
    }

    fn matches(&self, release: &ReleaseSeen) -> bool {
        release.meta.spec_hash.as_deref() == Some(self.desired.spec_hash.as_str())
    }

    /// The status. What was found before is found again where nothing but the time that it takes is missing.
    pub(super) fn status(&mut self, before: Option<&'a LastKnown>) -> Status {
        let found = self.find();
        let other = before.filter(|it| it.phase != Phase::Ready && !it.is(&found));
        self.before = other.filter(|_| self.forgot.get());
        let going_on = self.before.map(|before| (before, self.find()));
        self.before = None;
        match going_on {
            Some((before, again)) if before.is(&again) => again,
            _ => found,
        }
    }

    fn find(&self) -> Status {
        if let Some(step) = self.desired.deletion {
            return deletion::status(self, step);
        }
        if let Some(status) = self.deleted_by_hand().or_else(|| self.suspended_by_hand()) {
            return status;
        }
        match &self.seen.release {
            Some(release) if self.matches(release) => release::status(self, release),
            _ => pending::status(self),
        }
    }

    fn deleted_by_hand(&self) -> Option<Status> {
        let seen = &self.seen;
        let release = seen
            .release
            .as_ref()
            .map(|seen| ("HelmRelease", &seen.meta));
        let kustomization = seen
            .kustomization
            .as_ref()
            .map(|seen| ("Kustomization", &seen.meta));
        let namespace = seen
            .namespace
            .as_ref()
            .map(|seen| ("Namespace", &seen.meta));
        let mut parts = [release, kustomization, namespace].into_iter().flatten();
        let (kind, _) = parts.find(|(_, meta)| meta.deleting_since.is_some())?;
        let message = format!(
            "the store's {kind} is being deleted in the cluster, though Git wants the store; Flux will make it again"
        );
        let next_step = "find out who deleted it; to delete the store, delete it here";
        Some(Status::new(
            Phase::Deleting,
            "DeletedInCluster",
            message,
            next_step,
        ))
    }

    fn suspended_by_hand(&self) -> Option<Status> {
        let kind = self.held_kind()?;
        let message = format!(
            "somebody suspended the store's {kind} in the cluster: Flux leaves the store as it is"
        );
        Some(Status::new(
            Phase::Suspended,
            SUSPENDED_IN_CLUSTER,
            message,
            RESUME_BY_HAND,
        ))
    }

    pub(super) fn held_kind(&self) -> Option<&'static str> {
        if self
            .seen
            .release
            .as_ref()
            .is_some_and(|seen| seen.suspended)
        {
            return Some("HelmRelease");
        }
        self.seen
            .kustomization
            .as_ref()
            .is_some_and(|seen| seen.suspended)
            .then_some("Kustomization")
    }
}

//! Each row of the mapping as a test. The scene begins with a store that is Ready on a healthy cluster; a test changes
//! what it is about and nothing else.

use jiff::Timestamp;

use super::*;
use crate::domain::observed::{
    ArtifactSeen, ChartSeen, Condition, Conditions, GeneratorSeen, KustomizationSeen, Meta,
    NamespaceSeen, ReleaseSeen, Snapshot, SourceRef, SourceSeen, Truth,
};

mod after_start;
mod alive;
mod applied;
mod removal;
mod rows;
mod underway;

const UID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const BEFORE: &str = "1111111111111111111111111111111111111111";
const WANTED: &str = "2222222222222222222222222222222222222222";
const NEW: &str = "latest@sha256:new";
const OLD: &str = "latest@sha256:old";

struct Scene {
    desired: Desired,
    cluster: ClusterSeen,
    store: StoreSeen,
}

fn now() -> Timestamp {
    Timestamp::from_second(1_000_000).expect("a moment")
}

fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 - seconds).expect("a moment")
}

fn is(kind: &str, status: Truth, reason: &str, message: &str) -> Condition {
    let (kind, reason, message) = (kind.into(), reason.into(), message.into());
    Condition {
        kind,
        status,
        reason,
        message,
        observed_generation: None,
    }
}

fn ready() -> Conditions {
    Conditions(vec![is("Ready", Truth::True, "Succeeded", "")])
}

fn not_ready(reason: &str, message: &str) -> Conditions {
    Conditions(vec![is("Ready", Truth::False, reason, message)])
}

fn meta(uid: Option<&str>) -> Meta {
    Meta {
        uid: uid.map(str::to_owned),
        generation: 2,
        observed_generation: Some(2),
        conditions: ready(),
        ..Meta::default()
    }
}

fn applier(uid: Option<&str>, revision: &str) -> KustomizationSeen {
    KustomizationSeen {
        meta: meta(uid),
        source: SourceRef {
            kind: "ExternalArtifact".into(),
            name: "shard-3f".into(),
        },
        inventory: ["_store-shop__Namespace".to_owned()].into(),
        last_applied_revision: Some(revision.into()),
        last_attempted_revision: Some(revision.into()),
        ..KustomizationSeen::default()
    }
}

fn served(version: i64, status: &str) -> Snapshot {
    Snapshot {
        version,
        status: status.into(),
        action: Some("upgrade".into()),
        chart_version: "1.0.0".into(),
        first_deployed: None,
        last_deployed: None,
    }
}

/// A store that is Ready at the wanted commit.
fn scene() -> Scene {
    let desired = Desired {
        name: "shop".parse().expect("a name"),
        uid: UID.parse().expect("a uid"),
        spec_hash: "H".into(),
        deploy_commit: Some(WANTED.parse().expect("a commit")),
        deletion: None,
        suspended: false,
        installed: None,
    };
    let revision = format!("deploy/local@sha1:{WANTED}");
    let generators =
        ["root", "shards"].map(|name| (name.to_owned(), GeneratorSeen { meta: meta(None) }));
    let cluster = ClusterSeen {
        synced: true,
        source: Some(SourceSeen {
            meta: meta(None),
            suspended: false,
            revision: Some(revision.clone()),
            empty_since: None,
            fetched_at: None,
        }),
        generators: generators.into(),
        root: Some(applier(None, "latest@sha256:root")),
        ..ClusterSeen::default()
    };
    let release = ReleaseSeen {
        meta: Meta {
            spec_hash: Some("H".into()),
            ..meta(Some(UID))
        },
        history: vec![served(1, "deployed")],
        last_attempted_generation: Some(2),
        ..ReleaseSeen::default()
    };
    let store = StoreSeen {
        kustomization: Some(applier(Some(UID), NEW)),
        release: Some(release),
        namespace: Some(NamespaceSeen {
            meta: Meta {
                uid: Some(UID.into()),
                ..Meta::default()
            },
            deleting_mark: None,
        }),
        artifact: Some(ArtifactSeen {
            meta: meta(None),
            revision: Some(NEW.into()),
            origin: Some(revision),
        }),
        shard: Some(applier(None, NEW)),
        changed_at: Some(ago(60)),
        ..StoreSeen::default()
    };
    Scene {
        desired,
        cluster,
        store,
    }
}

impl Scene {
    fn status(&self) -> Status {
        self.status_after(None)
    }

    /// After something else was found.
    fn status_after(&self, before: Option<&LastKnown>) -> Status {
        let sight = Some((&self.cluster, Some(&self.store)));
        status(&self.desired, sight, &contains, before, now())
    }

    fn release(&mut self) -> &mut ReleaseSeen {
        self.store
            .release
            .as_mut()
            .expect("the scene has a release")
    }

    fn applier(&mut self) -> &mut KustomizationSeen {
        self.store
            .kustomization
            .as_mut()
            .expect("the scene has a Kustomization")
    }

    fn shard(&mut self) -> &mut KustomizationSeen {
        self.store.shard.as_mut().expect("the scene has a shard")
    }

    fn source(&mut self) -> &mut SourceSeen {
        self.cluster
            .source
            .as_mut()
            .expect("the scene has a source")
    }

    /// The live release is still the one before.
    fn outdated(mut self) -> Self {
        self.release().meta.spec_hash = Some("H0".into());
        self
    }

    #[track_caller]
    fn shows(&self, phase: Phase, reason: &str) -> Status {
        let status = self.status();
        assert_eq!(
            (status.phase, status.reason.as_str()),
            (phase, reason),
            "{}",
            status.message
        );
        let well = matches!(
            phase,
            Phase::Ready | Phase::Applying | Phase::Provisioning | Phase::Deleting | Phase::Deleted
        );
        assert!(
            well || !status.next_step.is_empty(),
            "{reason} needs a next step"
        );
        assert!(!status.message.is_empty() && status.message.chars().count() < 1500);
        status
    }
}

/// The history has two commits; every other commit is unknown.
fn contains(commit: &CommitId) -> Option<bool> {
    match commit.as_str() {
        WANTED => Some(true),
        BEFORE => Some(false),
        _ => None,
    }
}

#[test]
fn where_nothing_is_watched_git_is_all_that_is_known() {
    let mut scene = scene();
    let alone = |desired: &Desired| status(desired, None, &contains, None, now());
    let seen = alone(&scene.desired);
    assert_eq!(
        (seen.phase, seen.reason.as_str()),
        (Phase::Committed, words::NOT_WATCHED)
    );
    assert!(seen.message.contains("no cluster is watched") && goal_reached(&scene.desired, &seen));
    scene.desired.deletion = Some(DeletionStep::First);
    assert_eq!(alone(&scene.desired).phase, Phase::Deleting);
    scene.desired.deletion = Some(DeletionStep::Second);
    assert_eq!(alone(&scene.desired).phase, Phase::Deleted);
    assert!(goal_reached(&scene.desired, &alone(&scene.desired)));
}

#[test]
fn row_1_a_stale_or_unfinished_watch_is_unknown_never_green() {
    let mut scene = scene();
    scene.cluster.stale_since = Some(ago(5));
    scene.shows(Phase::Ready, "Ready");
    scene.cluster.stale_since = Some(ago(60));
    scene.cluster.trouble = Some("connection refused".into());
    let status = scene.shows(Phase::Unknown, "ClusterUnreachable");
    assert!(
        status.message.contains("since 1970-01-12T13:45:40Z")
            && status.message.contains("connection refused")
    );
    assert!(!is_applied(
        &scene.desired,
        &scene.cluster,
        Some(&scene.store),
        now()
    ));
    scene.cluster.stale_since = None;
    scene.cluster.synced = false;
    scene.shows(Phase::Unknown, "NotSynced");
}

#[test]
fn an_object_of_another_uid_is_an_orphan_and_not_this_store() {
    let mut scene = scene();
    scene.release().meta.uid = Some("01BX5ZZKBKACTAV9WEVGEMMVRZ".into());
    scene.applier().meta.uid = Some("01BX5ZZKBKACTAV9WEVGEMMVRZ".into());
    let status = scene.shows(Phase::Applying, "Applying");
    assert!(status.message.contains("earlier store of this name"));
    assert!(!is_applied(
        &scene.desired,
        &scene.cluster,
        Some(&scene.store),
        now()
    ));
}

#[test]
fn phases_have_their_names_everywhere() {
    for phase in Phase::ALL {
        let json = serde_json::to_string(phase).expect("a phase is a string");
        assert_eq!(json, format!("\"{phase}\""));
        assert_eq!(phase.as_str().parse(), Ok(*phase));
    }
    assert_eq!(Phase::ALL.len(), 12);
    assert!("ready".parse::<Phase>().is_err());
}

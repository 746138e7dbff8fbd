//! What is remembered of a store while its cluster cannot be seen, after a restart, and when it was deployed afresh.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use super::*;
use crate::cluster::{Cluster, Feed, Kind, Object, State as Seen, Target, View};
use crate::domain::StoreName;
use crate::domain::change::{MilestoneName, State};
use crate::domain::limits::Networks;
use crate::domain::observed::{
    Condition, Conditions, KustomizationSeen, Meta, NamespaceSeen, ReleaseSeen, Snapshot, Truth,
};
use crate::domain::phase::words::NOT_ANSWERING;
use crate::domain::phase::{LastKnown, Phase, Status};
use crate::domain::request::Role;
use crate::workflow::core::Watched;
use crate::workflow::events::tests::{caller, create, fleet};
use crate::workflow::{Settings, query, start};

const KUBECONFIG: &str = "apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters: [{name: x, cluster: {server: \"http://127.0.0.1:1\"}}]\n\
    contexts: [{name: x, context: {cluster: x, user: x}}]\nusers: [{name: x, user: {}}]\n";

/// A fleet with one store that is merged, opened as a start opens it, with a cluster that shows what it is told to.
struct World {
    core: Core,
    cluster: Cluster,
    folder: TempDir,
}

fn shop() -> StoreName {
    "shop".parse().unwrap()
}

fn local() -> ClusterName {
    "local".parse().unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_secs(seconds)
}

impl World {
    async fn begin() -> Self {
        let (fleet, folder) = fleet().await;
        let admin = caller("admin", Role::Admin);
        let change = create(&fleet, &admin, "shop").await;
        while fleet
            .change(&admin, &change.id)
            .is_none_or(|it| !it.state.is_merged())
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        fleet.stop().await;
        let settings = fleet.0.core.settings.clone();
        drop(fleet);
        let kubeconfig = folder.path().join("kubeconfig");
        std::fs::write(&kubeconfig, KUBECONFIG).unwrap();
        let target = Target {
            kubeconfig: Some(kubeconfig),
            context: None,
            namespace: "fleet".to_owned(),
            namespace_prefix: "store-".to_owned(),
        };
        Self {
            core: open(&settings),
            cluster: Cluster::connect(target).await.unwrap(),
            folder,
        }
    }

    /// A start once more; where `index` is false without the index of before.
    fn again(self, index: bool) -> Self {
        let Self {
            core,
            cluster,
            folder,
        } = self;
        core.index.flush().unwrap();
        let settings = core.settings.clone();
        drop(core);
        if !index {
            std::fs::remove_file(folder.path().join("index.redb")).unwrap();
        }
        Self {
            core: open(&settings),
            cluster,
            folder,
        }
    }

    /// The cluster shows the store as Ready, deployed at a moment.
    fn shows(&mut self, deployed: Timestamp) {
        self.shows_through(deployed, None);
    }

    /// The same, and since a while the cluster cannot be seen.
    fn showed(&mut self, deployed: Timestamp, trouble: (&str, Timestamp)) {
        self.shows_through(deployed, Some(trouble));
    }

    fn shows_through(&mut self, deployed: Timestamp, trouble: Option<(&str, Timestamp)>) {
        let row = self.core.index.store(&shop()).unwrap().unwrap();
        let mut seen = Seen::new("store-");
        for kind in Kind::ALL {
            let objects = objects(kind, row.uid.as_str(), &row.spec_hash, deployed);
            seen.reset(kind, objects, ago(100));
        }
        if let Some((sentence, since)) = trouble {
            seen.failed(Feed::Contact, sentence.to_owned(), since);
        }
        self.sees(seen);
    }

    fn sees(&mut self, seen: Seen) {
        let watched = Watched {
            cluster: self.cluster.clone(),
            view: View::of(seen),
            receiver: None,
        };
        self.core.watched.insert(local(), watched);
    }

    fn look(&self) -> Status {
        look::at(&self.core, &local(), &[shop()]).unwrap();
        let row = self.core.index.store(&shop()).unwrap().unwrap();
        query::phase(&self.core, &shop(), &row)
    }
}

/// Whoever had the files open may take a moment to let go of them.
fn open(settings: &Settings) -> Core {
    for _ in 0..400 {
        match start::open(settings.clone()) {
            Ok(started) => return started.core,
            Err(error) if error.to_string().contains("in use") => {
                std::thread::sleep(Duration::from_millis(25));
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the fleet before does not let go of its files");
}

fn meta(uid: &str) -> Meta {
    let ready = Condition {
        kind: "Ready".to_owned(),
        status: Truth::True,
        reason: "Succeeded".to_owned(),
        message: String::new(),
        observed_generation: None,
    };
    Meta {
        uid: Some(uid.to_owned()),
        generation: 1,
        observed_generation: Some(1),
        conditions: Conditions(vec![ready]),
        ..Meta::default()
    }
}

fn objects(kind: Kind, uid: &str, hash: &str, deployed: Timestamp) -> Vec<Object> {
    let meta = meta(uid);
    let snapshot = Snapshot {
        version: 1,
        status: "deployed".to_owned(),
        action: None,
        chart_version: "1.0.0".to_owned(),
        first_deployed: Some(deployed),
        last_deployed: Some(deployed),
    };
    match kind {
        Kind::Release => {
            let release = ReleaseSeen {
                meta: Meta {
                    spec_hash: Some(hash.to_owned()),
                    ..meta
                },
                history: vec![snapshot],
                last_attempted_generation: Some(1),
                ..ReleaseSeen::default()
            };
            vec![Object::Release("shop".to_owned(), release)]
        }
        Kind::Namespace => {
            let namespace = NamespaceSeen {
                meta,
                deleting_mark: None,
            };
            vec![Object::Namespace("store-shop".to_owned(), namespace)]
        }
        Kind::Kustomization => {
            let applier = KustomizationSeen {
                meta,
                ..KustomizationSeen::default()
            };
            vec![Object::Kustomization("store-shop".to_owned(), applier)]
        }
        _ => Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_cannot_be_seen_leaves_the_last_phase_known_also_after_a_restart() {
    let mut world = World::begin().await;
    let deployed = ago(500);
    world.shows(deployed);
    assert_eq!(world.look().phase, Phase::Ready);
    let row = world.core.index.store(&shop()).unwrap().unwrap();
    let change = world.core.index.change(&row.change).unwrap().unwrap();
    assert_eq!(change.state, State::Ready);
    assert!(change.milestones.at(MilestoneName::Installed).is_some());
    for _ in 0..2 {
        world.showed(deployed, ("no answer", ago(60)));
        let status = world.look();
        assert_eq!(status.phase, Phase::Unknown);
        let known = "it was last known to be Ready";
        assert!(status.message.contains(known), "{}", status.message);
        world = world.again(true);
    }
    world.shows(deployed);
    assert_eq!(world.look().phase, Phase::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_did_not_answer_is_not_green_after_a_restart_before_it_is_asked() {
    let mut world = World::begin().await;
    let deployed = ago(500);
    world.shows(deployed);
    assert_eq!(world.look().phase, Phase::Ready);
    let uid = world.core.index.store(&shop()).unwrap().unwrap().uid;
    let known = LastKnown {
        phase: Phase::Degraded,
        reason: NOT_ANSWERING.to_owned(),
        at: ago(300),
    };
    world.core.index.know(&shop(), &uid, known);
    world = world.again(true);
    world.shows(deployed);
    for _ in 0..2 {
        world.core.settings.probe = Some(Networks::default());
        let status = world.look();
        let told = (status.phase, status.reason.as_str());
        assert_eq!(told, (Phase::Degraded, NOT_ANSWERING), "{status:?}");
    }
    // Where nothing is asked, nothing would ever take it back.
    world.core.settings.probe = None;
    assert_eq!(world.look().phase, Phase::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_deployed_afresh_is_told_also_by_an_index_that_was_lost() {
    let (first, second) = (ago(500), ago(50));
    let mut world = World::begin().await;
    world.shows(first);
    assert_eq!(world.look().phase, Phase::Ready);
    world = world.again(false);
    world.shows(second);
    let status = world.look();
    assert_eq!(
        (status.phase, status.reason.as_str()),
        (Phase::Degraded, "Reinstalled")
    );
    world.shows(first);
    assert_eq!(world.look().phase, Phase::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_once_more_is_no_news_and_other_words_are() {
    let mut world = World::begin().await;
    let (deployed, since) = (ago(500), ago(60));
    let told = |world: &World| world.core.events.phases_of(&shop()).len();
    world.shows(deployed);
    world.look();
    let first = told(&world);
    for _ in 0..5 {
        world.shows(deployed);
        world.look();
    }
    assert_eq!(told(&world), first);
    for (sentence, count) in [("no answer", 1), ("refused", 2), ("refused", 2)] {
        world.showed(deployed, (sentence, since));
        assert_eq!(world.look().phase, Phase::Unknown);
        assert_eq!(told(&world), first + count, "{sentence}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_are_looked_at_when_everything_was_listed_and_not_before() {
    let mut world = World::begin().await;
    world.shows(ago(500));
    // No change is open any more: those are looked at in any case.
    assert_eq!(world.look().phase, Phase::Ready);
    let news = Changes {
        stores: [shop()].into(),
        shards: ["00".to_owned()].into(),
        cluster: true,
    };
    let silence = Changes::default();
    let now = Instant::now();
    let mut agenda = Agenda::new(now);
    for (listed, changes, looked_at) in [
        (&Kind::ALL[1..], &news, false),
        (&Kind::ALL, &silence, true),
        (&Kind::ALL, &silence, false),
        (&Kind::ALL, &news, true),
    ] {
        let mut seen = Seen::new("store-");
        for kind in listed {
            seen.reset(*kind, Vec::new(), ago(100));
        }
        world.sees(seen);
        agenda.hear(changes.clone());
        let due = agenda.due(&world.core, &local(), now).unwrap();
        assert_eq!(due.contains(&shop()), looked_at, "{} kinds", listed.len());
    }
}

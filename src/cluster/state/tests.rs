//! The state without any cluster: what is seen, what is reported, and what a fresh list finds.

use super::*;

mod live;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a small number")
}

fn name(text: &str) -> StoreName {
    text.parse().expect("a store name")
}

fn release(name: &str, hash: &str) -> Object {
    let meta = Meta {
        uid: Some("U".into()),
        spec_hash: Some(hash.into()),
        ..Meta::default()
    };
    Object::Release(
        name.to_owned(),
        ReleaseSeen {
            meta,
            ..ReleaseSeen::default()
        },
    )
}

fn kustomization(name: &str, revision: &str) -> Object {
    let seen = KustomizationSeen {
        last_applied_revision: Some(revision.into()),
        ..KustomizationSeen::default()
    };
    Object::Kustomization(name.to_owned(), seen)
}

fn stores(names: &[&str]) -> Changes {
    Changes {
        stores: names.iter().map(|text| name(text)).collect(),
        ..Changes::default()
    }
}

fn listed() -> State {
    let mut state = State::new("store-");
    for kind in Kind::ALL {
        state.reset(kind, Vec::new(), at(0));
    }
    state
}

#[test]
fn only_what_differs_is_reported() {
    let mut state = listed();
    assert_eq!(state.apply(release("a", "1"), at(1)), stores(&["a"]));
    assert_eq!(state.apply(release("a", "1"), at(2)), Changes::default());
    assert_eq!(state.apply(release("a", "2"), at(3)), stores(&["a"]));
    let seen = state.store(&name("a")).expect("it was applied");
    assert_eq!(
        (seen.applied_hash(), seen.changed_at),
        (Some("2"), Some(at(3)))
    );
    assert_eq!(state.delete(Kind::Release, "a", at(4)), stores(&["a"]));
    assert_eq!(state.delete(Kind::Release, "a", at(5)), Changes::default());
    assert_eq!(state.store(&name("a")), None);
}

#[test]
fn a_fresh_list_finds_what_vanished_unseen_and_is_silent_about_the_rest() {
    let mut state = listed();
    state.reset(
        Kind::Release,
        vec![release("a", "1"), release("b", "1"), release("c", "1")],
        at(1),
    );
    let changes = state.reset(
        Kind::Release,
        vec![release("a", "1"), release("c", "2"), release("d", "1")],
        at(2),
    );
    assert_eq!(changes, stores(&["b", "c", "d"]));
    assert_eq!(state.store(&name("b")), None);
    assert_eq!(state.stores(), ["a", "c", "d"].map(name).into());
    assert_eq!(
        state.reset(Kind::Namespace, Vec::new(), at(3)),
        Changes::default()
    );
}

#[test]
fn a_shard_s_objects_belong_to_its_stores() {
    let mut state = listed();
    let digits = shard(&name("a"));
    let home = format!("shard-{digits}");
    let expected = Changes {
        shards: [digits].into(),
        ..Changes::default()
    };
    assert_eq!(state.apply(kustomization(&home, "r"), at(1)), expected);
    let artifact = ArtifactSeen {
        revision: Some("r".into()),
        ..ArtifactSeen::default()
    };
    assert_eq!(
        state.apply(Object::Artifact(home, artifact), at(2)),
        expected
    );
    let seen = state.store(&name("a")).expect("its shard is seen");
    assert!(!seen.present() && seen.shard.is_some() && seen.artifact.is_some());
    assert!(state.stores().is_empty());
}

#[test]
fn what_is_not_ours_is_not_kept() {
    let mut state = listed();
    assert!(
        state
            .apply(kustomization("somebody-s", "r"), at(1))
            .is_empty()
    );
    assert!(
        state
            .apply(Object::Source("other".into(), SourceSeen::default()), at(1))
            .is_empty()
    );
    let unlabelled = Object::Release("a".into(), ReleaseSeen::default());
    state.apply(unlabelled, at(1));
    assert!(
        state.stores().is_empty(),
        "a release without our label is no store of ours"
    );
    assert_eq!(state.cluster().source, None);
}

#[test]
fn synced_once_every_kind_was_listed() {
    let mut state = State::new("store-");
    for (number, kind) in Kind::ALL.into_iter().enumerate() {
        assert!(!state.cluster().synced);
        let changes = state.reset(kind, Vec::new(), at(0));
        assert_eq!(changes.cluster, number == Kind::ALL.len() - 1);
    }
    assert!(state.cluster().synced);
}

#[test]
fn a_failing_watch_makes_stale_until_its_next_list() {
    let mut state = listed();
    state.apply(release("a", "1"), at(1));
    let watch = Feed::Watch(Kind::Release);
    assert!(state.failed(watch, "broken".into(), at(10)).cluster);
    assert!(
        state
            .failed(watch, "still broken".into(), at(12))
            .is_empty()
    );
    let cluster = state.cluster();
    assert_eq!(
        (cluster.stale_since, cluster.trouble.as_deref()),
        (Some(at(10)), Some("still broken"))
    );
    assert!(state.tick(at(20)).is_empty());
    assert!(state.tick(at(25)).cluster, "reported when it becomes stale");
    assert!(state.tick(at(30)).is_empty(), "and once only");
    assert!(
        state.store(&name("a")).is_some(),
        "nothing is dropped meanwhile"
    );
    assert!(
        state
            .reset(Kind::Release, vec![release("a", "1")], at(40))
            .cluster
    );
    assert!(state.cluster().is_current());
}

#[test]
fn after_an_absence_every_kind_must_be_listed_again() {
    let mut state = listed();
    state.failed(Feed::Contact, "refused".into(), at(10));
    state.reread(at(50));
    assert_eq!(
        state.cluster().stale_since,
        Some(at(10)),
        "as old as the absence"
    );
    for kind in Kind::ALL {
        assert!(!state.cluster().is_current());
        state.reset(kind, Vec::new(), at(51));
    }
    assert!(state.cluster().is_current());
}

#[test]
fn what_concerns_all_stores_is_put_together_when_it_moved_and_then_only() {
    let mut state = listed();
    let source = |name: &str| Object::Source(name.into(), SourceSeen::default());
    let moves: [fn(&mut State); 8] = [
        |it| drop(it.remarked(Some("clocks differ".into()))),
        |it| drop(it.failed(Feed::Contact, "refused".into(), at(10))),
        |it| drop(it.recovered(Feed::Contact)),
        |it| drop(it.blinded(Kind::Pod, "no right".into(), at(11))),
        |it| drop(it.reset(Kind::Pod, Vec::new(), at(12))),
        |it| drop(it.reread(at(13))),
        |it| drop(it.apply(kustomization("root", "1"), at(14))),
        |it| drop(it.delete(Kind::Kustomization, "root", at(15))),
    ];
    state.apply(source("fleet"), at(1));
    for (number, moved) in moves.into_iter().enumerate() {
        let before = state.cluster();
        moved(&mut state);
        assert_eq!(*state.cluster(), state.all_of_cluster(), "move {number}");
        assert_ne!(*state.cluster(), *before, "move {number}");
    }
    let before = state.cluster();
    state.apply(release("a", "1"), at(20));
    state.apply(kustomization("store-a", "1"), at(20));
    assert!(Arc::ptr_eq(&before, &state.cluster()));
}

#[test]
fn a_source_without_an_artifact_is_reported_once_when_it_is_an_alarm() {
    let source = |revision: Option<&str>, generation| {
        let meta = Meta {
            generation,
            ..Meta::default()
        };
        let seen = SourceSeen {
            meta,
            revision: revision.map(str::to_owned),
            ..SourceSeen::default()
        };
        Object::Source("fleet".to_owned(), seen)
    };
    let mut state = listed();
    state.apply(source(None, 1), at(10));
    // a change of the object, or a list read again, begins nothing anew
    state.apply(source(None, 2), at(60));
    state.reset(Kind::Source, vec![source(None, 2)], at(65));
    assert!(state.tick(at(69)).is_empty());
    assert!(state.tick(at(70)).cluster);
    assert!(state.tick(at(75)).is_empty(), "and once only");
    let alarms = state.cluster().alarms(at(75));
    assert_eq!(alarms[0].reason, "NoArtifact", "{alarms:?}");
    assert!(state.apply(source(Some("r"), 2), at(80)).cluster);
    assert_ne!(state.cluster().alarms(at(80))[0].reason, "NoArtifact");
}

#[test]
fn a_kind_that_a_cluster_need_not_have_is_reported_when_it_is_missed_and_when_it_comes() {
    let mut state = listed();
    assert!(state.unserved(Kind::Generator, at(1)).cluster);
    assert!(state.unserved(Kind::Generator, at(31)).is_empty());
    assert_eq!(state.cluster().unserved, ["ArtifactGenerator"]);
    assert!(state.cluster().is_current());
    assert!(state.reset(Kind::Generator, Vec::new(), at(61)).cluster);
    assert_eq!(state.cluster().unserved, [""; 0]);
}

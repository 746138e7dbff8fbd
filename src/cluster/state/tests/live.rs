//! What runs in the namespaces of stores, and kinds that cannot be read.

use super::*;
use crate::domain::observed::{PodSeen, Warning, WorkloadKind, WorkloadSeen};

fn live(name: &str, object: LiveObject) -> Object {
    Object::Live(name.to_owned(), object)
}

fn workload(name: &str, ready: i64) -> Object {
    let seen = WorkloadSeen {
        kind: WorkloadKind::Deployment,
        wanted: 1,
        ready,
        observed: true,
        failed: None,
    };
    live(name, LiveObject::Workload(seen))
}

fn pod(name: &str, reason: Option<&str>) -> Object {
    let seen = reason.map(|reason| PodSeen {
        reason: reason.to_owned(),
        message: String::new(),
        container: None,
        restarts: 0,
        since: None,
    });
    live(name, LiveObject::Pod(seen))
}

fn event(name: &str, about: &str, second: i64) -> Object {
    let warning = Warning {
        reason: "FailedCreate".to_owned(),
        message: String::new(),
        at: Some(at(second)),
    };
    live(name, LiveObject::Warning(about.to_owned(), warning))
}

/// What is live in the store `a`, as names.
fn shown(state: &State) -> Vec<String> {
    let live = state.store(&name("a")).expect("it is there").live;
    let workloads = live.workloads.into_keys();
    let pods = live.pods.into_keys();
    let warnings = live.warnings.into_keys();
    workloads.chain(pods).chain(warnings).collect()
}

#[test]
fn what_runs_belongs_to_the_store_of_its_namespace() {
    let mut state = listed();
    state.apply(release("a", "1"), at(1));
    assert_eq!(
        state.apply(workload("store-a/web", 0), at(2)),
        stores(&["a"])
    );
    assert_eq!(
        state.apply(workload("store-a/web", 0), at(3)),
        Changes::default()
    );
    assert_eq!(
        state.apply(pod("store-a/web-1", Some("NotReady")), at(3)),
        stores(&["a"])
    );
    assert_eq!(
        state.apply(pod("kube-system/dns", Some("NotReady")), at(3)),
        Changes::default()
    );
    assert_eq!(shown(&state), ["Deployment/web", "web-1"]);
    assert_eq!(
        state.apply(pod("store-a/web-1", None), at(4)),
        stores(&["a"])
    );
    assert_eq!(
        state.delete(Kind::Pod, "store-a/web-1", at(4)),
        Changes::default()
    );
    assert_eq!(shown(&state), ["Deployment/web"]);
    let seen = state.store(&name("a")).expect("it is there");
    assert_eq!(
        seen.changed_at,
        Some(at(1)),
        "what runs leaves no mark of unrest"
    );
    assert_eq!(
        state.delete(Kind::StatefulSet, "store-a/web", at(5)),
        Changes::default()
    );
    assert_eq!(
        state.delete(Kind::Deployment, "store-a/web", at(5)),
        stores(&["a"])
    );
    assert_eq!(shown(&state), Vec::<String>::new());
}

#[test]
fn a_fresh_list_of_what_runs_is_silent_about_what_stayed() {
    let mut state = listed();
    state.apply(release("a", "1"), at(1));
    let ailing = |reason| {
        vec![
            pod("store-a/web-1", Some(reason)),
            pod("store-b/web-1", Some("NotReady")),
        ]
    };
    state.reset(Kind::Pod, ailing("NotReady"), at(2));
    state.apply(workload("store-a/web", 1), at(2));
    assert_eq!(
        state.reset(Kind::Pod, ailing("NotReady"), at(3)),
        Changes::default()
    );
    assert_eq!(
        state.reset(Kind::Pod, ailing("Evicted"), at(3)),
        stores(&["a"])
    );
    assert_eq!(
        state.reset(Kind::Job, Vec::new(), at(3)),
        Changes::default()
    );
    assert_eq!(shown(&state), ["Deployment/web", "web-1"]);
    assert_eq!(
        state.reset(Kind::Pod, Vec::new(), at(4)),
        stores(&["a", "b"])
    );
}

#[test]
fn few_warnings_are_kept_and_of_each_thing_the_newest() {
    let mut state = listed();
    state.apply(release("a", "1"), at(1));
    state.apply(event("store-a/old", "Pod/1", 10), at(1));
    assert_eq!(
        state.apply(event("store-a/new", "Pod/1", 20), at(1)),
        stores(&["a"])
    );
    assert!(
        state
            .apply(event("store-a/late", "Pod/1", 15), at(1))
            .is_empty()
    );
    assert!(
        state.delete(Kind::Event, "store-a/old", at(1)).is_empty(),
        "it was overtaken"
    );
    assert_eq!(shown(&state), ["Pod/1"]);
    assert_eq!(
        state.delete(Kind::Event, "store-a/new", at(1)),
        stores(&["a"])
    );
    assert_eq!(shown(&state), Vec::<String>::new());

    for number in 0..100 {
        state.apply(
            event(
                &format!("store-a/{number}"),
                &format!("Pod/{number}"),
                number,
            ),
            at(1),
        );
    }
    let kept = shown(&state);
    assert_eq!(
        (kept.len(), kept.first().map(String::as_str)),
        (8, Some("Pod/92"))
    );
    state.reset(Kind::Event, vec![event("store-a/1", "Pod/99", 1)], at(2));
    assert_eq!(
        shown(&state),
        ["Pod/99"],
        "what is gone does not hide what is there"
    );
}

#[test]
fn a_kind_that_cannot_be_read_is_named_and_never_makes_stale() {
    let mut state = State::new("store-");
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Pod) {
        state.reset(kind, Vec::new(), at(0));
    }
    assert!(!state.cluster().synced, "it may come yet");
    assert!(state.blinded(Kind::Pod, "no pods".into(), at(1)).cluster);
    assert!(state.blinded(Kind::Pod, "no pods".into(), at(2)).is_empty());
    let cluster = state.cluster();
    assert_eq!(
        (cluster.is_current(), cluster.blind.clone()),
        (true, vec!["no pods".to_owned()])
    );

    assert!(
        state
            .reset(Kind::Pod, vec![pod("store-a/1", Some("NotReady"))], at(3))
            .cluster
    );
    assert_eq!(state.cluster().blind, Vec::<String>::new());
    let changes = state.blinded(Kind::Pod, "no pods".into(), at(4));
    assert_eq!(
        changes.stores,
        stores(&["a"]).stores,
        "what nobody sees is not claimed"
    );

    state.failed(Feed::Contact, "refused".into(), at(5));
    state.reread(at(6));
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Pod) {
        assert!(!state.cluster().is_current());
        state.reset(kind, Vec::new(), at(7));
    }
    assert!(state.cluster().is_current(), "it is not waited for");
}

#[test]
fn a_remark_is_told_while_all_is_current() {
    let mut state = listed();
    assert!(
        state
            .remarked(Some("the kubeconfig is broken".into()))
            .cluster
    );
    assert!(
        state
            .remarked(Some("the kubeconfig is broken".into()))
            .is_empty()
    );
    let cluster = state.cluster();
    assert!(cluster.is_current());
    assert_eq!(
        cluster.status_sentence(at(1)),
        "watched; everything seen is current, but the kubeconfig is broken"
    );
    assert!(state.remarked(None).cluster);
}

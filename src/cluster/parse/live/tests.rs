//! Objects of Kubernetes 1.36, each with what is kept of it.

use serde_json::{Value, json};

use super::*;

mod pods;

fn live(kind: Kind, mut object: Value) -> LiveObject {
    object["metadata"]["namespace"] = json!("store-shop");
    object["metadata"]["name"] = json!("it");
    let parsed = Object::from_json(kind, object).expect("an object");
    assert_eq!((parsed.kind(), parsed.name()), (kind, "store-shop/it"));
    match parsed {
        Object::Live(_, live) => live,
        other => panic!("{other:?} is of another sort"),
    }
}

fn workload(kind: Kind, object: Value) -> WorkloadSeen {
    match live(kind, object) {
        LiveObject::Workload(seen) => seen,
        other => panic!("{other:?} is no workload"),
    }
}

#[test]
fn a_deployment_counts_what_is_ready_and_new() {
    for (what, generation, replicas, status, expected) in [
        ("just made", 1, 1, json!({}), (1, 0, false)),
        (
            "running",
            1,
            2,
            json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}),
            (2, 2, true),
        ),
        (
            "the old one still serves",
            2,
            1,
            json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 1, "readyReplicas": 1}),
            (1, 0, true),
        ),
        (
            "the new one serves, the old one goes",
            2,
            1,
            json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 1, "readyReplicas": 2}),
            (1, 1, true),
        ),
        (
            "changed, not looked at",
            3,
            1,
            json!({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1}),
            (1, 1, false),
        ),
        ("off", 2, 0, json!({"observedGeneration": 2}), (0, 0, true)),
    ] {
        let object = json!({"metadata": {"generation": generation}, "spec": {"replicas": replicas}, "status": status});
        let seen = workload(Kind::Deployment, object);
        assert_eq!((seen.wanted, seen.ready, seen.observed), expected, "{what}");
        assert_eq!(seen.failed, None, "{what}");
    }
}

#[test]
fn a_deployment_says_why_it_does_not_get_there() {
    let progressing = |status: &str| json!({"type": "Progressing", "status": status, "reason": "ProgressDeadlineExceeded", "message": "has timed out"});
    let refused = json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota: store"});
    for (conditions, said) in [
        (json!([progressing("True")]), None),
        (
            json!([progressing("False")]),
            Some("ProgressDeadlineExceeded: has timed out"),
        ),
        (
            json!([progressing("True"), refused]),
            Some("FailedCreate: exceeded quota: store"),
        ),
    ] {
        let seen = workload(
            Kind::Deployment,
            json!({"status": {"conditions": conditions}}),
        );
        assert_eq!(seen.failed.as_deref(), said);
    }
}

#[test]
fn a_stateful_set_counts_what_is_ready_and_new() {
    for (what, status, ready) in [
        (
            "running",
            json!({"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "currentRevision": "a", "updateRevision": "a"}),
            1,
        ),
        (
            "running, from before a field was written",
            json!({"replicas": 1, "readyReplicas": 1, "currentRevision": "a", "updateRevision": "a"}),
            1,
        ),
        (
            "the old one still serves",
            json!({"replicas": 1, "readyReplicas": 1, "currentRevision": "a", "updateRevision": "b"}),
            0,
        ),
        (
            "replaced, not ready",
            json!({"replicas": 1, "updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b"}),
            0,
        ),
    ] {
        let seen = workload(
            Kind::StatefulSet,
            json!({"spec": {"replicas": 1}, "status": status}),
        );
        assert_eq!((seen.wanted, seen.ready), (1, ready), "{what}");
    }
}

#[test]
fn a_job_is_done_or_failed() {
    let failed = json!([{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"}]);
    for (what, spec, status, expected) in [
        (
            "running",
            json!({"completions": 1}),
            json!({"active": 1}),
            (1, 0, false),
        ),
        (
            "done",
            json!({"completions": 2}),
            json!({"succeeded": 2, "conditions": [{"type": "Complete", "status": "True"}]}),
            (2, 2, false),
        ),
        (
            "done by one of many",
            json!({"parallelism": 3}),
            json!({"succeeded": 3, "conditions": [{"type": "Complete", "status": "True"}]}),
            (1, 1, false),
        ),
        (
            "failed",
            json!({"completions": 1}),
            json!({"failed": 7, "conditions": failed}),
            (1, 0, true),
        ),
        (
            "not to run",
            json!({"completions": 1, "suspend": true}),
            json!({}),
            (0, 0, false),
        ),
    ] {
        let seen = workload(Kind::Job, json!({"spec": spec, "status": status}));
        assert_eq!(
            (seen.wanted, seen.ready, seen.failed.is_some()),
            expected,
            "{what}"
        );
    }
    let of_a_schedule = json!({"metadata": {"ownerReferences": [{"kind": "CronJob", "name": "wp-cron"}]}, "status": {"conditions": failed}});
    assert_eq!(live(Kind::Job, of_a_schedule), LiveObject::Passing);
}

#[test]
fn a_claim_is_bound_or_lost() {
    for (phase, bound, lost) in [
        ("Pending", false, false),
        ("Bound", true, false),
        ("Lost", false, true),
    ] {
        let object = json!({"spec": {"volumeName": "pv-1"}, "status": {"phase": phase}});
        let expected = ClaimSeen {
            bound,
            lost,
            volume: Some("pv-1".to_owned()),
        };
        assert_eq!(
            live(Kind::Claim, object),
            LiveObject::Claim(expected),
            "{phase}"
        );
    }
}

#[test]
fn a_quota_shows_only_what_is_used_up() {
    for (hard, used, full) in [
        (
            json!({"requests.memory": "2Gi", "pods": "10"}),
            json!({"requests.memory": "1Gi", "pods": "3"}),
            None,
        ),
        (
            json!({"requests.memory": "2Gi", "pods": "10"}),
            json!({"requests.memory": "2048Mi", "pods": "3"}),
            Some("requests.memory 2048Mi of 2Gi"),
        ),
        (
            json!({"requests.cpu": "1"}),
            json!({"requests.cpu": "1200m"}),
            Some("requests.cpu 1200m of 1"),
        ),
        (
            json!({"requests.cpu": "1500m"}),
            json!({"requests.cpu": "1"}),
            None,
        ),
        (
            json!({"services.nodeports": "0"}),
            json!({"services.nodeports": "0"}),
            None,
        ),
        (
            json!({"requests.memory": "odd"}),
            json!({"requests.memory": "odd"}),
            None,
        ),
        (json!({"pods": "1"}), json!({}), None),
    ] {
        let seen = full.map(|full| QuotaSeen {
            full: vec![full.to_owned()],
        });
        let object = json!({"status": {"hard": hard, "used": used}});
        assert_eq!(
            live(Kind::Quota, object),
            LiveObject::Quota(seen),
            "{hard} {used}"
        );
    }
}

#[test]
fn a_warning_has_the_time_of_its_last_sighting() {
    let at = |hour: u8| format!("2026-11-22T{hour:02}:00:00Z");
    for (what, times, hour) in [
        (
            "as kubelet reports",
            json!({"lastTimestamp": at(3), "eventTime": null}),
            3,
        ),
        (
            "as the scheduler reports",
            json!({"lastTimestamp": null, "eventTime": "2026-11-22T02:00:00.000000Z"}),
            2,
        ),
        (
            "repeated by the scheduler",
            json!({"lastTimestamp": null, "eventTime": at(2), "series": {"count": 3, "lastObservedTime": at(4)}}),
            4,
        ),
        ("without any", json!({}), 1),
    ] {
        let mut object = json!({"metadata": {"creationTimestamp": at(1)}, "reason": "FailedScheduling", "message": "0/1 nodes are available",
            "type": "Warning", "involvedObject": {"kind": "Pod", "name": "store-web-1", "namespace": "store-shop"}});
        for (key, value) in times.as_object().into_iter().flatten() {
            object[key] = value.clone();
        }
        let warning = Warning {
            reason: "FailedScheduling".to_owned(),
            message: "0/1 nodes are available".to_owned(),
            at: at(hour).parse().ok(),
        };
        let expected = LiveObject::Warning("Pod/store-web-1".to_owned(), warning);
        assert_eq!(live(Kind::Event, object), expected, "{what}");
    }
}

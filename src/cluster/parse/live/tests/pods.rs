//! Pods, and the one word for what ails them.

use super::*;
use crate::domain::observed::PodSeen;

fn pod(status: &Value) -> Option<PodSeen> {
    let object =
        json!({"metadata": {"creationTimestamp": "2026-11-22T10:00:00Z"}, "status": status});
    match live(Kind::Pod, object) {
        LiveObject::Pod(seen) => seen,
        other => panic!("{other:?} is no pod"),
    }
}

#[test]
fn of_a_pod_in_order_nothing_is_kept() {
    let ready = json!([{"type": "Ready", "status": "True"}]);
    for status in [
        json!({"phase": "Running", "conditions": ready, "containerStatuses": [{"name": "web", "ready": true, "restartCount": 9, "state": {"running": {}}}]}),
        json!({"phase": "Succeeded", "conditions": [{"type": "Ready", "status": "False", "reason": "PodCompleted"}]}),
    ] {
        assert_eq!(pod(&status), None, "{status}");
    }
    let crash = json!({"phase": "Failed", "containerStatuses": [{"name": "job", "state": {"terminated": {"exitCode": 1}}}]});
    for metadata in [
        json!({"ownerReferences": [{"kind": "Job", "name": "migrate"}]}),
        json!({"deletionTimestamp": "2026-11-22T10:00:00Z"}),
    ] {
        let object = json!({"metadata": metadata, "status": crash});
        assert_eq!(live(Kind::Pod, object), LiveObject::Pod(None), "{metadata}");
    }
}

#[test]
fn an_ailing_pod_says_in_one_word_what_ails_it() {
    let unready = json!([{"type": "Ready", "status": "False", "message": "containers with unready status: [web]", "lastTransitionTime": "2026-11-22T11:00:00Z"}]);
    let web =
        |state: Value| json!([{"name": "web", "ready": false, "restartCount": 4, "state": state}]);
    let crashed = json!([{"name": "web", "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}},
        "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}]);
    let init = json!([{"name": "setup", "state": {"waiting": {"reason": "CreateContainerConfigError", "message": "secret not found"}}}]);
    for (status, reason, message, container, restarts) in [
        (
            json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}]}),
            "Unschedulable",
            "0/1 nodes",
            None,
            0,
        ),
        (
            json!({"phase": "Pending", "conditions": unready, "containerStatuses": web(json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}))}),
            "ImagePullBackOff",
            "no such image",
            Some("web"),
            4,
        ),
        (
            json!({"phase": "Running", "conditions": unready, "containerStatuses": crashed}),
            "CrashLoopBackOff",
            "back-off 5m0s; it last ended with OOMKilled (exit code 137)",
            Some("web"),
            4,
        ),
        (
            json!({"phase": "Pending", "initContainerStatuses": init, "containerStatuses": web(json!({"waiting": {"reason": "PodInitializing"}}))}),
            "CreateContainerConfigError",
            "secret not found",
            Some("setup"),
            0,
        ),
        (
            json!({"phase": "Running", "conditions": unready, "containerStatuses": web(json!({"terminated": {"reason": "Error", "exitCode": 2}}))}),
            "Error",
            "it ended with exit code 2",
            Some("web"),
            4,
        ),
        (
            json!({"phase": "Running", "conditions": unready, "containerStatuses": web(json!({"running": {}}))}),
            "NotReady",
            "containers with unready status: [web]",
            Some("web"),
            4,
        ),
        (
            json!({"phase": "Pending", "conditions": unready, "containerStatuses": web(json!({"waiting": {"reason": "ContainerCreating"}}))}),
            "NotReady",
            "containers with unready status: [web]",
            Some("web"),
            4,
        ),
        (
            json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}),
            "Evicted",
            "low on memory",
            None,
            0,
        ),
        (json!({}), "NotReady", "", None, 0),
    ] {
        let seen = pod(&status).expect("it is not in order");
        assert_eq!(
            (seen.reason.as_str(), seen.message.as_str()),
            (reason, message),
            "{status}"
        );
        assert_eq!(
            (seen.container.as_deref(), seen.restarts),
            (container, restarts),
            "{status}"
        );
        let hour = if status["conditions"] == unready {
            11
        } else {
            10
        };
        assert_eq!(
            seen.since,
            format!("2026-11-22T{hour}:00:00Z").parse().ok(),
            "{status}"
        );
    }
}

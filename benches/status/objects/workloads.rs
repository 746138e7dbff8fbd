//! What runs in a store's namespace, and the statuses that Kubernetes' own controllers and the kubelet write.

use serde_json::{Value, json};

use crate::kinds::NAMESPACE;

/// When everything was done, as the controllers write it.
const AT: &str = "2026-11-22T00:00:00Z";

/// An object of the chart as helm-controller leaves it: in its namespace, with the labels of its release.
pub(super) fn by_helm(mut object: Value, store: &str) -> Value {
    let namespace = format!("store-{store}");
    let is_claim = object["kind"] == "PersistentVolumeClaim";
    let metadata = &mut object["metadata"];
    metadata["namespace"] = json!(namespace);
    metadata["labels"]["helm.toolkit.fluxcd.io/name"] = json!(store);
    metadata["labels"]["helm.toolkit.fluxcd.io/namespace"] = json!(NAMESPACE);
    metadata["annotations"]["meta.helm.sh/release-name"] = json!("store");
    metadata["annotations"]["meta.helm.sh/release-namespace"] = json!(namespace);
    if is_claim {
        let claim = metadata["name"].as_str().unwrap_or_default().to_owned();
        object["spec"]["volumeName"] = json!(format!("pvc-{store}-{claim}"));
    }
    object
}

/// The one pod of a workload.
pub(super) fn pod_of(workload: &Value, store: &str) -> Option<Value> {
    let name = workload["metadata"]["name"].as_str()?;
    let (name, owner) = match workload["kind"].as_str()? {
        "Deployment" => (
            format!("{name}-6d5f7c9b8-x2x4z"),
            ("ReplicaSet", format!("{name}-6d5f7c9b8")),
        ),
        "StatefulSet" => (format!("{name}-0"), ("StatefulSet", name.to_owned())),
        _ => return None,
    };
    let template = &workload["spec"]["template"];
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"],
    });
    pod["metadata"]["name"] = json!(name);
    pod["metadata"]["namespace"] = workload["metadata"]["namespace"].clone();
    pod["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "apps/v1", "kind": owner.0, "name": owner.1, "controller": true,
        "uid": format!("00000000-0000-4000-8000-{store:0>12.12}"),
    }]);
    pod["spec"]["nodeName"] = json!("testbed");
    Some(pod)
}

/// The status of an object that is well; none for kinds that have none, or get theirs by themselves.
pub(super) fn status(object: &Value) -> Option<Value> {
    let status = match object["kind"].as_str()? {
        "Deployment" => json!({
            "observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "availableReplicas": 1,
            "conditions": [
                condition("Available", "MinimumReplicasAvailable", "Deployment has minimum availability."),
                condition("Progressing", "NewReplicaSetAvailable", "ReplicaSet has successfully progressed."),
            ],
        }),
        "StatefulSet" => json!({
            "observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "currentReplicas": 1,
            "availableReplicas": 1, "currentRevision": "store-db-1", "updateRevision": "store-db-1", "collisionCount": 0,
        }),
        "PersistentVolumeClaim" => json!({
            "phase": "Bound", "accessModes": object["spec"]["accessModes"],
            "capacity": object["spec"]["resources"]["requests"],
        }),
        "ResourceQuota" => json!({"hard": object["spec"]["hard"], "used": {"pods": "2"}}),
        "Pod" => json!({
            "phase": "Running", "hostIP": "10.1.0.1", "podIP": "10.2.0.1", "startTime": AT, "qosClass": "Burstable",
            "conditions": pod_conditions(),
            "containerStatuses": containers(object),
        }),
        _ => return None,
    };
    Some(status)
}

fn condition(kind: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": "True", "reason": reason, "message": message,
        "lastTransitionTime": AT, "lastUpdateTime": AT})
}

fn pod_conditions() -> Vec<Value> {
    let kinds = ["PodScheduled", "Initialized", "ContainersReady", "Ready"];
    let well = kinds.map(|it| json!({"type": it, "status": "True", "lastTransitionTime": AT}));
    well.to_vec()
}

fn containers(pod: &Value) -> Vec<Value> {
    let containers = pod["spec"]["containers"].as_array();
    let running = |it: &Value| {
        json!({
            "name": it["name"], "image": it["image"], "imageID": format!("{}@sha256:{}", it["image"], "3".repeat(64)),
            "containerID": format!("containerd://{}", "4".repeat(64)), "ready": true, "started": true,
            "restartCount": 0, "state": {"running": {"startedAt": AT}},
        })
    };
    containers.into_iter().flatten().map(running).collect()
}

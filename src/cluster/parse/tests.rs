//! Objects as different versions of Flux and Kubernetes write them, and what is kept of each.

use serde_json::json;

use super::*;

fn parse(kind: Kind, object: Value) -> Object {
    Object::from_json(kind, object).expect("an object")
}

#[test]
fn a_release_keeps_what_tells_of_it() {
    let object = json!({
        "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": {"name": "shop", "namespace": "fleet", "generation": 2, "deletionTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"fleetwright.dev/uid": "U"}, "annotations": {"fleetwright.dev/spec-hash": "H"}},
        "spec": {"suspend": true, "brandNew": 1},
        "status": {"observedGeneration": -1, "installFailures": 1, "lastAttemptedGeneration": 2,
            "conditions": [{"type": "Ready", "status": "False", "reason": "InstallFailed", "message": "m", "observedGeneration": 2}],
            "history": [{"version": 1, "status": "superseded", "chartVersion": "1.0.0"},
                        {"version": 2, "status": "failed", "action": "upgrade", "chartVersion": "1.1.0"}]}
    });
    let Object::Release(name, seen) = parse(Kind::Release, object) else {
        panic!("another kind")
    };
    assert_eq!(
        (name.as_str(), seen.suspended, seen.meta.uid.as_deref()),
        ("shop", true, Some("U"))
    );
    assert_eq!(seen.history[0].status, "failed", "newest first");
    assert!(seen.ever_served() && seen.attempted() && !seen.meta.observed());
    assert!(seen.meta.deleting_since.is_some());
    assert_eq!(
        seen.meta.conditions.get("Ready").map(|c| c.status),
        Some(Truth::False)
    );
}

#[test]
fn a_kustomization_knows_its_namespace_and_odd_shapes_do_no_harm() {
    let object = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": {"name": "store-shop"},
        "spec": {"sourceRef": {"kind": "ExternalArtifact", "name": "shard-3f"}},
        "status": {"inventory": {"entries": [{"id": "_store-shop__Namespace", "v": "v1"}, {"id": 7}]}, "conditions": "none"}
    });
    let Object::Kustomization(_, seen) = parse(Kind::Kustomization, object) else {
        panic!("another kind")
    };
    assert!(seen.holds_namespace() && seen.reads_artifact() && seen.meta.conditions.0.is_empty());
}

#[test]
fn an_artifact_knows_its_origin() {
    let object = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "ExternalArtifact", "metadata": {"name": "shard-3f"},
        "status": {"artifact": {"revision": "latest@sha256:1", "metadata": {"org.opencontainers.image.revision": "b@sha1:2"}}}
    });
    let Object::Artifact(_, seen) = parse(Kind::Artifact, object) else {
        panic!("another kind")
    };
    assert_eq!(
        (seen.revision.as_deref(), seen.origin.as_deref()),
        (Some("latest@sha256:1"), Some("b@sha1:2"))
    );
}

//! Objects as different versions of Flux and Kubernetes write them, and what is kept of each.

use serde_json::json;

use super::*;
use crate::domain::observed::Truth;

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

/// What a Kustomization of a store says, and what is read of it.
struct Applied {
    version: &'static str,
    object: Value,
    by_artifact: bool,
    revision: &'static str,
    origin: Option<&'static str>,
}

#[test]
fn kustomizations_of_every_version_are_read() {
    let conditions = json!([
        {"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded", "message": "Applied revision", "observedGeneration": 3,
            "lastTransitionTime": "2026-11-22T10:00:00Z"}]);
    let inventory = json!({"entries": [{"id": "_store-shop__Namespace", "v": "v1"}]});
    for case in [
        Applied {
            version: "2.7, straight from the repository",
            object: json!({"spec": {"interval": "6h", "sourceRef": {"kind": "GitRepository", "name": "fleet"}},
                "status": {"observedGeneration": 3, "conditions": conditions, "inventory": inventory,
                    "lastAppliedRevision": "deploy/local@sha1:1", "lastAttemptedRevision": "deploy/local@sha1:1"}}),
            by_artifact: false,
            revision: "deploy/local@sha1:1",
            origin: None,
        },
        Applied {
            version: "2.7, by an artifact",
            object: json!({"spec": {"sourceRef": {"kind": "ExternalArtifact", "name": "shard-3f"}},
                "status": {"observedGeneration": 3, "conditions": conditions, "inventory": inventory,
                    "lastAppliedRevision": "latest@sha256:1", "lastAppliedOriginRevision": "deploy/local@sha1:1",
                    "lastAttemptedRevision": "latest@sha256:1"}}),
            by_artifact: true,
            revision: "latest@sha256:1",
            origin: Some("deploy/local@sha1:1"),
        },
        Applied {
            version: "2.9, with the history of its applies",
            object: json!({"spec": {"suspend": false, "deletionPolicy": "Orphan", "ignore": [], "sourceRef": {"kind": "ExternalArtifact", "name": "shard-3f"}},
                "status": {"observedGeneration": 3, "conditions": conditions, "inventory": inventory,
                    "lastAppliedRevision": "latest@sha256:1", "lastAppliedOriginRevision": "deploy/local@sha1:1",
                    "lastAttemptedRevision": "latest@sha256:1",
                    "history": [{"digest": "sha256:1", "lastReconciledStatus": "ReconciliationSucceeded", "totalReconciliations": 2}]}}),
            by_artifact: true,
            revision: "latest@sha256:1",
            origin: Some("deploy/local@sha1:1"),
        },
    ] {
        let Applied {
            version,
            mut object,
            ..
        } = case;
        object["metadata"] = json!({"name": "store-shop", "namespace": "fleet", "generation": 3});
        let Object::Kustomization(_, seen) = parse(Kind::Kustomization, object) else {
            panic!("another kind")
        };
        assert!(
            seen.meta.observed() && seen.meta.conditions.ready(),
            "{version}"
        );
        assert!(seen.holds_namespace() && !seen.suspended, "{version}");
        assert_eq!(seen.reads_artifact(), case.by_artifact, "{version}");
        let (last, tried) = (seen.last_applied_revision, seen.last_attempted_revision);
        assert_eq!(last.as_deref(), Some(case.revision), "{version}");
        assert_eq!(tried.as_deref(), Some(case.revision), "{version}");
        assert_eq!(
            seen.last_applied_origin.as_deref(),
            case.origin,
            "{version}"
        );
    }
}

#[test]
fn releases_of_every_version_are_read() {
    let ready = json!({"type": "Ready", "status": "True", "reason": "UpgradeSucceeded", "message": "m", "observedGeneration": 2});
    let drifted = json!({"type": "Drifted", "status": "True", "reason": "DriftDetected", "message": "m", "observedGeneration": 2});
    let deployed = |action: Option<&str>| {
        let mut entry = json!({"version": 2, "status": "deployed", "chartName": "woocommerce", "chartVersion": "1.0.0",
            "configDigest": "sha256:2", "firstDeployed": "2026-11-22T10:00:00Z", "lastDeployed": "2026-11-22T11:00:00Z"});
        if let Some(action) = action {
            entry["action"] = json!(action);
        }
        entry
    };
    for (version, status, action, drift) in [
        (
            "2.7",
            json!({"observedGeneration": 2, "lastAttemptedGeneration": 2, "lastAttemptedRevision": "1.0.0",
                "lastAttemptedReleaseAction": "upgrade", "storageNamespace": "store-shop",
                "conditions": [ready], "history": [deployed(None)]}),
            None,
            false,
        ),
        (
            "2.8, with actions and an inventory",
            json!({"observedGeneration": 2, "lastAttemptedGeneration": 2, "lastAttemptedRevision": "1.0.0",
                "conditions": [ready], "history": [deployed(Some("upgrade"))],
                "inventory": {"entries": [{"id": "store-shop_store-web_apps_Deployment", "v": "v1"}]}}),
            Some("upgrade"),
            false,
        ),
        (
            "2.9, with drift",
            json!({"observedGeneration": 2, "lastAttemptedGeneration": 2, "lastAttemptedRevision": "1.0.0",
                "conditions": [ready, drifted], "history": [deployed(Some("upgrade"))]}),
            Some("upgrade"),
            true,
        ),
    ] {
        let object = json!({"metadata": {"name": "shop", "namespace": "fleet", "generation": 2}, "spec": {"suspend": false}, "status": status});
        let Object::Release(_, seen) = parse(Kind::Release, object) else {
            panic!("another kind")
        };
        assert!(
            seen.attempted() && seen.ever_served() && seen.meta.conditions.ready(),
            "{version}"
        );
        let snapshot = &seen.history[0];
        assert_eq!(snapshot.action.as_deref(), action, "{version}");
        assert!(
            snapshot.first_deployed < snapshot.last_deployed,
            "{version}"
        );
        assert_eq!(
            seen.meta.conditions.get("Drifted").is_some(),
            drift,
            "{version}"
        );
    }
}

#[test]
fn a_status_of_a_megabyte_is_cut() {
    let long = "ä".repeat(500_000);
    let condition = json!({"type": "Ready", "status": "Perhaps", "reason": long, "message": long});
    let object = json!({"metadata": {"name": "store-shop"},
        "status": {"conditions": vec![condition; 500], "lastAppliedRevision": long,
            "inventory": {"entries": vec![json!({"id": "_store-shop__Namespace"}); 500]}}});
    let Object::Kustomization(_, seen) = parse(Kind::Kustomization, object) else {
        panic!("another kind")
    };
    let conditions = seen.meta.conditions.0;
    assert_eq!(
        (conditions.len(), conditions[0].status),
        (64, Truth::Unknown)
    );
    assert!(conditions[0].message.len() < 5000 && conditions[0].message.ends_with('…'));
    assert!(conditions[0].reason.len() < 2000);
    assert!(seen.last_applied_revision.is_some_and(|it| it.len() < 2000));
}

#[test]
fn a_request_equals_its_echo_however_long_it_is() {
    let token = "t".repeat(5000);
    let object = json!({"metadata": {"name": "shop", "annotations": {"reconcile.fluxcd.io/requestedAt": token}},
        "status": {"lastHandledReconcileAt": token}});
    let Object::Release(_, seen) = parse(Kind::Release, object) else {
        panic!("another kind")
    };
    assert!(seen.meta.requested_at.is_some() && seen.meta.handled());
}

#[test]
fn a_chart_knows_what_was_built() {
    let object = json!({"metadata": {"name": "woocommerce-1.0.0"},
        "status": {"artifact": {"revision": "1.0.0"}, "conditions": [{"type": "Ready", "status": "False", "reason": "BuildFailed"}]}});
    let Object::Chart(_, seen) = parse(Kind::Chart, object) else {
        panic!("another kind")
    };
    assert_eq!(seen.revision.as_deref(), Some("1.0.0"));
    assert!(!seen.meta.conditions.ready());
}

//! Statuses as Flux 2.9 writes them: kustomize-controller 1.9, helm-controller 1.6, source-controller 1.9,
//! source-watcher 2.2.

use serde_json::{Value, json};

use crate::kinds::NAMESPACE;

/// When everything was done, as the controllers write it.
const AT: &str = "2026-11-22T00:00:00Z";
/// The chart that all stores run.
const CHART: &str = "1.0.0";

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message,
        "observedGeneration": 1, "lastTransitionTime": AT})
}

/// The revision of an artifact that source-watcher made.
fn revision(digest: &str) -> String {
    format!("latest@sha256:{digest}")
}

/// The status of the `GitRepository`.
pub(super) fn source(revision: &str) -> Value {
    let message = format!("stored artifact for revision '{revision}'");
    json!({
        "observedGeneration": 1,
        "artifact": artifact_of("gitrepository/fleet/fleet", "fleet", revision, &json!({})),
        "conditions": [
            condition("Ready", "True", "Succeeded", &message),
            condition("ArtifactInStorage", "True", "Succeeded", &message),
            condition("SourceVerified", "True", "Succeeded", "verified signature of commit"),
        ],
    })
}

/// The status of an `ArtifactGenerator`.
pub(super) fn generator() -> Value {
    json!({"conditions": [condition("Ready", "True", "Succeeded", "reconciliation succeeded")]})
}

/// An `ExternalArtifact`.
pub(super) fn artifact(name: &str) -> Value {
    let generator = if name == "root" { "root" } else { "shards" };
    json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "ExternalArtifact",
        "metadata": {"name": name, "namespace": NAMESPACE,
            "labels": {"app.kubernetes.io/managed-by": "source-watcher"}},
        "spec": {"sourceRef": {"apiVersion": "source.extensions.fluxcd.io/v1beta1", "kind": "ArtifactGenerator",
            "name": generator, "namespace": NAMESPACE}},
    })
}

/// Its status.
pub(super) fn artifact_status(name: &str, digest: &str, origin: &str) -> Value {
    let metadata = json!({"org.opencontainers.image.revision": origin});
    let path = format!("externalartifact/{NAMESPACE}/{name}");
    json!({
        "artifact": artifact_of(&path, digest, &revision(digest), &metadata),
        "conditions": [condition("Ready", "True", "Succeeded", "Artifact is ready")],
    })
}

fn artifact_of(path: &str, file: &str, revision: &str, metadata: &Value) -> Value {
    let path = format!("{path}/{file}.tar.gz");
    json!({
        "digest": format!("sha256:{}", "0".repeat(64)), "lastUpdateTime": AT, "path": path, "revision": revision,
        "size": 4096, "url": format!("http://source-watcher.flux-system.svc.cluster.local./{path}"), "metadata": metadata,
    })
}

/// The status of a Kustomization that has applied an artifact.
pub(super) fn kustomization(digest: &str, origin: &str) -> Value {
    let revision = revision(digest);
    let message = format!("Applied revision: {revision}");
    let entries = [
        "Namespace",
        "ResourceQuota",
        "LimitRange",
        "NetworkPolicy",
        "RoleBinding",
        "HelmRelease",
    ];
    let entries = entries.map(|it| json!({"id": format!("{NAMESPACE}_store__{it}"), "v": "v1"}));
    json!({
        "observedGeneration": 1,
        "conditions": [condition("Ready", "True", "ReconciliationSucceeded", &message)],
        "inventory": {"entries": entries},
        "lastAppliedRevision": revision, "lastAppliedOriginRevision": origin, "lastAttemptedRevision": revision,
        "history": [{
            "digest": format!("sha256:{digest}"), "firstReconciled": AT, "lastReconciled": AT,
            "lastReconciledDuration": "120.5ms", "lastReconciledStatus": "ReconciliationSucceeded",
            "totalReconciliations": 1, "metadata": {"revision": revision, "originRevision": origin},
        }],
    })
}

/// The status of a `HelmChart`.
pub(super) fn chart() -> Value {
    let message = format!("packaged 'woocommerce' chart with version '{CHART}'");
    json!({
        "observedGeneration": 1, "observedChartName": "woocommerce",
        "conditions": [condition("Ready", "True", "ChartPackageSucceeded", &message)],
    })
}

/// The status of a `HelmRelease` that was installed.
pub(super) fn release(object: &Value) -> Value {
    let namespace = &object["spec"]["targetNamespace"];
    let mut status = outcome(namespace.as_str().unwrap_or_default(), false);
    let more = json!({
        "observedGeneration": 1, "lastAttemptedGeneration": 1, "lastAttemptedRevision": CHART,
        "lastAttemptedReleaseAction": "install", "storageNamespace": namespace,
        "lastAttemptedConfigDigest": format!("sha256:{}", "1".repeat(64)),
        "helmChart": format!("{NAMESPACE}/woocommerce-{CHART}"),
    });
    if let (Value::Object(status), Value::Object(more)) = (&mut status, more) {
        status.extend(more);
    }
    status
}

/// What of a release's status changes when an upgrade fails, or succeeds again.
pub(crate) fn flipped(store: &str, failing: bool) -> Value {
    outcome(&format!("store-{store}"), failing)
}

fn outcome(namespace: &str, failing: bool) -> Value {
    let release = format!("{namespace}/store");
    let snapshot = |version: u8, status: &str, action: &str| {
        json!({
            "apiVersion": "v2", "action": action, "chartName": "woocommerce", "chartVersion": CHART, "appVersion": "7.1.0",
            "configDigest": format!("sha256:{}", "1".repeat(64)), "digest": format!("sha256:{}", "2".repeat(64)),
            "firstDeployed": AT, "lastDeployed": AT, "deleted": null, "name": "store", "namespace": namespace,
            "status": status, "version": version,
        })
    };
    if failing {
        let why = format!(
            "Helm upgrade failed for release {release}.v2 with chart woocommerce@{CHART}: context deadline exceeded"
        );
        return json!({
            "failures": 1, "upgradeFailures": 1,
            "conditions": [
                condition("Reconciling", "True", "ProgressingWithRetry", "retrying after 1m0s"),
                condition("Ready", "False", "UpgradeFailed", &why),
                condition("Released", "False", "UpgradeFailed", &why),
            ],
            "history": [snapshot(2, "failed", "upgrade"), snapshot(1, "deployed", "install")],
        });
    }
    let done =
        format!("Helm install succeeded for release {release}.v1 with chart woocommerce@{CHART}");
    json!({
        "failures": null, "upgradeFailures": null,
        "conditions": [
            condition("Ready", "True", "InstallSucceeded", &done),
            condition("Released", "True", "InstallSucceeded", &done),
        ],
        "history": [snapshot(1, "deployed", "install")],
    })
}

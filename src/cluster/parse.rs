//! From an object as the API server sends it to the parts that are kept.
//!
//! Nothing here can fail: a field that is missing or of another shape is as good as not there. Flux adds fields with
//! every release, and the API server has already checked each object against its schema.

use std::collections::BTreeSet;

use jiff::Timestamp;
use kube::api::DynamicObject;
use serde_json::Value;

use super::kinds::Kind;
use crate::domain::observed::{
    ArtifactSeen, Condition, Conditions, GeneratorSeen, KustomizationSeen, Meta, NamespaceSeen,
    ReleaseSeen, Snapshot, SourceRef, SourceSeen, Truth,
};

/// One object, with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// A Kustomization.
    Kustomization(String, KustomizationSeen),
    /// A `HelmRelease`.
    Release(String, ReleaseSeen),
    /// A Namespace.
    Namespace(String, NamespaceSeen),
    /// A `GitRepository`.
    Source(String, SourceSeen),
    /// An `ExternalArtifact`.
    Artifact(String, ArtifactSeen),
    /// An `ArtifactGenerator`.
    Generator(String, GeneratorSeen),
}

impl Object {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Kustomization(name, _)
            | Self::Release(name, _)
            | Self::Namespace(name, _)
            | Self::Source(name, _)
            | Self::Artifact(name, _)
            | Self::Generator(name, _) => name,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Kustomization(..) => Kind::Kustomization,
            Self::Release(..) => Kind::Release,
            Self::Namespace(..) => Kind::Namespace,
            Self::Source(..) => Kind::Source,
            Self::Artifact(..) => Kind::Artifact,
            Self::Generator(..) => Kind::Generator,
        }
    }

    /// The same from a whole object, as its JSON.
    pub(super) fn from_json(kind: Kind, object: Value) -> Result<Self, String> {
        let object = serde_json::from_value(object);
        object
            .map(|object| Self::parse(kind, object))
            .map_err(|error| error.to_string())
    }

    pub(super) fn parse(kind: Kind, object: DynamicObject) -> Self {
        let meta = meta(&object);
        let deleting_mark = annotation(&object, "fleetwright.dev/deleting");
        let name = object.metadata.name.unwrap_or_default();
        let data = &object.data;
        let suspended = data
            .pointer("/spec/suspend")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        match kind {
            Kind::Kustomization => Self::Kustomization(name, kustomization(data, meta, suspended)),
            Kind::Release => Self::Release(name, release(data, meta, suspended)),
            Kind::Namespace => Self::Namespace(
                name,
                NamespaceSeen {
                    meta,
                    deleting_mark,
                },
            ),
            Kind::Source => {
                let revision = text(data, "/status/artifact/revision");
                Self::Source(
                    name,
                    SourceSeen {
                        meta,
                        suspended,
                        revision,
                        fetched_at: time(data, "/status/artifact/lastUpdateTime"),
                    },
                )
            }
            Kind::Artifact => {
                let revision = text(data, "/status/artifact/revision");
                let origin = text(
                    data,
                    "/status/artifact/metadata/org.opencontainers.image.revision",
                );
                Self::Artifact(
                    name,
                    ArtifactSeen {
                        meta,
                        revision,
                        origin,
                    },
                )
            }
            Kind::Generator => Self::Generator(name, GeneratorSeen { meta }),
        }
    }
}

fn kustomization(data: &Value, meta: Meta, suspended: bool) -> KustomizationSeen {
    let entries = list(data, "/status/inventory/entries");
    let inventory: BTreeSet<String> = entries
        .iter()
        .filter_map(|entry| text(entry, "/id"))
        .collect();
    KustomizationSeen {
        meta,
        suspended,
        source: SourceRef {
            kind: text(data, "/spec/sourceRef/kind").unwrap_or_default(),
            name: text(data, "/spec/sourceRef/name").unwrap_or_default(),
        },
        inventory,
        last_applied_revision: text(data, "/status/lastAppliedRevision"),
        last_applied_origin: text(data, "/status/lastAppliedOriginRevision"),
        last_attempted_revision: text(data, "/status/lastAttemptedRevision"),
        last_failure: None,
    }
}

fn release(data: &Value, meta: Meta, suspended: bool) -> ReleaseSeen {
    let mut history: Vec<Snapshot> = list(data, "/status/history").iter().map(snapshot).collect();
    history.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.version));
    ReleaseSeen {
        meta,
        suspended,
        history,
        failures: int(data, "/status/failures").unwrap_or(0),
        install_failures: int(data, "/status/installFailures").unwrap_or(0),
        upgrade_failures: int(data, "/status/upgradeFailures").unwrap_or(0),
        last_attempted_revision: text(data, "/status/lastAttemptedRevision"),
        last_attempted_generation: int(data, "/status/lastAttemptedGeneration"),
    }
}

fn snapshot(entry: &Value) -> Snapshot {
    Snapshot {
        version: int(entry, "/version").unwrap_or(0),
        status: text(entry, "/status").unwrap_or_default(),
        action: text(entry, "/action"),
        chart_version: text(entry, "/chartVersion").unwrap_or_default(),
        first_deployed: time(entry, "/firstDeployed"),
        last_deployed: time(entry, "/lastDeployed"),
    }
}

fn meta(object: &DynamicObject) -> Meta {
    let data = &object.data;
    let labels = object.metadata.labels.as_ref();
    Meta {
        uid: labels.and_then(|labels| labels.get("fleetwright.dev/uid").cloned()),
        spec_hash: annotation(object, "fleetwright.dev/spec-hash"),
        generation: object.metadata.generation.unwrap_or(0),
        observed_generation: int(data, "/status/observedGeneration"),
        deleting_since: object
            .metadata
            .deletion_timestamp
            .as_ref()
            .map(|time| time.0),
        requested_at: annotation(object, "reconcile.fluxcd.io/requestedAt"),
        last_handled: text(data, "/status/lastHandledReconcileAt"),
        conditions: Conditions(
            list(data, "/status/conditions")
                .iter()
                .map(condition)
                .collect(),
        ),
    }
}

fn condition(entry: &Value) -> Condition {
    let status = match entry.pointer("/status").and_then(Value::as_str) {
        Some("True") => Truth::True,
        Some("False") => Truth::False,
        _ => Truth::Unknown,
    };
    Condition {
        kind: text(entry, "/type").unwrap_or_default(),
        status,
        reason: text(entry, "/reason").unwrap_or_default(),
        message: text(entry, "/message").unwrap_or_default(),
        observed_generation: int(entry, "/observedGeneration"),
    }
}

fn annotation(object: &DynamicObject, name: &str) -> Option<String> {
    object.metadata.annotations.as_ref()?.get(name).cloned()
}

fn text(data: &Value, pointer: &str) -> Option<String> {
    data.pointer(pointer)?.as_str().map(str::to_owned)
}

fn time(data: &Value, pointer: &str) -> Option<Timestamp> {
    text(data, pointer)?.parse().ok()
}

fn int(data: &Value, pointer: &str) -> Option<i64> {
    data.pointer(pointer)?.as_i64()
}

fn list<'a>(data: &'a Value, pointer: &str) -> &'a [Value] {
    data.pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(kind: Kind, object: Value) -> Object {
        Object::parse(kind, serde_json::from_value(object).expect("an object"))
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
        assert!(
            seen.holds_namespace() && seen.reads_artifact() && seen.meta.conditions.0.is_empty()
        );
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
}

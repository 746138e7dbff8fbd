//! Objects of Flux, and Namespaces.

use serde_json::Value;

use super::Object;
use super::fields::{cut, flag, int, list, message, text, time};
use crate::cluster::kinds::Kind;
use crate::cluster::wire::{FluxWire, Head};
use crate::domain::observed::{
    ArtifactSeen, ChartSeen, Condition, Conditions, GeneratorSeen, KustomizationSeen, Meta,
    NamespaceSeen, ReleaseSeen, Snapshot, SourceRef, SourceSeen, Truth,
};

/// Bytes of an annotation that are kept.
const ANNOTATION: usize = 1024;

impl Object {
    /// An object of the fleet's namespace, or a Namespace.
    pub(in crate::cluster) fn flux(kind: Kind, wire: FluxWire) -> Self {
        let FluxWire {
            metadata,
            spec,
            status,
            ..
        } = wire;
        let head = metadata.head;
        let meta = meta(&head, &status);
        let suspended = flag(&spec, "/suspend");
        let revision = || text(&status, "/artifact/revision");
        match kind {
            Kind::Kustomization => {
                let seen = kustomization(&head, &spec, &status, meta);
                Self::Kustomization(head.name, seen)
            }
            Kind::Release => Self::Release(head.name, release(&spec, &status, meta)),
            Kind::Source => {
                let seen = SourceSeen {
                    meta,
                    suspended,
                    revision: revision(),
                    fetched_at: time(&status, "/artifact/lastUpdateTime"),
                    empty_since: None,
                };
                Self::Source(head.name, seen)
            }
            Kind::Artifact => {
                let origin = "/artifact/metadata/org.opencontainers.image.revision";
                let seen = ArtifactSeen {
                    meta,
                    revision: revision(),
                    origin: text(&status, origin),
                };
                Self::Artifact(head.name, seen)
            }
            Kind::Generator => Self::Generator(head.name, GeneratorSeen { meta }),
            Kind::Chart => {
                let revision = revision();
                Self::Chart(head.name, ChartSeen { meta, revision })
            }
            // Live kinds come as another type and never here.
            _ => {
                let deleting_mark = annotation(&head, "fleetwright.dev/deleting");
                let seen = NamespaceSeen {
                    meta,
                    deleting_mark,
                };
                Self::Namespace(head.name, seen)
            }
        }
    }
}

fn kustomization(head: &Head, spec: &Value, status: &Value, meta: Meta) -> KustomizationSeen {
    // Nobody asks what the root or a shard has applied, and the root's list grows with the fleet.
    let of_a_store = head.name.starts_with("store-");
    let entries = list(status, "/inventory/entries");
    let entries = entries.iter().filter(|_| of_a_store);
    KustomizationSeen {
        meta,
        suspended: flag(spec, "/suspend"),
        source: SourceRef {
            kind: text(spec, "/sourceRef/kind").unwrap_or_default(),
            name: text(spec, "/sourceRef/name").unwrap_or_default(),
        },
        inventory: entries.filter_map(|entry| text(entry, "/id")).collect(),
        last_applied_revision: text(status, "/lastAppliedRevision"),
        last_applied_origin: text(status, "/lastAppliedOriginRevision"),
        last_attempted_revision: text(status, "/lastAttemptedRevision"),
        last_failure: None,
    }
}

fn release(spec: &Value, status: &Value, meta: Meta) -> ReleaseSeen {
    let mut history: Vec<Snapshot> = list(status, "/history").iter().map(snapshot).collect();
    history.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.version));
    ReleaseSeen {
        meta,
        suspended: flag(spec, "/suspend"),
        history,
        failures: int(status, "/failures").unwrap_or(0),
        install_failures: int(status, "/installFailures").unwrap_or(0),
        upgrade_failures: int(status, "/upgradeFailures").unwrap_or(0),
        last_attempted_revision: text(status, "/lastAttemptedRevision"),
        last_attempted_generation: int(status, "/lastAttemptedGeneration"),
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

fn meta(head: &Head, status: &Value) -> Meta {
    Meta {
        uid: head.label("fleetwright.dev/uid"),
        spec_hash: annotation(head, "fleetwright.dev/spec-hash"),
        generation: head.generation.unwrap_or(0),
        observed_generation: int(status, "/observedGeneration"),
        deleting_since: head.deletion_timestamp,
        requested_at: annotation(head, "reconcile.fluxcd.io/requestedAt"),
        last_handled: text(status, "/lastHandledReconcileAt"),
        conditions: Conditions(list(status, "/conditions").iter().map(condition).collect()),
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
        message: message(entry, "/message").unwrap_or_default(),
        observed_generation: int(entry, "/observedGeneration"),
    }
}

/// An annotation, cut as a field of the status is: `requestedAt` must stay equal to its echo there.
fn annotation(head: &Head, name: &str) -> Option<String> {
    head.annotation(name).map(|text| cut(&text, ANNOTATION))
}

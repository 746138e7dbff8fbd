//! Objects as the API server sends them, as far as anything of them is read.
//!
//! Unknown fields are passed over while the bytes are read, `managedFields` first of all: they are half of most
//! objects, and a list of ten thousand would hold them all at once. Must not know: what the fields mean.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::Resource;
use kube::api::{ApiResource, ObjectMeta};
use kube::core::DynamicResourceScope;
use serde::Deserialize;
use serde_json::Value;

/// An object of any kind.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Wire<S, T> {
    pub(super) metadata: Metadata,
    pub(super) spec: S,
    pub(super) status: T,
    /// The fields that only Events have.
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    pub(super) involved_object: Option<Involved>,
    pub(super) last_timestamp: Option<Timestamp>,
    pub(super) event_time: Option<Timestamp>,
    pub(super) series: Option<Series>,
}

/// A Namespace or an object of Flux. Their shapes move with every version of Flux, so they are read by path.
pub(super) type FluxWire = Wire<Value, Value>;
/// An object in a store's namespace. These kinds are Kubernetes' own and keep their shapes.
pub(super) type LiveWire = Wire<LiveSpec, LiveStatus>;

/// `metadata`, with the part that kube wants for itself.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "Head")]
pub(super) struct Metadata {
    pub(super) head: Head,
    kube: ObjectMeta,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) generation: Option<i64>,
    resource_version: Option<String>,
    pub(super) creation_timestamp: Option<Timestamp>,
    pub(super) deletion_timestamp: Option<Timestamp>,
    pub(super) labels: Option<BTreeMap<String, String>>,
    pub(super) annotations: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<Owner>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Owner {
    kind: String,
}

impl Head {
    /// Whether an object of this kind made it.
    pub(super) fn is_made_by(&self, kind: &str) -> bool {
        self.owner_references
            .iter()
            .flatten()
            .any(|owner| owner.kind == kind)
    }

    pub(super) fn label(&self, name: &str) -> Option<String> {
        self.labels.as_ref()?.get(name).cloned()
    }

    pub(super) fn annotation(&self, name: &str) -> Option<String> {
        self.annotations.as_ref()?.get(name).cloned()
    }
}

impl From<Head> for Metadata {
    fn from(head: Head) -> Self {
        let kube = ObjectMeta {
            resource_version: head.resource_version.clone(),
            ..ObjectMeta::default()
        };
        Self { head, kube }
    }
}

/// What is read of the `spec` of live kinds. No two kinds mean different things by one name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct LiveSpec {
    pub(super) replicas: Option<i64>,
    pub(super) completions: Option<i64>,
    pub(super) suspend: Option<bool>,
    pub(super) volume_name: Option<String>,
}

/// What is read of the `status` of live kinds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct LiveStatus {
    pub(super) observed_generation: Option<i64>,
    pub(super) replicas: Option<i64>,
    pub(super) ready_replicas: Option<i64>,
    pub(super) updated_replicas: Option<i64>,
    pub(super) current_revision: Option<String>,
    pub(super) update_revision: Option<String>,
    pub(super) succeeded: Option<i64>,
    pub(super) phase: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    pub(super) conditions: Option<Vec<LiveCondition>>,
    pub(super) init_container_statuses: Option<Vec<Container>>,
    pub(super) container_statuses: Option<Vec<Container>>,
    pub(super) hard: Option<BTreeMap<String, String>>,
    pub(super) used: Option<BTreeMap<String, String>>,
}

impl LiveStatus {
    /// The condition of a type, when it has this status.
    pub(super) fn condition(&self, kind: &str, status: &str) -> Option<&LiveCondition> {
        let mut all = self.conditions.iter().flatten();
        all.find(|it| it.kind == kind && it.status == status)
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct LiveCondition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    pub(super) last_transition_time: Option<Timestamp>,
}

/// One entry of a pod's `containerStatuses`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) ready: bool,
    pub(super) restart_count: i64,
    pub(super) state: ContainerState,
    pub(super) last_state: ContainerState,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ContainerState {
    pub(super) waiting: Option<Waiting>,
    pub(super) terminated: Option<Terminated>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Waiting {
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Terminated {
    pub(super) reason: Option<String>,
    pub(super) exit_code: i64,
}

/// What an Event is about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Involved {
    pub(super) kind: String,
    pub(super) name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Series {
    pub(super) last_observed_time: Option<Timestamp>,
}

impl<S, T> Resource for Wire<S, T> {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(dt: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&dt.kind)
    }

    fn group(dt: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&dt.group)
    }

    fn version(dt: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&dt.version)
    }

    fn plural(dt: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&dt.plural)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata.kube
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata.kube
    }
}

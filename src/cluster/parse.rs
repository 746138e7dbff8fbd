//! From an object as the API server sends it to the parts that are kept.
//!
//! Nothing here can fail: a field that is missing or of another shape is as good as not there. Flux adds fields with
//! every release, and the API server has already checked each object against its schema. Texts are cut: a status may
//! have a megabyte, and every store is kept in memory.

use serde_json::Value;

use super::kinds::Kind;
use super::wire::{FluxWire, LiveWire};
use crate::domain::observed::{
    ArtifactSeen, ChartSeen, ClaimSeen, GeneratorSeen, KustomizationSeen, NamespaceSeen, PodSeen,
    QuotaSeen, ReleaseSeen, SourceSeen, Warning, WorkloadKind, WorkloadSeen,
};

mod fields;
mod flux;
mod live;
mod pod;
#[cfg(test)]
mod tests;

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
    /// A `HelmChart`.
    Chart(String, ChartSeen),
    /// Something in a store's namespace, as `<namespace>/<name>`.
    Live(String, LiveObject),
}

/// Something in a store's namespace. What is as it should be and would only take memory is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveObject {
    /// A Deployment, a `StatefulSet` or a Job.
    Workload(WorkloadSeen),
    /// A Job that says nothing of the shop: a `CronJob` made it, and makes the next one whatever became of it.
    Passing,
    /// A pod; none where it is in order.
    Pod(Option<PodSeen>),
    /// A claim on a volume.
    Claim(ClaimSeen),
    /// A quota; none while it has room.
    Quota(Option<QuotaSeen>),
    /// A warning, and what it is about as `<Kind>/<name>`.
    Warning(String, Warning),
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
            | Self::Generator(name, _)
            | Self::Chart(name, _)
            | Self::Live(name, _) => name,
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
            Self::Chart(..) => Kind::Chart,
            Self::Live(_, live) => live.kind(),
        }
    }

    /// Whether nothing of it is kept, so that its absence from a list is as good.
    pub(super) fn is_void(&self) -> bool {
        use LiveObject::{Passing, Pod, Quota};
        matches!(self, Self::Live(_, Passing | Pod(None) | Quota(None)))
    }

    /// From a whole object, as its JSON.
    pub(super) fn from_json(kind: Kind, object: Value) -> Result<Self, String> {
        let parsed = if kind.is_live() {
            serde_json::from_value(object).map(|wire: LiveWire| Self::live(kind, wire))
        } else {
            serde_json::from_value(object).map(|wire: FluxWire| Self::flux(kind, wire))
        };
        parsed.map_err(|error| error.to_string())
    }
}

impl LiveObject {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Workload(seen) => match seen.kind {
                WorkloadKind::Deployment => Kind::Deployment,
                WorkloadKind::StatefulSet => Kind::StatefulSet,
                WorkloadKind::Job => Kind::Job,
            },
            Self::Passing => Kind::Job,
            Self::Pod(_) => Kind::Pod,
            Self::Claim(_) => Kind::Claim,
            Self::Quota(_) => Kind::Quota,
            Self::Warning(..) => Kind::Event,
        }
    }
}

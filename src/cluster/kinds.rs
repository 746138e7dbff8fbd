//! The kinds that are watched, and which of a cluster's objects are whose.

use kube::api::ApiResource;

use crate::domain::StoreName;

#[cfg(test)]
mod tests;

/// A kind that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `kustomize.toolkit.fluxcd.io/v1`, in the fleet's namespace.
    Kustomization,
    /// `helm.toolkit.fluxcd.io/v2`, in the fleet's namespace.
    Release,
    /// Core namespaces that carry the label `fleetwright.dev/store`.
    Namespace,
    /// `source.toolkit.fluxcd.io/v1`, in the fleet's namespace.
    Source,
    /// `source.toolkit.fluxcd.io/v1`, in the fleet's namespace.
    Artifact,
    /// `source.extensions.fluxcd.io/v1beta1`, in the fleet's namespace.
    Generator,
    /// `source.toolkit.fluxcd.io/v1`, in the fleet's namespace.
    Chart,
    /// `apps/v1`, with the label `fleetwright.dev/store`, as all that follow but Events.
    Deployment,
    /// `apps/v1`.
    StatefulSet,
    /// `batch/v1`.
    Job,
    /// Core pods.
    Pod,
    /// Core claims on volumes.
    Claim,
    /// Core quotas.
    Quota,
    /// Core events of type Warning; they carry no labels.
    Event,
}

/// Where the objects of a kind are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the fleet's namespace.
    Fleet,
    /// In the whole cluster.
    Everywhere,
}

impl Kind {
    /// Every kind that is watched.
    pub const ALL: [Kind; 14] = [
        Kind::Kustomization,
        Kind::Release,
        Kind::Namespace,
        Kind::Source,
        Kind::Artifact,
        Kind::Generator,
        Kind::Chart,
        Kind::Deployment,
        Kind::StatefulSet,
        Kind::Job,
        Kind::Pod,
        Kind::Claim,
        Kind::Quota,
        Kind::Event,
    ];

    /// Group, version, kind and plural.
    const fn address(self) -> (&'static str, &'static str, &'static str, &'static str) {
        const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
        const SOURCE: &str = "source.toolkit.fluxcd.io";
        match self {
            Kind::Kustomization => (KUSTOMIZE, "v1", "Kustomization", "kustomizations"),
            Kind::Release => (
                "helm.toolkit.fluxcd.io",
                "v2",
                "HelmRelease",
                "helmreleases",
            ),
            Kind::Namespace => ("", "v1", "Namespace", "namespaces"),
            Kind::Source => (SOURCE, "v1", "GitRepository", "gitrepositories"),
            Kind::Artifact => (SOURCE, "v1", "ExternalArtifact", "externalartifacts"),
            Kind::Generator => (
                "source.extensions.fluxcd.io",
                "v1beta1",
                "ArtifactGenerator",
                "artifactgenerators",
            ),
            Kind::Chart => (SOURCE, "v1", "HelmChart", "helmcharts"),
            Kind::Deployment => ("apps", "v1", "Deployment", "deployments"),
            Kind::StatefulSet => ("apps", "v1", "StatefulSet", "statefulsets"),
            Kind::Job => ("batch", "v1", "Job", "jobs"),
            Kind::Pod => ("", "v1", "Pod", "pods"),
            Kind::Claim => ("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
            Kind::Quota => ("", "v1", "ResourceQuota", "resourcequotas"),
            Kind::Event => ("", "v1", "Event", "events"),
        }
    }

    /// The kind as manifests write it.
    pub const fn name(self) -> &'static str {
        self.address().2
    }

    /// The kind that an object's `apiVersion` and `kind` name, whatever the version.
    pub(super) fn named(api_version: &str, name: &str) -> Option<Self> {
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        let mut kinds = Self::ALL.into_iter();
        kinds.find(|kind| kind.address().0 == group && kind.name() == name)
    }

    /// Whether a fleet can do without: the kinds of source-watcher, where shards read the repository itself.
    pub(super) const fn is_optional(self) -> bool {
        matches!(self, Kind::Artifact | Kind::Generator)
    }

    /// Whether phases stand and fall with it. What is not vital is done without, and that is said.
    pub(super) const fn is_vital(self) -> bool {
        !self.is_live() && !matches!(self, Kind::Chart)
    }

    /// Whether its objects lie in the namespaces of stores. Their names here are `<namespace>/<name>`.
    pub(super) const fn is_live(self) -> bool {
        matches!(
            self,
            Kind::Deployment
                | Kind::StatefulSet
                | Kind::Job
                | Kind::Pod
                | Kind::Claim
                | Kind::Quota
                | Kind::Event
        )
    }

    pub(super) const fn place(self) -> Place {
        match self {
            Kind::Namespace => Place::Everywhere,
            _ if self.is_live() => Place::Everywhere,
            _ => Place::Fleet,
        }
    }

    /// The labels to ask for, so that what else a cluster holds is never sent. Charts and templates put this one on
    /// every object and pod of a store.
    pub(super) const fn labels(self) -> Option<&'static str> {
        match (self.place(), self) {
            (Place::Fleet, _) | (_, Kind::Event) => None,
            _ => Some("fleetwright.dev/store"),
        }
    }

    /// The fields to ask for.
    pub(super) const fn fields(self) -> Option<&'static str> {
        match self {
            Kind::Event => Some("type=Warning"),
            _ => None,
        }
    }

    /// The rule of a role that lets an account watch it, as YAML on one line.
    pub(super) fn rule(self) -> String {
        let (group, _, _, plural) = self.address();
        let group = if group.is_empty() { "\"\"" } else { group };
        format!("{{apiGroups: [{group}], resources: [{plural}], verbs: [get, list, watch]}}")
    }

    pub(super) fn resource(self) -> ApiResource {
        let (group, version, kind, plural) = self.address();
        api_resource(group, version, kind, plural)
    }
}

/// A kind as kube wants it named; the core group is empty.
pub(super) fn api_resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    let api_version = match group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    };
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version,
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

/// Whom an object concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// One store.
    Store(StoreName),
    /// The stores of one shard, by its two hex digits.
    Shard(String),
    /// All stores of the cluster.
    Cluster,
    /// Nothing of ours.
    Foreign,
}

/// Whom an object concerns, by its name: names are given by the renderer and cannot be changed, labels can.
pub(super) fn scope(kind: Kind, name: &str, namespace_prefix: &str) -> Scope {
    let store = |text: &str| text.parse().map_or(Scope::Foreign, Scope::Store);
    let prefixed = |name: &str, prefix: &str| {
        let rest = name.strip_prefix(prefix);
        rest.map_or(Scope::Foreign, store)
    };
    match kind {
        Kind::Release => store(name),
        Kind::Namespace => prefixed(name, namespace_prefix),
        Kind::Kustomization | Kind::Artifact if name == "root" => Scope::Cluster,
        Kind::Kustomization => shard(name).unwrap_or_else(|| prefixed(name, "store-")),
        Kind::Artifact => shard(name).unwrap_or(Scope::Foreign),
        Kind::Source if name == super::SOURCE => Scope::Cluster,
        Kind::Source => Scope::Foreign,
        Kind::Generator | Kind::Chart => Scope::Cluster,
        _ => {
            let namespace = name.split_once('/').map_or("", |(namespace, _)| namespace);
            prefixed(namespace, namespace_prefix)
        }
    }
}

fn shard(name: &str) -> Option<Scope> {
    let digits = name.strip_prefix("shard-")?;
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (digits.len() == 2 && digits.bytes().all(hex)).then(|| Scope::Shard(digits.to_owned()))
}

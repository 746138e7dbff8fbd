//! The kinds that are watched, and which of a cluster's objects are whose.

use kube::api::ApiResource;

use crate::domain::StoreName;

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
}

impl Kind {
    /// Every kind that is watched.
    pub const ALL: [Kind; 6] = [
        Kind::Kustomization,
        Kind::Release,
        Kind::Namespace,
        Kind::Source,
        Kind::Artifact,
        Kind::Generator,
    ];

    /// Group, version, kind and plural.
    const fn address(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Kind::Kustomization => (
                "kustomize.toolkit.fluxcd.io",
                "v1",
                "Kustomization",
                "kustomizations",
            ),
            Kind::Release => (
                "helm.toolkit.fluxcd.io",
                "v2",
                "HelmRelease",
                "helmreleases",
            ),
            Kind::Namespace => ("", "v1", "Namespace", "namespaces"),
            Kind::Source => (
                "source.toolkit.fluxcd.io",
                "v1",
                "GitRepository",
                "gitrepositories",
            ),
            Kind::Artifact => (
                "source.toolkit.fluxcd.io",
                "v1",
                "ExternalArtifact",
                "externalartifacts",
            ),
            Kind::Generator => (
                "source.extensions.fluxcd.io",
                "v1beta1",
                "ArtifactGenerator",
                "artifactgenerators",
            ),
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

    pub(super) fn resource(self) -> ApiResource {
        let (group, version, kind, plural) = self.address();
        ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: if group.is_empty() {
                version.to_owned()
            } else {
                format!("{group}/{version}")
            },
            kind: kind.to_owned(),
            plural: plural.to_owned(),
        }
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
    let prefixed = |prefix: &str| name.strip_prefix(prefix).map_or(Scope::Foreign, store);
    match kind {
        Kind::Release => store(name),
        Kind::Namespace => prefixed(namespace_prefix),
        Kind::Kustomization | Kind::Artifact if name == "root" => Scope::Cluster,
        Kind::Kustomization => shard(name).unwrap_or_else(|| prefixed("store-")),
        Kind::Artifact => shard(name).unwrap_or(Scope::Foreign),
        Kind::Source if name == super::SOURCE => Scope::Cluster,
        Kind::Source => Scope::Foreign,
        Kind::Generator => Scope::Cluster,
    }
}

fn shard(name: &str) -> Option<Scope> {
    let digits = name.strip_prefix("shard-")?;
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (digits.len() == 2 && digits.bytes().all(hex)).then(|| Scope::Shard(digits.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_whose_an_object_is() {
        let store = |name: &str| Scope::Store(name.parse().expect("a store name"));
        let shard = Scope::Shard("3f".to_owned());
        for (kind, name, whose) in [
            (Kind::Kustomization, "root", Scope::Cluster),
            (Kind::Kustomization, "shard-3f", shard.clone()),
            (Kind::Kustomization, "store-shard-3f", store("shard-3f")),
            (Kind::Kustomization, "store-root", store("root")),
            (Kind::Kustomization, "shard-xyz", Scope::Foreign),
            (Kind::Release, "root", store("root")),
            (Kind::Namespace, "shop-a", store("a")),
            (Kind::Namespace, "kube-system", Scope::Foreign),
            (Kind::Artifact, "shard-3f", shard),
            (Kind::Artifact, "other", Scope::Foreign),
            (Kind::Source, "fleet", Scope::Cluster),
            (Kind::Source, "other", Scope::Foreign),
            (Kind::Generator, "shards", Scope::Cluster),
        ] {
            assert_eq!(scope(kind, name, "shop-"), whose, "{kind:?} {name}");
        }
    }
}

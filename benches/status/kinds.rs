//! Where the API server has each kind, and the lists that whoever watches them begins with.

use anyhow::{Context as _, Result};
use fleetwright::cluster::Kind;

/// The namespace of all Flux objects, as the policy has it by default.
pub(crate) const NAMESPACE: &str = "fleet";

/// Whose objects of a kind are watched.
enum Of {
    /// Those of the fleet's namespace.
    Fleet,
    /// Those of stores, wherever they are.
    Stores,
    /// All of a sort, by a field.
    Field(&'static str),
}

/// Kind, `apiVersion`, plural.
const KINDS: [(&str, &str, &str, Of); 14] = [
    (
        "Kustomization",
        "kustomize.toolkit.fluxcd.io/v1",
        "kustomizations",
        Of::Fleet,
    ),
    (
        "HelmRelease",
        "helm.toolkit.fluxcd.io/v2",
        "helmreleases",
        Of::Fleet,
    ),
    (
        "GitRepository",
        "source.toolkit.fluxcd.io/v1",
        "gitrepositories",
        Of::Fleet,
    ),
    (
        "ExternalArtifact",
        "source.toolkit.fluxcd.io/v1",
        "externalartifacts",
        Of::Fleet,
    ),
    (
        "HelmChart",
        "source.toolkit.fluxcd.io/v1",
        "helmcharts",
        Of::Fleet,
    ),
    (
        "ArtifactGenerator",
        "source.extensions.fluxcd.io/v1beta1",
        "artifactgenerators",
        Of::Fleet,
    ),
    ("Namespace", "v1", "namespaces", Of::Stores),
    ("Deployment", "apps/v1", "deployments", Of::Stores),
    ("StatefulSet", "apps/v1", "statefulsets", Of::Stores),
    ("Job", "batch/v1", "jobs", Of::Stores),
    ("Pod", "v1", "pods", Of::Stores),
    (
        "PersistentVolumeClaim",
        "v1",
        "persistentvolumeclaims",
        Of::Stores,
    ),
    ("ResourceQuota", "v1", "resourcequotas", Of::Stores),
    ("Event", "v1", "events", Of::Field("type%3DWarning")),
];

/// The path of all objects of a kind: those of a namespace, or of the whole cluster.
pub(crate) fn collection(kind: &str, namespace: Option<&str>) -> Result<String> {
    let known = KINDS.iter().find(|(it, ..)| *it == kind);
    let (_, version, plural, _) = known.with_context(|| {
        format!("this benchmark does not know where {kind} objects are: add them to kinds.rs")
    })?;
    let root = if version.contains('/') { "apis" } else { "api" };
    let within = namespace.map_or_else(String::new, |it| format!("namespaces/{it}/"));
    Ok(format!("/{root}/{version}/{within}{plural}"))
}

/// The lists that the product's watches begin with, kind by kind, as addresses with a query.
pub(crate) fn first_lists() -> Result<Vec<(&'static str, String)>> {
    let lists = Kind::ALL.iter().map(|kind| {
        let name = kind.name();
        let of = KINDS.iter().find(|(it, ..)| *it == name);
        let address = match of.map(|(.., of)| of) {
            Some(Of::Fleet) => format!("{}?", collection(name, Some(NAMESPACE))?),
            Some(Of::Field(selector)) => {
                format!("{}?fieldSelector={selector}&", collection(name, None)?)
            }
            _ => format!(
                "{}?labelSelector=fleetwright.dev%2Fstore&",
                collection(name, None)?
            ),
        };
        Ok((name, address))
    });
    lists.collect()
}

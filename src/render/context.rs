//! What a store's templates see, and the names that what they print must have.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::check::{Expected, check};
use super::cluster::{chart_path, cluster_context};
use super::values::release_values;
use super::yaml::node::Node;
use super::{RenderError, yaml};
use crate::domain::ClusterName;
use crate::domain::Owner;
use crate::domain::policy::{ClusterPolicy, FleetPolicy, PlanPolicy};
use crate::domain::record::{Record, sha256_hex, shard};

/// The slices of the policy that one store's rendering reads.
pub(super) struct Parts<'a> {
    pub(super) cluster: &'a ClusterPolicy,
    pub(super) plan: &'a PlanPolicy,
    pub(super) engine_values: &'a Map<String, Value>,
}

impl<'a> Parts<'a> {
    pub(super) fn find(policy: &'a FleetPolicy, record: &Record) -> Result<Self, RenderError> {
        let spec = &record.spec;
        let missing = |what: String| RenderError::Missing {
            store: record.name().to_string(),
            what,
        };
        let cluster = policy
            .clusters
            .get(&spec.cluster)
            .ok_or_else(|| missing(format!("cluster {}", spec.cluster)))?;
        let plan = policy
            .plans
            .get(&spec.plan)
            .ok_or_else(|| missing(format!("plan {}", spec.plan)))?;
        let engine = plan.engines.get(&spec.engine);
        let engine = engine
            .ok_or_else(|| missing(format!("plan {} for engine {}", spec.plan, spec.engine)))?;
        Ok(Self {
            cluster,
            plan,
            engine_values: &engine.values,
        })
    }

    /// SHA-256 over what of these slices is rendered. What only the writer goes by, such as a price or a deadline, makes
    /// no other files.
    pub(super) fn digest(&self, cluster: &ClusterName) -> String {
        let slices = json!({
            "cluster": cluster_context(cluster, self.cluster), "quota": self.plan.quota,
            "limitRange": self.plan.limit_range, "values": self.engine_values,
        });
        sha256_hex(slices.to_string().as_bytes())
    }
}

/// What the store templates see.
#[derive(Serialize)]
pub(super) struct Context {
    store: Value,
    cluster: Value,
    plan: Value,
    chart: Value,
    values: Value,
    #[serde(skip)]
    places: Places,
}

/// The names that rendered objects must have.
#[derive(Default)]
struct Places {
    name: String,
    namespace: String,
    fleet: String,
    kustomization: String,
    chart: String,
}

impl Context {
    pub(super) fn new(record: &Record, parts: &Parts<'_>) -> Self {
        let spec = &record.spec;
        let name = record.name().to_string();
        let namespace = format!("{}{name}", parts.cluster.namespace_prefix);
        let hosts: Vec<&str> = record.hosts().map(crate::domain::Host::as_str).collect();
        let deletion = record.metadata.deletion.as_ref();
        let store = json!({
            "name": name,
            "uid": record.metadata.uid,
            "owner": spec.owner,
            "ownerLabel": owner_label(&spec.owner),
            "engine": spec.engine,
            "plan": spec.plan,
            "version": spec.version,
            "host": spec.host,
            "hosts": hosts,
            "hostsJoined": hosts.join(","),
            "url": format!("{}://{}", parts.cluster.scheme, spec.host),
            "shard": shard(record.name()),
            "namespace": namespace,
            "specHash": "",
            "suspended": spec.suspended,
            "deleting": deletion.map(|it| json!({ "change": it.change, "at": it.at })),
            "applied": deletion.is_none_or(|it| it.applied),
            "retry": spec.retry,
        });
        let chart = chart_path(&spec.engine, &spec.version).0;
        let places = Places {
            kustomization: format!("store-{name}"),
            name,
            namespace,
            fleet: parts.cluster.namespace.clone(),
            chart: chart.clone(),
        };
        Self {
            store,
            cluster: cluster_context(&spec.cluster, parts.cluster),
            plan: json!({ "quota": parts.plan.quota, "limitRange": parts.plan.limit_range }),
            chart: json!({ "name": chart, "engine": spec.engine, "version": spec.version }),
            values: release_values(record, parts),
            places,
        }
    }

    /// The objects that a template printed, held against what a store's files may hold.
    pub(super) fn objects<'a>(
        &self,
        name: &str,
        printed: &'a str,
    ) -> Result<Vec<Node<'a>>, RenderError> {
        let objects = yaml::read_nodes(printed).map_err(|source| RenderError::Yaml {
            template: name.to_owned(),
            source,
        })?;
        check(&objects, &self.expected()).map_err(|source| RenderError::Check {
            template: name.to_owned(),
            source,
        })?;
        Ok(objects)
    }

    /// Every kind that a store's files may hold, with the fields that no template may choose.
    fn expected(&self) -> Vec<Expected<'_>> {
        let at = &self.places;
        let inside = |api_version, kind, name| Expected {
            api_version,
            kind,
            fields: [("/metadata/namespace", Some(at.namespace.as_str()))]
                .into_iter()
                .chain(name)
                .collect(),
        };
        let (flux, own) = (at.fleet.as_str(), at.namespace.as_str());
        vec![
            Expected {
                api_version: "v1",
                kind: "ServiceAccount",
                fields: vec![
                    ("/metadata/name", Some(own)),
                    ("/metadata/namespace", Some(flux)),
                ],
            },
            Expected {
                api_version: "kustomize.toolkit.fluxcd.io/v1",
                kind: "Kustomization",
                fields: vec![
                    ("/metadata/name", Some(&at.kustomization)),
                    ("/metadata/namespace", Some(flux)),
                    ("/spec/serviceAccountName", Some("fleetwright-stores")),
                    ("/spec/targetNamespace", None),
                    ("/spec/kubeConfig", None),
                    ("/spec/decryption", None),
                    ("/spec/postBuild", None),
                ],
            },
            Expected {
                api_version: "v1",
                kind: "Namespace",
                fields: vec![("/metadata/name", Some(own)), ("/metadata/namespace", None)],
            },
            inside("v1", "ResourceQuota", None),
            inside("v1", "LimitRange", None),
            inside("networking.k8s.io/v1", "NetworkPolicy", None),
            inside(
                "rbac.authorization.k8s.io/v1",
                "RoleBinding",
                Some(("/metadata/name", Some("store"))),
            ),
            Expected {
                api_version: "helm.toolkit.fluxcd.io/v2",
                kind: "HelmRelease",
                fields: vec![
                    ("/metadata/name", Some(&at.name)),
                    ("/metadata/namespace", Some(flux)),
                    ("/spec/targetNamespace", Some(own)),
                    ("/spec/storageNamespace", Some(own)),
                    ("/spec/serviceAccountName", Some(own)),
                    ("/spec/releaseName", Some("store")),
                    ("/spec/chartRef/kind", Some("HelmChart")),
                    ("/spec/chartRef/name", Some(&at.chart)),
                    ("/spec/kubeConfig", None),
                    ("/spec/valuesFrom", None),
                ],
            },
        ]
    }
}

/// A Kubernetes label value that tells owners apart: the owner itself where it is one, else a slug with a hash.
fn owner_label(owner: &Owner) -> String {
    let text = owner.as_str();
    let edge = |c: char| c.is_ascii_alphanumeric();
    let inner = |c: char| edge(c) || matches!(c, '-' | '_' | '.');
    let fits = text.len() <= 63
        && text.chars().all(inner)
        && text.starts_with(edge)
        && text.ends_with(edge);
    if fits {
        return text.to_owned();
    }
    let slug = owner.slug();
    let hash = &sha256_hex(text.as_bytes())[..8];
    if slug.is_empty() {
        format!("owner-{hash}")
    } else {
        format!("{slug}-{hash}")
    }
}

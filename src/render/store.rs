//! The files of one store: its record, and what is rendered from it for its cluster.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::check::{Expected, check};
use super::cluster::{self, chart_path, cluster_context, store_folder};
use super::{RenderError, Templates, yaml};
use crate::domain::policy::{ClusterPolicy, FleetPolicy, PlanPolicy};
use crate::domain::record::{Record, record_path, sha256_hex, shard};

/// File contents by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The annotation that proves which rendering an object in a cluster is.
const SPEC_HASH: &str = "fleetwright.dev/spec-hash";

/// Everything a record renders to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFiles {
    /// The store's own files, by path on main and on its deploy branch. They are judged as a set.
    pub own: Files,
    /// Files that stores share, written only when absent, always with the same bytes.
    pub shared: Files,
    /// SHA-256 over all rendered bodies with the spec hash blank.
    pub spec_hash: String,
}

/// The record's file: its path on main and its bytes.
pub fn render_record(
    templates: &Templates,
    record: &Record,
) -> Result<(String, Vec<u8>), RenderError> {
    let name = "store/record.yaml.j2";
    let printed = templates.print(name, &json!({ "record": record }))?;
    let document = one(name, &printed)?;
    Ok((
        record_path(record.name()),
        emitted(name, &[document])?.into_bytes(),
    ))
}

/// Renders a record for its cluster.
pub fn render_store(
    templates: &Templates,
    policy: &FleetPolicy,
    record: &Record,
) -> Result<StoreFiles, RenderError> {
    let parts = Parts::find(policy, record)?;
    let context = Context::new(record, &parts);
    let folder = store_folder(&record.spec.cluster, record.name());
    let hh = shard(record.name());
    let sync = format!(
        "clusters/{}/shards/{hh}/sync/store-{}.yaml",
        record.spec.cluster,
        record.name()
    );
    let mut bodies = BTreeMap::new();
    bodies.insert(sync, context.objects(templates, "store/sync.yaml.j2")?);
    bodies.insert(
        format!("{folder}/tenant.yaml"),
        context.objects(templates, "store/tenant.yaml.j2")?,
    );
    if record.metadata.deletion.is_none() {
        bodies.insert(
            format!("{folder}/release.yaml"),
            context.objects(templates, "store/release.yaml.j2")?,
        );
    }
    let spec_hash = sha256_hex(joined(&bodies)?.as_bytes());
    let (record_path, record_bytes) = render_record(templates, record)?;
    let first = [
        ("record", sha256_hex(&record_bytes)),
        ("template", templates.digest().to_owned()),
        ("policy", parts.digest()),
    ];
    let mut own = Files::new();
    for (path, mut objects) in bodies {
        objects
            .iter_mut()
            .for_each(|object| set_spec_hash(object, &spec_hash));
        let body = emitted(&path, &objects)?;
        own.insert(
            path,
            format!("{}{body}", header(&record_path, &spec_hash, &first, &body)).into_bytes(),
        );
    }
    let shared = cluster::shared_files(templates, policy, record)?;
    Ok(StoreFiles {
        own,
        shared,
        spec_hash,
    })
}

/// The comment line that opens a store's rendered file: its record, and the digests of all that made it.
fn header(record: &str, spec_hash: &str, digests: &[(&str, String)], body: &str) -> String {
    let mut line =
        format!("# Rendered by Fleetwright from {record}, do not edit: spec={spec_hash}");
    for (name, digest) in digests
        .iter()
        .cloned()
        .chain([("body", sha256_hex(body.as_bytes()))])
    {
        line.push_str(&format!(" {name}={}", &digest[..12.min(digest.len())]));
    }
    line.push('\n');
    line
}

/// One digest of a rendered file's first line (`spec`, `record`, `template`, `policy`, `body`).
pub fn digest_in<'a>(file: &'a [u8], name: &str) -> Option<&'a str> {
    let line = file.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line)
        .ok()?
        .strip_prefix("# Rendered by Fleetwright from ")?;
    line.split(' ')
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

/// The Helm values of a store's release: the plan's, then the merchant's, then what is the platform's to say.
fn release_values(record: &Record, parts: &Parts<'_>) -> Value {
    let spec = &record.spec;
    let mut values = Value::Object(parts.engine_values.clone());
    merge(&mut values, &Value::Object(spec.values.clone()));
    for (place, size) in &spec.volumes {
        set(&mut values, place, Value::String(size.clone()));
    }
    let platform = json!({
        "store": { "id": record.name(), "uid": record.metadata.uid, "owner": spec.owner, "engine": spec.engine },
        "plan": spec.plan,
        "host": spec.host,
        "extraHosts": spec.extra_hosts,
        "scheme": parts.cluster.scheme,
        "storageClass": parts.cluster.storage_class,
        "route": parts.cluster.route,
        "suspended": spec.suspended,
    });
    merge_top(&mut values, platform);
    values
}

/// The slices of the policy that one store's rendering reads.
struct Parts<'a> {
    cluster: &'a ClusterPolicy,
    plan: &'a PlanPolicy,
    engine_values: Map<String, Value>,
}

impl<'a> Parts<'a> {
    fn find(policy: &'a FleetPolicy, record: &Record) -> Result<Self, RenderError> {
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
            engine_values: engine.values.clone(),
        })
    }

    fn digest(&self) -> String {
        let slice =
            json!({ "cluster": self.cluster, "plan": self.plan, "values": self.engine_values });
        sha256_hex(slice.to_string().as_bytes())
    }
}

/// What the store templates see.
#[derive(Serialize)]
struct Context {
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
    fn new(record: &Record, parts: &Parts<'_>) -> Self {
        let spec = &record.spec;
        let name = record.name().to_string();
        let namespace = format!("{}{name}", parts.cluster.namespace_prefix);
        let hosts: Vec<&str> = record.hosts().map(crate::domain::Host::as_str).collect();
        let deletion = record.metadata.deletion.as_ref();
        let store = json!({
            "name": name,
            "uid": record.metadata.uid,
            "owner": spec.owner,
            "ownerLabel": owner_label(spec.owner.as_str()),
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

    fn objects(&self, templates: &Templates, name: &str) -> Result<Vec<Value>, RenderError> {
        let printed = templates.print(name, self)?;
        let objects = yaml::read_all(&printed).map_err(|source| RenderError::Yaml {
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
fn owner_label(owner: &str) -> String {
    let edge = |c: char| c.is_ascii_alphanumeric();
    let inner = |c: char| edge(c) || matches!(c, '-' | '_' | '.');
    let fits = owner.len() <= 63
        && owner.chars().all(inner)
        && owner.starts_with(edge)
        && owner.ends_with(edge);
    if fits {
        return owner.to_owned();
    }
    let slug: String = owner
        .to_lowercase()
        .chars()
        .map(|c| if edge(c) { c } else { '-' })
        .take(40)
        .collect();
    let slug = slug.trim_matches('-');
    let hash = &sha256_hex(owner.as_bytes())[..8];
    if slug.is_empty() {
        format!("owner-{hash}")
    } else {
        format!("{slug}-{hash}")
    }
}

/// Merges objects deeply; anything else is replaced.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// Replaces top-level keys: what the platform says is never mixed with what a merchant said.
fn merge_top(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

/// Sets a value at a dotted place (`database.persistence.size`), making objects on the way.
fn set(values: &mut Value, place: &str, value: Value) {
    let mut at = values;
    for key in place.split('.') {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[key];
    }
    *at = value;
}

fn set_spec_hash(object: &mut Value, hash: &str) {
    if let Some(blank) = object
        .pointer_mut("/metadata/annotations")
        .and_then(|it| it.get_mut(SPEC_HASH))
    {
        *blank = Value::String(hash.to_owned());
    }
}

fn joined(bodies: &BTreeMap<String, Vec<Value>>) -> Result<String, RenderError> {
    let mut text = String::new();
    for (path, objects) in bodies {
        text.push_str(&format!("{path}\n{}", emitted(path, objects)?));
    }
    Ok(text)
}

pub(super) fn emitted(template: &str, objects: &[Value]) -> Result<String, RenderError> {
    yaml::emit_all(objects).map_err(|source| RenderError::Yaml {
        template: template.to_owned(),
        source,
    })
}

pub(super) fn one(template: &str, printed: &str) -> Result<Value, RenderError> {
    yaml::read_value(printed).map_err(|source| RenderError::Yaml {
        template: template.to_owned(),
        source,
    })
}

//! What belongs to a cluster rather than to one store: the shared files of shards and charts.

use serde_json::{Value, json};

use super::check::{Expected, check};
use super::memo::Shared;
use super::store::{Files, emitted, one};
use super::{RenderError, Templates};
use crate::domain::policy::{ClusterPolicy, FleetPolicy};
use crate::domain::record::{Record, shard};
use crate::domain::{ClusterName, StoreName};

/// The branch that a cluster follows.
pub fn deploy_branch(cluster: &ClusterName) -> String {
    format!("deploy/{cluster}")
}

/// The folder of a store's own objects.
pub fn store_folder(cluster: &ClusterName, name: &StoreName) -> String {
    format!("clusters/{cluster}/shards/{}/stores/{name}", shard(name))
}

/// A chart version's object name and its folder.
pub fn chart_path(engine: &str, version: &str) -> (String, String) {
    (
        format!("{engine}-{version}"),
        format!("charts/{engine}/{version}"),
    )
}

/// What every template sees of a cluster.
pub(super) fn cluster_context(name: &ClusterName, policy: &ClusterPolicy) -> Value {
    json!({
        "name": name,
        "namespace": policy.namespace,
        "namespacePrefix": policy.namespace_prefix,
        "baseDomain": policy.base_domain,
        "scheme": policy.scheme,
        "storageClass": policy.storage_class,
        "route": policy.route,
        "source": policy.source,
        "verify": policy.verify,
        "flux": policy.flux,
    })
}

/// The files that a cluster has before its first store.
pub fn root_files(
    templates: &Templates,
    policy: &FleetPolicy,
    cluster: &ClusterName,
) -> Result<Files, RenderError> {
    let context = json!({ "cluster": context_of(policy, cluster)? });
    let path = format!("clusters/{cluster}/root/_root.yaml");
    Ok(Files::from([shared(
        templates,
        "cluster/root.yaml.j2",
        path,
        &context,
        &config_map(),
    )?]))
}

/// What a store shares with others: its shard's Kustomization and marker, and its chart's object.
pub(super) fn shared_files(
    templates: &Templates,
    policy: &ClusterPolicy,
    record: &Record,
) -> Result<Files, RenderError> {
    let spec = &record.spec;
    let name = &spec.cluster;
    let in_shard = Shared::Shard(shard(record.name()));
    let mut files = templates.memo().files(name, policy, in_shard, |what| {
        rendered(templates, name, policy, what)
    })?;
    let chart = Shared::Chart(spec.engine.clone(), spec.version.clone());
    files.extend(templates.memo().files(name, policy, chart, |what| {
        rendered(templates, name, policy, what)
    })?);
    Ok(files)
}

fn rendered(
    templates: &Templates,
    name: &ClusterName,
    policy: &ClusterPolicy,
    what: &Shared,
) -> Result<Files, RenderError> {
    let cluster = cluster_context(name, policy);
    match what {
        Shared::Shard(hh) => shard_files(templates, name, &cluster, hh),
        Shared::Chart(engine, version) => chart_file(templates, name, &cluster, engine, version),
    }
}

fn shard_files(
    templates: &Templates,
    name: &ClusterName,
    cluster: &Value,
    hh: &str,
) -> Result<Files, RenderError> {
    let context = json!({ "cluster": cluster, "shard": hh });
    let kustomization = Expected {
        api_version: "kustomize.toolkit.fluxcd.io/v1",
        kind: "Kustomization",
        fields: vec![
            ("/spec/serviceAccountName", Some("fleetwright-shards")),
            ("/spec/kubeConfig", None),
        ],
    };
    Ok(Files::from([
        shared(
            templates,
            "cluster/shard.yaml.j2",
            format!("clusters/{name}/root/shards/{hh}.yaml"),
            &context,
            &kustomization,
        )?,
        shared(
            templates,
            "cluster/marker.yaml.j2",
            format!("clusters/{name}/shards/{hh}/sync/_shard.yaml"),
            &context,
            &config_map(),
        )?,
    ]))
}

fn chart_file(
    templates: &Templates,
    name: &ClusterName,
    cluster: &Value,
    engine: &str,
    version: &str,
) -> Result<Files, RenderError> {
    let (object, _) = chart_path(engine, version);
    let context = json!({ "cluster": cluster, "chart": { "name": object, "engine": engine, "version": version } });
    let helm_chart = Expected {
        api_version: "source.toolkit.fluxcd.io/v1",
        kind: "HelmChart",
        fields: vec![
            ("/metadata/name", Some(&object)),
            ("/spec/sourceRef/name", Some("fleet")),
        ],
    };
    let path = format!("clusters/{name}/root/charts/{object}.yaml");
    let file = shared(
        templates,
        "cluster/chart.yaml.j2",
        path,
        &context,
        &helm_chart,
    )?;
    Ok(Files::from([file]))
}

/// What the templates of a cluster see of it.
pub(super) fn context_of(
    policy: &FleetPolicy,
    cluster: &ClusterName,
) -> Result<Value, RenderError> {
    let missing = || RenderError::Missing {
        store: format!("cluster {cluster}"),
        what: "its own entry".to_owned(),
    };
    Ok(cluster_context(
        cluster,
        policy.clusters.get(cluster).ok_or_else(missing)?,
    ))
}

fn config_map() -> Expected<'static> {
    Expected {
        api_version: "v1",
        kind: "ConfigMap",
        fields: Vec::new(),
    }
}

fn shared(
    templates: &Templates,
    template: &str,
    path: String,
    context: &Value,
    expected: &Expected<'_>,
) -> Result<(String, Vec<u8>), RenderError> {
    let printed = templates.print(template, &Templates::context(context))?;
    let object = one(template, &printed)?;
    let fail = |source| RenderError::Check {
        template: template.to_owned(),
        source,
    };
    check(
        std::slice::from_ref(&object),
        std::slice::from_ref(expected),
    )
    .map_err(fail)?;
    Ok((path, emitted(template, &[object])?.into_bytes()))
}

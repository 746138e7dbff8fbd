//! What every cluster has on main before its first store, looked at once per policy in force: its bootstrap, and
//! the file that keeps its root from being empty.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use serde_json::Value;

use super::core::{Core, InForce};
use super::group::GroupError;
use crate::domain::{ClusterName, CommitId};
use crate::plan::{Edit, Edits};
use crate::render::{Bootstrap, bootstrap, root_files, yaml};

/// The files that are missing or outdated at the tip.
pub(super) fn files(core: &Core, in_force: &InForce, tip: &CommitId) -> Result<Edits, GroupError> {
    let mut edits = Edits::new();
    if core.prepared.load(Ordering::Relaxed) {
        return Ok(edits);
    }
    for cluster in in_force.policy.clusters.keys() {
        let path = format!("bootstrap/{cluster}.yaml");
        let there = core
            .repo
            .read(tip, &path)?
            .map(|it| String::from_utf8_lossy(&it).into_owned());
        // Another address alone is no other bootstrap: `dev` may listen on another port each time.
        let url = there.as_deref().and_then(url_in);
        let wanted = render(core, in_force, cluster, url.as_deref())?;
        if there.as_deref() != Some(wanted.as_str()) {
            edits.insert(path, Edit::Put(wanted.into_bytes()));
        }
        for (path, bytes) in root_files(&core.templates, &in_force.policy, cluster)? {
            if core.repo.read(tip, &path)?.is_none() {
                edits.insert(path, Edit::Put(bytes));
            }
        }
    }
    Ok(edits)
}

/// The bootstrap of a cluster whose `GitRepository` has this address; none: the configured one.
pub(super) fn render(
    core: &Core,
    in_force: &InForce,
    cluster: &ClusterName,
    url: Option<&str>,
) -> Result<String, GroupError> {
    let facts = Bootstrap {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        digest: String::new(),
        url: url.unwrap_or(&core.settings.cluster_url).to_owned(),
        deploy_keys: BTreeMap::from([(
            "deploy.sshpub".to_owned(),
            core.keys.deploy.public_line().to_owned(),
        )]),
        auth: core.settings.cluster_auth,
        token: None,
        trigger: core.settings.trigger(cluster),
    };
    Ok(bootstrap(
        &core.templates,
        &in_force.policy,
        cluster,
        &facts,
    )?)
}

/// The address that a bootstrap's `GitRepository` has.
fn url_in(text: &str) -> Option<String> {
    let objects = yaml::read_all(text).ok()?;
    let source = objects
        .into_iter()
        .find(|it| it.get("kind").and_then(Value::as_str) == Some("GitRepository"))?;
    Some(source.pointer("/spec/url")?.as_str()?.to_owned())
}

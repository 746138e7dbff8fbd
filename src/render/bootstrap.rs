//! What a person applies to a cluster once: the fences, the accounts, and the Flux objects that follow the fleet.
//!
//! Must not know: whether a cluster has it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Value, json};

use super::cluster::context_of;
use super::store::emitted;
use super::{RenderError, Templates, yaml};
use crate::domain::ClusterName;
use crate::domain::policy::FleetPolicy;
use crate::domain::record::sha256_hex;

/// The `ConfigMap` in which a bootstrap says what it is.
const IDENTITY: &str = "fleetwright-bootstrap";

/// What a cluster needs to follow its deploy branch.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bootstrap {
    /// Fleetwright's version.
    pub version: String,
    /// SHA-256 of the rendering with this field blank.
    pub digest: String,
    /// Where the cluster fetches the fleet repository.
    pub url: String,
    /// Trusted deploy keys: entry (`deploy.sshpub`) and public key line.
    pub deploy_keys: BTreeMap<String, String>,
    /// Whether the repository asks for credentials.
    pub auth: bool,
    /// The read-only credential; never in what is committed.
    pub token: Option<String>,
    /// What tells the cluster of new commits.
    pub trigger: Trigger,
}

/// What tells a cluster's Flux that there is something to fetch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Trigger {
    /// An annotation on the `GitRepository`: the one right to write that the reader has.
    #[default]
    Annotation,
    /// The Receiver of the bootstrap. The reader writes nothing.
    Receiver,
    /// A Receiver that people made. The reader writes nothing.
    OwnReceiver,
}

/// The objects that a person applies to a cluster once, as one YAML stream.
///
/// # Errors
/// When the policy has no such cluster, or the template of the bootstrap fails.
pub fn bootstrap(
    templates: &Templates,
    policy: &FleetPolicy,
    cluster: &ClusterName,
    bootstrap: &Bootstrap,
) -> Result<String, RenderError> {
    let name = "cluster/bootstrap.yaml.j2";
    let context = context_of(policy, cluster)?;
    let print = |it: &Bootstrap| {
        // A Secret's `data` is base64: with `stringData` a withdrawn key would stay.
        let mut it = it.clone();
        it.deploy_keys
            .values_mut()
            .for_each(|line| *line = STANDARD.encode(line.as_bytes()));
        let printed = templates.print(
            name,
            &Templates::context(&json!({ "cluster": context, "bootstrap": it })),
        )?;
        let all = yaml::read_nodes(&printed).map_err(|source| RenderError::Yaml {
            template: name.to_owned(),
            source,
        })?;
        emitted(name, &all)
    };
    let blank = Bootstrap {
        digest: String::new(),
        token: None,
        ..bootstrap.clone()
    };
    let digest = sha256_hex(print(&blank)?.as_bytes());
    print(&Bootstrap {
        digest,
        ..bootstrap.clone()
    })
}

/// A rendered bootstrap, read again.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// The version of Fleetwright that it says of itself.
    pub version: String,
    /// The digest that it says of itself.
    pub digest: String,
    /// All objects but the one that says so.
    pub objects: Vec<Value>,
}

impl Rendered {
    /// Reads what [`bootstrap`] printed; none where it does not say what it is.
    pub fn read(text: &str) -> Option<Self> {
        let mut objects = yaml::read_all(text).ok()?;
        let named = |it: &Value| {
            it.get("kind").and_then(Value::as_str) == Some("ConfigMap")
                && it.pointer("/metadata/name").and_then(Value::as_str) == Some(IDENTITY)
        };
        let identity = objects.remove(objects.iter().position(named)?);
        let field = |name: &str| Some(identity.get("data")?.get(name)?.as_str()?.to_owned());
        Some(Self {
            version: field("version")?,
            digest: field("digest")?,
            objects,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = include_str!("../../fleet/fleetwright.yaml");

    fn objects(trigger: Trigger) -> Vec<Value> {
        let policy: FleetPolicy = yaml::read(POLICY).expect("the policy of the skeleton");
        let cluster = policy.clusters.keys().next().expect("a cluster").clone();
        let facts = Bootstrap {
            version: "1.2.3".to_owned(),
            digest: String::new(),
            url: "https://git.example.com/fleet.git".to_owned(),
            deploy_keys: BTreeMap::new(),
            auth: false,
            token: None,
            trigger,
        };
        let templates = Templates::embedded().expect("the built-in templates");
        let text = bootstrap(&templates, &policy, &cluster, &facts).expect("it renders");
        let rendered = Rendered::read(&text).expect("it says what it is");
        assert_eq!(rendered.version, "1.2.3");
        assert_eq!(rendered.digest.len(), 64);
        rendered.objects
    }

    #[test]
    fn with_a_receiver_the_reader_may_write_nothing() {
        for (trigger, receivers, rights) in [
            (Trigger::Annotation, 0, 1),
            (Trigger::Receiver, 1, 0),
            (Trigger::OwnReceiver, 0, 0),
        ] {
            let objects = objects(trigger);
            let named = |kind: &str, name: &str| -> Vec<&Value> {
                let fits = |it: &&Value| {
                    let name = it["metadata"]["name"].as_str() == Some(name);
                    name && it["kind"] == kind
                };
                objects.iter().filter(fits).collect()
            };
            let made = named("Receiver", "fleetwright").len();
            assert_eq!(made, receivers, "{trigger:?}");
            let rules = named("Role", "fleetwright-reader")[0]["rules"].as_array();
            let reads = ["get", "list", "watch"];
            let writes = |rule: &&Value| {
                let mut verbs = rule["verbs"].as_array().expect("verbs").iter();
                verbs.any(|it| !reads.contains(&it.as_str().expect("a verb")))
            };
            let writing = rules.expect("rules").iter().filter(writes).count();
            assert_eq!(writing, rights, "{trigger:?}");
            let fence = named("ValidatingAdmissionPolicy", "fleet-reader.fleetwright.dev");
            let denies_all = fence[0]["spec"]["validations"][0]["expression"] == "false";
            assert_eq!(denies_all, rights == 0, "{trigger:?}");
        }
    }
}

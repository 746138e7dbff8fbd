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

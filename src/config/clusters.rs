//! The section `clusters`: how each cluster is reached, and what asks it to fetch.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{ConfigError, readable};
use crate::domain::ClusterName;
use crate::workflow::{ClusterAccess, Receiver};

/// One cluster.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Section {
    name: ClusterName,
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
    receiver: Option<ReceiverSection>,
}

/// A Flux Receiver of the type `generic-hmac`. A path in its url is a secret like the token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ReceiverSection {
    url: String,
    token_file: PathBuf,
}

impl std::fmt::Debug for ReceiverSection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Receiver(hidden)")
    }
}

/// How each cluster is reached. Every name is there once.
pub(super) fn access(sections: &[Section]) -> Result<Vec<ClusterAccess>, ConfigError> {
    for (place, section) in sections.iter().enumerate() {
        let key = format!("clusters: {}", section.name);
        readable(&key, section.kubeconfig.as_deref())?;
        if sections[..place].iter().any(|it| it.name == section.name) {
            return Err(ConfigError(format!(
                "clusters: {} is there twice; leave one out",
                section.name
            )));
        }
        let same =
            |it: &&Section| it.kubeconfig == section.kubeconfig && it.context == section.context;
        if let Some(other) = sections[..place].iter().find(same) {
            return Err(ConfigError(format!(
                "clusters: {} and {} have the same kubeconfig and context; give each its own",
                other.name, section.name
            )));
        }
    }
    let access = |it: &Section| {
        Ok(ClusterAccess {
            name: it.name.clone(),
            kubeconfig: it.kubeconfig.clone(),
            context: it.context.clone(),
            receiver: it.receiver()?,
        })
    };
    sections.iter().map(access).collect()
}

impl Section {
    fn receiver(&self) -> Result<Option<Receiver>, ConfigError> {
        let Some(section) = &self.receiver else {
            return Ok(None);
        };
        let key = format!("clusters: {}: receiver", self.name);
        let receiver = Receiver::new(&section.url, &section.token_file);
        let receiver = receiver.map_err(|error| ConfigError(format!("{key}: {error}")))?;
        Ok(Some(receiver))
    }
}

/// The same for people. What comes behind a receiver's host is left out.
pub(super) fn shown(sections: &[Section]) -> Value {
    let one = |it: &Section| {
        let receiver = it.receiver().ok().flatten();
        let receiver =
            receiver.map(|receiver| format!("{} (path and token hidden)", receiver.place()));
        json!({
            "name": it.name, "kubeconfig": it.kubeconfig, "context": it.context, "receiver": receiver,
        })
    };
    sections.iter().map(one).collect()
}

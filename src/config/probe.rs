//! The section `probe`: whether stores are asked over HTTP whether they work, and in which networks beside public ones.

use serde::Deserialize;
use serde_json::{Value, json};

use super::ConfigError;
use crate::domain::limits::Networks;

/// The section. Nothing is asked unless it says so: the hosts of stores are names that others choose.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct Section {
    pub(super) enabled: bool,
    pub(super) allow: Vec<String>,
}

impl Section {
    /// The networks that may be asked beside public addresses; none where nothing is asked.
    pub(super) fn networks(&self) -> Result<Option<Networks>, ConfigError> {
        let networks = Networks::parse(&self.allow);
        let networks = networks.map_err(|error| ConfigError(format!("probe.allow: {error}")))?;
        Ok(self.enabled.then_some(networks))
    }
}

/// The same for people.
pub(super) fn shown(section: &Section) -> Value {
    json!({"enabled": section.enabled, "allow": section.allow})
}

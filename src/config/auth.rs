//! The section `auth`: who is believed about whom.

use serde::Deserialize;

use super::ConfigError;
use crate::domain::limits::Networks;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct AuthSection {
    /// Networks of proxies that say where a request comes from.
    pub(super) trusted_proxies: Vec<String>,
}

/// The networks of the proxies.
pub(super) fn trusted_proxies(section: &AuthSection) -> Result<Networks, ConfigError> {
    let networks = Networks::parse(&section.trusted_proxies);
    networks.map_err(|error| ConfigError(format!("auth.trustedProxies: {error}")))
}

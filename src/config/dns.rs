//! `dns`: who is asked for proofs of hosts.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

use super::ConfigError;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct Section {
    pub(super) server: Option<String>,
}

impl Section {
    /// The server's address; its port is 53 where none is given.
    pub(super) fn server(&self) -> Result<Option<SocketAddr>, ConfigError> {
        let Some(text) = &self.server else {
            return Ok(None);
        };
        let bare = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
        let address = text.parse().or(bare).map_err(|_| {
            ConfigError(format!(
                "dns.server: {text:?} is no address; write it like 192.0.2.53 or 192.0.2.53:5353"
            ))
        });
        address.map(Some)
    }
}

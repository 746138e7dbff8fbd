//! The administrator's kubeconfig, self-contained, so that it can be copied elsewhere on this machine.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::certificates::Certificates;
use super::error::Error;

/// Writes the kubeconfig of the API server at `address` (`127.0.0.1:<port>`) to `path`. It is JSON, which every reader of
/// YAML takes.
pub(super) fn write(path: &Path, address: &str, certificates: &Certificates) -> Result<(), Error> {
    let login = (&certificates.client, &certificates.client_key);
    let text = text(address, certificates, login);
    std::fs::write(path, text).map_err(Error::file(path))
}

/// The kubeconfig with another certificate and key to come with.
pub(super) fn text(
    address: &str,
    certificates: &Certificates,
    (client, key): (&String, &String),
) -> String {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "testbed", "cluster": {
            "server": format!("https://{address}"),
            "certificate-authority-data": STANDARD.encode(&certificates.authority),
        }}],
        "users": [{"name": "testbed-admin", "user": {
            "client-certificate-data": STANDARD.encode(client),
            "client-key-data": STANDARD.encode(key),
        }}],
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": "testbed-admin"}}],
        "current-context": "testbed",
    });
    format!("{config:#}\n")
}

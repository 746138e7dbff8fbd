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
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "testbed", "cluster": {
            "server": format!("https://{address}"),
            "certificate-authority-data": STANDARD.encode(&certificates.authority),
        }}],
        "users": [{"name": "testbed-admin", "user": {
            "client-certificate-data": STANDARD.encode(&certificates.client),
            "client-key-data": STANDARD.encode(&certificates.client_key),
        }}],
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": "testbed-admin"}}],
        "current-context": "testbed",
    });
    std::fs::write(path, format!("{config:#}\n")).map_err(Error::file(path))
}

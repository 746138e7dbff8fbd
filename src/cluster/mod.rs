//! A cluster, read through watches into a state that answers at once, and told to fetch.
//!
//! One watch per kind feeds [`State`], which is synchronous and pure; [`View`] reads it from any thread and [`Watcher`]
//! tells what changed. An unreachable API server is never an error here: it is a state, with a sentence.
//! Must not know: what a store shall be, Git, the index, or what anything seen here means (`domain::phase` says that).
//! The only write is one annotation that makes Flux fetch; where there is a Flux [`Receiver`], there is none. No type of kube leaves this folder.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::json;

mod connection;
mod contact;
mod error;
mod installed;
mod kinds;
mod parse;
mod receiver;
pub mod replay;
mod state;
mod view;
mod volumes;
mod watch;
mod wire;

use connection::Connection;
pub use error::ClusterError;
pub use kinds::Kind;
pub use parse::{LiveObject, Object};
pub use receiver::{Receiver, ReceiverError};
pub use state::{Changes, Feed, State};
pub use view::View;
pub use watch::Watcher;

/// The name of the one `GitRepository` that a cluster follows.
const SOURCE: &str = "fleet";
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection may be silent. Watches are renewed every 20 seconds, so a silent one is dead.
const SILENCE: Duration = Duration::from_secs(90);
/// How long a single request may take in all.
const REQUEST: Duration = Duration::from_secs(10);

/// Where a cluster is and what is called how in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The kubeconfig file; none takes the environment's, or the service account of the pod this runs in. Programs
    /// that the file names are run, so it must be trusted.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; none takes its current one.
    pub context: Option<String>,
    /// The namespace of all Flux objects.
    pub namespace: String,
    /// What a store's namespace is called before its name.
    pub namespace_prefix: String,
}

/// The way to one cluster.
#[derive(Clone)]
pub struct Cluster {
    connection: Arc<Connection>,
    target: Target,
}

impl Cluster {
    /// Reads the configuration. Never talks to the API server nor to anything that gives credentials: whether the
    /// cluster can be reached is the watch's business.
    pub async fn connect(target: Target) -> Result<Self, ClusterError> {
        let connection = Connection::open(target.clone()).await?;
        Ok(Self {
            connection: Arc::new(connection),
            target,
        })
    }

    /// The namespace of all Flux objects.
    pub fn namespace(&self) -> &str {
        &self.target.namespace
    }

    /// Starts the watches on the present tokio runtime. They run until the watcher is dropped. They make the
    /// connection, and make it anew when the configuration or the credentials in it change.
    pub fn watch(&self) -> Watcher {
        Watcher::start(&self.connection, &self.target)
    }

    /// The present client, for a single question.
    fn client(&self) -> Result<Client, ClusterError> {
        let client = self.connection.client();
        client.ok_or_else(|| ClusterError::Unreachable {
            why: "no connection is made yet".to_owned(),
        })
    }

    /// Makes Flux fetch the fleet repository now. `token` is any text not used before; Flux reports it as
    /// `lastHandledReconcileAt` once done. Everything behind the `GitRepository` follows by watches of Flux's own.
    pub async fn request_fetch(&self, token: &str) -> Result<(), ClusterError> {
        let namespace = &self.target.namespace;
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client()?, namespace, &Kind::Source.resource());
        let patch = Patch::Merge(
            json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}}),
        );
        let params = PatchParams {
            field_manager: Some("fleetwright".to_owned()),
            ..PatchParams::default()
        };
        let request = api.patch_metadata(SOURCE, &params, &patch);
        match tokio::time::timeout(REQUEST, request).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(source)) => Err(ClusterError::fetch(namespace, &source)),
            Err(_) => Err(ClusterError::silent()),
        }
    }
}

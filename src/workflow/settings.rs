//! What a fleet is started with. The faces make it from flags and the configuration file.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::cluster::Receiver;
use crate::domain::limits::{Networks, RequestLimits};
use crate::domain::webhook::WebhookSecret;
use crate::domain::{ClusterName, Host};
use crate::git::Person;
use crate::oidc::Trust;
use crate::render::Trigger;

/// Everything a fleet is started with.
#[derive(Clone)]
pub struct Settings {
    /// The data folder: journal, index, keys, tokens. Exists and is locked by the caller.
    pub data: PathBuf,
    /// The bare repository: the fleet repository itself, or our mirror of it.
    pub repository: PathBuf,
    /// Where the fleet repository is published.
    pub mode: Mode,
    /// Where clusters fetch the fleet repository.
    pub cluster_url: String,
    /// Whether clusters need a credential for it.
    pub cluster_auth: bool,
    /// Author and committer of our commits.
    pub author: Person,
    /// The key that signs main; made in the data folder when none is given.
    pub signing_key: Option<PathBuf>,
    /// The key that signs deploy branches; made in the data folder when none is given.
    pub deploy_key: Option<PathBuf>,
    /// The forge that hosts the fleet repository; none where it is a repository alone.
    pub forge: Option<ForgeAccess>,
    /// The clusters that are watched.
    pub clusters: Vec<ClusterAccess>,
    /// Whether counts and budgets are lifted, for load and fault runs.
    pub lift_limits: bool,
    /// How many requests merchants may send, unless limits are lifted.
    pub request_limits: RequestLimits,
    /// How many requests may be queued; one owner's stores may have half of it.
    pub queue: usize,
    /// The issuer whose ID tokens are taken beside our own tokens.
    pub oidc: Option<Trust>,
    /// The host that people reach the dashboard at. No shop may run beside it.
    pub public_host: Option<Host>,
    /// The DNS server that is asked for proofs of hosts; none asks those of the system.
    pub dns_server: Option<SocketAddr>,
    /// The networks that stores may be in, beside public addresses, when they are asked over HTTP whether they work; none
    /// asks no store.
    pub probe: Option<Networks>,
    /// A folder with templates of the user's own.
    pub templates: Option<PathBuf>,
}

impl Settings {
    /// What tells a cluster of new commits.
    pub(super) fn trigger(&self, cluster: &ClusterName) -> Trigger {
        let access = self.clusters.iter().find(|it| it.name == *cluster);
        match access.and_then(|it| it.receiver.as_ref()) {
            None => Trigger::Annotation,
            Some(receiver) if receiver.is_of_the_bootstrap() => Trigger::Receiver,
            Some(_) => Trigger::OwnReceiver,
        }
    }
}

/// Where the fleet repository is published.
#[derive(Clone)]
pub enum Mode {
    /// Here: the repository is the published one.
    Embedded,
    /// At a remote, which is fetched from and pushed to.
    Remote {
        /// Its URL, without credentials.
        url: String,
        /// The credential.
        token: Option<String>,
        /// The least time between two pushes. The first one after a quiet time goes at once.
        pace: Duration,
        /// How long one fetch or push may take.
        timeout: Duration,
        /// The time between two looks at the remote.
        poll: Duration,
    },
}

impl Mode {
    /// The full name of a branch as it is published.
    pub(super) fn published(&self, branch: &str) -> String {
        match self {
            Self::Embedded => format!("refs/heads/{branch}"),
            Self::Remote { .. } => format!("refs/remotes/origin/{branch}"),
        }
    }
}

/// How a cluster is reached.
#[derive(Debug, Clone)]
pub struct ClusterAccess {
    /// Its name in the policy.
    pub name: ClusterName,
    /// The kubeconfig file; none takes the pod's own account.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; none takes the current one.
    pub context: Option<String>,
    /// The Flux Receiver that asks it to fetch; none writes an annotation, which needs a right in the cluster.
    pub receiver: Option<Receiver>,
}

/// How the forge is reached, who we are there, and what is used of it.
#[derive(Debug, Clone)]
pub struct ForgeAccess {
    /// The address of its REST API, without a slash at its end.
    pub api_url: String,
    /// The owner of the fleet repository: a person or an organisation.
    pub owner: String,
    /// The repository's name.
    pub repository: String,
    /// Who we are there.
    pub identity: ForgeIdentity,
    /// The secrets that sign its webhooks: several while one is being replaced. Without one no delivery is taken.
    pub webhook_secrets: Vec<WebhookSecret>,
    /// The time between two looks for what no webhook told.
    pub poll: Duration,
    /// Whether issues opened from a form are requests.
    pub forms: bool,
    /// Whether comments may be commands, and changes tell of themselves by comments.
    pub comments: bool,
}

impl ForgeAccess {
    /// The repository as the forge writes it: `owner/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.repository)
    }

    /// The number of our App, where we are one.
    pub fn app(&self) -> Option<u64> {
        match self.identity {
            ForgeIdentity::App { id, .. } => Some(id),
            ForgeIdentity::Token(_) => None,
        }
    }
}

/// Who we are at the forge. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum ForgeIdentity {
    /// A GitHub App.
    App {
        /// Its number.
        id: u64,
        /// Its private key, as PEM.
        private_key: Vec<u8>,
        /// Its installation; none looks for that of the repository.
        installation: Option<u64>,
    },
    /// Whoever made this fine-grained token.
    Token(String),
}

impl fmt::Debug for ForgeIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App {
                id, installation, ..
            } => write!(f, "App({id}, installation {installation:?}, key hidden)"),
            Self::Token(_) => f.write_str("Token(hidden)"),
        }
    }
}

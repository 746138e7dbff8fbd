//! Why a fleet does not start: what, where, and what to do next.

use crate::cluster::ClusterError;
use crate::domain::{ClusterName, Host};
use crate::forge::ForgeError;
use crate::git::{CommandError, GitError, KeyError, RemoteError};
use crate::index::IndexError;
use crate::journal::JournalError;
use crate::oidc::OidcError;
use crate::render::TemplateError;
use crate::workflow::project::ProjectError;

/// Why a fleet does not start: what, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The git program.
    #[error(transparent)]
    Program(#[from] CommandError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The repository.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The remote.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The templates.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Access to a cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A file of the data folder.
    #[error(
        "{path} cannot be written: {source}; make the folder writable or choose another with --data"
    )]
    File {
        /// The file.
        path: String,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A token in the data folder that is no secret.
    #[error("{path} opens the fleet to a network, but {why}")]
    OpenToken {
        /// The file.
        path: String,
        /// What is wrong, and what to do.
        why: &'static str,
    },
    /// The issuer of ID tokens.
    #[error("auth.oidc.issuer: {0}")]
    Issuer(#[from] OidcError),
    /// The fleet repository has no policy that can be used.
    #[error(
        "the fleet repository has no usable fleetwright.yaml ({0}); write one, or begin with: fleetwright init URL"
    )]
    Policy(String),
    /// The repository of a fleet that has begun has no main.
    #[error(
        "{0} has lost its branch main, which the journal beside it knows: restore the repository or its packed-refs from a copy; to begin another fleet, choose another folder with --data"
    )]
    LostMain(String),
    /// The policy has no such cluster.
    #[error(
        "there is access to cluster {name}, which fleetwright.yaml does not have; it has {known}: correct the name, or add the cluster to the policy"
    )]
    NoSuchCluster {
        /// The name in the settings.
        name: ClusterName,
        /// The policy's clusters, comma separated.
        known: String,
    },
    /// Shops could set cookies for the dashboard, or read what a browser sends to its site.
    #[error(
        "auth.publicUrl: {host} is under {domain}, which the shops of cluster {cluster} run on: a shop could act on the dashboard in its visitors' browsers; give the dashboard a domain of its own"
    )]
    BesideShops {
        /// The dashboard's host.
        host: Host,
        /// The base domain.
        domain: String,
        /// The cluster.
        cluster: ClusterName,
    },
    /// Another key signed the deploy branch.
    #[error(
        "no commit of deploy/{0} was signed with our deploy key; restore keys/deploy of the data folder, or name the key with git.deployKey"
    )]
    OtherDeployKey(ClusterName),
    /// The forge.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// A worker thread died.
    #[error("starting was interrupted: {0}")]
    Interrupted(String),
}

impl From<ProjectError> for StartError {
    fn from(error: ProjectError) -> Self {
        match error {
            ProjectError::Git(error) => Self::Git(error),
            ProjectError::Index(error) => Self::Index(error),
            ProjectError::Journal(error) => Self::Journal(error),
        }
    }
}

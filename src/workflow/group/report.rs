//! What a group came to, entry by entry, or why it did not land.

use crate::domain::approval::Needed;
use crate::domain::change::ChangeError;
use crate::domain::entry::Entry;
use crate::domain::{ChangeId, ClusterName, CommitId, StoreName};
use crate::git::GitError;
use crate::render::RenderError;
use crate::workflow::derive::Made;

/// Why a group did not land.
#[derive(Debug, thiserror::Error)]
pub(in crate::workflow) enum GroupError {
    /// Somebody else moved a branch meanwhile.
    #[error("{0} was moved by somebody else")]
    Moved(String),
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The index failed.
    #[error(transparent)]
    Index(#[from] crate::index::IndexError),
    /// What belongs to a cluster could not be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The deploy tree would lose stores that nobody asked to delete.
    #[error(
        "refused to sign deploy/{cluster}: it would drop {stores}, whose deletion nobody accepted; look at main and at clusters/{cluster} before anything else"
    )]
    Drops {
        /// The cluster.
        cluster: ClusterName,
        /// The stores, comma separated.
        stores: String,
    },
}

/// What became of one entry of a group.
pub(in crate::workflow) enum Fate {
    /// A commit carries it.
    Written(CommitId, Box<Made>),
    /// People merged it as this commit of main, and a deploy commit carries it.
    Landed {
        /// The commit of main.
        commit: CommitId,
        /// The deploy commit.
        deployed: CommitId,
        /// What it made of the store.
        made: Box<Made>,
    },
    /// There was nothing to write.
    Nothing,
    /// People have to agree to what would be written now.
    Proposed(Needed),
    /// It failed, alone.
    Failed(ChangeError),
}

/// What a landed group did.
#[derive(Default)]
pub(in crate::workflow) struct Report {
    /// Every entry with what became of it.
    pub(in crate::workflow) fates: Vec<(Entry, Fate)>,
    /// Entries that wait for something else, with what for.
    pub(in crate::workflow) held: Vec<(ChangeId, String)>,
    /// Entries there was no time for.
    pub(in crate::workflow) left: Vec<ChangeId>,
    /// Stores whose last files were taken, with the commit.
    pub(in crate::workflow) removed: Vec<(StoreName, CommitId)>,
    /// Deletions whose first commit was written again, with that commit and what it left of the store.
    pub(in crate::workflow) repeated: Vec<(StoreName, CommitId, Box<Made>)>,
    /// Whether any branch moved.
    pub(in crate::workflow) landed: bool,
}

/// A path that something else occupies fails the change that needs it; any other failure of Git is nobody's fault.
pub(super) fn blocked_path(error: GitError) -> Result<ChangeError, GitError> {
    match error {
        GitError::BadPath { .. } | GitError::FolderInTheWay { .. } => Ok(ChangeError {
            reason: "PathBlocked".to_owned(),
            message: format!(
                "the fleet repository has something else where the store's files belong: {error}"
            ),
            next_step: "take it away from main, then ask again".to_owned(),
        }),
        other => Err(other),
    }
}

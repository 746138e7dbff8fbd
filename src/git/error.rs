//! What can go wrong with the local repository.

use std::path::{Path, PathBuf};

use super::KeyError;
use crate::domain::CommitId;

/// A cause of whatever kind; no type of a library shows in our signatures.
pub(super) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the local repository could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// A repository is to be made where something is already.
    #[error("{} exists and is not empty: name a new or an empty folder for the repository", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// There is no bare repository to open.
    #[error("{} is no readable bare Git repository", path.display())]
    NoRepository {
        /// The folder.
        path: PathBuf,
        /// Git's reason.
        #[source]
        source: Cause,
    },
    /// A commit is asked for that is not here.
    #[error("commit {id} is not in the repository: fetch it first")]
    NoCommit {
        /// The commit.
        id: CommitId,
    },
    /// An object that others name is missing or cannot be read.
    #[error("{wanted} {id} is missing or damaged: run `git fsck` in the repository")]
    NoObject {
        /// Its kind: blob, tree or commit.
        wanted: &'static str,
        /// Its name.
        id: String,
    },
    /// A path breaks a rule of [`check_path`](super::check_path).
    #[error("the path {path:?} can't be written: {rule}")]
    BadPath {
        /// The path, cut to 200 characters.
        path: String,
        /// The rule, as a sentence.
        rule: &'static str,
    },
    /// One path is to be a file and a folder.
    #[error("{path:?} cannot be a file and a folder at once")]
    FolderInTheWay {
        /// The folder.
        path: String,
    },
    /// A reference's name is not a full, valid one.
    #[error("{name:?} is no full reference name such as refs/heads/main")]
    BadReference {
        /// The name.
        name: String,
    },
    /// Another process holds a reference for longer than we wait.
    #[error(
        "{reference} is locked by another process: when no git runs there, delete {reference}.lock"
    )]
    Locked {
        /// The reference.
        reference: String,
    },
    /// A file of references holds no commit's name.
    #[error(
        "{} holds no commit's name: a power cut may have torn it; restore it from a copy or the remote, or delete it if an older state will do", path.display()
    )]
    BrokenReference {
        /// The file.
        path: PathBuf,
    },
    /// References were moved, and nobody knows whether that survives a power cut.
    #[error("{} was replaced, but the disk did not confirm it; it is written again before anything else happens", path.display())]
    Unsure {
        /// The file.
        path: PathBuf,
        /// What the disk said.
        #[source]
        source: Cause,
    },
    /// A commit's message holds what a commit cannot hold.
    #[error("the commit can't be written: {rule}")]
    BadCommit {
        /// The rule, as a sentence.
        rule: &'static str,
    },
    /// The commit could not be signed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// libgit2 failed.
    #[error("could not {doing} in {}", path.display())]
    Library {
        /// What was tried, as in "could not …".
        doing: &'static str,
        /// The repository.
        path: PathBuf,
        /// libgit2's reason.
        #[source]
        source: Cause,
    },
    /// The file system failed.
    #[error("could not {doing} {}", path.display())]
    Io {
        /// What was tried, as in "could not …".
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
}

impl GitError {
    /// For `map_err`: a failure of libgit2 in `repo`.
    pub(super) fn library(
        doing: &'static str,
        repo: &git2::Repository,
    ) -> impl FnOnce(git2::Error) -> Self {
        let path = repo.path().to_owned();
        move |source| Self::Library {
            doing,
            path,
            source: source.into(),
        }
    }

    /// For `map_err`: a failure of the file system at `path`.
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }
}

//! Files of a commit, read through the repository or through a group that sees its own commits as well.

use crate::domain::CommitId;
use crate::git::{Entry, EntryKind, FleetRepo, GitError, Group};

/// Reads files of a commit; a group sees its own commits as well.
pub(in crate::workflow) trait Tree {
    /// A file's bytes.
    fn file(&self, commit: &CommitId, path: &str) -> Result<Option<Vec<u8>>, GitError>;
    /// Whether a file holds exactly these bytes.
    fn holds(&self, commit: &CommitId, path: &str, bytes: &[u8]) -> Result<bool, GitError>;
    /// Whether a file is there.
    fn has(&self, commit: &CommitId, path: &str) -> Result<bool, GitError>;
    /// The names of the files in a folder.
    fn names(&self, commit: &CommitId, folder: &str) -> Result<Vec<String>, GitError>;
}

impl Tree for FleetRepo {
    fn file(&self, commit: &CommitId, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        self.read(commit, path)
    }
    fn holds(&self, commit: &CommitId, path: &str, bytes: &[u8]) -> Result<bool, GitError> {
        self.holds(commit, path, bytes)
    }
    fn has(&self, commit: &CommitId, path: &str) -> Result<bool, GitError> {
        Ok(is_file(self.entry(commit, path)?))
    }
    fn names(&self, commit: &CommitId, folder: &str) -> Result<Vec<String>, GitError> {
        self.list(commit, folder).map(file_names)
    }
}

impl Tree for Group<'_> {
    fn file(&self, commit: &CommitId, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        self.read(commit, path)
    }
    fn holds(&self, commit: &CommitId, path: &str, bytes: &[u8]) -> Result<bool, GitError> {
        self.holds(commit, path, bytes)
    }
    fn has(&self, commit: &CommitId, path: &str) -> Result<bool, GitError> {
        Ok(is_file(self.entry(commit, path)?))
    }
    fn names(&self, commit: &CommitId, folder: &str) -> Result<Vec<String>, GitError> {
        self.list(commit, folder).map(file_names)
    }
}

fn is_file(entry: Option<Entry>) -> bool {
    entry.is_some_and(|it| it.kind == EntryKind::File)
}

fn file_names(entries: Vec<Entry>) -> Vec<String> {
    let files = entries.into_iter().filter(|it| it.kind == EntryKind::File);
    files.map(|it| it.name).collect()
}

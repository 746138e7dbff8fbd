//! Lock files that killed processes left behind.
//!
//! Must not know: references.

use std::path::{Path, PathBuf};

use super::GitError;

/// Deletes the lock files of a repository below `folder`, and gives their paths. Only for the one owner of the
/// repository, when none of its git processes runs: a killed process leaves its locks behind for good.
pub(super) fn clear_locks(repo: &Path, folder: &str) -> Result<Vec<PathBuf>, GitError> {
    let mut cleared = Vec::new();
    clear_below(&repo.join(folder), &mut cleared)?;
    for name in [
        "packed-refs.lock",
        "HEAD.lock",
        "config.lock",
        "shallow.lock",
    ] {
        clear(repo.join(name), &mut cleared)?;
    }
    Ok(cleared)
}

fn clear_below(folder: &Path, cleared: &mut Vec<PathBuf>) -> Result<(), GitError> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(GitError::io("list", folder))?,
    };
    for entry in entries {
        let entry = entry.map_err(GitError::io("list", folder))?;
        let path = entry.path();
        if entry
            .file_type()
            .map_err(GitError::io("look at", &path))?
            .is_dir()
        {
            clear_below(&path, cleared)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "lock")
        {
            // No reference's name can end in .lock.
            clear(path, cleared)?;
        }
    }
    Ok(())
}

fn clear(path: PathBuf, cleared: &mut Vec<PathBuf>) -> Result<(), GitError> {
    match std::fs::remove_file(&path) {
        Ok(()) => cleared.push(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(GitError::io("delete", &path)(error)),
    }
    Ok(())
}

//! Lock files that killed processes left behind.
//!
//! Must not know: references.

use std::fs::DirEntry;
use std::path::{Path, PathBuf};

use super::GitError;

/// What git makes only where there is none yet, so that one left behind is in everybody's way.
const IN_THE_WAY: [&str; 7] = [
    "packed-refs.lock",
    // What is to become of the packed references, written under their lock.
    "packed-refs.new",
    "HEAD.lock",
    "config.lock",
    "shallow.lock",
    "objects/info/commit-graph.lock",
    "objects/info/commit-graphs/commit-graph-chain.lock",
];

/// Deletes the lock files of a repository below `folder`, and gives their paths. Only for the one owner of the
/// repository, when none of its git processes runs: a killed process leaves its locks behind for good.
pub(super) fn clear_locks(repo: &Path, folder: &str) -> Result<Vec<PathBuf>, GitError> {
    let mut cleared = Vec::new();
    clear_below(&repo.join(folder), &mut cleared)?;
    for name in IN_THE_WAY {
        clear(repo.join(name), &mut cleared)?;
    }
    Ok(cleared)
}

/// Deletes what keeps a pack for a fetch that was killed, as upkeep would leave that pack alone for ever. A person's
/// own stays.
pub(super) fn clear_keeps(repo: &Path) -> Result<Vec<PathBuf>, GitError> {
    let mut cleared = Vec::new();
    for entry in entries(&repo.join("objects/pack"))? {
        let path = entry.path();
        let is_keep = path.extension().is_some_and(|it| it == "keep");
        if is_keep && std::fs::read(&path).is_ok_and(|it| it.starts_with(b"fetch-pack ")) {
            clear(path, &mut cleared)?;
        }
    }
    Ok(cleared)
}

fn clear_below(folder: &Path, cleared: &mut Vec<PathBuf>) -> Result<(), GitError> {
    for entry in entries(folder)? {
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

fn entries(folder: &Path) -> Result<Vec<DirEntry>, GitError> {
    let failed = || GitError::io("list", folder);
    match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries.and_then(Iterator::collect).map_err(failed()),
    }
}

fn clear(path: PathBuf, cleared: &mut Vec<PathBuf>) -> Result<(), GitError> {
    match std::fs::remove_file(&path) {
        Ok(()) => cleared.push(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(GitError::io("delete", &path)(error)),
    }
    Ok(())
}

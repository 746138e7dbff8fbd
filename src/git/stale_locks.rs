//! Lock files that killed processes left behind.
//!
//! Must not know: references.

use std::fs::DirEntry;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::GitError;

/// What git makes only where there is none yet, so that one left behind is in everybody's way: those of a fetch.
const OF_A_FETCH: [&str; 4] = [
    "packed-refs.lock",
    // What is to become of the packed references, written under their lock.
    "packed-refs.new",
    "HEAD.lock",
    "shallow.lock",
];
/// Those of others, which may be at work while a fetch is not.
const OF_OTHERS: [&str; 4] = [
    "config.lock",
    "objects/info/commit-graph.lock",
    "objects/info/commit-graphs/commit-graph-chain.lock",
    "objects/pack/multi-pack-index.lock",
];

/// From this age on a lock file is nobody's. Git holds one for milliseconds, and a command that outlived its server may
/// be about to rename it: it would rename the next one's.
pub(super) const STALE: Duration = Duration::from_millis(500);

/// Deletes the lock files of references, of single ones below `folder`, as soon as they are of an age, and gives their
/// paths. Only for the one owner of the repository, when it runs no fetch: a killed process leaves its locks behind for
/// good.
pub(super) fn clear_locks(
    repo: &Path,
    folder: &str,
    age: Duration,
) -> Result<Vec<PathBuf>, GitError> {
    let mut cleared = Vec::new();
    clear_below(&repo.join(folder), age, &mut cleared)?;
    for name in OF_A_FETCH {
        clear(repo.join(name), age, &mut cleared)?;
    }
    Ok(cleared)
}

/// The same for what is locked beside references.
pub(super) fn clear_others(repo: &Path, age: Duration) -> Result<Vec<PathBuf>, GitError> {
    let mut cleared = Vec::new();
    for name in OF_OTHERS {
        clear(repo.join(name), age, &mut cleared)?;
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
            clear(path, Duration::ZERO, &mut cleared)?;
        }
    }
    Ok(cleared)
}

fn clear_below(folder: &Path, age: Duration, cleared: &mut Vec<PathBuf>) -> Result<(), GitError> {
    for entry in entries(folder)? {
        let path = entry.path();
        if entry
            .file_type()
            .map_err(GitError::io("look at", &path))?
            .is_dir()
        {
            clear_below(&path, age, cleared)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "lock")
        {
            // No reference's name can end in .lock.
            clear(path, age, cleared)?;
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

fn clear(path: PathBuf, age: Duration, cleared: &mut Vec<PathBuf>) -> Result<(), GitError> {
    while let Some(rest) = young(&path, age) {
        // Its holder may still take it away itself.
        std::thread::sleep(rest.min(Duration::from_millis(10)));
    }
    match std::fs::remove_file(&path) {
        Ok(()) => cleared.push(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(GitError::io("delete", &path)(error)),
    }
    Ok(())
}

/// How long a file is still younger than an age. One that is gone, or comes from the future, is not.
///
/// By the time of its last change of state and not of content: a lock that is a link to another file was made when the
/// link was, and that file may be old.
fn young(path: &Path, age: Duration) -> Option<Duration> {
    let file = std::fs::symlink_metadata(path).ok()?;
    let seconds = Duration::from_secs(file.ctime().try_into().ok()?);
    let made =
        SystemTime::UNIX_EPOCH + seconds + Duration::from_nanos(file.ctime_nsec().try_into().ok()?);
    let old = SystemTime::now().duration_since(made).ok()?;
    age.checked_sub(old).filter(|rest| !rest.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_left_to_its_holder_until_it_is_old() {
        let dir = tempfile::tempdir().unwrap();
        let lock = dir.path().join("packed-refs.lock");
        std::fs::write(&lock, "").unwrap();
        let cleared = std::thread::scope(|scope| {
            let clearing = scope.spawn(|| clear_locks(dir.path(), "refs", Duration::from_mins(1)));
            std::thread::sleep(Duration::from_millis(50));
            assert!(lock.exists());
            std::fs::remove_file(&lock).unwrap();
            clearing.join().unwrap().unwrap()
        });
        assert_eq!(cleared, [] as [PathBuf; 0]);
        std::fs::write(&lock, "").unwrap();
        assert_eq!(clear_locks(dir.path(), "refs", STALE).unwrap(), [lock]);
    }

    #[test]
    fn a_lock_is_as_old_as_its_link_and_not_as_the_file_it_links_to() {
        let dir = tempfile::tempdir().unwrap();
        let (empty, lock) = (dir.path().join("empty"), dir.path().join("main.lock"));
        let file = std::fs::File::create(&empty).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        std::fs::hard_link(&empty, &lock).unwrap();
        assert!(young(&lock, Duration::from_mins(1)).is_some());
    }
}

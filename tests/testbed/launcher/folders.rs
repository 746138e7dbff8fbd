//! The folders of one testbed: logs that stay behind after a failure, data that never does.
//!
//! A program that was killed cleans up nothing. So each folder holds a locked file; the kernel drops the lock with the program,
//! and the next testbed removes folders whose lock nobody holds.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::Error;

const PREFIX: &str = "fleetwright-testbed.";
const LOCK: &str = "lock";
/// Younger folders may belong to a testbed that has not taken its lock yet.
const STALE_AFTER: Duration = Duration::from_mins(1);

/// A temporary folder that is removed in the end unless it is kept.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
    kept: bool,
}

impl Folder {
    /// Makes a folder below `root` and removes stale ones there.
    pub(super) fn create(root: &Path) -> Result<Self, Error> {
        sweep(root);
        let path = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(root)
            .map_err(Error::file(root))?
            .keep();
        let lock = File::create(path.join(LOCK)).map_err(Error::file(&path))?;
        lock.lock().map_err(Error::file(&path))?;
        Ok(Self {
            path,
            _lock: lock,
            kept: false,
        })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A folder inside, made when it is not there.
    pub(super) fn inner(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.path.join(name);
        fs::create_dir_all(&path).map_err(Error::file(&path))?;
        Ok(path)
    }

    /// Leaves the folder behind. Without its lock file no later testbed takes it for a stale one.
    pub(super) fn keep(&mut self) {
        self.kept = fs::remove_file(self.path.join(LOCK)).is_ok();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Where small files that live for a moment belong: memory, if the machine has such a folder.
pub(super) fn fast_root() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    }
}

/// Removes the folders of testbeds that were killed. What cannot be removed is left: it is somebody else's.
fn sweep(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let named = path.file_name().and_then(|name| name.to_str());
        if named.is_some_and(|name| name.starts_with(PREFIX)) && is_stale(&path) {
            let _ = fs::remove_dir_all(path);
        }
    }
}

fn is_stale(folder: &Path) -> bool {
    let Ok(lock) = File::open(folder.join(LOCK)) else {
        return false;
    };
    let age = lock.metadata().and_then(|metadata| metadata.modified());
    age.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > STALE_AFTER))
        && lock.try_lock().is_ok()
}

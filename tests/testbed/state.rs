//! The folder by which `up`, `down` and `kubeconfig` find each other.

use std::env;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// One folder of state: a lock that the running testbed holds, and small files beside it.
pub(crate) struct State {
    folder: PathBuf,
}

impl State {
    /// Uses `folder`, or `up` in the cache folder of the testbed.
    pub(crate) fn open(folder: Option<PathBuf>) -> io::Result<Self> {
        let folder = folder.or_else(default_folder).ok_or_else(|| {
            io::Error::other("HOME is not set; name a folder for the state with --state")
        })?;
        fs::create_dir_all(&folder)?;
        Ok(Self {
            folder: folder.canonicalize()?,
        })
    }

    /// Becomes the one that is up. The lock goes with the returned file, or with the process.
    pub(crate) fn take(&self) -> io::Result<File> {
        let lock = File::create(self.folder.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::other("another one is starting just now"),
            TryLockError::Error(error) => error,
        })?;
        self.clear();
        Ok(lock)
    }

    /// Whether somebody holds the lock.
    pub(crate) fn is_up(&self) -> io::Result<bool> {
        let lock = File::create(self.folder.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whether the one that is up has finished starting.
    pub(crate) fn is_ready(&self) -> io::Result<bool> {
        Ok(self.is_up()? && self.folder.join("ready").exists())
    }

    /// Says that the start is finished.
    pub(crate) fn set_ready(&self) -> io::Result<()> {
        fs::write(self.folder.join("ready"), "")
    }

    /// Asks the one that is up to end.
    pub(crate) fn ask_to_stop(&self) -> io::Result<()> {
        fs::write(self.folder.join("stop"), "")
    }

    /// Whether somebody asked.
    pub(crate) fn is_asked_to_stop(&self) -> bool {
        self.folder.join("stop").exists()
    }

    /// Removes what speaks of a testbed that is up.
    pub(crate) fn clear(&self) {
        for file in ["ready", "stop", "kubeconfig"] {
            // Not there is as good as removed.
            let _ = fs::remove_file(self.folder.join(file));
        }
    }

    /// The administrator's kubeconfig while a testbed is up.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// What a testbed in the background has printed.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("up.log")
    }

    /// The folder itself.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The same cache folder as in `build.sh`.
fn default_folder() -> Option<PathBuf> {
    let named = env::var_os("FLEETWRIGHT_TESTBED_CACHE").map(PathBuf::from);
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    named
        .or_else(|| Some(cache.or_else(home)?.join("fleetwright/testbed")))
        .map(|folder| folder.join("up"))
}

//! Git's lock files: whoever makes `<file>.lock` may replace `<file>`.
//!
//! A lock that is only held is a hard link to one empty file: a group takes several of them, and a file system may take
//! long to make files where many were deleted a moment ago (ext4 without a journal looks at each of those again).
//!
//! Must not know: what the file says.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::GitError;
use super::pack::file::sync_folder;

/// How long another process may hold a file before we give up. Git holds one for milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// A held lock. Dropped, it is given back and the file stays as it is.
pub(super) struct LockFile {
    path: PathBuf,
    lock: PathBuf,
    held: bool,
}

impl LockFile {
    /// Takes the lock of `path`, waiting a moment for another process; `name` is what an error calls it.
    pub(super) fn take(path: &Path, name: &str) -> Result<Self, GitError> {
        Self::take_by(path, name, make)
    }

    /// Takes the lock of `path` only to hold it: a link to `empty`, which is made where it is missing. It must not be
    /// [replaced](Self::replace).
    pub(super) fn hold(path: &Path, name: &str, empty: &Path) -> Result<Self, GitError> {
        Self::take_by(path, name, |lock| match fs::hard_link(empty, lock) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
            Ok(()) => Ok(()),
            // There is no such file or folder, or a file system without links.
            Err(_) => make(lock).inspect(|()| {
                let _made = make(empty);
            }),
        })
    }

    fn take_by(
        path: &Path,
        name: &str,
        make: impl Fn(&Path) -> std::io::Result<()>,
    ) -> Result<Self, GitError> {
        let mut file_name = path.as_os_str().to_owned();
        file_name.push(".lock");
        let lock = PathBuf::from(file_name);
        let deadline = Instant::now() + PATIENCE;
        loop {
            match make(&lock) {
                Ok(()) => {
                    return Ok(Self {
                        path: path.to_owned(),
                        lock,
                        held: true,
                    });
                }
                Err(error) if error.kind() == ErrorKind::NotFound => make_folder(&lock)?,
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(GitError::io("make", &lock)(error));
                }
                Err(_) if Instant::now() >= deadline => {
                    return Err(GitError::Locked {
                        reference: name.to_owned(),
                    });
                }
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// Replaces the file, and gives the lock back: a reader sees the old content or the new one, and so does whoever
    /// comes after a power cut.
    ///
    /// # Errors
    /// [`GitError::Unsure`] when it is replaced and the disk could not say that it stays so; on any other error
    /// nothing has changed.
    pub(super) fn replace(mut self, content: &[u8]) -> Result<(), GitError> {
        let written = OpenOptions::new()
            .write(true)
            .open(&self.lock)
            .and_then(|mut file| {
                file.write_all(content)?;
                file.sync_all()
            });
        written.map_err(GitError::io("write", &self.lock))?;
        fs::rename(&self.lock, &self.path).map_err(GitError::io("rename", &self.lock))?;
        self.held = false;
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        sync_folder(folder).map_err(|error| GitError::Unsure {
            path: self.path.clone(),
            source: error.into(),
        })
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        if self.held {
            // One that stays is found at the next start.
            let _gone = fs::remove_file(&self.lock);
        }
    }
}

fn make(file: &Path) -> std::io::Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).open(file);
    made.map(drop)
}

/// Makes the folder of a lock; git deletes folders of references that became empty.
fn make_folder(lock: &Path) -> Result<(), GitError> {
    let folder = lock.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).map_err(GitError::io("make", folder))
}

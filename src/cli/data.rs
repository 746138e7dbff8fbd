//! The data folder of a running server: made for its user alone, used by one process at a time.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::failure::Failure;

/// The file that tells where the server listens.
const ADDRESS: &str = "address";
/// How long a data folder may be in use by whoever is just ending.
const PATIENCE: Duration = Duration::from_secs(1);

/// A data folder that this process holds until the value is dropped.
pub(super) struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Makes the folder where it is not there, and takes it.
    pub(super) fn take(path: &Path) -> Result<Self, Failure> {
        let name = path.display();
        let made = make(path);
        made.map_err(|error| {
            Failure::new(format!(
                "cannot make the data folder {name}: {error}; choose another with --data"
            ))
        })?;
        let lock = lock(path)?;
        // Programs that are started elsewhere, like git, must find it too.
        let unfound = |error| Failure::new(format!("cannot find the data folder {name}: {error}"));
        let folder = Self {
            path: path.canonicalize().map_err(unfound)?,
            _lock: lock,
        };
        // What a killed server left there must not be read as ours.
        folder.forget_address();
        Ok(folder)
    }

    /// The folder, as an absolute path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Tells others where the server listens.
    pub(super) fn write_address(&self, address: SocketAddr) -> Result<(), Failure> {
        let (path, new) = (self.path.join(ADDRESS), self.path.join("address.new"));
        let written = std::fs::write(&new, format!("{address}\n"))
            .and_then(|()| std::fs::rename(&new, &path));
        written.map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))
    }

    fn forget_address(&self) {
        let _ = std::fs::remove_file(self.path.join(ADDRESS));
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        self.forget_address();
    }
}

/// Where the server of a data folder listens, when one does.
pub(super) fn address(folder: &Path) -> Option<String> {
    let text = std::fs::read_to_string(folder.join(ADDRESS)).ok()?;
    Some(text.trim().to_owned()).filter(|it| !it.is_empty())
}

/// Makes a folder that is not there; its name then survives a power cut.
fn make(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let path = path.canonicalize()?;
    // A folder of somebody else's may be closed to us: then it is theirs to see to.
    let above = path.parent().map(File::open).and_then(Result::ok);
    above.map_or(Ok(()), |folder| folder.sync_all())
}

/// The lock goes with the process, however it ends; the file stays and holds the process id.
fn lock(folder: &Path) -> Result<File, Failure> {
    let path = folder.join("lock");
    let name = folder.display();
    let unusable = |error| Failure::new(format!("cannot use the data folder {name}: {error}"));
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(unusable)?;
    match wait_for(&file) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let _ = file.read_to_string(&mut pid);
            let pid = pid.trim();
            let text = format!(
                "data folder {name} is in use by another process (pid {pid}); stop it, or choose another folder"
            );
            return Err(Failure::new(text));
        }
        Err(TryLockError::Error(error)) => return Err(unusable(error)),
    }
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(unusable)?;
    Ok(file)
}

/// Takes a lock, patiently: a command that was about to begin when its server was killed holds what the server held, for
/// the moment until it is a program of its own.
fn wait_for(file: &File) -> Result<(), TryLockError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            end => return end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_once_and_free_again_afterwards() {
        let temp = tempfile::tempdir().expect("a folder");
        let path = temp.path().join("data");
        let held = DataFolder::take(&path).expect("free");
        assert!(DataFolder::take(&path).is_err());
        held.write_address("127.0.0.1:1234".parse().expect("an address"))
            .expect("written");
        assert_eq!(address(&path).as_deref(), Some("127.0.0.1:1234"));
        drop(held);
        assert_eq!(address(&path), None);
        assert!(DataFolder::take(&path).is_ok());
    }
}

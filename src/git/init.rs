//! A new repository: made aside, and given its name when all of it is on the disk.
//!
//! A power cut leaves a whole repository or none. Must not know: what will be in it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use git2::{Config, Repository, RepositoryInitOptions};

use super::GitError;
use super::pack::file::sync_folder;

/// What the git program is told once, in the repository's own configuration.
const SETTINGS: [(&str, &str); 7] = [
    // Packing is decided by the one writer, never by whatever command happens to run.
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    // Nobody rewrites published history, not even somebody with the folder mounted.
    ("receive.denyNonFastForwards", "true"),
    ("receive.denyDeletes", "true"),
    // Readers may leave out what they do not need.
    ("uploadpack.allowFilter", "true"),
    // What the git program writes is on the disk before a reference names it.
    ("core.fsync", "committed"),
    ("core.fsyncMethod", "fsync"),
];

/// Makes an empty bare repository, and the folders above it.
pub(super) fn init(path: &Path) -> Result<(), GitError> {
    let entries = path.read_dir().map(|mut entries| entries.next().is_some());
    match entries {
        // A folder that is there may be where a disk is mounted: it cannot be replaced.
        Ok(false) => make(path),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let aside = path.with_added_extension("new");
            match fs::remove_dir_all(&aside) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(GitError::io("delete", &aside)(error));
                }
                _ => make(&aside)?,
            }
            fs::rename(&aside, path).map_err(GitError::io("rename", &aside))?;
            let above = path.parent().filter(|it| !it.as_os_str().is_empty());
            sync_folder(above.unwrap_or(Path::new(".")))
        }
        _ => Err(GitError::Exists {
            path: path.to_owned(),
        }),
    }
}

fn make(path: &Path) -> Result<(), GitError> {
    let mut options = RepositoryInitOptions::new();
    // No template of the machine: it could bring hooks.
    options
        .bare(true)
        .no_reinit(true)
        .mkpath(true)
        .external_template(false)
        .initial_head("refs/heads/main");
    let made = Repository::init_opts(path, &options);
    let repo = made.map_err(|source| GitError::Library {
        doing: "make a repository",
        path: path.to_owned(),
        source: source.into(),
    })?;
    let failed = || GitError::library("configure the repository", &repo);
    let mut config = Config::open(&repo.path().join("config")).map_err(failed())?;
    for (key, value) in SETTINGS {
        config.set_str(key, value).map_err(failed())?;
    }
    sync_all(path)
}

/// Syncs everything below a folder: the library leaves it to the system when that is written.
fn sync_all(folder: &Path) -> Result<(), GitError> {
    let failed = || GitError::io("list", folder);
    for entry in fs::read_dir(folder).map_err(failed())? {
        let path = entry.map_err(failed())?.path();
        if path.is_dir() {
            sync_all(&path)?;
        } else {
            let synced = fs::File::open(&path).and_then(|file| file.sync_all());
            synced.map_err(GitError::io("sync", &path))?;
        }
    }
    sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kill_left_of_a_repository_is_not_taken_for_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data/fleet.git");
        let aside = dir.path().join("data/fleet.git.new");
        fs::create_dir_all(aside.join("objects")).unwrap();
        fs::write(aside.join("HEAD"), "ref: refs/hea").unwrap();
        init(&path).unwrap();
        assert!(!aside.exists());
        let repo = Repository::open_bare(&path).unwrap();
        let config = Config::open(&repo.path().join("config")).unwrap();
        assert_eq!(config.get_string("gc.auto").unwrap(), "0");
        assert!(matches!(init(&path), Err(GitError::Exists { .. })));
    }

    #[test]
    fn an_empty_folder_is_filled() {
        let dir = tempfile::tempdir().unwrap();
        init(dir.path()).unwrap();
        assert!(Repository::open_bare(dir.path()).unwrap().is_bare());
    }
}

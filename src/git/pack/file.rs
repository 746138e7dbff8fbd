//! A finished pack on the disk: written aside, synced, and given its name only then.
//!
//! Must not know: what a pack holds, references.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::Packed;
use crate::git::GitError;
use crate::git::object::ObjectId;

/// The files of an installed pack.
pub(in crate::git) struct Installed {
    pack: PathBuf,
    index: PathBuf,
    /// Whether the very same pack was there before: somebody else's, then, who may have landed it.
    was_there: bool,
}

/// Puts a pack into `objects/pack` of a repository. When this returns, the pack survives a power cut; on an error
/// nothing is left that git would read.
///
/// The index comes last: git takes a pack for there when its index is. The names are those that git gives a file while
/// it is written (`tmp_`), so that git's own clean-up knows what a kill left behind.
pub(in crate::git) fn install(objects: &Path, packed: &Packed) -> Result<Installed, GitError> {
    let folder = objects.join("pack");
    let name = ObjectId(packed.sum);
    let aside = [
        (folder.join(format!("tmp_pack_{name}")), &packed.pack),
        (folder.join(format!("tmp_idx_{name}")), &packed.index),
    ];
    let index = folder.join(format!("pack-{name}.idx"));
    let installed = Installed {
        pack: folder.join(format!("pack-{name}.pack")),
        was_there: index.exists(),
        index,
    };
    let done = aside
        .iter()
        .try_for_each(|(path, bytes)| write_synced(path, bytes))
        .and_then(|()| rename(&aside[0].0, &installed.pack))
        .and_then(|()| rename(&aside[1].0, &installed.index))
        .and_then(|()| sync_folder(&folder));
    if let Err(error) = done {
        for (path, _) in &aside {
            // What cannot be deleted is garbage that upkeep finds.
            let _gone = fs::remove_file(path);
        }
        installed.remove();
        return Err(error);
    }
    Ok(installed)
}

impl Installed {
    /// Takes the pack away again: nothing names its objects. The index goes first, as it came last.
    pub(in crate::git) fn remove(&self) {
        if self.was_there {
            return;
        }
        for path in [&self.index, &self.pack] {
            // What stays is garbage and harms nobody.
            let _gone = fs::remove_file(path);
        }
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), GitError> {
    let file = File::create(path).or_else(|error| match error.kind() {
        // The same pack was begun before, by a process that was killed: read-only already.
        ErrorKind::PermissionDenied => fs::remove_file(path).and_then(|()| File::create(path)),
        _ => Err(error),
    });
    let mut file = file.map_err(GitError::io("make", path))?;
    file.write_all(bytes)
        .and_then(|()| read_only(&file))
        .and_then(|()| file.sync_all())
        .map_err(GitError::io("write", path))
}

/// Objects never change; git makes its own files read-only as well.
fn read_only(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o444))
}

fn rename(from: &Path, to: &Path) -> Result<(), GitError> {
    fs::rename(from, to).map_err(GitError::io("rename", from))
}

/// Makes the names in a folder survive a power cut.
pub(in crate::git) fn sync_folder(folder: &Path) -> Result<(), GitError> {
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(GitError::io("sync", folder))
}

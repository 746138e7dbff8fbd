//! Copies of a prepared fleet to write into. Packs never change, so a copy has links to them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{Prepared, cache};
use crate::git;

/// A folder for one run, on the file system that is measured; it goes when it is dropped.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Result<Self> {
        std::fs::create_dir_all(cache())?;
        let folder = tempfile::Builder::new()
            .prefix("run-")
            .tempdir_in(cache())?;
        Ok(Self(folder))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// A copy with our repository's settings, at `to`.
pub(crate) fn our_copy(prepared: &Prepared, to: &Path) -> Result<()> {
    copy(&prepared.repo, to)
}

/// A copy with git's own settings, at `to`: what git commits is on the disk when it says so, nothing packs by itself.
pub(crate) fn git_copy(prepared: &Prepared, to: &Path) -> Result<()> {
    copy(&prepared.repo, to)?;
    std::fs::write(
        to.join("config"),
        "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n\tfsync = committed\n\
         [gc]\n\tauto = 0\n[receive]\n\tautogc = false\n",
    )?;
    git::run(to, &["rev-parse", "--verify", "--quiet", "main"])?;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (old, new) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&old, &new)?;
        } else if old
            .extension()
            .is_some_and(|it| it == "pack" || it == "idx")
        {
            std::fs::hard_link(&old, &new)
                .with_context(|| format!("could not link {}", new.display()))?;
        } else {
            std::fs::copy(&old, &new)?;
        }
    }
    Ok(())
}

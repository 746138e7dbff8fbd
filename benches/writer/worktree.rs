//! How tools write that work as people do: a work tree with every file of the fleet, and git's command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use fleetwright::plan::Edit;

use crate::fleet::StoreChange;
use crate::git;
use crate::prepare::Prepared;

/// A clone of a fleet with all files checked out.
pub(crate) struct WorkTree {
    pub(crate) path: PathBuf,
    /// The edition that the next change has: no earlier one left the same bytes.
    edition: usize,
}

impl WorkTree {
    /// The one that is kept with the prepared fleet, made now where it is not there yet.
    pub(crate) fn kept(prepared: &Prepared) -> Result<Self> {
        let path = prepared.folder.join("worktree");
        if !path.exists() {
            crate::tell(&format!("checking out {}", prepared.fleet.shape));
            let new = path.with_added_extension(std::process::id().to_string());
            let name = new.to_string_lossy().into_owned();
            let from = prepared.repo.to_string_lossy().into_owned();
            let durable = "core.fsync=committed";
            let args = [
                "clone",
                "-q",
                "-c",
                durable,
                "-c",
                "gc.auto=0",
                &from,
                &name,
            ];
            git::run(&prepared.folder, &args)?;
            fs::rename(new, &path)?;
        }
        let made = git::run(&path, &["rev-list", "--count", "origin/main..HEAD"])?;
        Ok(Self {
            path,
            edition: made.parse::<usize>()? + 1,
        })
    }

    /// Edits, adds and commits one store's files; gives the seconds that took.
    pub(crate) fn commit(&mut self, prepared: &Prepared, store: usize) -> Result<f64> {
        let change = prepared.fleet.changed(store, self.edition)?;
        self.edition += 1;
        let began = Instant::now();
        commit(&self.path, &change)?;
        Ok(began.elapsed().as_secs_f64())
    }
}

/// What tools do for every change: clone, check out, edit, add, commit, push. Gives the seconds that took.
pub(crate) fn whole_sequence(
    url: &str,
    at: &Path,
    depth: &[&str],
    change: &StoreChange,
) -> Result<f64> {
    let folder = at.parent().context("a folder for the clone")?;
    let name = at.to_string_lossy().into_owned();
    let began = Instant::now();
    git::run(folder, &[&["clone", "-q"], depth, &[url, &name]].concat())?;
    commit(at, change)?;
    git::run(at, &["push", "-q", "origin", "HEAD:main"])?;
    let taken = began.elapsed().as_secs_f64();
    fs::remove_dir_all(at)?;
    Ok(taken)
}

fn commit(tree: &Path, change: &StoreChange) -> Result<()> {
    for (path, edit) in &change.main {
        if let Edit::Put(bytes) = edit {
            fs::write(tree.join(path), bytes)?;
        }
    }
    let paths = change.main.keys().map(String::as_str);
    git::run(
        tree,
        &["add", "--"].into_iter().chain(paths).collect::<Vec<_>>(),
    )?;
    git::run(tree, &["commit", "-q", "-m", &change.message])?;
    Ok(())
}

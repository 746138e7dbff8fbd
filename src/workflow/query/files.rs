//! What published main holds for a store: its record and what was rendered from it, as people and Flux read it.

use super::{store, trail};
use crate::domain::record::{Record, record_path, shard};
use crate::domain::request::{Caller, Refusal};
use crate::domain::view::{Manifest, Page, StoreEvent};
use crate::git::{EntryKind, GitError};
use crate::render::store_folder;
use crate::workflow::Fleet;
use crate::workflow::core::Core;

/// A store's files at the published tip; none before it is merged, nor after it is gone.
///
/// # Errors
/// When there is no such store, or none that the caller may see.
fn manifests(core: &Core, caller: &Caller, name: &str) -> Result<Vec<Manifest>, Refusal> {
    let not_found = || Refusal::NotFound(name.to_owned());
    let view = store::<Record>(core, caller, name)?.ok_or_else(not_found)?;
    let cluster = &view.record.spec.cluster;
    let folder = store_folder(cluster, &view.name);
    let sync = format!(
        "clusters/{cluster}/shards/{}/sync/store-{}.yaml",
        shard(&view.name),
        view.name
    );
    let single = [record_path(&view.name), sync];
    read(core, &single, &folder).map_err(|error| Refusal::Unavailable(error.to_string()))
}

fn read(core: &Core, single: &[String], folder: &str) -> Result<Vec<Manifest>, GitError> {
    let Some(tip) = core.published("main")? else {
        return Ok(Vec::new());
    };
    let mut paths = single.to_vec();
    core.repo.files(&tip, folder, &mut |path, entry| {
        if entry.kind == EntryKind::File {
            paths.push(path.to_owned());
        }
    })?;
    let mut files = Vec::new();
    for path in paths {
        // What a person put there may be a folder; then there is no such file.
        let there = core.repo.entry(&tip, &path)?;
        if there.is_some_and(|it| it.kind == EntryKind::File)
            && let Some(bytes) = core.repo.read(&tip, &path)?
        {
            let content = String::from_utf8_lossy(&bytes).into_owned();
            files.push(Manifest { path, content });
        }
    }
    Ok(files)
}

impl Fleet {
    /// What published main holds for a store. Blocks: it reads Git.
    ///
    /// # Errors
    /// When there is no such store, or none that the caller may see.
    pub fn manifests(&self, caller: &Caller, name: &str) -> Result<Vec<Manifest>, Refusal> {
        manifests(&self.0.core, caller, name)
    }

    /// What happened to a store lately, newest first.
    ///
    /// # Errors
    /// As [`manifests`](Self::manifests); or the cursor is none of ours.
    pub fn store_events(
        &self,
        caller: &Caller,
        name: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<StoreEvent>, Refusal> {
        trail::events(&self.0.core, caller, name, limit, cursor)
    }
}

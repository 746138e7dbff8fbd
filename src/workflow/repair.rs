//! Files on main that people touched and must not are put right: rendered files show what the deploy branches hold,
//! and records that nobody was allowed to remove are there.

use super::alarm::ours;
use super::core::{Core, lock};
use super::group::GroupError;
use super::proposals::landing;
use crate::domain::record::{record_path, shard};
use crate::domain::{ClusterName, CommitId, StoreName};
use crate::git::{EntryKind, GitError, Group};
use crate::plan::{Edit, Edits};
use crate::render::{deploy_branch, render_record};

/// A cluster's folder on main that is not what its deploy branch holds.
pub(super) struct Astray {
    /// The folder.
    pub(super) folder: String,
    /// The deploy commit that holds it right.
    pub(super) right: CommitId,
    /// The paths that differ.
    pub(super) paths: Vec<String>,
}

/// The clusters' folders on main that are astray. They are put right whole, whatever lies in them.
pub(super) fn astray(
    core: &Core,
    group: &Group<'_>,
    tip: &CommitId,
    clusters: &[ClusterName],
) -> Result<Vec<Astray>, GitError> {
    let mut found = Vec::new();
    for cluster in clusters {
        let Some(head) = core.repo.branch(&deploy_branch(cluster))? else {
            continue;
        };
        let Some(right) = ours(core, cluster, &head)? else {
            continue;
        };
        let folder = format!("clusters/{cluster}");
        let id = |commit| {
            group
                .entry(commit, &folder)
                .map(|it| it.map(|entry| entry.id))
        };
        if id(tip)? == id(&right)? {
            continue;
        }
        let here = group
            .entry(tip, &folder)?
            .is_some_and(|it| it.kind == EntryKind::Folder);
        let here = here.then_some((tip, folder.as_str()));
        let changes = group.diff_folders(here, Some((&right, &folder)))?;
        let paths = changes
            .into_iter()
            .map(|it| format!("{folder}/{}", it.path))
            .collect();
        found.push(Astray {
            folder,
            right,
            paths,
        });
    }
    Ok(found)
}

/// Adds the records that must be on main again, and forgets those that are there.
pub(super) fn records(
    core: &Core,
    group: &Group<'_>,
    tip: &CommitId,
    edits: &mut Edits,
) -> Result<(), GroupError> {
    let names: Vec<StoreName> = lock(&core.put_back).iter().cloned().collect();
    for name in names {
        let row = core
            .index
            .store(&name)?
            .filter(|row| row.removed_at.is_none());
        // A link or a folder in its place is no record.
        let found = group.entry(tip, &record_path(&name))?;
        let there = found.is_some_and(|it| it.kind == EntryKind::File);
        match row.filter(|_| !there) {
            Some(row) => {
                let (path, bytes) = render_record(&core.templates, &row.record)?;
                edits.insert(path, Edit::Put(bytes));
            }
            None => {
                lock(&core.put_back).remove(&name);
            }
        }
    }
    Ok(())
}

/// What astray paths hold on main that belong to a merged proposal: its stores are deployed as they are there, once it is
/// known that enough people approved it.
pub(super) fn spared(
    core: &Core,
    group: &Group<'_>,
    tip: &CommitId,
    astray: &[Astray],
) -> Result<Edits, GitError> {
    let mut edits = Edits::new();
    if astray.is_empty() {
        return Ok(edits);
    }
    let merged = landing::merged_stores(core, tip)?;
    for path in astray.iter().flat_map(|it| &it.paths) {
        if merged.iter().any(|store| is_of(store, path)) {
            let there = group.read(tip, path)?;
            edits.insert(path.clone(), there.map_or(Edit::Delete, Edit::Put));
        }
    }
    Ok(edits)
}

/// Whether a rendered path belongs to a store, or to the shard that was written with it.
fn is_of(store: &StoreName, path: &str) -> bool {
    let shard = shard(store);
    path.contains(&format!("/shards/{shard}/stores/{store}/"))
        || path.ends_with(&format!("/shards/{shard}/sync/store-{store}.yaml"))
        || path.ends_with(&format!("/shards/{shard}/sync/_shard.yaml"))
        || path.ends_with(&format!("/root/shards/{shard}.yaml"))
        || path.contains("/root/charts/")
}

/// The message of the commit that puts files right.
pub(super) fn message(paths: &[String]) -> String {
    let list: Vec<String> = paths
        .iter()
        .take(50)
        .map(|path| format!("    {path}"))
        .collect();
    let list = list.join("\n");
    format!(
        "put files right\n\n    People may edit records; these files were touched otherwise:\n{list}\n\n\
         Fleetwright-Action: repair\n"
    )
}

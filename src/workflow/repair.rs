//! Files on main that people touched and must not are put right: rendered files show what the deploy branches hold,
//! and records that nobody was allowed to remove are there.

use super::alarm::ours;
use super::core::{Core, lock};
use super::group::GroupError;
use crate::domain::record::record_path;
use crate::domain::{ClusterName, CommitId, StoreName};
use crate::git::GitError;
use crate::plan::{Edit, Edits};
use crate::render::{deploy_branch, render_record};

/// What makes `clusters/<cluster>` on main equal to what the deploy branch holds, for each cluster.
pub(super) fn edits(
    core: &Core,
    tip: &CommitId,
    clusters: &[ClusterName],
) -> Result<Edits, GitError> {
    let mut edits = Edits::new();
    for cluster in clusters {
        let Some(head) = core.repo.branch(&deploy_branch(cluster))? else {
            continue;
        };
        let Some(trusted) = ours(core, cluster, &head)? else {
            continue;
        };
        let folder = format!("clusters/{cluster}");
        for change in core
            .repo
            .diff_folders(Some((tip, &folder)), Some((&trusted, &folder)))?
        {
            let path = format!("{folder}/{}", change.path);
            let edit = match change.new {
                Some(blob) => Edit::Put(core.repo.read_blob(&blob)?),
                None => Edit::Delete,
            };
            edits.insert(path, edit);
        }
    }
    Ok(edits)
}

/// Adds the records that must be on main again, and forgets those that are there.
pub(super) fn records(core: &Core, tip: &CommitId, edits: &mut Edits) -> Result<(), GroupError> {
    let names: Vec<StoreName> = lock(&core.put_back).iter().cloned().collect();
    for name in names {
        let row = core
            .index
            .store(&name)?
            .filter(|row| row.removed_at.is_none());
        let there = core.repo.read(tip, &record_path(&name))?.is_some();
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

/// The message of the commit that puts files right.
pub(super) fn message(edits: &Edits) -> String {
    let paths: Vec<String> = edits
        .keys()
        .take(50)
        .map(|path| format!("    {path}"))
        .collect();
    let list = paths.join("\n");
    format!(
        "put files right\n\n    People may edit records; these files were touched otherwise:\n{list}\n\nFleetwright-Action: repair\n"
    )
}

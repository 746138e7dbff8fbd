//! Rendered files on main that people touched are put right: main shows what the deploy branches hold.

use super::core::Core;
use super::deploy::trusted_head;
use crate::domain::{ClusterName, CommitId};
use crate::git::GitError;
use crate::plan::{Edit, Edits};
use crate::render::deploy_branch;

/// What makes `clusters/<cluster>` on main equal to what the deploy branch holds, for each cluster.
pub(super) fn edits(core: &Core, tip: &CommitId, clusters: &[ClusterName]) -> Result<Edits, GitError> {
    let mut edits = Edits::new();
    for cluster in clusters {
        let Some(head) = core.repo.branch(&deploy_branch(cluster))? else { continue };
        let Some(trusted) = trusted_head(core, &head)? else { continue };
        let folder = format!("clusters/{cluster}");
        for change in core.repo.diff_folders(Some((tip, &folder)), Some((&trusted, &folder)))? {
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

/// The message of the commit that puts rendered files right.
pub(super) fn message(edits: &Edits) -> String {
    let paths: Vec<String> = edits.keys().take(50).map(|path| format!("    {path}")).collect();
    let list = paths.join("\n");
    format!("put rendered files right\n\n    Rendered files are written by Fleetwright only; these were not:\n{list}\n\nFleetwright-Action: repair\n")
}

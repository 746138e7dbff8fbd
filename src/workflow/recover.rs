//! What a kill left half done when a group landed: references move one after the other, deploy branches first.
//!
//! A deploy head names the commit of main that it was made from. Where that commit is ahead of main, the group had
//! begun to land, so the landing is finished rather than taken back: a cluster may have fetched it already.

use crate::domain::trailers::value;
use crate::domain::{ClusterName, CommitId};
use crate::git::{CommitSpec, GitError, Graft, KeyRole, Landed, RefUpdate};
use crate::plan::Edits;
use crate::render::deploy_branch;

use super::core::Core;
use super::deploy::{message, sequence};

/// Finishes a landing that a kill interrupted.
pub(super) fn finish_landing(core: &Core) -> Result<(), GitError> {
    let clusters: Vec<ClusterName> = core.in_force().policy.clusters.keys().cloned().collect();
    let main = core.repo.branch("main")?;
    let Some(source) = begun(core, &clusters, main.as_ref())? else {
        return Ok(());
    };
    tracing::warn!(git.commit = %source, "a landing was interrupted; it is finished");
    let mut updates = Vec::new();
    let mut group = core.repo.group()?;
    for cluster in &clusters {
        let Some(head) = core.repo.branch(&deploy_branch(cluster))? else {
            continue;
        };
        // A group puts rendered files right before it writes, so its tip holds what the deploy branch shall hold.
        let folder = format!("clusters/{cluster}");
        let made = group.commit(&CommitSpec {
            parent: Some(&head),
            grafts: &[Graft {
                folder: &folder,
                commit: &source,
                path: &folder,
            }],
            edits: &Edits::new(),
            even_if_same: false,
            message: &message(cluster, &source, sequence(&core.repo, &head)? + 1, 0),
            author: &core.settings.author,
            committer: &core.settings.author,
            time_seconds: Core::now().as_second(),
            key: &core.keys.deploy,
        })?;
        updates
            .extend(made.map(|made| RefUpdate::branch(&deploy_branch(cluster), Some(head), made)));
    }
    updates.push(RefUpdate::branch("main", main, source));
    match group.land(&updates)? {
        Landed::Yes => {}
        Landed::Moved { reference } => {
            tracing::warn!(reference, "somebody moved a branch meanwhile; theirs stays");
        }
    }
    Ok(())
}

/// The commit of main that a deploy head was made from and that main has not reached.
fn begun(
    core: &Core,
    clusters: &[ClusterName],
    main: Option<&CommitId>,
) -> Result<Option<CommitId>, GitError> {
    for cluster in clusters {
        let Some(head) = core.repo.branch(&deploy_branch(cluster))? else {
            continue;
        };
        if core.repo.verified(&head, &core.keys.ring)? != Some(KeyRole::Deploy) {
            continue;
        }
        let info = core.repo.commit_info(&head)?;
        let Some(source) =
            value(&info.message, "Fleetwright-Source").and_then(|it| it.parse::<CommitId>().ok())
        else {
            continue;
        };
        let known = core.repo.contains(&source)?;
        let ahead = match main {
            Some(main) if known => source != *main && core.repo.is_ancestor(main, &source)?,
            _ => known && main.is_none(),
        };
        if ahead && core.repo.verified(&source, &core.keys.ring)? == Some(KeyRole::Main) {
            return Ok(Some(source));
        }
    }
    Ok(None)
}

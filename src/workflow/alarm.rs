//! Deploy branches are ours alone: a head that our key did not sign, or one that our newest commit is not behind, is an
//! alarm, and is put right by a commit on top of it.
//!
//! `refs/fleetwright/deploy/<cluster>` remembers our newest published deploy commit, so that a branch that was forced
//! back is noticed and nothing that was deployed since is taken for dropped.

use jiff::SignedDuration;

use super::core::{Core, lock};
use crate::domain::{ClusterName, CommitId};
use crate::git::{GitError, KeyRole, RefUpdate};
use crate::render::deploy_branch;

/// How far back a trusted head is looked for behind foreign commits on a deploy branch.
const FOREIGN_DEPTH: usize = 1000;
/// How long an alarm is shown after its cause was put right, in hours.
const SHOWN_HOURS: i64 = 1;

/// Forgets alarms that were shown long enough.
pub(super) fn forget_old(core: &Core) {
    let limit = Core::now()
        .checked_sub(SignedDuration::from_hours(SHOWN_HOURS))
        .unwrap_or_default();
    lock(&core.deploy_alarms).retain(|_, (at, _)| *at > limit);
}

/// Looks at every published deploy branch: remembers ours, and notes what is wrong.
pub(super) fn look_at_deploy_branches(core: &Core) -> Result<(), GitError> {
    let mut moves = Vec::new();
    for cluster in core.in_force().policy.clusters.keys() {
        let Some(head) = core.published_deploy(cluster)? else {
            continue;
        };
        let mark = core.repo.reference(&mark(cluster))?;
        if follows(core, &head, mark.as_ref())? {
            if mark.as_ref() != Some(&head) {
                moves.push(RefUpdate {
                    reference: self::mark(cluster),
                    old: mark,
                    new: head,
                });
            }
            continue;
        }
        let author = core.repo.commit_info(&head)?.author.email;
        let ours = ours(core, cluster, &head)?;
        let ours = ours.map_or_else(
            || "none of ours is known".to_owned(),
            |it| format!("our newest is {it}"),
        );
        let text = format!(
            "deploy/{cluster} was moved by {author} to {head}, which our deploy key did not sign on top of our newest \
             commit; {ours}; it is put right by a new commit"
        );
        tracing::error!(deploy.cluster = %cluster, deploy.head = %head, "{text}");
        lock(&core.deploy_alarms).insert(cluster.clone(), (Core::now(), text));
    }
    // All marks in one step, which is synced once. Only this writer moves them.
    let _landed = core.repo.update(&moves)?;
    Ok(())
}

/// The deploy commit of ours whose tree a cluster's next one begins with.
pub(super) fn ours(
    core: &Core,
    cluster: &ClusterName,
    head: &CommitId,
) -> Result<Option<CommitId>, GitError> {
    let mark = core.repo.reference(&mark(cluster))?;
    if follows(core, head, mark.as_ref())? {
        return Ok(Some(head.clone()));
    }
    match mark {
        Some(mark) => Ok(Some(mark)),
        None => trusted(core, head),
    }
}

/// Whether a head is signed with our deploy key and has our newest commit behind it.
fn follows(core: &Core, head: &CommitId, mark: Option<&CommitId>) -> Result<bool, GitError> {
    if mark == Some(head) {
        return Ok(true);
    }
    if core.repo.verified(head, &core.keys.ring)? != Some(KeyRole::Deploy) {
        return Ok(false);
    }
    mark.map_or(Ok(true), |mark| core.repo.is_ancestor(mark, head))
}

/// The newest commit at or behind a head that our deploy key signed.
pub(super) fn trusted(core: &Core, head: &CommitId) -> Result<Option<CommitId>, GitError> {
    let mut at = Some(head.clone());
    for _ in 0..FOREIGN_DEPTH {
        let Some(commit) = at else { return Ok(None) };
        if core.repo.verified(&commit, &core.keys.ring)? == Some(KeyRole::Deploy) {
            return Ok(Some(commit));
        }
        at = core.repo.commit_info(&commit)?.parents.into_iter().next();
    }
    Ok(None)
}

/// The reference that remembers our newest published deploy commit.
pub(super) fn mark(cluster: &ClusterName) -> String {
    format!("refs/fleetwright/{}", deploy_branch(cluster))
}

//! Deploy branches are ours alone: a head that our key did not sign, or a sequence that fell, is an alarm.

use super::core::{Core, lock};
use super::deploy::trusted_head;
use crate::git::{GitError, KeyRole};
use crate::render::deploy_branch;

/// Looks at every published deploy branch and notes what is wrong with it.
pub(super) fn look_at_deploy_branches(core: &Core) -> Result<(), GitError> {
    for cluster in core.in_force().policy.clusters.keys() {
        let Some(head) = core.published(&deploy_branch(cluster))? else {
            continue;
        };
        let ours = core.repo.verified(&head, &core.keys.ring)? == Some(KeyRole::Deploy);
        if ours {
            continue;
        }
        let author = core.repo.commit_info(&head)?.author.email;
        let trusted = trusted_head(core, &head)?;
        let back = trusted.map_or_else(
            || "none of ours is behind it".to_owned(),
            |it| format!("ours behind it is {it}"),
        );
        let text = format!(
            "deploy/{cluster} was moved by {author} to {head}, which our deploy key did not sign; {back}; it is put right by a new commit"
        );
        tracing::error!(deploy.cluster = %cluster, deploy.head = %head, "{text}");
        lock(&core.deploy_alarms).insert(cluster.clone(), text);
    }
    Ok(())
}

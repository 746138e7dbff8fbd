//! Deploy commits: what a cluster may run, composed from accepted records only, and signed with the deploy key.

use std::collections::BTreeSet;

use super::alarm;
use super::core::{Core, InForce};
use super::group::GroupError;
use crate::domain::trailers::{Landed, MERGED, value};
use crate::domain::{ClusterName, CommitId, StoreName};
use crate::git::{CommitSpec, EntryKind, FleetRepo, GitError, Graft, Group};
use crate::plan::{Edit, Edits};
use crate::render::{Files, deploy_branch, render_store, root_files};

/// Stores whose folders an accepted deletion takes away.
pub(super) type Dropped = BTreeSet<StoreName>;

/// What a group wants deployed to one cluster.
pub(super) struct Order<'a> {
    /// The cluster.
    pub(super) cluster: &'a ClusterName,
    /// The group's edits below its folder.
    pub(super) edits: &'a Edits,
    /// Stores whose deletion was accepted.
    pub(super) dropped: &'a Dropped,
    /// main before the group's changes.
    pub(super) base: Option<&'a CommitId>,
    /// main after them.
    pub(super) source: &'a CommitId,
    /// Changes that people merged at a forge, and that this commit is the first to carry.
    pub(super) landed: &'a [Landed],
}

/// The old head (none for a new branch) and the new one.
type Moved = (Option<CommitId>, CommitId);

/// Makes the deploy commit of a cluster where its tree changes: edits of a group, charts newly in force, a
/// foreign head put right, or the branch's very first commit.
pub(super) fn commit(
    core: &Core,
    group: &mut Group<'_>,
    in_force: &InForce,
    order: &Order<'_>,
) -> Result<Option<Moved>, GroupError> {
    let Order {
        cluster,
        edits,
        dropped,
        source,
        ..
    } = *order;
    let head = core.repo.branch(&deploy_branch(cluster))?;
    let trusted = match &head {
        Some(head) => alarm::ours(core, cluster, head)?,
        None => None,
    };
    let folder = format!("clusters/{cluster}");
    let whole_folder = reusable(group, order, &folder, head.as_ref(), trusted.as_ref())?;
    let mut all = if whole_folder {
        Edits::new()
    } else {
        edits.clone()
    };
    if trusted.is_none() {
        for (path, bytes) in whole(core, in_force, cluster)? {
            all.entry(path).or_insert(Edit::Put(bytes));
        }
    }
    let mut grafts = vec![Graft {
        folder: "charts",
        commit: &in_force.commit,
        path: "charts",
    }];
    if whole_folder {
        grafts.push(Graft {
            folder: &folder,
            commit: source,
            path: &folder,
        });
    }
    if let Some(trusted) = trusted.as_ref().filter(|it| Some(*it) != head.as_ref()) {
        // Somebody else's commit is on top: what it did to the tree is undone, its history stays.
        grafts.push(Graft {
            folder: "clusters",
            commit: trusted,
            path: "clusters",
        });
    }
    let behind = [trusted.as_ref(), head.as_ref()].into_iter().flatten();
    let sequences = behind
        .map(|it| sequence(&core.repo, it))
        .collect::<Result<Vec<_>, _>>()?;
    let sequence = sequences.into_iter().max().unwrap_or(0) + 1;
    let text = message(cluster, source, sequence, edits.len())
        + &before(core, trusted.as_ref())?
        + &Landed::lines(order.landed);
    let made = group.commit(&CommitSpec {
        parent: head.as_ref(),
        grafts: &grafts,
        edits: &all,
        even_if_same: trusted != head,
        message: &text,
        author: &core.settings.author,
        committer: &core.settings.author,
        time_seconds: Core::now().as_second(),
        key: &core.keys.deploy,
    })?;
    let Some(made) = made else { return Ok(None) };
    guard(
        core,
        group,
        cluster,
        trusted.as_ref(),
        &made,
        edits,
        dropped,
    )?;
    Ok(Some((head, made)))
}

/// Whether the cluster's folder on main can be taken over as it is: before the group's changes it was, to the byte,
/// what the deploy branch holds, so that it holds nothing but that and these changes.
fn reusable(
    group: &Group<'_>,
    order: &Order<'_>,
    folder: &str,
    head: Option<&CommitId>,
    trusted: Option<&CommitId>,
) -> Result<bool, GitError> {
    let (Some(head), Some(base)) = (head.filter(|it| Some(*it) == trusted), order.base) else {
        return Ok(false);
    };
    let here = group.entry(base, folder)?;
    Ok(here.is_some() && here == group.entry(head, folder)?)
}

/// Everything a new deploy branch holds: the cluster's own files, and every accepted store's rendering.
fn whole(core: &Core, in_force: &InForce, cluster: &ClusterName) -> Result<Files, GroupError> {
    let mut files = root_files(&core.templates, &in_force.policy, cluster)?;
    let mut rows = Vec::new();
    core.index.stores(None, &mut |_, row| {
        rows.extend(
            Some(row).filter(|row| row.removed_at.is_none() && row.record.spec.cluster == *cluster),
        );
        true
    })?;
    for row in rows {
        let rendered = render_store(&core.templates, &in_force.policy, &row.record)?;
        files.extend(rendered.shared);
        files.extend(rendered.own);
    }
    Ok(files)
}

/// The sequence number that a deploy commit carries.
pub(super) fn sequence(repo: &FleetRepo, commit: &CommitId) -> Result<u64, GitError> {
    Ok(sequence_in(&repo.commit_info(commit)?.message))
}

/// The same, from the commit's message.
pub(super) fn sequence_in(message: &str) -> u64 {
    let word = value(message, "Fleetwright-Sequence");
    word.and_then(|it| it.parse().ok()).unwrap_or(0)
}

/// The trailer that names the newest deploy commit with something that people merged at a forge.
const MERGED_BEFORE: &str = "Fleetwright-Merged-Before";

/// That trailer for what follows a commit.
fn before(core: &Core, trusted: Option<&CommitId>) -> Result<String, GitError> {
    let Some(trusted) = trusted else {
        return Ok(String::new());
    };
    let message = core.repo.commit_info(trusted)?.message;
    let newest = if value(&message, MERGED).is_some() {
        Some(trusted.clone())
    } else {
        landed_before(&message)
    };
    Ok(newest.map_or_else(String::new, |it| format!("{MERGED_BEFORE}: {it}\n")))
}

/// The newest deploy commit before one that carries something that people merged at a forge.
pub(super) fn landed_before(message: &str) -> Option<CommitId> {
    value(message, MERGED_BEFORE)?.parse().ok()
}

pub(super) fn message(
    cluster: &ClusterName,
    source: &CommitId,
    sequence: u64,
    files: usize,
) -> String {
    format!(
        "deploy to {cluster}\n\n    {files} files changed\n\nFleetwright-Source: {source}\nFleetwright-Sequence: {sequence}\n"
    )
}

/// Refuses a tree that lost stores without an accepted deletion, however that came about.
fn guard(
    core: &Core,
    group: &Group<'_>,
    cluster: &ClusterName,
    before: Option<&CommitId>,
    after: &CommitId,
    edits: &Edits,
    allowed: &Dropped,
) -> Result<(), GroupError> {
    let Some(before) = before else { return Ok(()) };
    let shards: BTreeSet<&str> = edits
        .keys()
        .filter_map(|path| path.split('/').nth(3))
        .collect();
    let (mut had, mut has) = (BTreeSet::new(), BTreeSet::new());
    for shard in shards {
        let folder = format!("clusters/{cluster}/shards/{shard}/stores");
        had.extend(names(group, before, &folder)?);
        has.extend(names(group, after, &folder)?);
    }
    let policy = core.in_force().policy;
    let at_once = policy
        .clusters
        .get(cluster)
        .map_or(0, |it| it.deletes_at_once);
    let share = policy.mass_limit(core.desk().book.stores());
    let most = (!core.settings.lift_limits).then_some(share.max(at_once));
    let allowed = allowed.iter().map(ToString::to_string).collect();
    match dropped_wrongly(&had, &has, &allowed, most) {
        lost if lost.is_empty() => Ok(()),
        lost => Err(GroupError::Drops {
            cluster: cluster.clone(),
            stores: lost.into_iter().collect::<Vec<_>>().join(", "),
        }),
    }
}

/// The stores that a deploy tree must not lose: `had` and `has` are the stores' folders before and after, `allowed`
/// those whose deletion was accepted, of which `most` may go at once (none: any number).
fn dropped_wrongly(
    had: &BTreeSet<String>,
    has: &BTreeSet<String>,
    allowed: &BTreeSet<String>,
    most: Option<u32>,
) -> BTreeSet<String> {
    let lost: BTreeSet<String> = had.difference(has).cloned().collect();
    let too_many = most.is_some_and(|most| u32::try_from(allowed.len()).unwrap_or(u32::MAX) > most);
    if too_many {
        return lost.union(allowed).cloned().collect();
    }
    lost.difference(allowed).cloned().collect()
}

fn names(group: &Group<'_>, commit: &CommitId, folder: &str) -> Result<BTreeSet<String>, GitError> {
    let entries = group.list(commit, folder)?;
    Ok(entries
        .into_iter()
        .filter(|it| it.kind == EntryKind::Folder)
        .map(|it| it.name)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deploy_tree_loses_only_what_may_go_and_not_too_much_of_it() {
        let set = |names: &str| -> BTreeSet<String> {
            names.split_whitespace().map(str::to_owned).collect()
        };
        for (had, has, allowed, most, refused) in [
            ("", "", "", Some(3), ""),
            ("a b", "a b c", "", Some(3), ""),
            ("a b c", "a b c", "", Some(0), ""),
            ("a b c", "b c", "", Some(3), "a"),
            ("a b c", "", "a", Some(3), "b c"),
            ("a b c", "b c", "a", Some(3), ""),
            ("a b c", "b c", "a", Some(0), "a"),
            ("a b c d", "", "a b c d", Some(3), "a b c d"),
            ("a b c d", "", "a b c d", Some(4), ""),
            ("a b c d", "", "a b c d", None, ""),
            // without limits a store that nobody deleted is still not dropped
            ("a b c d", "", "a b c", None, "d"),
            // deletions count whether or not their folders are seen here
            ("x", "", "a b", Some(1), "a b x"),
        ] {
            let wrongly = dropped_wrongly(&set(had), &set(has), &set(allowed), most);
            assert_eq!(wrongly, set(refused), "{had} -> {has}, {allowed} {most:?}");
        }
    }
}

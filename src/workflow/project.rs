//! From published commits to the index: the same projection for a group just landed and for a rebuild.
//!
//! Trailers count only on commits that our own key signed.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::core::{Core, lock};
use super::derive::read_record;
use super::reserve;
use crate::domain::change::{Action, Change, State};
use crate::domain::entry::{Projection, StoreRow};
use crate::domain::policy::ClusterPolicy;
use crate::domain::record::{Record, record_path};
use crate::domain::trailers::{self, Trailers};
use crate::domain::view::HistoryItem;
use crate::domain::{ChangeId, ClusterName, CommitId, StoreName};
use crate::git::{CommitInfo, GitError, KeyRole};
use crate::index::IndexError;
use crate::journal::JournalError;
use crate::render::{digest_in, store_folder};

/// Why published commits are not in the index.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProjectError {
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The index failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// One of our commits.
struct Ours {
    id: CommitId,
    parent: Option<CommitId>,
    at: Timestamp,
    title: String,
    trailers: Trailers,
}

/// Brings the index up to published main, and lets go of what is published now.
pub(super) fn catch_up(core: &Core) -> Result<(), ProjectError> {
    let Some(tip) = core.published("main")? else {
        return Ok(());
    };
    let from = match core.index.tip()? {
        Some(from) if from == tip => return Ok(()),
        Some(from) if core.repo.contains(&from)? && core.repo.is_ancestor(&from, &tip)? => {
            Some(from)
        }
        Some(_) => {
            tracing::warn!("the index does not belong to this repository; it is rebuilt");
            core.index.clear()?;
            None
        }
        None => None,
    };
    if from.is_none() {
        // How changes ended is known to the journal only: Git says what was written, not what became of it.
        let ended = Projection {
            changes: core.journal.ended()?,
            ..Projection::default()
        };
        core.index.apply(&ended)?;
    }
    let commits = ours(core, &tip, from.as_ref())?;
    let projection = project(core, &commits, &tip)?;
    core.index.apply(&projection)?;
    let published: Vec<ChangeId> = projection.changes.iter().map(|it| it.id.clone()).collect();
    core.journal.settle(&published, &[])?;
    settle_desk(core, &projection, &published);
    core.published.send_replace(());
    for id in &published {
        core.ring(id);
    }
    Ok(())
}

/// Our commits after `from`, oldest first.
fn ours(core: &Core, tip: &CommitId, from: Option<&CommitId>) -> Result<Vec<Ours>, GitError> {
    let mut found = Vec::new();
    for info in core.repo.since(tip, from)? {
        found.extend(own(core, info)?);
    }
    Ok(found)
}

fn own(core: &Core, info: CommitInfo) -> Result<Option<Ours>, GitError> {
    let Some(trailers) = trailers::parse(&info.message) else {
        return Ok(None);
    };
    if core.repo.verified(&info.id, &core.keys.ring)? != Some(KeyRole::Main) {
        return Ok(None);
    }
    Ok(Some(Ours {
        at: Timestamp::from_second(info.time).unwrap_or_default(),
        title: info.message.lines().next().unwrap_or_default().to_owned(),
        parent: info.parents.into_iter().next(),
        id: info.id,
        trailers,
    }))
}

/// What commits of ours change in the index.
fn project(core: &Core, commits: &[Ours], tip: &CommitId) -> Result<Projection, ProjectError> {
    let mut changes: HashMap<ChangeId, Change> = HashMap::new();
    let mut order = Vec::new();
    let mut last: BTreeMap<StoreName, (&Ours, ChangeId)> = BTreeMap::new();
    let mut projection = Projection {
        tip: Some(tip.clone()),
        ..Projection::default()
    };
    for commit in commits {
        let trailers = &commit.trailers;
        let id = &trailers.change;
        if !changes.contains_key(id) {
            order.push(id.clone());
            changes.insert(id.clone(), change_of(core, commit)?);
        }
        if let Some(change) = changes.get_mut(id) {
            let previous = last.get(&trailers.store).map(|(_, id)| id.clone());
            let cluster = cluster_of(core, &commit.trailers.store, commit)?;
            merged(core, change, commit, cluster.as_ref());
            if let Some(previous) = previous
                .filter(|it| it != id)
                .and_then(|it| changes.get_mut(&it))
            {
                overtaken(previous, id, commit.at);
            }
        }
        projection
            .history
            .push((trailers.uid.clone(), history_item(commit)));
        last.insert(trailers.store.clone(), (commit, id.clone()));
    }
    for (name, (commit, id)) in &last {
        if let Some(before) = core.index.store(name)?
            && before.uid == commit.trailers.uid
            && before.change != *id
            && let Some(mut earlier) = core.index.change(&before.change)?
            && overtaken(&mut earlier, id, commit.at)
        {
            projection.changes.push(earlier);
        }
        if let Some(row) = row(core, name, commit)? {
            projection.stores.push((name.clone(), row));
        }
    }
    projection
        .changes
        .extend(order.iter().filter_map(|id| changes.remove(id)));
    Ok(projection)
}

/// A change as the desk or the index has it; from its trailers where neither does.
fn change_of(core: &Core, commit: &Ours) -> Result<Change, ProjectError> {
    let trailers = &commit.trailers;
    if let Some(entry) = core.desk().entry(&trailers.change) {
        return Ok(entry.change.clone());
    }
    if let Some(change) = core.index.change(&trailers.change)? {
        return Ok(change);
    }
    let millis = i64::try_from(trailers.change.accepted_ms()).unwrap_or_default();
    let accepted = Timestamp::from_millisecond(millis).unwrap_or_default();
    let (id, store, uid) = (
        trailers.change.clone(),
        trailers.store.clone(),
        trailers.uid.clone(),
    );
    Ok(Change::queued(
        id,
        store,
        uid,
        trailers.action,
        trailers.requester.clone(),
        accepted,
    ))
}

/// Moves a change to merged. The second commit of a deletion leaves its state as it is.
fn merged(core: &Core, change: &mut Change, commit: &Ours, cluster: Option<&ClusterName>) {
    let first = commit.trailers.step == 1;
    // A commit's time has whole seconds; a timeline does not go back for that.
    let at = commit.at.max(change.updated_at);
    change.commit = Some(commit.id.clone());
    if !first || !change.go(State::Merged, at, Some(format!("commit {}", commit.id))) {
        return;
    }
    let watched = cluster.is_some_and(|it| core.watched.contains_key(it));
    if watched {
        let policy = core.in_force().policy;
        let seconds = cluster
            .and_then(|it| policy.clusters.get(it))
            .map_or(900, ClusterPolicy::deadline_seconds);
        change.deadline = at.checked_add(SignedDuration::from_secs(seconds)).ok();
    } else {
        change.waiting_for = Some(
            "nothing more: no cluster is watched, so this is as far as it can be followed"
                .to_owned(),
        );
    }
}

/// The cluster of the store that a commit is about.
fn cluster_of(
    core: &Core,
    name: &StoreName,
    commit: &Ours,
) -> Result<Option<ClusterName>, ProjectError> {
    if let Some(row) = core
        .index
        .store(name)?
        .filter(|row| row.uid == commit.trailers.uid)
    {
        return Ok(Some(row.record.spec.cluster));
    }
    Ok(read(core, name, &commit.id)?.map(|record| record.spec.cluster))
}

/// A merged change that a later one overtook before Flux had it.
fn overtaken(change: &mut Change, by: &ChangeId, at: Timestamp) -> bool {
    // Where no cluster is watched merged is the end; only a followed change has a deadline.
    let followed = change.deadline.is_some() && change.state.is_merged();
    if !followed || change.action == Action::Delete {
        return false;
    }
    change.superseded_by = Some(by.clone());
    change.go(State::Superseded, at, Some(format!("overtaken by {by}")))
}

fn history_item(commit: &Ours) -> HistoryItem {
    HistoryItem {
        commit: commit.id.clone(),
        change: commit.trailers.change.clone(),
        action: commit.trailers.action,
        requester: commit.trailers.requester.clone(),
        at: commit.at,
        title: commit.title.clone(),
        diff: None,
    }
}

/// A store's row as its newest commit of ours left it.
fn row(core: &Core, name: &StoreName, commit: &Ours) -> Result<Option<StoreRow>, ProjectError> {
    let here = read(core, name, &commit.id)?;
    let removed_at = here.is_none().then_some(commit.at);
    let at = if here.is_some() {
        Some(&commit.id)
    } else {
        commit.parent.as_ref()
    };
    let before = core
        .index
        .store(name)?
        .filter(|row| row.uid == commit.trailers.uid);
    let record = match (here, at) {
        (Some(record), _) => Some(record),
        (None, Some(parent)) => read(core, name, parent)?,
        (None, None) => None,
    };
    let Some(record) = record else {
        return Ok(None);
    };
    // A change that is known to have reached its goal says what the cluster showed then; a rebuild has no other word.
    let reached = core
        .index
        .change(&commit.trailers.change)?
        .is_some_and(|it| it.state == State::Ready);
    let created_ms = i64::try_from(ulid_ms(&commit.trailers)).unwrap_or_default();
    let created_at = Timestamp::from_millisecond(created_ms).unwrap_or(commit.at);
    let spec_hash = match at {
        Some(at) => spec_hash(core, &record, at)?,
        None => String::new(),
    };
    Ok(Some(StoreRow {
        uid: commit.trailers.uid.clone(),
        desired: commit.id.clone(),
        deploy: core.published_deploy(&record.spec.cluster)?,
        spec_hash,
        change: commit.trailers.change.clone(),
        applied: if reached {
            Some(commit.id.clone())
        } else {
            before.and_then(|row| row.applied)
        },
        created_at,
        updated_at: commit.at.max(created_at),
        gone: removed_at.is_some() && (reached || !core.watched.contains_key(&record.spec.cluster)),
        removed_at,
        notice: None,
        template: commit.trailers.template.clone(),
        record,
    }))
}

fn ulid_ms(trailers: &Trailers) -> u64 {
    ulid::Ulid::from_string(trailers.uid.as_str()).map_or(0, |it| it.timestamp_ms())
}

fn read(core: &Core, name: &StoreName, commit: &CommitId) -> Result<Option<Record>, GitError> {
    let bytes = core.repo.read(commit, &record_path(name))?;
    Ok(bytes.and_then(|bytes| read_record(name, &bytes).ok()))
}

fn spec_hash(core: &Core, record: &Record, commit: &CommitId) -> Result<String, GitError> {
    let path = format!(
        "{}/tenant.yaml",
        store_folder(&record.spec.cluster, record.name())
    );
    let file = core.repo.read(commit, &path)?.unwrap_or_default();
    Ok(digest_in(&file, "spec").unwrap_or_default().to_owned())
}

/// Lets go of what is published, and notes in the book what stores take now.
fn settle_desk(core: &Core, projection: &Projection, published: &[ChangeId]) {
    let mut desk = core.desk();
    for id in published {
        desk.remove(id);
    }
    desk.forget_written(|commit| {
        let tip = projection.tip.as_ref();
        tip.is_some_and(|tip| core.repo.is_ancestor(commit, tip).unwrap_or(false))
    });
    for (name, row) in &projection.stores {
        reserve::settle(core, &mut desk, name, Some(row));
    }
    drop(desk);
    for (name, row) in &projection.stores {
        lock(&core.foreign).remove(&record_path(name));
        tear_down_unwatched(core, name, row);
    }
}

/// Where nobody tells when a release is gone, the second commit of a deletion follows the first.
pub(super) fn tear_down_unwatched(core: &Core, name: &StoreName, row: &StoreRow) {
    let watched = core.watched.contains_key(&row.record.spec.cluster);
    if !watched && row.record.metadata.deletion.is_some() && row.removed_at.is_none() {
        core.desk().tear_down(name.clone());
        core.wake.notify_one();
    }
}

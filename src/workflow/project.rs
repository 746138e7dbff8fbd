//! From published commits to the index: the same projection for a group just landed and for a rebuild.
//!
//! Trailers count only on commits that our own key signed.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::core::{Core, lock};
use super::parallel::ahead;
use super::reserve;
use super::settings::Mode;
use crate::domain::audit::{self, AuditItem};
use crate::domain::change::{Action, Change, MilestoneName, State};
use crate::domain::entry::{Projection, StoreRow};
use crate::domain::policy::ClusterPolicy;
use crate::domain::record::record_path;
use crate::domain::trailers::{self, Trailers};
use crate::domain::view::HistoryItem;
use crate::domain::{ChangeId, ClusterName, CommitId, StoreName};
use crate::git::{CommitInfo, GitError, KeyRole};
use crate::index::IndexError;
use crate::journal::JournalError;

mod landings;
mod rows;

use landings::Landings;
use rows::{Heads, Rows};

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
    author: String,
    trailers: Trailers,
    /// The same, as its message has them.
    named: BTreeMap<String, String>,
}

/// How many commits are taken into the index at once: memory for a rebuild is bounded by this, not by the history.
const CHUNK: usize = 250;

/// Brings the index up to published main, and lets go of what is published now. Says whether it was built anew: then
/// the book has every store.
pub(super) fn catch_up(core: &Core) -> Result<bool, ProjectError> {
    let Some(tip) = core.published("main")? else {
        return Ok(false);
    };
    let from = match core.index.tip()? {
        Some(from) if from == tip => {
            take_in_landings(core, &tip, &mut Landings::news(core, false)?, &[])?;
            return Ok(false);
        }
        Some(from) if core.repo.contains(&from)? && core.repo.is_ancestor(&from, &tip)? => {
            Some(from)
        }
        Some(_) => {
            tracing::warn!("the index does not belong to this repository; it is rebuilt");
            None
        }
        None => None,
    };
    if from.is_none() {
        // A rebuild that was cut short has left a part behind.
        core.index.clear()?;
        // How changes ended is known to the journal only: Git says what was written, not what became of it.
        let ended = Projection {
            changes: core.journal.ended()?,
            ..Projection::default()
        };
        core.index.apply(&ended)?;
    }
    let ids = core.repo.since(&tip, from.as_ref())?;
    let mut landings = Landings::news(core, from.is_none())?;
    take_in_landings(core, &tip, &mut landings, &ids)?;
    let mut ours = 0;
    let mut taken = 0;
    let chunks: Vec<&[CommitId]> = ids.chunks(CHUNK).collect();
    let heads = Heads::default();
    let read = |chunk: &&[CommitId]| Part::read(core, &tip, &heads, &landings, chunk);
    ahead(&chunks, read, |part| {
        ours += part.commits.len();
        taken += part.of;
        let Part {
            commits,
            rows,
            audit,
            ..
        } = part;
        let mut projection = project(core, &commits, rows)?;
        projection.audit = audit;
        if taken == ids.len() {
            projection.tip = Some(tip.clone());
            projection.landed.clone_from(&landings.seen);
        }
        take_in(core, &projection, &commits)
    })?;
    core.published.send_replace(());
    if ours == ids.len() {
        nothing_by_hand(core, from.as_ref(), tip.clone());
    }
    Ok(from.is_none())
}

/// Some commits, with what Git knows of their stores.
struct Part<'a> {
    /// How many commits they are, ours and others.
    of: usize,
    /// Those that are ours.
    commits: Vec<Ours>,
    rows: Rows<'a>,
    /// What the audit tells of all of them.
    audit: Vec<AuditItem>,
}

impl<'a> Part<'a> {
    fn read(
        core: &'a Core,
        tip: &'a CommitId,
        heads: &'a Heads,
        landings: &Landings,
        ids: &[CommitId],
    ) -> Result<Self, ProjectError> {
        let (audit, commits) = looked_at(core, landings, ids)?;
        let rows = Rows::around(core, tip, heads, &commits)?;
        Ok(Self {
            of: ids.len(),
            commits,
            rows,
            audit,
        })
    }
}

/// Puts a part into the index, and lets go of what is published with it.
fn take_in(core: &Core, projection: &Projection, commits: &[Ours]) -> Result<(), ProjectError> {
    core.index.apply(projection)?;
    let published: Vec<ChangeId> = {
        let desk = core.desk();
        let changes = projection.changes.iter();
        let open = changes.filter(|it| desk.entry(&it.id).is_some());
        open.map(|it| it.id.clone()).collect()
    };
    core.journal.release(&published)?;
    settle_desk(core, projection, commits, &published);
    for change in &projection.changes {
        core.ring(change);
    }
    Ok(())
}

/// Commits of ours alone bring no hand edit: those of them that were all looked at are looked at again nowhere.
fn nothing_by_hand(core: &Core, from: Option<&CommitId>, tip: CommitId) {
    let mut seen = lock(&core.seen);
    if from.is_some() && seen.as_ref() == from {
        *seen = Some(tip);
    }
}

/// What the audit keeps of some commits, and what came with them that is ours.
fn looked_at(
    core: &Core,
    landings: &Landings,
    ids: &[CommitId],
) -> Result<(Vec<AuditItem>, Vec<Ours>), ProjectError> {
    let (mut audit, mut ours) = (Vec::with_capacity(ids.len()), Vec::with_capacity(ids.len()));
    for found in core.repo.signed_commits(ids)? {
        let (told, landed) = landings.of(core, &found.0.id)?;
        let (item, own) = look(core, found);
        audit.extend(item);
        audit.extend(told);
        ours.extend(own);
        ours.extend(landed);
    }
    Ok((audit, ours))
}

/// Takes in what was deployed of what the index knows to be on main.
fn take_in_landings(
    core: &Core,
    tip: &CommitId,
    landings: &mut Landings,
    later: &[CommitId],
) -> Result<(), ProjectError> {
    if landings.is_empty() {
        return Ok(());
    }
    let (audit, commits) = landings.of_earlier(core, later)?;
    let heads = Heads::default();
    let rows = Rows::around(core, tip, &heads, &commits)?;
    let mut projection = project(core, &commits, rows)?;
    projection.audit = audit;
    if later.is_empty() {
        projection.landed.clone_from(&landings.seen);
    }
    take_in(core, &projection, &commits)?;
    core.published.send_replace(());
    Ok(())
}

/// A commit for the audit, and as ours where it is. What a proposal consists of is neither: it decides nothing.
fn look(
    core: &Core,
    (info, signer): (CommitInfo, Option<String>),
) -> (Option<AuditItem>, Option<Ours>) {
    let role = signer
        .as_ref()
        .and_then(|signer| core.keys.ring.role(signer));
    let ours = role == Some(KeyRole::Main);
    let trailers = trailers::parse(&info.message).filter(|_| ours);
    if trailers.as_ref().is_some_and(|it| it.proposal.is_some()) {
        return (None, None);
    }
    let at = Timestamp::from_second(info.time).unwrap_or_default();
    let commit = audit::Commit {
        id: &info.id,
        at,
        author: (&info.author.name, &info.author.email),
        message: &info.message,
        signer,
        ours,
    };
    let item = AuditItem::of(commit, trailers.as_ref());
    let own = trailers.map(|trailers| Ours {
        at,
        title: item.title.clone(),
        author: format!("{} <{}>", info.author.name, info.author.email),
        named: trailers::named(&info.message),
        parent: info.parents.into_iter().next(),
        id: info.id,
        trailers,
    });
    (Some(item), own)
}

/// What commits of ours change in the index.
fn project(core: &Core, commits: &[Ours], mut rows: Rows<'_>) -> Result<Projection, ProjectError> {
    let mut changes: HashMap<ChangeId, Change> = HashMap::new();
    let mut order = Vec::new();
    let mut last: BTreeMap<StoreName, (&Ours, ChangeId)> = BTreeMap::new();
    let mut installed = HashMap::new();
    let mut projection = Projection::default();
    for commit in commits {
        let trailers = &commit.trailers;
        let id = &trailers.change;
        if !changes.contains_key(id) {
            order.push(id.clone());
            changes.insert(id.clone(), change_of(core, commit)?);
        }
        if let Some(change) = changes.get_mut(id) {
            let previous = last.get(&trailers.store).map(|(_, id)| id.clone());
            let cluster = rows.cluster(commit)?;
            merged(core, change, commit, cluster.as_ref());
            let memory = match installed.entry(trailers.uid.clone()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(rows.installed(trailers)?),
            };
            *memory = installed_after(*memory, change);
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
        if let Some(before) = rows.before(name)?
            && before.uid == commit.trailers.uid
            && before.change != *id
            && let Some(mut earlier) = core.index.change(&before.change)?
            && overtaken(&mut earlier, id, commit.at)
        {
            projection.changes.push(earlier);
        }
        // A change that is known to have reached its goal says what the cluster showed then.
        let reached = changes.get(id).is_some_and(|it| it.state == State::Ready);
        let installed = installed.get(&commit.trailers.uid).copied().flatten();
        if let Some(row) = rows.after(commit, reached, installed)? {
            projection.stores.push((name.clone(), row));
        }
    }
    projection
        .changes
        .extend(order.iter().filter_map(|id| changes.remove(id)));
    Ok(projection)
}

/// What is remembered of a store's first deployment after a change of it: a retry says that a release deployed afresh is
/// meant, and forgets the one before. A change that ended knows what it found then.
fn installed_after(before: Option<Timestamp>, change: &Change) -> Option<Timestamp> {
    let kept = before.filter(|_| change.action != Action::Retry);
    change.first_deployed.or(kept)
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
    // One that is on the desk is published just now. Of others the commit tells when; its time has whole seconds, and a
    // timeline does not go back for that.
    let just_now = core.desk().entry(&change.id).is_some();
    let at = if just_now { Core::now() } else { commit.at };
    let at = at.max(change.updated_at);
    change.commit = Some(commit.id.clone());
    if first && just_now && matches!(core.settings.mode, Mode::Remote { .. }) {
        change.milestones.reach(MilestoneName::Pushed, at);
    }
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

/// A merged change that a later one overtook before Flux had it.
fn overtaken(change: &mut Change, by: &ChangeId, at: Timestamp) -> bool {
    // Where no cluster is watched merged is the end; only a followed change has a deadline.
    let followed = change.deadline.is_some() && change.state.is_merged();
    if !followed || change.action == Action::Delete {
        return false;
    }
    change.superseded_by = Some(by.clone());
    let at = at.max(change.updated_at);
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
        author: commit.author.clone(),
        trailers: commit.named.clone(),
        diff: None,
    }
}

/// Lets go of what is published, and notes in the book what stores take now.
fn settle_desk(core: &Core, projection: &Projection, commits: &[Ours], published: &[ChangeId]) {
    let mut desk = core.desk();
    for id in published {
        desk.remove(id);
    }
    desk.forget_written(&commits.iter().map(|it| it.id.clone()).collect());
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

//! People's commits on main: found whenever published main moved, and judged by content, not by who tells of them.

mod judge;

use super::core::{Core, lock};
use super::desk::{Desk, Unpublished};
use super::intake::new_id;
use super::parallel::ahead;
use super::project::ProjectError;
use crate::domain::accept::Intent;
use crate::domain::change::{Action, Change};
use crate::domain::entry::{Entry, StoreRow};
use crate::domain::record::{Record, record_path};
use crate::domain::request::{Adopted, Caller, Role};
use crate::domain::{ChangeId, CommitId, StoreName, Uid};
use crate::git::PathChange;
use crate::journal::Acceptance;
use judge::{Edit, Judged, judge};

pub(super) use judge::{kind, last_commit, store_of};

/// The fact in the journal: a commit of main whose hand edits were all taken in, the newest that was worth a note.
const SEEN: &str = "seen";

/// How many paths are judged at once.
const CHUNK: usize = 250;

/// So many paths take long to judge: that it was done is worth a sync, for the next start.
const MANY: usize = 1000;

/// What is wrong with any other file below `stores/`.
pub(super) const NO_RECORD: &str =
    "is no record: records are stores/<hh>/<store>.yaml, <hh> from the name's SHA-256";

/// Takes in what people did to records since the last look. The rest of main is classified where it matters:
/// rendered files by the group, policy and charts by `unvouched`.
pub(super) fn take_in(core: &Core) -> Result<(), ProjectError> {
    // What is not in the index yet may be ours: it is judged at the next look.
    let Some(tip) = core.index.tip()? else {
        return Ok(());
    };
    let seen = seen(core)?;
    if seen.as_ref() == Some(&tip) {
        return Ok(());
    }
    let (base, folder) = (seen.as_ref().map(|it| (it, "stores")), "stores");
    let changed = core.repo.diff_folders(base, Some((&tip, folder)))?;
    let Found { edits, all_ours } = find(core, &tip, &changed)?;
    let taken_in = accept(core, edits)?;
    if taken_in || (all_ours && changed.len() > MANY) {
        core.journal.remember(SEEN, tip.as_str())?;
    }
    *lock(&core.seen) = Some(tip);
    Ok(())
}

/// What was found among the paths that differ.
struct Found {
    /// Hand edits.
    edits: Vec<Edit>,
    /// Whether everything is as our commits made it.
    all_ours: bool,
}

/// Looks at every path that differs, without the desk: after a start that may be all stores, and requests go on meanwhile.
fn find(core: &Core, tip: &CommitId, changed: &[PathChange]) -> Result<Found, ProjectError> {
    let mut found = Found {
        edits: Vec::new(),
        all_ours: true,
    };
    let chunks: Vec<&[PathChange]> = changed.chunks(CHUNK).collect();
    let judge_all = |chunk: &&[PathChange]| -> Result<Vec<Judged>, ProjectError> {
        chunk.iter().map(|it| judge(core, tip, it)).collect()
    };
    ahead(&chunks, judge_all, |judged| {
        for one in judged {
            found.all_ours &= matches!(one, Judged::Ours);
            if let Judged::ByHand(edit) = one {
                found.edits.push(*edit);
            }
        }
        Ok::<_, ProjectError>(())
    })?;
    Ok(found)
}

/// Puts hand edits on the desk, as requests of those who made them; whether there were any.
fn accept(core: &Core, edits: Vec<Edit>) -> Result<bool, ProjectError> {
    if edits.is_empty() {
        return Ok(false);
    }
    let mut desk = core.desk();
    let mut batch: Vec<Acceptance> = Vec::new();
    for edit in edits {
        if already_taken_in(&desk, &edit.name, &edit.commit) {
            continue;
        }
        let last = batch.last().map(|one| &one.entry.change.id);
        let entry = entry(core, &desk, edit, last)?;
        batch.push(Acceptance {
            entry,
            kept: None,
            hit: None,
        });
    }
    spare_the_many(core, &desk, &mut batch);
    if batch.is_empty() {
        return Ok(false);
    }
    core.journal.accept(&batch, &[])?;
    for one in &batch {
        desk.put(one.entry.clone(), None);
        core.ring(&one.entry.change);
    }
    core.wake.notify_one();
    Ok(true)
}

/// The newest commit of main whose hand edits were all taken in; none where it is not in the repository.
pub(super) fn seen(core: &Core) -> Result<Option<CommitId>, ProjectError> {
    let known = lock(&core.seen).clone();
    let seen = match known {
        Some(seen) => Some(seen),
        None => core.journal.fact(SEEN)?.and_then(|it| it.parse().ok()),
    };
    match seen {
        Some(seen) if core.repo.contains(&seen)? => Ok(Some(seen)),
        _ => Ok(None),
    }
}

/// Records removed by hand in a number that no one means: none of them counts, all are put back.
fn spare_the_many(core: &Core, desk: &Desk, batch: &mut Vec<Acceptance>) {
    let removed = |one: &Acceptance| {
        matches!(
            one.entry.intent,
            Intent::Adopt {
                kind: Adopted::Removed,
                ..
            }
        )
    };
    let count = batch.iter().filter(|one| removed(one)).count();
    let Some(why) = too_many(core, desk, count) else {
        return;
    };
    tracing::error!(
        count,
        "too many records were removed from main at once; they are put back"
    );
    let (spared, kept): (Vec<_>, Vec<_>) = std::mem::take(batch).into_iter().partition(removed);
    *batch = kept;
    for one in spared {
        let name = one.entry.change.store;
        lock(&core.foreign).insert(record_path(&name), why.clone());
        lock(&core.put_back).insert(name);
    }
}

/// Why so many records are not removed at once; none where they may be.
pub(super) fn too_many(core: &Core, desk: &Desk, count: usize) -> Option<String> {
    let limit = core.in_force().policy.mass_limit(desk.book.stores());
    let many = u32::try_from(count).map_or(true, |count| count > limit);
    many.then(|| {
        format!(
            "{count} records were removed at once, and {limit} is the limit (limits.massChangeShare); it is put back: \
             delete stores one by one, or by the API"
        )
    })
}

/// A store's row; none where it was removed.
fn live(core: &Core, name: &StoreName) -> Result<Option<StoreRow>, ProjectError> {
    let row = core.index.store(name)?;
    Ok(row.filter(|row| row.removed_at.is_none()))
}

/// A store's record as our commits made it, unpublished ones included.
pub(super) fn accepted(core: &Core, name: &StoreName) -> Result<Option<Record>, ProjectError> {
    match core.desk().written(name) {
        Some(Unpublished::Store(made)) => return Ok(Some(made.record.clone())),
        Some(Unpublished::Removed) => return Ok(None),
        None => {}
    }
    Ok(live(core, name)?.map(|row| row.record))
}

fn already_taken_in(desk: &Desk, name: &StoreName, commit: &CommitId) -> bool {
    desk.changes_of(name)
        .iter()
        .filter_map(|id| desk.entry(id))
        .any(|entry| match &entry.intent {
            Intent::Adopt { commit: known, .. } => known == commit,
            _ => false,
        })
}

fn entry(
    core: &Core,
    desk: &Desk,
    edit: Edit,
    last: Option<&ChangeId>,
) -> Result<Entry, ProjectError> {
    let Edit {
        name,
        row,
        kind,
        commit,
    } = edit;
    let author = core.repo.commit_info(&commit)?.author;
    let id = new_id(desk, last, Core::now());
    let uid = row
        .as_ref()
        .map_or_else(|| Uid::from(id.clone()), |row| row.uid.clone());
    let subject = format!("git:{}", author.email);
    let caller = caller(subject.clone(), row.as_ref().map(|row| &row.record));
    let change = Change::queued(id, name, uid, action(kind), subject, Core::now());
    Ok(Entry {
        change,
        intent: Intent::Adopt { commit, kind },
        caller,
        expected: None,
        approvals: Vec::new(),
        proven: Vec::new(),
        reason: None,
        commit: None,
        carried: None,
    })
}

/// For whom a hand edit counts. Who may push to main is the forge's rule; what they push is held to policy and limits here.
pub(super) fn caller(subject: String, accepted: Option<&Record>) -> Caller {
    let owner = accepted.map(|it| it.spec.owner.clone());
    Caller {
        subject,
        role: Role::Operator,
        owner: owner.unwrap_or_else(|| "git".parse().expect("a plain word is an owner")),
    }
}

/// The action that a hand edit amounts to.
pub(super) fn action(kind: Adopted) -> Action {
    match kind {
        Adopted::Added => Action::Create,
        Adopted::Edited => Action::Update,
        Adopted::Removed => Action::Delete,
    }
}

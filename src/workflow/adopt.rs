//! People's commits on main: found whenever published main moved, and judged by content, not by who tells of them.

use super::core::{Core, lock};
use super::derive::read_record;
use super::desk::{Desk, Unpublished};
use super::intake::new_id;
use super::project::ProjectError;
use super::proposals::landing;
use crate::domain::accept::Intent;
use crate::domain::change::{Action, Change};
use crate::domain::entry::{Entry, StoreRow};
use crate::domain::record::{Record, record_path};
use crate::domain::request::{Adopted, Caller, Role};
use crate::domain::{ChangeId, CommitId, StoreName, Uid};
use crate::git::{EntryKind, PathChange};
use crate::journal::Acceptance;
use crate::render::render_record;

/// The fact in the journal: the newest commit of main whose hand edits were all taken in.
const SEEN: &str = "seen";

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
    let mut desk = core.desk();
    let mut batch = Vec::new();
    for change in &changed {
        if let Some(entry) = judge(core, &desk, &tip, change, &batch)? {
            batch.push(Acceptance {
                entry,
                kept: None,
                hit: None,
            });
        }
    }
    spare_the_many(core, &desk, &mut batch);
    if !batch.is_empty() {
        core.journal.accept(&batch, &[])?;
        for one in &batch {
            desk.put(one.entry.clone(), None);
            core.ring(&one.entry.change);
        }
        core.journal.remember(SEEN, tip.as_str())?;
        core.wake.notify_one();
    }
    drop(desk);
    *lock(&core.seen) = Some(tip);
    Ok(())
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

/// One path below `stores/` that differs: ours, without effect, or a hand edit to take in.
fn judge(
    core: &Core,
    desk: &Desk,
    tip: &CommitId,
    change: &PathChange,
    earlier: &[Acceptance],
) -> Result<Option<Entry>, ProjectError> {
    let path = format!("stores/{}", change.path);
    let Some(name) = store_of(&path) else {
        stray(core, path, change);
        return Ok(None);
    };
    let row = live(core, &name)?;
    let entry_there = core.repo.entry(tip, &path)?;
    if entry_there.is_some_and(|it| it.kind != EntryKind::File) {
        let why = "is no regular file; a record is one, so it is put back where there was one";
        lock(&core.foreign).insert(path, why.to_owned());
        lock(&core.put_back).extend(row.map(|_| name));
        return Ok(None);
    }
    let there = core.repo.read(tip, &path)?;
    let accepted = row.as_ref().map(|row| &row.record);
    let Some(kind) = kind(core, &name, accepted, there.as_deref()) else {
        return Ok(None);
    };
    if there
        .as_deref()
        .is_some_and(|it| landing::holds(core, &name, it))
    {
        // The merge of a proposal of ours: who approved it is looked at first.
        core.propose.notify_one();
        return Ok(None);
    }
    let commit = last_commit(core, tip, &path)?;
    if already_taken_in(desk, &name, &commit) {
        return Ok(None);
    }
    let last = earlier.last().map(|one| &one.entry.change.id);
    Ok(Some(entry(
        core,
        desk,
        &name,
        row.as_ref(),
        kind,
        commit,
        last,
    )?))
}

/// What a person made of a record; none where it says what was accepted. `there` is the file as they left it.
pub(super) fn kind(
    core: &Core,
    name: &StoreName,
    accepted: Option<&Record>,
    there: Option<&[u8]>,
) -> Option<Adopted> {
    match (accepted, there) {
        (None, None) => None,
        (Some(_), None) => Some(Adopted::Removed),
        (None, Some(_)) => Some(Adopted::Added),
        (Some(record), Some(bytes)) if same(core, record, name, bytes) => None,
        (Some(_), Some(_)) => Some(Adopted::Edited),
    }
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

/// A path below `stores/` that can be no record is shown for as long as it is there.
fn stray(core: &Core, path: String, change: &PathChange) {
    let mut foreign = lock(&core.foreign);
    if change.new.is_some() {
        foreign.insert(path, NO_RECORD.to_owned());
    } else {
        foreign.remove(&path);
    }
}

/// The store whose record lies at a path; none where the shard or the name does not fit.
pub(super) fn store_of(path: &str) -> Option<StoreName> {
    let name: StoreName = path
        .rsplit('/')
        .next()?
        .strip_suffix(".yaml")?
        .parse()
        .ok()?;
    (record_path(&name) == path).then_some(name)
}

/// Whether a record file says what was accepted, in whatever layout.
fn same(core: &Core, accepted: &Record, name: &StoreName, bytes: &[u8]) -> bool {
    if render_record(&core.templates, accepted).is_ok_and(|(_, ours)| ours == bytes) {
        return true;
    }
    read_record(name, bytes).is_ok_and(|record| record == *accepted)
}

/// The newest first-parent commit that changed a path; the tip where it cannot be told.
pub(super) fn last_commit(
    core: &Core,
    tip: &CommitId,
    path: &str,
) -> Result<CommitId, ProjectError> {
    const LOOK_BACK: usize = 200;
    let mut newest = tip.clone();
    let blob = |commit: &CommitId| {
        core.repo
            .entry(commit, path)
            .map(|it| it.map(|entry| entry.id))
    };
    let wanted = blob(tip)?;
    for _ in 0..LOOK_BACK {
        let parent = core.repo.commit_info(&newest)?.parents.into_iter().next();
        match parent {
            Some(parent) if blob(&parent)? == wanted => newest = parent,
            _ => break,
        }
    }
    Ok(newest)
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
    name: &StoreName,
    row: Option<&StoreRow>,
    kind: Adopted,
    commit: CommitId,
    last: Option<&ChangeId>,
) -> Result<Entry, ProjectError> {
    let author = core.repo.commit_info(&commit)?.author;
    let id = new_id(desk, last, Core::now());
    let uid = row.map_or_else(|| Uid::from(id.clone()), |row| row.uid.clone());
    let subject = format!("git:{}", author.email);
    let caller = caller(subject.clone(), row.map(|row| &row.record));
    let change = Change::queued(id, name.clone(), uid, action(kind), subject, Core::now());
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

//! People's commits on main: found whenever published main moved, and judged by content, not by who tells of them.

use super::core::{Core, lock};
use super::derive::{Underivable, read_record};
use super::desk::Desk;
use super::intake::new_id;
use super::project::ProjectError;
use crate::domain::accept::Intent;
use crate::domain::change::{Action, Change};
use crate::domain::entry::{Entry, StoreRow};
use crate::domain::record::{Record, record_path};
use crate::domain::request::{Adopted, Caller, Role};
use crate::domain::{ChangeId, CommitId, Owner, StoreName, Uid};
use crate::git::{EntryKind, PathChange};
use crate::journal::Acceptance;
use crate::render::render_record;

/// The fact in the journal: the newest commit of main whose hand edits were all taken in.
const SEEN: &str = "seen";

/// Takes in what people did to records since the last look. The rest of main is classified where it matters:
/// rendered files by the group, policy and charts by [`foreign_policy`].
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
    let limit = core.in_force().policy.mass_limit(desk.book.stores());
    if u32::try_from(count).is_ok_and(|count| count <= limit) {
        return;
    }
    tracing::error!(
        count,
        limit,
        "too many records were removed from main at once; they are put back"
    );
    let (spared, kept): (Vec<_>, Vec<_>) = std::mem::take(batch).into_iter().partition(removed);
    *batch = kept;
    for one in spared {
        let name = one.entry.change.store;
        let why = format!(
            "{count} records were removed at once, and {limit} is the limit (limits.massChangeShare); it is put back: \
             delete stores one by one, or by the API"
        );
        lock(&core.foreign).insert(record_path(&name), why);
        lock(&core.put_back).insert(name);
    }
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
    let row = core
        .index
        .store(&name)?
        .filter(|row| row.removed_at.is_none());
    let entry_there = core.repo.entry(tip, &path)?;
    if entry_there.is_some_and(|it| it.kind != EntryKind::File) {
        let why = "is no regular file; a record is one, so it is put back where there was one";
        lock(&core.foreign).insert(path, why.to_owned());
        lock(&core.put_back).extend(row.map(|_| name));
        return Ok(None);
    }
    let there = core.repo.read(tip, &path)?;
    let accepted = row.as_ref().map(|row| &row.record);
    let kind = match (accepted, &there) {
        (None, None) => return Ok(None),
        (Some(_), None) => Adopted::Removed,
        (None, Some(_)) => Adopted::Added,
        (Some(record), Some(bytes)) if same(core, record, &name, bytes) => return Ok(None),
        (Some(_), Some(_)) => Adopted::Edited,
    };
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

/// A path below `stores/` that can be no record is shown for as long as it is there.
fn stray(core: &Core, path: String, change: &PathChange) {
    let mut foreign = lock(&core.foreign);
    if change.new.is_some() {
        let why =
            "is no record: records are stores/<hh>/<store>.yaml, <hh> from the name's SHA-256";
        foreign.insert(path, why.to_owned());
    } else {
        foreign.remove(&path);
    }
}

/// The store whose record lies at a path; none where the shard or the name does not fit.
fn store_of(path: &str) -> Option<StoreName> {
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
    match read_record(name, bytes) {
        Ok(record) => record == *accepted,
        Err(Underivable::Failed(_) | Underivable::Git(_)) => false,
    }
}

/// The newest first-parent commit that changed a path; the tip where it cannot be told.
fn last_commit(core: &Core, tip: &CommitId, path: &str) -> Result<CommitId, ProjectError> {
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
    let owner: Option<Owner> = row.map(|row| row.record.spec.owner.clone());
    let subject = format!("git:{}", author.email);
    // Who may push to main is the forge's rule; what they push is held to policy and limits here.
    let owner = owner.unwrap_or_else(|| "git".parse().expect("a plain word is an owner"));
    let caller = Caller {
        subject: subject.clone(),
        role: Role::Operator,
        owner,
    };
    let action = match kind {
        Adopted::Added => Action::Create,
        Adopted::Edited => Action::Update,
        Adopted::Removed => Action::Delete,
    };
    let change = Change::queued(id, name.clone(), uid, action, subject, Core::now());
    Ok(Entry {
        change,
        intent: Intent::Adopt { commit, kind },
        caller,
        expected: None,
        approvals: Vec::new(),
        proven: Vec::new(),
        reason: None,
        commit: None,
    })
}

/// Notes whether main's policy and charts are those in force, for people to see.
pub(super) fn foreign_policy(core: &Core) -> Result<(), ProjectError> {
    let Some(tip) = core.published("main")? else {
        return Ok(());
    };
    let in_force = core.in_force();
    let mut differs = Vec::new();
    for path in ["fleetwright.yaml", "charts"] {
        let id = |commit: &CommitId| {
            core.repo
                .entry(commit, path)
                .map(|it| it.map(|entry| entry.id))
        };
        if id(&tip)? != id(&in_force.commit)? {
            differs.push(path);
        }
    }
    let mut foreign = lock(&core.foreign);
    for path in ["fleetwright.yaml", "charts"] {
        foreign.remove(path);
    }
    for path in differs {
        let why = format!(
            "what is in force is that of commit {}; an admin puts another in force with POST /api/v1/vouch",
            in_force.commit
        );
        foreign.insert(path.to_owned(), why);
    }
    Ok(())
}

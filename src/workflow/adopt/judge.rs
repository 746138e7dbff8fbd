//! What a path below `stores/` is that differs from the last look: ours, or what a person did.
//!
//! Must not know: what becomes of it.

use super::{NO_RECORD, live};
use crate::domain::entry::StoreRow;
use crate::domain::record::{Record, record_path};
use crate::domain::request::Adopted;
use crate::domain::{CommitId, StoreName};
use crate::git::{EntryKind, PathChange};
use crate::render::render_record;
use crate::workflow::core::{Core, lock};
use crate::workflow::derive::read_record;
use crate::workflow::project::ProjectError;
use crate::workflow::proposals::landing;

/// What a path below `stores/` that differs is.
pub(super) enum Judged {
    /// As our commits made it.
    Ours,
    /// Without effect, or somebody else's to look at; noted where that is.
    Noted,
    /// A hand edit to take in.
    ByHand(Box<Edit>),
}

/// What a person did to a record.
pub(super) struct Edit {
    pub(super) name: StoreName,
    /// The store as it was accepted.
    pub(super) row: Option<StoreRow>,
    pub(super) kind: Adopted,
    pub(super) commit: CommitId,
}

/// Judges one path by its content.
pub(super) fn judge(
    core: &Core,
    tip: &CommitId,
    change: &PathChange,
) -> Result<Judged, ProjectError> {
    let path = format!("stores/{}", change.path);
    let Some(name) = store_of(&path) else {
        stray(core, path, change);
        return Ok(Judged::Noted);
    };
    let row = live(core, &name)?;
    let entry_there = core.repo.entry(tip, &path)?;
    if entry_there.is_some_and(|it| it.kind != EntryKind::File) {
        let why = "is no regular file; a record is one, so it is put back where there was one";
        lock(&core.foreign).insert(path, why.to_owned());
        lock(&core.put_back).extend(row.map(|_| name));
        return Ok(Judged::Noted);
    }
    let there = core.repo.read(tip, &path)?;
    let accepted = row.as_ref().map(|row| &row.record);
    let Some(kind) = kind(core, &name, accepted, there.as_deref()) else {
        return Ok(Judged::Ours);
    };
    if there
        .as_deref()
        .is_some_and(|it| landing::holds(core, &name, it))
    {
        // The merge of a proposal of ours: who approved it is looked at first.
        core.propose.notify_one();
        return Ok(Judged::Noted);
    }
    let commit = last_commit(core, tip, &path)?;
    Ok(Judged::ByHand(Box::new(Edit {
        name,
        row,
        kind,
        commit,
    })))
}

/// What a person made of a record; none where it says what was accepted. `there` is the file as they left it.
pub(in crate::workflow) fn kind(
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
pub(in crate::workflow) fn store_of(path: &str) -> Option<StoreName> {
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
pub(in crate::workflow) fn last_commit(
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

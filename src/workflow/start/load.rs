//! Desk and book as a stop left them: read from the journal and the index.

use std::collections::BTreeSet;

use super::StartError;
use crate::domain::entry::Projection;
use crate::domain::record::record_path;
use crate::domain::{CommitId, StoreName};
use crate::git::Entry;
use crate::workflow::core::{Core, lock};
use crate::workflow::project::tear_down_unwatched;
use crate::workflow::{adopt, reserve};

/// Puts on the desk what the journal holds. What is published by now leaves it at the first look at main.
pub(super) fn load_desk(core: &Core) -> Result<(), StartError> {
    let mut desk = core.desk();
    for entry in core.journal.entries()? {
        desk.put(entry, None);
    }
    Ok(())
}

/// Lets entries go that are done as far as Git and the index know: a kill brings back what was let go of last.
pub(super) fn let_go_of_done(core: &Core) -> Result<(), StartError> {
    let mut desk = core.desk();
    let mut done = Vec::new();
    for entry in desk.entries() {
        let known = core.index.change(&entry.change.id)?;
        if known.is_some_and(|it| it.state.is_merged() || it.state.is_end()) {
            done.push(entry.change.id.clone());
        }
    }
    for id in &done {
        desk.remove(id);
    }
    core.journal.release(&done)?;
    Ok(())
}

/// Works out what every store takes, and goes on with deletions that a stop interrupted.
pub(super) fn load_book(core: &Core) -> Result<(), StartError> {
    let mut rows = Vec::new();
    core.index.stores(None, &mut |name, row| {
        rows.push((name, row));
        true
    })?;
    let mut desk = core.desk();
    for (name, row) in &rows {
        reserve::settle(core, &mut desk, name, Some(row));
    }
    let asked: Vec<StoreName> = desk.entries().map(|it| it.change.store.clone()).collect();
    for name in asked {
        let row = core.index.store(&name)?;
        reserve::settle(core, &mut desk, &name, row.as_ref());
    }
    drop(desk);
    for (name, row) in &rows {
        tear_down_unwatched(core, name, row);
    }
    let live = rows.into_iter().filter(|(_, row)| row.removed_at.is_none());
    put_back_missing(core, live.map(|(name, _)| name))
}

/// Records that were away already when hand edits were last taken in, with no request that takes them away: a stop came
/// before they were put back.
fn put_back_missing(core: &Core, live: impl Iterator<Item = StoreName>) -> Result<(), StartError> {
    let (Some(tip), Some(seen)) = (core.index.tip()?, adopt::seen(core)?) else {
        return Ok(());
    };
    let paths = |commit: &CommitId| -> Result<BTreeSet<String>, StartError> {
        let mut found = BTreeSet::new();
        let mut note = |path: &str, _: &Entry| {
            found.insert(path.to_owned());
        };
        core.repo.files(commit, "stores", &mut note)?;
        Ok(found)
    };
    let (now, then) = (paths(&tip)?, paths(&seen)?);
    let mut put_back = lock(&core.put_back);
    for name in live {
        let path = record_path(&name);
        let asked = !core.desk().changes_of(&name).is_empty();
        if !now.contains(&path) && !then.contains(&path) && !asked {
            put_back.insert(name);
        }
    }
    Ok(())
}

/// How changes ended is known to the journal even where a kill took the index back.
pub(super) fn load_ended(core: &Core) -> Result<(), StartError> {
    let mut missing = Projection::default();
    for change in core.journal.ended()? {
        if core
            .index
            .change(&change.id)?
            .is_none_or(|it| !it.state.is_end())
        {
            missing.changes.push(change);
        }
    }
    core.index.apply(&missing)?;
    Ok(())
}

//! Desk and book as a stop left them: read from the journal and the index.

use std::collections::{BTreeMap, HashSet};
use std::panic::resume_unwind;
use std::thread;
use std::time::Instant;

use super::StartError;
use crate::domain::entry::Projection;
use crate::domain::record::record_path;
use crate::domain::{CommitId, StoreName};
use crate::git::GitError;
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

/// Works out what every store takes, and goes on with deletions that a stop interrupted. After a rebuild of the index
/// that is done for all but what is on the desk.
pub(super) fn load_book(core: &Core, rebuilt: bool) -> Result<(), StartError> {
    let mut desk = core.desk();
    let mut leaving = Vec::new();
    if !rebuilt {
        // Beside each other: both take long in a large fleet, and neither asks for what the other finds.
        thread::scope(|scope| {
            let note = || {
                let each = &mut |change| core.catalog.note([&change]);
                core.index.every_change(each)
            };
            let changes = scope.spawn(note);
            let stores = core.index.stores(None, &mut |name, row| {
                reserve::settle(core, &mut desk, &name, Some(&row));
                if row.record.metadata.deletion.is_some() {
                    leaving.push((name, row));
                }
                true
            });
            let changes = changes.join().unwrap_or_else(|panic| resume_unwind(panic));
            stores.and(changes)
        })?;
    }
    core.catalog.note(desk.entries().map(|it| &it.change));
    let asked: Vec<StoreName> = desk.entries().map(|it| it.change.store.clone()).collect();
    for name in asked {
        let row = core.index.store(&name)?;
        reserve::settle(core, &mut desk, &name, row.as_ref());
    }
    drop(desk);
    for (name, row) in &leaving {
        tear_down_unwatched(core, name, row);
    }
    put_back_missing(core)
}

/// Records that were away already when hand edits were last taken in, with no request that takes them away: a stop came
/// before they were put back.
fn put_back_missing(core: &Core) -> Result<(), StartError> {
    let (Some(tip), Some(seen)) = (core.index.tip()?, adopt::seen(core)?) else {
        return Ok(());
    };
    let desk = core.desk();
    let mut put_back = lock(&core.put_back);
    for name in without_record(core, &tip, desk.book.names())? {
        let edited_since = core.repo.entry(&seen, &record_path(name))?.is_some();
        if edited_since || !desk.changes_of(name).is_empty() {
            continue;
        }
        let row = core.index.store(name)?;
        if row.is_some_and(|row| row.removed_at.is_none()) {
            put_back.insert(name.clone());
        }
    }
    Ok(())
}

/// The names whose record a commit does not have. Listed folder by folder: to ask for each path takes many times as long.
fn without_record<'a>(
    core: &Core,
    commit: &CommitId,
    names: impl Iterator<Item = &'a StoreName>,
) -> Result<Vec<&'a StoreName>, GitError> {
    let mut folders: BTreeMap<String, Vec<(String, &StoreName)>> = BTreeMap::new();
    for name in names {
        let path = record_path(name);
        if let Some((folder, file)) = path.rsplit_once('/') {
            let records = folders.entry(folder.to_owned()).or_default();
            records.push((file.to_owned(), name));
        }
    }
    let mut missing = Vec::new();
    for (folder, records) in folders {
        let listed = core.repo.list(commit, &folder)?;
        let there: HashSet<String> = listed.into_iter().map(|it| it.name).collect();
        let gone = records
            .into_iter()
            .filter(|(file, _)| !there.contains(file));
        missing.extend(gone.map(|(_, name)| name));
    }
    Ok(missing)
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

/// Reads the folders of main into memory, beside the writer: its first groups would wait for the disk otherwise.
pub(in crate::workflow) fn load_folders(core: &Core) {
    let began = Instant::now();
    let main = core.repo.branch("main");
    let read = main.and_then(|it| it.map_or(Ok(0), |main| core.repo.load_folders(&main)));
    let milliseconds = began.elapsed().as_millis();
    match read {
        Ok(folders) => tracing::debug!(folders, milliseconds, "the folders of main are in memory"),
        Err(error) => tracing::warn!(%error, "the folders of main could not be read"),
    }
}

//! Desk and book as a stop left them: read from the journal and the index.

use super::StartError;
use crate::domain::StoreName;
use crate::domain::entry::Projection;
use crate::workflow::core::Core;
use crate::workflow::project::tear_down_unwatched;
use crate::workflow::reserve;

/// Puts on the desk what the journal holds. What is published by now leaves it at the first look at main.
pub(super) fn load_desk(core: &Core) -> Result<(), StartError> {
    let mut desk = core.desk();
    for entry in core.journal.entries()? {
        desk.put(entry, None);
    }
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

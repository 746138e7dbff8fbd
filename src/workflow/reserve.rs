//! What a store takes: its row as published, and on top of it what is on the desk, in order.
//!
//! Worked out afresh whenever either changes, so that a failed or cancelled request leaves nothing behind.

use jiff::SignedDuration;

use super::core::Core;
use super::desk::Desk;
use crate::domain::accept::{Circumstances, Outcome, apply};
use crate::domain::book::{Book, Held, Life};
use crate::domain::entry::{Entry, StoreRow};
use crate::domain::record::Record;
use crate::domain::{Host, StoreName};

/// Works out what a store takes, which record is its newest, and where lists find it.
pub(super) fn settle(core: &Core, desk: &mut Desk, name: &StoreName, row: Option<&StoreRow>) {
    reserve(core, desk, name, row);
    core.list_store(desk, name, row);
}

fn reserve(core: &Core, desk: &mut Desk, name: &StoreName, row: Option<&StoreRow>) {
    if let Some(row) = row {
        let under_way = row.record.metadata.deletion.is_some() && !row.gone;
        desk.note_leaving(&row.record.spec.cluster, name, under_way);
    }
    if desk.changes_of(name).is_empty() {
        match row {
            Some(row) => desk.book.put(name.clone(), of_row(core, row)),
            None => desk.book.remove(name),
        }
        return;
    }
    let live = row.filter(|row| row.removed_at.is_none());
    let mut newest = live.map(|row| row.record.clone());
    let ids = desk.changes_of(name).to_vec();
    let pending: Vec<Entry> = ids
        .iter()
        .filter_map(|id| desk.entry(id).cloned())
        .collect();
    let mut hosts: Vec<Host> = newest.iter().flat_map(|it| it.hosts().cloned()).collect();
    for entry in &pending {
        newest = after(core, entry, newest);
        hosts.extend(newest.iter().flat_map(|it| it.hosts().cloned()));
    }
    hosts.sort();
    hosts.dedup();
    let held = match (&newest, row, pending.last()) {
        (Some(record), _, Some(last)) => {
            // Until they are published all of them are held: any of the changes may still fail.
            let held = Held::of(record, last.change.uid.clone());
            Some(Held { hosts, ..held })
        }
        (_, Some(row), _) => Some(of_row(core, row)),
        (Some(_) | None, None, _) => None,
    };
    match held {
        Some(held) => desk.book.put(name.clone(), held),
        None => desk.book.remove(name),
    }
    desk.set_newest(name, newest);
}

/// The record that an accepted request leaves; limits were counted when it was accepted.
fn after(core: &Core, entry: &Entry, current: Option<Record>) -> Option<Record> {
    let in_force = core.in_force();
    let nothing_taken = Book::default();
    let at = Circumstances::again(&in_force.policy, &nothing_taken, entry);
    match apply(&at, &entry.intent, current.as_ref()) {
        Ok(Outcome::Put(record)) => Some(*record),
        // It will fail when it is written, or change nothing: either way nothing is taken for it.
        Ok(Outcome::Same) | Err(_) => current,
    }
}

fn of_row(core: &Core, row: &StoreRow) -> Held {
    let mut held = Held::of(&row.record, row.uid.clone());
    if let Some(removed) = row.removed_at {
        let tombstone = SignedDuration::from_secs(core.in_force().policy.tombstone_seconds());
        let until = removed.checked_add(tombstone).unwrap_or(removed);
        held.life = if row.gone {
            Life::Gone { until }
        } else {
            Life::Leaving
        };
    }
    held
}

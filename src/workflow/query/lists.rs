//! Lists of stores and changes: filtered and sorted in memory, and only what a page shows is read.
//!
//! What is found in memory is looked at again before it is shown: a phase may have passed on, and who may see what is
//! decided by what is shown. No look at memory lasts longer than a fraction of a millisecond, so that nobody waits.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::cursor;
use super::marks::WantedChanges;
use super::shelf::{Hit, Key, Shelf};
use super::{may_see, sees, unavailable, views};
use crate::domain::change::Change;
use crate::domain::phase::Phase;
use crate::domain::record_text::Recorded;
use crate::domain::request::{Caller, Refusal, Role};
use crate::domain::view::{ChangeFilter, Page, StoreFilter, StoreSort, StoreView};
use crate::domain::{ChangeId, Owner, StoreName};
use crate::workflow::core::Core;
use crate::workflow::intake::find_change;

/// How many stores or changes are looked at before others get their turn.
const STEPS: usize = if cfg!(test) { 32 } else { 4096 };

/// The owner beyond whose stores a caller sees nothing.
fn only(caller: &Caller) -> Option<&Owner> {
    (caller.role == Role::Merchant).then_some(&caller.owner)
}

#[derive(Serialize, Deserialize)]
struct Place(u128, String);

/// Stores in the order that is asked for, those not merged yet included.
pub(in crate::workflow) fn stores<R: Recorded>(
    core: &Core,
    caller: &Caller,
    filter: &StoreFilter,
    limit: usize,
    cursor: Option<&str>,
) -> Result<Page<StoreView<R>>, Refusal> {
    let list = format!("stores {:?}", filter.sort);
    let place = cursor::read::<Place>(&list, cursor)?;
    let mut after = place.map(|Place(rank, name)| Key { rank, name });
    let mut items: Vec<(Key, StoreView<R>)> = Vec::new();
    while items.len() <= limit {
        let wanted = limit + 1 - items.len();
        let shelf = || core.catalog.shelf();
        let hits = first(&shelf, filter, only(caller), after.as_ref(), wanted);
        let exhausted = hits.len() < wanted;
        after = hits.last().map(|(key, _)| key.clone());
        let (keys, names): (Vec<Key>, Vec<StoreName>) = hits.into_iter().unzip();
        let found = keys.into_iter().zip(views(core, &names)?);
        items.extend(found.filter_map(|(key, view)| {
            let view = view.filter(|it| shows(caller, filter, it))?;
            Some((key, view))
        }));
        if exhausted {
            break;
        }
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more);
    let next = next.map(|(key, _)| cursor::write(&list, &Place(key.rank, key.name.clone())));
    let items = items.into_iter().map(|(_, view)| view).collect();
    Ok(Page { items, next })
}

/// What may have changed since it was put into memory.
fn shows<R: Recorded>(caller: &Caller, filter: &StoreFilter, view: &StoreView<R>) -> bool {
    let owner = view.record.owner();
    let phase = match filter.phase {
        Some(phase) => phase == view.phase,
        None => view.phase != Phase::Deleted,
    };
    phase && sees(caller, owner) && filter.owner.as_ref().is_none_or(|it| it == owner)
}

/// The first `most` stores beyond a place, in order. `shelf` is asked for anew at every look.
pub(super) fn first<S: Deref<Target = Shelf>>(
    shelf: &dyn Fn() -> S,
    filter: &StoreFilter,
    only: Option<&Owner>,
    after: Option<&Key>,
    most: usize,
) -> Vec<Hit> {
    let Some(wanted) = shelf().wanted(filter, only) else {
        return Vec::new();
    };
    let sort = filter.sort;
    let mut hits: Vec<Hit> = Vec::new();
    if matches!(sort, StoreSort::Name | StoreSort::NameDown) {
        let mut from = after.map(|it| it.name.clone());
        while hits.len() < most {
            let (backwards, bounds) = (sort.is_backwards(), (most - hits.len(), STEPS));
            let (found, on) = shelf().by_name(&wanted, backwards, from.as_deref(), bounds);
            hits.extend(found.into_iter().map(|name| (by_name(&name), name)));
            let Some(on) = on else { break };
            from = Some(on);
        }
        return hits;
    }
    for start in (0..).step_by(STEPS) {
        let bounds = (most, start..start + STEPS);
        let found = shelf().by_key(&wanted, sort, after, bounds);
        let Some(found) = found else { break };
        hits.extend(found);
    }
    hits.sort_unstable_by(|(left, _), (right, _)| {
        let forwards = left.cmp(right);
        if sort.is_backwards() {
            forwards.reverse()
        } else {
            forwards
        }
    });
    hits.truncate(most);
    hits
}

fn by_name(name: &StoreName) -> Key {
    Key {
        rank: 0,
        name: name.to_string(),
    }
}

/// Changes, newest first.
pub(in crate::workflow) fn changes(
    core: &Core,
    caller: &Caller,
    filter: &ChangeFilter,
    limit: usize,
    cursor: Option<&str>,
) -> Result<Page<Change>, Refusal> {
    let place = cursor::read::<ChangeId>("changes", cursor)?;
    let mut items = changes_before(core, caller, filter, place, limit + 1)?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more);
    let next = next.map(|it| cursor::write("changes", &it.id));
    Ok(Page { items, next })
}

/// The newest changes before one, `most` of them at most.
pub(super) fn changes_before(
    core: &Core,
    caller: &Caller,
    filter: &ChangeFilter,
    mut before: Option<ChangeId>,
    most: usize,
) -> Result<Vec<Change>, Refusal> {
    let mut items: Vec<Change> = Vec::new();
    while items.len() < most {
        let (ids, on) = look(core, caller, filter, before.as_ref(), most - items.len());
        for id in ids {
            let change = find_change(core, &core.desk(), &id);
            items.extend(change.filter(|it| wanted(core, caller, filter, it)));
        }
        let Some(on) = on else {
            older(core, caller, filter, before.as_ref(), most, &mut items)?;
            break;
        };
        before = Some(on);
    }
    Ok(items)
}

/// One look at the changes in memory: those worth reading, and where to go on.
fn look(
    core: &Core,
    caller: &Caller,
    filter: &ChangeFilter,
    before: Option<&ChangeId>,
    most: usize,
) -> (Vec<ChangeId>, Option<ChangeId>) {
    let shelf = core.catalog.shelf();
    let marks = core.catalog.marks();
    let store = filter.store.as_ref().map(|it| shelf.known(it));
    let owner = filter.owner.as_ref().map(|it| shelf.owner_number(it));
    if store == Some(None) || owner == Some(None) {
        return (Vec::new(), None);
    }
    let me = marks.requester(&caller.subject);
    let mine = only(caller).map(|it| shelf.owner_number(it));
    let seen = |store: u32, requester: u32| {
        let of = |owner: Option<u32>| owner.is_some_and(|owner| shelf.is_of(store, owner));
        owner.is_none_or(of) && mine.is_none_or(|it| of(it) || me == Some(requester))
    };
    let wanted = WantedChanges {
        state: filter.state,
        action: filter.action,
        store: store.flatten(),
        seen: &seen,
    };
    marks.find(&wanted, before, (most, STEPS))
}

/// What is too old to be kept in memory is read one by one.
fn older(
    core: &Core,
    caller: &Caller,
    filter: &ChangeFilter,
    before: Option<&ChangeId>,
    most: usize,
    items: &mut Vec<Change>,
) -> Result<(), Refusal> {
    if !core.catalog.marks().is_cut() {
        return Ok(());
    }
    let from = core.catalog.marks().oldest();
    let from = match (from, before) {
        (Some(from), Some(before)) => Some(from.min(before.clone())),
        (from, before) => from.or_else(|| before.cloned()),
    };
    let scan = core
        .index
        .changes(from.as_ref().map(AsRef::as_ref), &mut |change| {
            if wanted(core, caller, filter, &change) {
                items.push(change);
            }
            items.len() < most
        });
    scan.map_err(|error| unavailable(&error))
}

fn wanted(core: &Core, caller: &Caller, filter: &ChangeFilter, change: &Change) -> bool {
    let owner = || core.catalog.owner(&change.store, &change.uid);
    filter.state.is_none_or(|it| it == change.state)
        && filter.store.as_ref().is_none_or(|it| *it == change.store)
        && filter.action.is_none_or(|it| it == change.action)
        && filter
            .owner
            .as_ref()
            .is_none_or(|it| owner().as_ref() == Some(it))
        && may_see(core, caller, change)
}

//! What happened to a store lately: steps of its changes, its phases, and what people should know about its files.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cursor;
use super::lists::changes_before;
use super::store;
use crate::domain::StoreName;
use crate::domain::request::{Caller, Refusal};
use crate::domain::view::{ChangeFilter, Page, PhaseEvent, StoreEvent, StoreView};
use crate::workflow::core::Core;

/// How many of a store's newest changes are looked through.
const CHANGES: usize = 200;

/// A place: the moment, then the number of the event among those of that moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Place(Timestamp, String, usize);

/// A store's events, newest first.
///
/// # Errors
/// When there is no such store, or none that the caller may see.
pub(in crate::workflow) fn events(
    core: &Core,
    caller: &Caller,
    name: &str,
    limit: usize,
    cursor: Option<&str>,
) -> Result<Page<StoreEvent>, Refusal> {
    let not_found = || Refusal::NotFound(name.to_owned());
    let view = store(core, caller, name)?.ok_or_else(not_found)?;
    let list = format!("events {}", view.uid);
    let before = cursor::read::<Place>(&list, cursor)?;
    let mut all = steps(core, caller, &view)?;
    all.extend(phases(core, &view.name, &view));
    all.extend(notice(&view));
    all.sort_by(|(left, _), (right, _)| right.cmp(left));
    all.retain(|(place, _)| before.as_ref().is_none_or(|before| place < before));
    let more = all.len() > limit;
    all.truncate(limit);
    let next = all.last().filter(|_| more);
    let next = next.map(|(place, _)| cursor::write(&list, place));
    let items = all.into_iter().map(|(_, event)| event).collect();
    Ok(Page { items, next })
}

/// The steps of the changes of this life.
fn steps(
    core: &Core,
    caller: &Caller,
    view: &StoreView,
) -> Result<Vec<(Place, StoreEvent)>, Refusal> {
    let filter = ChangeFilter {
        store: Some(view.name.clone()),
        ..ChangeFilter::default()
    };
    let mut all = Vec::new();
    for change in changes_before(core, caller, &filter, None, CHANGES)? {
        if change.uid != view.uid {
            continue;
        }
        for (number, step) in change.timeline.into_iter().enumerate() {
            let place = Place(step.at, change.id.to_string(), number);
            let event = StoreEvent {
                at: step.at,
                kind: "change".to_owned(),
                reason: step.state.as_str().to_owned(),
                message: step.detail.unwrap_or_default(),
                change: Some(change.id.clone()),
                action: Some(change.action),
            };
            all.push((place, event));
        }
    }
    Ok(all)
}

/// Phases that this process saw the store get into, as far as they are kept.
fn phases(core: &Core, name: &StoreName, view: &StoreView) -> Vec<(Place, StoreEvent)> {
    let told = core.events.phases_of(name);
    let read = told
        .iter()
        .filter_map(|it| serde_json::from_str::<PhaseEvent>(&it.data).ok());
    let mine = read.filter(|it| it.uid == view.uid);
    let event = |(number, it): (usize, PhaseEvent)| {
        let place = Place(it.at, String::new(), usize::MAX - number);
        let event = plain(it.at, "phase", it.phase.as_str(), it.message);
        (place, event)
    };
    mine.enumerate().map(event).collect()
}

fn notice(view: &StoreView) -> Option<(Place, StoreEvent)> {
    let text = view.notice.clone()?;
    let event = plain(view.updated_at, "notice", "notice", text);
    Some((Place(view.updated_at, "notice".to_owned(), 0), event))
}

fn plain(at: Timestamp, kind: &str, reason: &str, message: String) -> StoreEvent {
    StoreEvent {
        at,
        kind: kind.to_owned(),
        reason: reason.to_owned(),
        message,
        change: None,
        action: None,
    }
}

//! Answers for the API, put together from the desk, the index and what clusters show.
//!
//! Lists are found in memory ([`catalog`]); what a page shows is read and put together anew.

mod catalog;
mod cursor;
mod files;
mod lists;
mod marks;
mod shelf;
#[cfg(test)]
mod tests;
mod trail;

pub(super) use catalog::{Catalog, provisioned_in};
pub(super) use lists::{changes, stores};

use super::core::Core;
use super::intake::find_change;
use super::observe::{contains, desired};
use super::probes::with_answer;
use super::volumes;
use crate::domain::accept::etag;
use crate::domain::change::{Change, State};
use crate::domain::entry::StoreRow;
use crate::domain::phase::{Phase, Status, status};
use crate::domain::record::Record;
use crate::domain::record_text::{RecordText, Recorded};
use crate::domain::request::{Caller, Refusal, Role};
use crate::domain::view::{CredentialsRef, HistoryItem, Page, Revisions, StoreView};
use crate::domain::{ChangeId, CommitId, Owner, StoreName};
use crate::index::IndexError;

/// The Secret that a chart makes for its store, and what a person looks for in it.
const SECRET: &str = "store-credentials";

fn unavailable(error: &IndexError) -> Refusal {
    Refusal::Unavailable(error.to_string())
}

/// Whether a caller may see an owner's stores.
pub(super) fn sees(caller: &Caller, owner: &Owner) -> bool {
    caller.role != Role::Merchant || caller.owner == *owner
}

/// A change, wherever it is.
pub(super) fn change(core: &Core, caller: &Caller, id: &ChangeId) -> Option<Change> {
    let desk = core.desk();
    let change = find_change(core, &desk, id)?;
    drop(desk);
    may_see(core, caller, &change).then_some(change)
}

/// Whether a caller may see a change: their own, and those of their owner's stores.
pub(super) fn may_see(core: &Core, caller: &Caller, change: &Change) -> bool {
    if caller.role != Role::Merchant || change.requester == caller.subject {
        return true;
    }
    let owner = core.catalog.owner(&change.store, &change.uid);
    owner.is_some_and(|owner| owner == caller.owner)
}

/// The first so many of some items, of which there is one more where there is a next page.
pub(super) fn page<T>(mut items: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(cursor) } else { None };
    Page { items, next }
}

/// One store; none when there is none or the caller may not see it.
pub(super) fn store<R: Recorded>(
    core: &Core,
    caller: &Caller,
    name: &str,
) -> Result<Option<StoreView<R>>, Refusal> {
    let Ok(name) = name.parse::<StoreName>() else {
        return Ok(None);
    };
    let pending = on_desk(core, &name);
    let row = core.index.store_as(&name);
    let row = row.map_err(|error| unavailable(&error))?;
    let view = view(core, &name, row, pending);
    Ok(view.filter(|view: &StoreView<R>| sees(caller, view.record.owner())))
}

/// The views of some stores; none for those that are gone meanwhile.
fn views<R: Recorded>(
    core: &Core,
    names: &[StoreName],
) -> Result<Vec<Option<StoreView<R>>>, Refusal> {
    let shown = names.iter().map(|name| {
        let pending = on_desk(core, name);
        let row = core.index.store_as(name);
        let row = row.map_err(|error| unavailable(&error))?;
        Ok(view(core, name, row, pending))
    });
    shown.collect()
}

/// A store's open changes, and its newest accepted record.
type Pending = (Vec<Change>, Option<Record>);

/// Looked at before the row: what leaves the desk in between is in the row by then.
fn on_desk(core: &Core, name: &StoreName) -> Pending {
    if !core.busy.holds(name) {
        return Pending::default();
    }
    let desk = core.desk();
    let ids = desk.changes_of(name).iter();
    let changes = ids.filter_map(|id| desk.entry(id));
    let changes = changes.map(|it| it.change.clone()).collect();
    (changes, desk.newest(name).cloned())
}

/// A store's view: from its row, or from a create that is not merged yet.
fn view<R: Recorded>(
    core: &Core,
    name: &StoreName,
    row: Option<StoreRow<R>>,
    (pending, newest): Pending,
) -> Option<StoreView<R>> {
    let asked = pending
        .iter()
        .rev()
        .find(|it| row.as_ref().is_none_or(|row| row.uid != it.uid));
    match (row, asked, newest) {
        (_, Some(create), Some(newest)) => Some(requested(core, create, &newest, &pending)),
        (Some(row), _, newest) => Some(merged(core, name, row, newest.as_ref(), &pending)),
        _ => None,
    }
}

fn requested<R: Recorded>(
    core: &Core,
    create: &Change,
    record: &Record,
    pending: &[Change],
) -> StoreView<R> {
    let at = (create.created_at, create.updated_at);
    let status = requested_status(create);
    let record = R::from(record);
    assemble(core, record, status, Revisions::default(), pending, at)
}

/// The phase of a store that is not merged yet.
fn requested_status(create: &Change) -> Status {
    let waiting = create.waiting_for.clone().unwrap_or_default();
    let (phase, next_step) = match create.state {
        State::Proposed => (Phase::AwaitingApproval, "have the change approved"),
        _ => (Phase::Requested, ""),
    };
    Status {
        phase,
        reason: phase.to_string(),
        message: format!("it was asked for and waits for {waiting}"),
        next_step: next_step.to_owned(),
    }
}

fn merged<R: Recorded>(
    core: &Core,
    name: &StoreName,
    row: StoreRow<R>,
    newest: Option<&Record>,
    pending: &[Change],
) -> StoreView<R> {
    let status = phase(core, name, &row);
    core.note_phase(name, &row.uid, &status);
    let off = row.record.is_suspended();
    let memory = row.memory().at(&status, off);
    let last_known = memory.beside(&status).cloned();
    let notice = volumes::notice(core, &row);
    let revisions = Revisions {
        desired: Some(row.desired),
        applied: row.applied,
    };
    let at = (row.created_at, row.updated_at);
    let older = !core.templates.digest().starts_with(&row.template)
        || !core.in_force().digests.fit(&row.record, &row.policy);
    let outdated = older && row.removed_at.is_none();
    let mut view = assemble(core, row.record, status, revisions, pending, at);
    view.uid = row.uid;
    view.notice = notice;
    view.outdated = outdated;
    view.last_known = last_known;
    if let Some(newest) = newest {
        view.etag = etag(&newest.spec);
    }
    view
}

/// A row's phase as everything stands now.
pub(super) fn phase<R: Recorded>(core: &Core, name: &StoreName, row: &StoreRow<R>) -> Status {
    let desired = desired(row);
    let contains = |source: &CommitId| contains(core, &desired, source);
    let watched = core
        .watched
        .get(row.record.cluster())
        .map(|it| it.view.both(name))
        .map(|(cluster, seen)| (cluster, with_answer(core, name, row, seen)));
    let seen = watched
        .as_ref()
        .map(|(cluster, seen)| (cluster.as_ref(), seen.as_ref()));
    if row.gone && watched.is_some() {
        return gone();
    }
    let before = row.known.as_ref();
    let status = status(&desired, seen, &contains, before, Core::now());
    let memory = row.memory().at(&status, desired.suspended);
    status.with_memory(&memory)
}

/// The status of a store that was seen to be gone. It is not asked again: nothing of it is there that would tell.
pub(super) fn gone() -> Status {
    Status {
        phase: Phase::Deleted,
        reason: "Deleted".to_owned(),
        message: "it is gone from Git and from the cluster".to_owned(),
        next_step: String::new(),
    }
}

fn assemble<R: Recorded>(
    core: &Core,
    record: R,
    status: Status,
    revisions: Revisions,
    pending: &[Change],
    (created_at, updated_at): (jiff::Timestamp, jiff::Timestamp),
) -> StoreView<R> {
    let policy = core.in_force().policy;
    let cluster = policy.clusters.get(record.cluster());
    let scheme = cluster.map_or("https", |it| it.scheme.as_str());
    let prefix = cluster.map_or("store-", |it| it.namespace_prefix.as_str());
    let url = format!("{scheme}://{}", record.host());
    let admin = if record.engine() == "medusa" {
        "app"
    } else {
        "wp-admin"
    };
    let uid = record.uid().cloned();
    StoreView {
        name: record.name().clone(),
        uid: uid
            .or_else(|| pending.first().map(|it| it.uid.clone()))
            .expect("a store has a uid once it is accepted"),
        health: health(status.phase).to_owned(),
        phase: status.phase,
        reason: status.reason,
        message: status.message,
        next_step: status.next_step,
        last_known: None,
        admin_url: format!("{url}/{admin}"),
        url,
        credentials_ref: CredentialsRef {
            namespace: format!("{prefix}{}", record.name()),
            secret: SECRET.to_owned(),
            keys: vec!["admin-user".to_owned(), "admin-password".to_owned()],
        },
        revisions,
        pending_changes: pending.iter().map(|it| it.id.clone()).collect(),
        outdated: false,
        notice: None,
        created_at,
        updated_at,
        etag: record.etag(),
        record,
    }
}

/// A phase as a word about the shop itself.
fn health(phase: Phase) -> &'static str {
    match phase {
        Phase::Ready => "healthy",
        Phase::Degraded => "degraded",
        Phase::Failed => "failed",
        _ => "unknown",
    }
}

/// A store's commits, newest first.
pub(super) fn history(
    core: &Core,
    caller: &Caller,
    name: &str,
    limit: usize,
    cursor: Option<&str>,
) -> Result<Page<HistoryItem>, Refusal> {
    let not_found = || Refusal::NotFound(name.to_owned());
    let view = store::<RecordText>(core, caller, name)?.ok_or_else(not_found)?;
    let list = format!("history {}", view.uid);
    let before = cursor::read(&list, cursor)?;
    let found = core.index.history(&view.uid, before, limit + 1);
    let items = found.map_err(|error| unavailable(&error))?;
    let Page { items, next } = page(items, limit, |(place, _)| cursor::write(&list, place));
    let items = items.into_iter().map(|(_, item)| item).collect();
    Ok(Page { items, next })
}

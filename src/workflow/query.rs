//! Answers for the API, put together from the desk, the index and what clusters show.

use std::collections::BTreeMap;

use super::core::Core;
use super::intake::find_change;
use super::observe::{contains, desired};
use crate::domain::accept::{Intent, etag};
use crate::domain::change::{Change, State};
use crate::domain::entry::StoreRow;
use crate::domain::phase::{Phase, Status, status};
use crate::domain::record::Record;
use crate::domain::request::{Caller, Refusal, Role};
use crate::domain::view::{
    ChangeFilter, CredentialsRef, HistoryItem, Page, Revisions, StoreFilter, StoreView,
};
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

fn may_see(core: &Core, caller: &Caller, change: &Change) -> bool {
    if caller.role != Role::Merchant || change.requester == caller.subject {
        return true;
    }
    let desk = core.desk();
    let held = desk
        .book
        .get(&change.store)
        .filter(|held| held.uid == change.uid)
        .map(|held| held.owner.clone());
    held.is_some_and(|owner| owner == caller.owner)
}

/// Changes, newest first.
pub(super) fn changes(
    core: &Core,
    caller: &Caller,
    filter: &ChangeFilter,
    limit: usize,
    cursor: Option<&str>,
) -> Result<Page<Change>, Refusal> {
    let wanted = |change: &Change| {
        filter.state.is_none_or(|it| it == change.state)
            && filter.store.as_ref().is_none_or(|it| *it == change.store)
            && filter.action.is_none_or(|it| it == change.action)
            && filter
                .owner
                .as_ref()
                .is_none_or(|it| owner_of(core, change).as_ref() == Some(it))
            && may_see(core, caller, change)
    };
    let mut found: BTreeMap<ChangeId, Change> = BTreeMap::new();
    let open: Vec<Change> = core
        .desk()
        .entries()
        .rev()
        .map(|it| it.change.clone())
        .collect();
    let before = |change: &Change| cursor.is_none_or(|cursor| change.id.as_str() < cursor);
    found.extend(
        open.into_iter()
            .filter(|it| before(it) && wanted(it))
            .map(|it| (it.id.clone(), it)),
    );
    let mut taken = 0;
    let scan = core.index.changes(cursor, &mut |change| {
        if wanted(&change) {
            taken += 1;
            found.entry(change.id.clone()).or_insert(change);
        }
        taken <= limit
    });
    scan.map_err(|error| unavailable(&error))?;
    let items: Vec<Change> = found.into_values().rev().collect();
    Ok(page(items, limit, |change| change.id.to_string()))
}

fn owner_of(core: &Core, change: &Change) -> Option<Owner> {
    core.desk()
        .book
        .get(&change.store)
        .map(|held| held.owner.clone())
}

fn page<T>(mut items: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(cursor) } else { None };
    Page { items, next }
}

/// One store; none when there is none or the caller may not see it.
pub(super) fn store(
    core: &Core,
    caller: &Caller,
    name: &str,
) -> Result<Option<StoreView>, Refusal> {
    let Ok(name) = name.parse::<StoreName>() else {
        return Ok(None);
    };
    let row = core
        .index
        .store(&name)
        .map_err(|error| unavailable(&error))?;
    let view = view(core, &name, row);
    Ok(view.filter(|view| sees(caller, &view.record.spec.owner)))
}

/// Stores in order of their names, those not merged yet included.
pub(super) fn stores(
    core: &Core,
    caller: &Caller,
    filter: &StoreFilter,
    limit: usize,
    cursor: Option<&str>,
) -> Result<Page<StoreView>, Refusal> {
    let mut found: BTreeMap<StoreName, StoreView> = BTreeMap::new();
    let after = |name: &StoreName| cursor.is_none_or(|cursor| name.as_str() > cursor);
    let asked: Vec<StoreName> = core
        .desk()
        .entries()
        .filter(|it| matches!(it.intent, Intent::Create(_)) && after(&it.change.store))
        .map(|it| it.change.store.clone())
        .collect();
    let wanted = |view: &StoreView| sees(caller, &view.record.spec.owner) && matches(filter, view);
    for name in asked {
        let row = core
            .index
            .store(&name)
            .map_err(|error| unavailable(&error))?;
        found.extend(view(core, &name, row).filter(wanted).map(|it| (name, it)));
    }
    let mut taken = 0;
    let scan = core.index.stores(cursor, &mut |name, row| {
        if let Some(view) = view(core, &name, Some(row)).filter(wanted) {
            taken += 1;
            found.insert(name, view);
        }
        taken <= limit
    });
    scan.map_err(|error| unavailable(&error))?;
    Ok(page(found.into_values().collect(), limit, |view| {
        view.name.to_string()
    }))
}

fn matches(filter: &StoreFilter, view: &StoreView) -> bool {
    let spec = &view.record.spec;
    let text = |it: &Option<String>, value: &str| it.as_ref().is_none_or(|it| it == value);
    let hit = |q: &String| view.name.as_str().contains(q.as_str()) || view.url.contains(q.as_str());
    // A deleted store is there for who asks for it by name or phase, and in no other list.
    let present = filter.phase == Some(Phase::Deleted) || view.phase != Phase::Deleted;
    present
        && filter.owner.as_ref().is_none_or(|it| *it == spec.owner)
        && filter.cluster.as_ref().is_none_or(|it| *it == spec.cluster)
        && filter.phase.is_none_or(|it| it == view.phase)
        && text(&filter.engine, &spec.engine)
        && text(&filter.plan, &spec.plan)
        && text(&filter.version, &spec.version)
        && filter.q.as_ref().is_none_or(hit)
}

/// A store's view: from its row, or from a create that is not merged yet.
fn view(core: &Core, name: &StoreName, row: Option<StoreRow>) -> Option<StoreView> {
    let (pending, newest) = {
        let desk = core.desk();
        let changes: Vec<Change> = desk
            .changes_of(name)
            .iter()
            .filter_map(|id| desk.entry(id))
            .map(|it| it.change.clone())
            .collect();
        (changes, desk.newest(name).cloned())
    };
    let asked = pending
        .iter()
        .rev()
        .find(|it| row.as_ref().is_none_or(|row| row.uid != it.uid));
    match (row, asked, newest) {
        (_, Some(create), Some(newest)) => Some(requested(core, create, &newest, &pending)),
        (Some(row), _, newest) => Some(merged(core, name, &row, newest.as_ref(), &pending)),
        _ => None,
    }
}

fn requested(core: &Core, create: &Change, record: &Record, pending: &[Change]) -> StoreView {
    let waiting = create.waiting_for.clone().unwrap_or_default();
    let (phase, next_step) = match create.state {
        State::Proposed => (Phase::AwaitingApproval, "have the change approved"),
        _ => (Phase::Requested, ""),
    };
    let status = Status {
        phase,
        reason: phase.to_string(),
        message: format!("it was asked for and waits for {waiting}"),
        next_step: next_step.to_owned(),
    };
    let at = (create.created_at, create.updated_at);
    assemble(core, record, status, Revisions::default(), pending, at)
}

fn merged(
    core: &Core,
    name: &StoreName,
    row: &StoreRow,
    newest: Option<&Record>,
    pending: &[Change],
) -> StoreView {
    let revisions = Revisions {
        desired: Some(row.desired.clone()),
        applied: row.applied.clone(),
    };
    let at = (row.created_at, row.updated_at);
    let mut view = assemble(
        core,
        &row.record,
        phase(core, name, row),
        revisions,
        pending,
        at,
    );
    view.uid = row.uid.clone();
    view.notice.clone_from(&row.notice);
    view.outdated = !core.templates.digest().starts_with(&row.template);
    if let Some(newest) = newest {
        view.etag = etag(&newest.spec);
    }
    view
}

/// A row's phase as everything stands now.
pub(super) fn phase(core: &Core, name: &StoreName, row: &StoreRow) -> Status {
    let desired = desired(row);
    let contains = |source: &CommitId| contains(core, &desired, source);
    let watched = core
        .watched
        .get(&row.record.spec.cluster)
        .map(|it| it.view.both(name));
    let seen = watched
        .as_ref()
        .map(|(cluster, seen)| (cluster, seen.as_ref()));
    if row.gone && watched.is_some() {
        return Status {
            phase: Phase::Deleted,
            reason: "Deleted".to_owned(),
            message: "it is gone from Git and from the cluster".to_owned(),
            next_step: String::new(),
        };
    }
    status(&desired, seen, &contains, Core::now())
}

fn assemble(
    core: &Core,
    record: &Record,
    status: Status,
    revisions: Revisions,
    pending: &[Change],
    (created_at, updated_at): (jiff::Timestamp, jiff::Timestamp),
) -> StoreView {
    let spec = &record.spec;
    let policy = core.in_force().policy;
    let cluster = policy.clusters.get(&spec.cluster);
    let scheme = cluster.map_or("https", |it| it.scheme.as_str());
    let prefix = cluster.map_or("store-", |it| it.namespace_prefix.as_str());
    let url = format!("{scheme}://{}", spec.host);
    let admin = if spec.engine == "medusa" {
        "app"
    } else {
        "wp-admin"
    };
    let uid = record.metadata.uid.clone();
    StoreView {
        name: record.name().clone(),
        uid: uid
            .or_else(|| pending.first().map(|it| it.uid.clone()))
            .expect("a store has a uid once it is accepted"),
        record: record.clone(),
        health: health(status.phase).to_owned(),
        phase: status.phase,
        reason: status.reason,
        message: status.message,
        next_step: status.next_step,
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
        etag: etag(spec),
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
    let view = store(core, caller, name)?.ok_or_else(not_found)?;
    let before = cursor.and_then(|it| it.parse().ok());
    let found = core.index.history(&view.uid, before, limit + 1);
    let items = found.map_err(|error| unavailable(&error))?;
    let Page { items, next } = page(items, limit, |(place, _)| place.to_string());
    let items = items.into_iter().map(|(_, item)| item).collect();
    Ok(Page { items, next })
}

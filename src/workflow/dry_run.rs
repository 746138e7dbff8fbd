//! What a request would write, shown before anybody writes it: the same derivation, on the same tip, thrown away.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::core::Core;
use super::derive::{Underivable, plan_put};
use super::earlier::earlier;
use super::intake::{
    check_match, gone, new_id, newest, repeated_delete, waits_for_people, with_phase,
};
use super::query::sees;
use super::retry::chosen;
use super::schemas;
use crate::domain::accept::{Circumstances, decide};
use crate::domain::approval::needed;
use crate::domain::book::Book;
use crate::domain::change::Change;
use crate::domain::entry::Entry;
use crate::domain::policy::FleetPolicy;
use crate::domain::record::Record;
use crate::domain::request::{Caller, Refusal, Request};
use crate::domain::view::Rendered;
use crate::domain::{ChangeId, CommitId, Host, Owner};
use crate::git::GitError;
use crate::plan::{Before, Plan};

/// Plans a request without accepting it.
pub(super) fn render(
    core: &Core,
    caller: &Caller,
    request: &Request,
    proven: &[Host],
    if_match: Option<&str>,
) -> Result<Rendered, Refusal> {
    let in_force = core.in_force();
    let policy = &in_force.policy;
    let now = Core::now();
    let (id, current, decision) = {
        // Decided as at the door, under the same lock, and with nothing put down.
        let desk = core.desk();
        let current = request.store().map(|store| newest(core, &desk, store));
        let current = current.transpose()?.flatten();
        let seen = |owner: &Owner| sees(caller, owner);
        if let Some(same) = repeated_delete(core, &desk, request, current.as_ref(), &seen)? {
            return Ok(nothing(&same));
        }
        if current.is_none() {
            gone(core, &desk, request, &seen)?;
        }
        waits_for_people(core, &desk, request, current.as_ref(), &seen)?;
        check_match(if_match, current.as_ref())?;
        let id = new_id(&desk, None, now);
        let at = at(core, policy, (caller, proven, now), &desk.book, &id);
        let earlier = earlier(core, request, current.as_ref())?;
        let chosen = chosen(core, request, current.as_ref());
        let decision = decide(&at, &chosen, current.as_ref(), earlier);
        let decision = decision.map_err(|why| with_phase(core, &desk, request, why))?;
        (id, current, decision)
    };
    let record: Record = decision.record;
    let old = current.as_ref().map(|it| &it.spec);
    schemas::check(core, policy, old, &record, "")?;
    let nothing_taken = Book::default();
    let at = at(core, policy, (caller, proven, now), &nothing_taken, &id);
    let mut rendered = planned(core, &at, &record)?;
    let needed = needed(policy, decision.action, old, &record.spec);
    let waits = needed.map(|it| format!("the change waits for {}", it.sentence()));
    rendered.warnings.extend(waits);
    Ok(rendered)
}

/// What an accepted request would write now.
pub(super) fn shown(core: &Core, entry: &Entry, record: &Record) -> Result<Rendered, Refusal> {
    let in_force = core.in_force();
    let nothing_taken = Book::default();
    let who = (&entry.caller, &entry.proven[..], entry.change.created_at);
    let id = &entry.change.id;
    planned(
        core,
        &at(core, &in_force.policy, who, &nothing_taken, id),
        record,
    )
}

/// What a record would change on main.
fn planned(core: &Core, at: &Circumstances<'_>, record: &Record) -> Result<Rendered, Refusal> {
    let tip = core
        .repo
        .branch("main")
        .map_err(|error| Refusal::Unavailable(error.to_string()))?;
    let (plan, _) =
        plan_put(&core.repo, tip.as_ref(), &core.templates, at.policy, record).map_err(why)?;
    let before = before(core, tip.as_ref(), &plan).map_err(|error| why(error.into()))?;
    Ok(Rendered {
        store: record.name().clone(),
        noop: plan.is_empty(),
        files: plan.files(&before),
        diff: plan.diff(&before),
        warnings: warnings(core, record),
    })
}

/// What was asked for is under way.
fn nothing(same: &Change) -> Rendered {
    Rendered {
        store: same.store.clone(),
        noop: true,
        files: BTreeMap::new(),
        diff: String::new(),
        warnings: vec![format!("change {} does this already", same.id)],
    }
}

fn at<'a>(
    core: &Core,
    policy: &'a FleetPolicy,
    (caller, proven, now): (&'a Caller, &'a [Host], Timestamp),
    book: &'a Book,
    id: &'a ChangeId,
) -> Circumstances<'a> {
    Circumstances {
        policy,
        book,
        caller,
        id,
        proven,
        now,
        lifted: core.settings.lift_limits,
    }
}

/// What the files of a plan hold now.
fn before(core: &Core, tip: Option<&CommitId>, plan: &Plan) -> Result<Before, GitError> {
    let read = |path: &String| {
        let bytes = tip.map_or(Ok(None), |tip| core.repo.read(tip, path))?;
        Ok((path.clone(), bytes))
    };
    plan.paths().map(read).collect()
}

fn why(error: Underivable) -> Refusal {
    match error {
        Underivable::Failed(error) => Refusal::Conflict(error.message),
        Underivable::Git(error) => Refusal::Unavailable(error.to_string()),
    }
}

fn warnings(core: &Core, record: &Record) -> Vec<String> {
    let mut warnings = Vec::new();
    if !core.watched.contains_key(&record.spec.cluster) {
        warnings.push(format!(
            "cluster {} is not watched: the store is followed to its commit only",
            record.spec.cluster
        ));
    }
    warnings
}

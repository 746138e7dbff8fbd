//! Where a rollback goes: a state of the store that one of our commits on published main left.
//!
//! Must not know: whether the rules still allow that state.

use super::core::Core;
use super::derive::read_record;
use crate::domain::accept::{Earlier, of_then};
use crate::domain::record::{Record, Spec, record_path};
use crate::domain::request::{Refusal, Request, Violation};
use crate::domain::view::HistoryItem;
use crate::domain::{ChangeId, CommitId, StoreName, Uid};

/// How many commits are read from the index at once.
const PAGE: usize = 100;
/// How many commits are looked at for the state before the newest.
const FAR: usize = 100;

/// Where a rollback of a store goes; none for other requests, and where there is no earlier state.
pub(super) fn earlier(
    core: &Core,
    request: &Request,
    current: Option<&Record>,
) -> Result<Option<Earlier>, Refusal> {
    let (Request::Rollback { to, .. }, Some(record)) = (request, current) else {
        return Ok(None);
    };
    let Some(uid) = &record.metadata.uid else {
        return Ok(None);
    };
    match to {
        Some(to) => named(core, record.name(), uid, to).map(Some),
        None => before(core, record, uid),
    }
}

/// The state that a commit or a change left.
fn named(core: &Core, name: &StoreName, uid: &Uid, to: &str) -> Result<Earlier, Refusal> {
    let (commit, change) = (to.parse::<CommitId>().ok(), to.parse::<ChangeId>().ok());
    let wanted = |it: &HistoryItem| {
        commit.as_ref() == Some(&it.commit) || change.as_ref() == Some(&it.change)
    };
    let mut found = None;
    walk(core, uid, &mut |item| {
        found = wanted(&item).then_some(item.commit);
        Ok(found.is_none())
    })?;
    let commit = found.ok_or_else(|| {
        let to: String = to.chars().take(60).collect();
        let detail =
            format!("{to:?} is no commit or change of store {name}; its history lists them");
        Refusal::Invalid(vec![Violation::new("/to", detail)])
    })?;
    let spec = spec_at(core, name, &commit)?;
    Ok(Earlier { commit, spec })
}

/// The newest state that differs from that of now in what a rollback restores.
fn before(core: &Core, now: &Record, uid: &Uid) -> Result<Option<Earlier>, Refusal> {
    let (mut found, mut seen) = (None, 0);
    walk(core, uid, &mut |item| {
        seen += 1;
        let spec = spec_at(core, now.name(), &item.commit)?;
        if of_then(&spec, &now.spec) != now.spec {
            let commit = item.commit;
            found = Some(Earlier { commit, spec });
        }
        Ok(found.is_none() && seen < FAR)
    })?;
    Ok(found)
}

/// Shows a store's commits, newest first, as long as `each` wants more.
fn walk(
    core: &Core,
    uid: &Uid,
    each: &mut dyn FnMut(HistoryItem) -> Result<bool, Refusal>,
) -> Result<(), Refusal> {
    let mut place = None;
    loop {
        let page = core.index.history(uid, place, PAGE);
        let page = page.map_err(|error| Refusal::Unavailable(error.to_string()))?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        place = Some(*last);
        for (_, item) in page {
            if !each(item)? {
                return Ok(());
            }
        }
    }
}

fn spec_at(core: &Core, name: &StoreName, commit: &CommitId) -> Result<Spec, Refusal> {
    let bytes = core.repo.read(commit, &record_path(name));
    let bytes = bytes.map_err(|error| Refusal::Unavailable(error.to_string()))?;
    let gone = || Refusal::Conflict(format!("commit {commit} has no record of store {name}"));
    let record = read_record(name, &bytes.ok_or_else(gone)?);
    let record = record.map_err(|error| Refusal::Conflict(error.message))?;
    Ok(record.spec)
}

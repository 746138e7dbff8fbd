//! What main has of our proposals: found by content, however it was merged.
//!
//! Must not know: who approved it.

use crate::domain::approval::digest;
use crate::domain::entry::Entry;
use crate::domain::proposal::life::{Proposal, Stage};
use crate::domain::record::record_path;
use crate::domain::{CommitId, StoreName};
use crate::git::GitError;
use crate::workflow::adopt::last_commit;
use crate::workflow::core::{Core, lock};
use crate::workflow::derive::read_record;
use crate::workflow::project::ProjectError;

/// Whether a record on main is one that an open proposal asks for.
pub(in crate::workflow) fn holds(core: &Core, store: &StoreName, record: &[u8]) -> bool {
    let proposals = lock(&core.proposals);
    let mut asked = proposals
        .values()
        .filter(|it| it.stage != Stage::Rejected && asks_for(it, store));
    let Some(found) = content(store, record) else {
        return false;
    };
    asked.any(|it| wanted(it, store).any(|digest| *digest == found))
}

/// The stores of open proposals whose records main has as they were proposed.
pub(in crate::workflow) fn merged_stores(
    core: &Core,
    tip: &CommitId,
) -> Result<Vec<StoreName>, GitError> {
    let asked: Vec<StoreName> = {
        let proposals = lock(&core.proposals);
        let open = proposals.values().filter(|it| it.stage != Stage::Rejected);
        let heads = open.filter_map(Proposal::head);
        heads.flat_map(|it| it.records.keys().cloned()).collect()
    };
    let mut merged = Vec::new();
    for store in asked {
        let there = core.repo.read(tip, &record_path(&store))?;
        if there.is_some_and(|bytes| holds(core, &store, &bytes)) {
            merged.push(store);
        }
    }
    Ok(merged)
}

/// A store whose change main has, with the commit that brought it; or has not, though the proposal was merged.
pub(super) struct Arrived {
    pub(super) store: StoreName,
    pub(super) commit: Option<CommitId>,
}

/// What published main has of a proposal.
pub(super) fn arrived(core: &Core, proposal: &Proposal) -> Result<Vec<Arrived>, ProjectError> {
    let (Some(tip), Some(head)) = (core.published("main")?, proposal.head()) else {
        return Ok(Vec::new());
    };
    let mut all = Vec::new();
    for store in head.records.keys() {
        let path = record_path(store);
        let there = core.repo.read(&tip, &path)?;
        let same = there.is_some_and(|bytes| {
            let found = content(store, &bytes);
            found.is_some_and(|found| wanted(proposal, store).any(|it| *it == found))
        });
        let commit = if same {
            Some(last_commit(core, &tip, &path)?)
        } else {
            None
        };
        let store = store.clone();
        all.push(Arrived { store, commit });
    }
    Ok(all)
}

/// Whether main has anything of a proposal, however it was merged.
pub(super) fn is_there(core: &Core, proposal: &Proposal) -> Result<bool, ProjectError> {
    let arrived = arrived(core, proposal)?;
    Ok(arrived.iter().any(|it| it.commit.is_some()))
}

/// The open entries of a proposal, in its order.
pub(super) fn entries(core: &Core, proposal: &Proposal) -> Vec<Entry> {
    let desk = core.desk();
    let open = proposal.changes.iter().filter_map(|id| desk.entry(id));
    open.cloned().collect()
}

fn asks_for(proposal: &Proposal, store: &StoreName) -> bool {
    wanted(proposal, store).next().is_some()
}

/// The digests that a store's record had in heads of ours.
fn wanted<'a>(proposal: &'a Proposal, store: &'a StoreName) -> impl Iterator<Item = &'a String> {
    proposal.heads.iter().filter_map(|it| it.records.get(store))
}

fn content(store: &StoreName, record: &[u8]) -> Option<String> {
    read_record(store, record).ok().map(|it| digest(&it))
}

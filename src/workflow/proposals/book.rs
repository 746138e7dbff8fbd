//! Proposals as they are kept: on disk first, then in memory, with the entries that they carry.
//!
//! Several may work on one proposal at once; each sets only what is its own, on the proposal as it is then.

use std::sync::Arc;

use super::Trouble;
use crate::domain::change::PullRequest;
use crate::domain::entry::Entry;
use crate::domain::forge::PullState;
use crate::domain::proposal::life::Proposal;
use crate::workflow::core::{Core, lock};

/// A proposal as it is now; none where it is over.
pub(super) fn get(core: &Core, branch: &str) -> Option<Proposal> {
    lock(&core.proposals).get(branch).cloned()
}

/// Changes a proposal, and keeps how far entries have come with it. `proposal` is as it is then.
pub(super) async fn keep(
    core: &Arc<Core>,
    proposal: &mut Proposal,
    set: impl FnOnce(&mut Proposal) + Send + 'static,
    entries: Vec<Entry>,
) -> Result<(), Trouble> {
    let (kept, branch) = (core.clone(), proposal.branch.clone());
    let now = blocking(move || keep_now(&kept, &branch, set, entries)).await?;
    if let Some(now) = now {
        *proposal = now;
    }
    Ok(())
}

/// The same, where waiting for the disk holds up nobody else. None where the proposal is over.
pub(super) fn keep_now(
    core: &Core,
    branch: &str,
    set: impl FnOnce(&mut Proposal),
    entries: Vec<Entry>,
) -> Result<Option<Proposal>, Trouble> {
    let entries = open(core, entries);
    let proposal = {
        let mut proposals = lock(&core.proposals);
        let Some(there) = proposals.get_mut(branch) else {
            return Ok(None);
        };
        let mut proposal = there.clone();
        set(&mut proposal);
        core.journal.propose(&proposal, &entries)?;
        *there = proposal.clone();
        proposal
    };
    show(core, entries);
    Ok(Some(proposal))
}

/// Begins a proposal.
pub(super) fn begin(core: &Core, proposal: Proposal, entries: Vec<Entry>) -> Result<(), Trouble> {
    let entries = open(core, entries);
    core.journal.propose(&proposal, &entries)?;
    lock(&core.proposals).insert(proposal.branch.clone(), proposal);
    show(core, entries);
    Ok(())
}

/// Those that are open still: one that ended meanwhile stays ended. The desk is never asked for while proposals are held:
/// whoever holds the desk asks for proposals.
fn open(core: &Core, entries: Vec<Entry>) -> Vec<Entry> {
    let desk = core.desk();
    let open = |it: &Entry| desk.entry(&it.change.id).is_some();
    entries.into_iter().filter(open).collect()
}

/// Keeps how far entries have come.
pub(super) fn keep_entries(core: &Core, entries: Vec<Entry>) -> Result<(), Trouble> {
    let entries = open(core, entries);
    core.journal.update(&entries)?;
    show(core, entries);
    Ok(())
}

fn show(core: &Core, entries: Vec<Entry>) {
    let mut desk = core.desk();
    for entry in entries {
        core.ring(&entry.change);
        desk.update(entry);
    }
}

/// Forgets a proposal that is over.
pub(super) fn forget(core: &Core, branch: &str) -> Result<(), Trouble> {
    core.journal.end_proposal(branch)?;
    lock(&core.proposals).remove(branch);
    core.repo.forget(&super::render::local(branch))?;
    Ok(())
}

/// Notes on an entry where its pull request is.
pub(super) fn note_pull(entry: &mut Entry, proposal: &Proposal, state: PullState) {
    let state = match state {
        PullState::Open => "open",
        PullState::Closed => "closed",
        PullState::Merged => "merged",
    };
    entry.change.pull_request = proposal.pull.as_ref().map(|pull| PullRequest {
        number: pull.number,
        url: pull.url.clone(),
        state: state.to_owned(),
    });
}

/// Runs what waits for disk or Git beside the runtime.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Trouble::Worker(error.to_string()))?
}

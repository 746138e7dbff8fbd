//! Changes that wait for a proposal get one, and those that ended leave theirs.
//!
//! Must not know: how a branch is pushed, or what the forge makes of it.

use super::render::{Rendered, render};
use super::{Trouble, book, branches, landing};
use crate::domain::change::State;
use crate::domain::entry::Entry;
use crate::domain::forge::BudgetView;
use crate::domain::proposal::grouping::{Key, Newcomer, Place, Pressure, Size, Waiting, place};
use crate::domain::proposal::life::{Proposal, Stage};
use crate::domain::{ChangeId, ProposalId};
use crate::plan::{Edit, Plan};
use crate::workflow::core::{Core, lock};

/// The content-creating calls that opening a proposal takes: the pull request and its check, and now and then reviewers.
const CALLS: u32 = 2;
/// Those that are kept for what is more urgent than another proposal.
const KEPT: u32 = 8;

/// What the forge has room for.
#[derive(Debug, Clone)]
pub(super) struct Room {
    /// What it still takes of us.
    pub(super) budget: BudgetView,
    /// The pull requests that are open.
    pub(super) open_pulls: u32,
}

impl Room {
    /// How pressed we are, with the proposals that wait to be opened.
    fn pressure(&self, core: &Core) -> Pressure {
        let unopened = lock(&core.proposals)
            .values()
            .filter(|it| it.stage == Stage::Open && it.pull.is_none())
            .count();
        let unopened = u32::try_from(unopened).unwrap_or(u32::MAX);
        let wanted = unopened.saturating_add(1).saturating_mul(CALLS);
        let left = self.budget.content_minute.min(self.budget.content_hour);
        Pressure {
            budget_spent: self.budget.paused.is_some() || left < wanted.saturating_add(KEPT),
            open_pulls: self.open_pulls.saturating_add(unopened),
        }
    }
}

/// Puts waiting changes into proposals.
pub(super) fn gather(core: &Core, room: &Room) -> Result<(), Trouble> {
    let waiting: Vec<Entry> = {
        let desk = core.desk();
        let waits = |it: &&Entry| {
            let unplaced = it.carried.as_ref().is_some_and(|it| it.branch.is_none());
            unplaced && it.change.state == State::Queued
        };
        desk.entries().filter(waits).cloned().collect()
    };
    for entry in waiting {
        put(core, entry, room.pressure(core))?;
    }
    Ok(())
}

fn put(core: &Core, entry: Entry, pressure: Pressure) -> Result<(), Trouble> {
    let before: Vec<Proposal> = lock(&core.proposals).values().cloned().collect();
    let of_store = before.iter().find(|it| it.carries(core, &entry));
    if of_store.is_some_and(|it| it.stage != Stage::Open) {
        return Ok(());
    }
    let Some(newcomer) = newcomer(core, &entry, of_store)? else {
        return Ok(());
    };
    let policy = core.in_force().policy;
    let now = Core::now();
    let open = before.iter().filter(|it| it.stage == Stage::Open);
    let open: Vec<Waiting> = open.map(|it| waiting(core, it)).collect();
    match place(&policy.proposals, &open, &newcomer, pressure, now) {
        Place::Join(id) => join(core, entry, &branch_of(&before, &id), newcomer.size),
        Place::Open(key) => begin(core, entry, key, newcomer.size),
        Place::Supersede(id, key) => {
            supersede(core, &before, &id, &entry)?;
            begin(core, entry, key, newcomer.size)
        }
        Place::After(_) => Ok(()),
    }
}

/// What a change adds; none where it ended by being looked at.
fn newcomer(
    core: &Core,
    entry: &Entry,
    of_store: Option<&Proposal>,
) -> Result<Option<Newcomer>, Trouble> {
    let mut entries = of_store.map_or_else(Vec::new, |it| landing::entries(core, it));
    entries.retain(|it| it.change.store == entry.change.store);
    entries.push(entry.clone());
    let branch = of_store.map_or("", |it| it.branch.as_str());
    let Rendered {
        mut shown,
        failed,
        nothing,
        ..
    } = render(core, branch, entries, false)?;
    let id = &entry.change.id;
    let (failed, nothing) = (
        failed.into_iter().filter(|(it, _)| it.change.id == *id),
        nothing.into_iter().filter(|it| it.change.id == *id),
    );
    branches::end_apart(core, failed.collect(), nothing.collect())?;
    let shown = shown.pop().filter(|it| it.entry.change.id == *id);
    Ok(shown.map(|it| Newcomer {
        change: id.clone(),
        store: entry.change.store.clone(),
        owner: it.made.record.spec.owner,
        size: size(&it.plan),
    }))
}

fn size(plan: &Plan) -> Size {
    let bytes = plan.main.values().map(|edit| match edit {
        Edit::Put(bytes) => bytes.len() as u64,
        Edit::Delete => 0,
    });
    Size {
        stores: 1,
        files: u32::try_from(plan.main.len()).unwrap_or(u32::MAX),
        bytes: bytes.sum(),
        commits: 1,
    }
}

fn waiting(core: &Core, proposal: &Proposal) -> Waiting {
    let entries = landing::entries(core, proposal);
    Waiting {
        id: proposal.id.clone(),
        key: proposal.key.clone(),
        opened_at: proposal.created_at,
        frozen: proposal.frozen || proposal.armed || proposal.foreign.is_some(),
        size: proposal.size,
        stores: entries.into_iter().map(|it| it.change.store).collect(),
    }
}

fn branch_of(all: &[Proposal], id: &ProposalId) -> String {
    let found = all.iter().find(|it| it.id == *id);
    found.map_or_else(String::new, |it| it.branch.clone())
}

fn begin(core: &Core, mut entry: Entry, key: Key, size: Size) -> Result<(), Trouble> {
    let id = entry.change.id.clone().into();
    let mut proposal = Proposal::new(id, key, Core::now());
    carried_by(&mut entry, &proposal.branch);
    proposal.changes.push(entry.change.id.clone());
    proposal.size = size;
    proposal.rebuild = Some("it was asked for".to_owned());
    book::begin(core, proposal, vec![entry])
}

fn join(core: &Core, mut entry: Entry, branch: &str, size: Size) -> Result<(), Trouble> {
    carried_by(&mut entry, branch);
    let id = entry.change.id.clone();
    let add = move |proposal: &mut Proposal| {
        if !proposal.changes.contains(&id) {
            proposal.changes.push(id);
            proposal.size = proposal.size.and(size);
        }
        proposal.rebuild = Some("a change was added".to_owned());
    };
    book::keep_now(core, branch, add, vec![entry])?;
    Ok(())
}

fn carried_by(entry: &mut Entry, branch: &str) {
    if let Some(carried) = &mut entry.carried {
        carried.branch = Some(branch.to_owned());
    }
}

/// Ends the changes of the same store that wait: the new one takes their place.
fn supersede(core: &Core, all: &[Proposal], id: &ProposalId, new: &Entry) -> Result<(), Trouble> {
    let Some(proposal) = all.iter().find(|it| it.id == *id) else {
        return Ok(());
    };
    let now = Core::now();
    let mut ended = Vec::new();
    for entry in landing::entries(core, proposal) {
        let mut change = entry.change;
        let by = &new.change.id;
        if change.store == new.change.store
            && change.go(State::Superseded, now, Some(format!("overtaken by {by}")))
        {
            change.superseded_by = Some(by.clone());
            ended.push(change);
        }
    }
    core.end(&ended)?;
    Ok(())
}

/// Takes changes out of proposals that ended otherwise: cancelled, overdue, overtaken.
pub(super) fn drop_ended(core: &Core) -> Result<(), Trouble> {
    let open: Vec<Proposal> = lock(&core.proposals).values().cloned().collect();
    for proposal in open.into_iter().filter(|it| it.stage == Stage::Open) {
        let left: Vec<ChangeId> = {
            let desk = core.desk();
            let here = proposal.changes.iter();
            here.filter(|id| desk.entry(id).is_some())
                .cloned()
                .collect()
        };
        if left.len() == proposal.changes.len() {
            continue;
        }
        let set = move |it: &mut Proposal| {
            if left.is_empty() {
                it.stage = Stage::Closing;
                it.closing = Some("all of its changes were taken back".to_owned());
            } else {
                it.rebuild = Some("a change was taken back".to_owned());
            }
            it.changes.retain(|id| left.contains(id));
        };
        book::keep_now(core, &proposal.branch, set, Vec::new())?;
    }
    Ok(())
}

impl Proposal {
    /// Whether it carries another change of an entry's store.
    fn carries(&self, core: &Core, entry: &Entry) -> bool {
        let desk = core.desk();
        let mut others = self.changes.iter().filter_map(|id| desk.entry(id));
        others.any(|it| it.change.store == entry.change.store && it.change.id != entry.change.id)
    }
}

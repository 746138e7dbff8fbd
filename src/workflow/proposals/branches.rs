//! The branches of proposals: rendered on published main, and brought to the forge, many in one push.
//!
//! Must not know: pull requests.

use std::sync::Arc;
use std::time::Instant;

use super::gather::{Room, drop_ended, gather};
use super::render::{self, Rendered, render};
use super::{Trouble, book, landing};
use crate::domain::CommitId;
use crate::domain::change::{ChangeError, MilestoneName, State};
use crate::domain::entry::Entry;
use crate::domain::proposal::life::{Proposal, Stage};
use crate::git::{ProposalOutcome, ProposalRef, Remote};
use crate::workflow::core::{Core, lock};
use crate::workflow::publish;
use crate::workflow::settings::Mode;

/// How many branches one push takes at most.
const AT_ONCE: usize = 50;
/// How many heads of a proposal are remembered: approvals of older ones are asked for again.
const HEADS: usize = 50;

/// Whether a proposal's branch is not what it shall be.
pub(super) fn is_due(proposal: &Proposal) -> bool {
    let open = proposal.stage == Stage::Open && proposal.foreign.is_none();
    let head = proposal.head().map(|it| &it.commit);
    // What the forge may merge at any moment is not changed under its hands.
    open && !proposal.armed
        && (proposal.rebuild.is_some() || (head.is_some() && head != proposal.pushed.as_ref()))
}

/// Puts waiting changes into proposals, renders what is due, and pushes it. Returns the branches that were pushed.
pub(super) async fn bring(
    core: &Arc<Core>,
    remote: &Arc<Remote>,
    room: Room,
) -> Result<Vec<String>, Trouble> {
    let (gathering, pushing) = (core.clone(), core.clone());
    let due = book::blocking(move || {
        gather(&gathering, &room)?;
        drop_ended(&gathering)?;
        render_due(&gathering)
    });
    let due = due.await?;
    let Mode::Remote { pace, .. } = core.settings.mode else {
        return Ok(Vec::new());
    };
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let now = Instant::now();
    let at = lock(&core.pushes).take(now, pace);
    tokio::time::sleep(at.saturating_duration_since(now)).await;
    let remote = remote.clone();
    book::blocking(move || push(&pushing, &remote, &due)).await
}

fn render_due(core: &Core) -> Result<Vec<Proposal>, Trouble> {
    let due: Vec<String> = {
        let proposals = lock(&core.proposals);
        let due = proposals.values().filter(|it| is_due(it));
        due.map(|it| it.branch.clone()).take(AT_ONCE).collect()
    };
    let mut rendered = Vec::new();
    for branch in due {
        rendered.extend(self::rendered(core, &branch)?);
    }
    Ok(rendered)
}

/// Renders a proposal where that is due. Gives it back if it is to be pushed.
fn rendered(core: &Core, branch: &str) -> Result<Option<Proposal>, Trouble> {
    let Some(proposal) = book::get(core, branch) else {
        return Ok(None);
    };
    if proposal.rebuild.is_none() {
        return Ok(Some(proposal));
    }
    if landing::is_there(core, &proposal)? {
        // Merged meanwhile: there is nothing to render any more, and its pull request tells how that went.
        book::keep_now(core, branch, |it| it.rebuild = None, Vec::new())?;
        core.published.send_replace(());
        return Ok(None);
    }
    let entries = landing::entries(core, &proposal);
    let given = render::ids(&entries);
    let Rendered {
        head,
        shown,
        failed,
        nothing,
    } = render(core, branch, entries, true)?;
    end_apart(core, failed, nothing)?;
    let Some(head) = head else {
        // Nothing of it is left: the pull request, if there is one, is closed.
        let close = |it: &mut Proposal| {
            it.rebuild = None;
            it.stage = Stage::Closing;
            let why = "nothing is left to be done by it".to_owned();
            it.closing.get_or_insert(why);
        };
        book::keep_now(core, branch, close, Vec::new())?;
        core.propose.notify_one();
        return Ok(None);
    };
    let mut entries = Vec::new();
    for it in shown {
        entries.extend(written(core, it.entry, &head.commit));
    }
    let left = render::ids(&entries);
    let set = move |it: &mut Proposal| {
        // What joined meanwhile is rendered next.
        it.rebuild = it
            .rebuild
            .take()
            .filter(|_| it.changes.iter().any(|id| !given.contains(id)));
        it.changes
            .retain(|id| left.contains(id) || !given.contains(id));
        if it.head() != Some(&head) {
            it.heads.retain(|earlier| earlier.commit != head.commit);
            it.heads.push(head);
            let over = it.heads.len().saturating_sub(HEADS);
            it.heads.drain(..over);
        }
    };
    let proposal = book::keep_now(core, branch, set, entries)?;
    let behind = |it: &Proposal| it.head().map(|head| &head.commit) != it.pushed.as_ref();
    Ok(proposal.filter(behind))
}

/// Notes that a change has a commit on its branch.
fn written(core: &Core, mut entry: Entry, commit: &CommitId) -> Option<Entry> {
    // One that ended meanwhile stays ended.
    core.desk().entry(&entry.change.id)?;
    if entry.change.state == State::Queued {
        let detail = format!("on its branch, with {commit} as its head");
        entry.change.go(State::Written, Core::now(), Some(detail));
        entry.change.waiting_for = Some("its pull request".to_owned());
    }
    Some(entry)
}

/// Changes that cannot be written, or need not be, end alone.
pub(super) fn end_apart(
    core: &Core,
    failed: Vec<(Entry, ChangeError)>,
    nothing: Vec<Entry>,
) -> Result<(), Trouble> {
    let now = Core::now();
    let mut ended = Vec::new();
    for (mut entry, error) in failed {
        entry.change.fail(error, now);
        ended.push(entry.change);
    }
    for mut entry in nothing {
        let detail = Some("there is nothing to change any more".to_owned());
        let before = entry.change.state;
        entry.change.noop = before == State::Queued;
        let end = match before {
            State::Queued => State::Ready,
            _ => State::Superseded,
        };
        if entry.change.go(end, now, detail) {
            ended.push(entry.change);
        }
    }
    Ok(core.end(&ended)?)
}

fn push(core: &Core, remote: &Remote, due: &[Proposal]) -> Result<Vec<String>, Trouble> {
    let refs: Vec<ProposalRef> = due
        .iter()
        .map(|it| ProposalRef {
            branch: it.branch.clone(),
            was: it.pushed.clone(),
            commit: it.head().map(|head| head.commit.clone()),
        })
        .collect();
    let told = publish::as_now(core, remote, |it| it.propose(&core.repo, &refs))?;
    let mut moved = Vec::new();
    for (branch, outcome) in told {
        let Some(sent) = due.iter().find(|it| it.branch == branch) else {
            continue;
        };
        let commit = sent.head().map(|it| it.commit.clone());
        match outcome {
            ProposalOutcome::Moved => {
                let entries = pushed(core, sent);
                book::keep_now(core, &branch, |it| it.pushed = commit, entries)?;
                moved.push(branch);
            }
            ProposalOutcome::Elsewhere => elsewhere(core, remote, sent)?,
            ProposalOutcome::Refused(why) => {
                tracing::warn!(branch, why, "the branch of a proposal is refused");
                let text = format!("the fleet repository's server refuses its branch: {why}");
                tell(core, sent, &text)?;
            }
        }
    }
    core.propose.notify_one();
    Ok(moved)
}

/// The changes of a branch that is at the remote for the first time.
fn pushed(core: &Core, proposal: &Proposal) -> Vec<Entry> {
    let mut entries = landing::entries(core, proposal);
    entries.retain(|it| it.change.milestones.at(MilestoneName::Pushed).is_none());
    for entry in &mut entries {
        let milestones = &mut entry.change.milestones;
        milestones.reach(MilestoneName::Pushed, Core::now());
    }
    entries
}

/// The branch was not where we left it.
fn elsewhere(core: &Core, remote: &Remote, proposal: &Proposal) -> Result<(), Trouble> {
    let there = publish::as_now(core, remote, |it| it.head_of(&proposal.branch))?;
    let branch = &proposal.branch;
    match there {
        Some(there) if !proposal.made(&there) => {
            let text = format!(
                "its branch {branch} holds {there}, which is not ours; nothing is merged or pushed over it. Take those commits \
                 away, or comment \"/fleetwright rebuild\" to have it rendered again without them"
            );
            book::keep_now(core, branch, |it| it.foreign = Some(there), Vec::new())?;
            tell(core, proposal, &text)
        }
        // A push of ours of which nothing was heard; or it was deleted, and its pull request is closed by that.
        there => {
            book::keep_now(core, branch, |it| it.pushed = there, Vec::new())?;
            Ok(())
        }
    }
}

/// Says at every change of a proposal what holds it up.
pub(super) fn tell(core: &Core, proposal: &Proposal, text: &str) -> Result<(), Trouble> {
    let mut entries = landing::entries(core, proposal);
    for entry in &mut entries {
        entry.change.waiting_for = Some(text.to_owned());
    }
    book::keep_entries(core, entries)
}

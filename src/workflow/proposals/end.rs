//! How a proposal ends: closed by people, taken back, or merged and followed to where its changes came.
//!
//! Must not know: how it was decided.

use super::advance::Context;
use super::{Trouble, book, landing, reopen};
use crate::domain::change::{Change, State};
use crate::domain::forge::{Pull, PullState};
use crate::domain::proposal::life::Proposal;
use crate::domain::proposal::progress;
use crate::workflow::core::Core;
use crate::workflow::intake::find_change;

/// How much of a comment is kept as the reason for a rejection, in characters.
const REASON: usize = 300;

/// People closed the pull request: its changes are rejected, for the reason that they gave.
pub(super) async fn rejected(
    context: &Context,
    proposal: Proposal,
    pull: &Pull,
) -> Result<(), Trouble> {
    let why = why_closed(context, pull).await?;
    let (core, now) = (context.core.clone(), Core::now());
    let (mut ended, was) = (Vec::new(), landing::entries(&core, &proposal));
    for mut entry in was.clone() {
        book::note_pull(&mut entry, &proposal, PullState::Closed);
        if entry.change.go(State::Rejected, now, Some(why.clone())) {
            ended.push(entry.change);
        }
    }
    book::blocking(move || Ok(core.end(&ended)?)).await?;
    reopen::remember(context, proposal, was).await
}

/// Forgets a proposal, and takes its branch away.
pub(super) async fn forget_with_branch(context: &Context, branch: String) -> Result<(), Trouble> {
    context.forge.delete_branch(&branch).await?;
    forget(context, branch).await
}

/// Who closed it, and the last thing that was said.
async fn why_closed(context: &Context, pull: &Pull) -> Result<String, Trouble> {
    let closed_by = context.forge.closed_by(pull.number).await?;
    let comments = context.forge.comments(pull.number).await?;
    let last = comments.iter().rev().find(|it| !it.by.bot);
    let by = closed_by.or_else(|| last.map(|it| it.by.clone()));
    let by = by.map_or_else(
        || "somebody".to_owned(),
        |it| format!("github:{}:{}", it.login, it.id),
    );
    let said = last.map_or_else(String::new, |it| {
        let words: String = it
            .body
            .chars()
            .filter(|c| !c.is_control())
            .take(REASON)
            .collect();
        format!(": {words}")
    });
    Ok(format!(
        "pull request #{} was closed by {by}{said}",
        pull.number
    ))
}

/// Closes a pull request that is not wanted any more.
pub(super) async fn close(context: &Context, proposal: Proposal) -> Result<(), Trouble> {
    let number = match (&proposal.pull, proposal.asked) {
        (Some(pull), _) => Some(pull.number),
        (None, true) => context
            .forge
            .pulls_of(&proposal.branch)
            .await?
            .first()
            .map(|it| it.number),
        (None, false) => None,
    };
    if let Some(number) = number {
        let why = proposal
            .closing
            .as_deref()
            .unwrap_or("it is not wanted any more");
        if context.forge.pull(number).await?.state == PullState::Open {
            context
                .forge
                .say(number, &format!("Closed: {why}."))
                .await?;
            context
                .forge
                .edit(number, None, None, Some(PullState::Closed))
                .await?;
        }
    }
    if !proposal.heads.is_empty() {
        context.forge.delete_branch(&proposal.branch).await?;
    }
    forget(context, proposal.branch).await
}

async fn forget(context: &Context, branch: String) -> Result<(), Trouble> {
    let core = context.core.clone();
    book::blocking(move || book::forget(&core, &branch)).await
}

/// The changes of a proposal as they are now, wherever they are kept.
pub(super) fn changes(core: &Core, proposal: &Proposal) -> Vec<Change> {
    let desk = core.desk();
    let ids = proposal.changes.iter();
    ids.filter_map(|id| find_change(core, &desk, id)).collect()
}

/// Whether nothing follows any more that could be told.
pub(super) fn is_over(change: &Change) -> bool {
    // Where no cluster is watched, merged is the end.
    change.state.is_end() || (change.state == State::Merged && change.deadline.is_none())
}

/// Whether there is something to tell in a merged pull request.
pub(super) fn wants(core: &Core, proposal: &Proposal) -> bool {
    let changes = changes(core, proposal);
    let merged = changes
        .iter()
        .all(|it| it.state.is_merged() || it.state.is_end());
    let over = changes.iter().all(is_over);
    (merged && proposal.told.is_empty()) || over
}

/// Tells in a merged pull request how its changes go, in one comment; the last word ends the proposal.
pub(super) async fn follow(context: &Context, mut proposal: Proposal) -> Result<(), Trouble> {
    let changes = changes(&context.core, &proposal);
    let Some(pull) = &proposal.pull else {
        return forget(context, proposal.branch).await;
    };
    let number = pull.number;
    let all: Vec<&Change> = changes.iter().collect();
    let told = progress::comment(&proposal.id, &all);
    if told != proposal.told && context.speaks() {
        let comment = match proposal.progress {
            Some(comment) => {
                context.forge.say_again(comment, &told).await?;
                comment
            }
            None => said_once(context, &proposal, number, &told).await?,
        };
        let set = move |it: &mut Proposal| {
            it.progress = Some(comment);
            it.told = told;
        };
        book::keep(&context.core, &mut proposal, set, Vec::new()).await?;
    }
    if changes.iter().all(is_over) {
        context.forge.delete_branch(&proposal.branch).await?;
        return forget(context, proposal.branch).await;
    }
    Ok(())
}

/// Writes the comment, unless it was written before and nobody heard of it.
async fn said_once(
    context: &Context,
    proposal: &Proposal,
    number: u64,
    told: &str,
) -> Result<u64, Trouble> {
    if !proposal.told.is_empty() {
        let before = context.forge.comments(number).await?;
        let ours = before
            .iter()
            .find(|it| it.body.starts_with(&progress::marker(&proposal.id)));
        if let Some(ours) = ours {
            context.forge.say_again(ours.id, told).await?;
            return Ok(ours.id);
        }
    }
    // Noted first: the answer may be lost.
    let mut noted = proposal.clone();
    let begun = |it: &mut Proposal| "begun".clone_into(&mut it.told);
    book::keep(&context.core, &mut noted, begun, Vec::new()).await?;
    Ok(context.forge.say(number, told).await?)
}

//! A proposal becomes a pull request: opened once, whatever happens between asking and hearing, and shown with what a
//! reviewer needs.
//!
//! Must not know: who approves.

use super::advance::{Context, is_level};
use super::{Trouble, book, landing, text};
use crate::domain::change::State;
use crate::domain::entry::Entry;
use crate::domain::forge::{CheckReport, Conclusion, Pull, PullState};
use crate::domain::proposal::life::{Opened, Proposal};
use crate::forge::{ForgeError, NewPull};
use crate::workflow::core::Core;

/// The check that says that a proposal is rendered as the policy wants it.
pub(super) const RENDER: &str = "fleetwright/render";

/// Opens the pull request where there is none, and completes what people see of it.
pub(super) async fn present(context: &Context, branch: &str) -> Result<(), Trouble> {
    let Some(mut proposal) = book::get(&context.core, branch).filter(is_level) else {
        return Ok(());
    };
    if proposal.pull.is_none() {
        open(context, &mut proposal).await?;
    } else if proposal.rendered.is_some() && proposal.rendered != proposal.pushed {
        update(context, &mut proposal).await?;
    }
    if !proposal.dressed {
        dress(context, &mut proposal).await?;
    }
    if proposal.rendered != proposal.pushed {
        report(context, &mut proposal).await?;
    }
    Ok(())
}

async fn open(context: &Context, proposal: &mut Proposal) -> Result<(), Trouble> {
    let there = if proposal.asked {
        // It was asked for before, and nobody heard what came of it.
        find(context, proposal).await?
    } else {
        book::keep(&context.core, proposal, |it| it.asked = true, Vec::new()).await?;
        None
    };
    let pull = match there {
        Some(pull) => pull,
        None => ask(context, proposal).await?,
    };
    let opened = Opened {
        number: pull.number,
        node_id: pull.node_id,
        url: pull.url,
    };
    proposal.pull = Some(opened.clone());
    let entries = proposed(context, proposal);
    book::keep(
        &context.core,
        proposal,
        |it| it.pull = Some(opened),
        entries,
    )
    .await
}

/// The changes inside wait for people now.
fn proposed(context: &Context, proposal: &Proposal) -> Vec<Entry> {
    let now = Core::now();
    let mut entries = landing::entries(&context.core, proposal);
    for entry in &mut entries {
        book::note_pull(entry, proposal, PullState::Open);
        if matches!(entry.change.state, State::Written | State::Queued) {
            let detail = proposal.pull.as_ref().map(|it| it.url.clone());
            entry.change.go(State::Proposed, now, detail);
        }
    }
    entries
}

/// The pull request of a branch of ours, if there is one. One that was closed is that too: a branch is used once.
async fn find(context: &Context, proposal: &Proposal) -> Result<Option<Pull>, Trouble> {
    let pulls = context.forge.pulls_of(&proposal.branch).await?;
    let ours = |it: &Pull| it.own_repository && it.branch == proposal.branch && it.base == "main";
    Ok(pulls.into_iter().find(ours))
}

async fn ask(context: &Context, proposal: &Proposal) -> Result<Pull, Trouble> {
    let (title, body) = text::describe(context, proposal).await?;
    let new = NewPull {
        branch: proposal.branch.clone(),
        base: "main".to_owned(),
        title,
        body,
    };
    match context.forge.open(&new).await {
        Ok(pull) => Ok(pull),
        // There is one already: whoever made it, it is of our branch.
        Err(error @ ForgeError::Refused(_)) => match find(context, proposal).await? {
            Some(pull) => Ok(pull),
            None => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// The pull request says what its branch holds now.
async fn update(context: &Context, proposal: &mut Proposal) -> Result<(), Trouble> {
    let Some(number) = proposal.number() else {
        return Ok(());
    };
    let (title, body) = text::describe(context, proposal).await?;
    let edited = context.forge.edit(number, Some(&title), Some(&body), None);
    edited.await?;
    let entries = proposed(context, proposal);
    book::keep(&context.core, proposal, |_| {}, entries).await
}

/// Labels, and the people who are asked.
async fn dress(context: &Context, proposal: &mut Proposal) -> Result<(), Trouble> {
    let Some(pull) = &proposal.pull else {
        return Ok(());
    };
    let policy = context.core.in_force().policy;
    let labels = &policy.proposals.labels;
    if !labels.is_empty() {
        context.forge.label(pull.number, labels).await?;
    }
    let needed = text::stake(context, proposal).await?.needed;
    if needed.names_people() {
        let asked = context
            .forge
            .request_reviews(pull.number, &needed.reviewers, &needed.teams);
        let unknown = asked.await?;
        if !unknown.is_empty() {
            tracing::warn!(
                number = pull.number,
                ?unknown,
                "the forge does not know these reviewers; mend the policy"
            );
        }
    }
    book::keep(&context.core, proposal, |it| it.dressed = true, Vec::new()).await
}

/// That it is rendered, validated and within the policy, for rules of the repository to require.
async fn report(context: &Context, proposal: &mut Proposal) -> Result<(), Trouble> {
    let Some(head) = proposal.pushed.clone() else {
        return Ok(());
    };
    let changes = proposal.changes.len();
    let s = if changes == 1 { "" } else { "s" };
    let title = format!("{changes} change{s} rendered and validated; policy and limits hold");
    let report = CheckReport::new(RENDER, Conclusion::Success, title);
    context.forge.report(&head, &report).await?;
    book::keep(
        &context.core,
        proposal,
        |it| it.rendered = Some(head),
        Vec::new(),
    )
    .await
}

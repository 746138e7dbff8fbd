//! What a proposal says to people, made of what it would write.
//!
//! The words themselves are the ground's. Must not know: when they are said.

use std::collections::BTreeSet;

use super::advance::Context;
use super::render::{Shown, decided, render};
use super::{Trouble, book, landing};
use crate::domain::Owner;
use crate::domain::approval::{Needed, needed};
use crate::domain::change::Change;
use crate::domain::proposal::body::{self, ChangeText, ProposalText};
use crate::domain::proposal::life::Proposal;

/// Who has to agree to a proposal, and whom it concerns.
pub(super) struct Stake {
    pub(super) needed: Needed,
    pub(super) owners: BTreeSet<Owner>,
    pub(super) changes: Vec<Change>,
}

/// What the policy asks of a proposal now.
///
/// # Errors
/// Where nothing of it can be judged: then nobody is taken to agree.
pub(super) async fn stake(context: &Context, proposal: &Proposal) -> Result<Stake, Trouble> {
    let (core, proposal) = (context.core.clone(), proposal.clone());
    let decided = book::blocking(move || {
        let entries = landing::entries(&core, &proposal);
        Ok(decided(&core, entries)?)
    });
    let decided = decided.await?;
    if decided.is_empty() {
        let why = "none of its changes can be judged now".to_owned();
        return Err(Trouble::Unclear(why));
    }
    let policy = context.core.in_force().policy;
    let (mut all, mut owners) = (Needed::default(), BTreeSet::new());
    for it in &decided {
        let (old, new) = (it.old.as_ref().map(|it| &it.spec), &it.new.spec);
        if let Some(more) = needed(&policy, it.entry.change.action, old, new) {
            all = all.and(&more);
        }
        owners.extend(old.map(|it| it.owner.clone()));
        owners.insert(new.owner.clone());
    }
    Ok(Stake {
        needed: all,
        owners,
        changes: decided.into_iter().map(|it| it.entry.change).collect(),
    })
}

/// The changes of a proposal, as they would be written now.
async fn shown(context: &Context, proposal: &Proposal) -> Result<Vec<Shown>, Trouble> {
    let (core, proposal) = (context.core.clone(), proposal.clone());
    let rendered = book::blocking(move || {
        let entries = landing::entries(&core, &proposal);
        Ok(render(&core, &proposal.branch, entries, false)?)
    });
    Ok(rendered.await?.shown)
}

/// Title and body of the pull request.
pub(super) async fn describe(
    context: &Context,
    proposal: &Proposal,
) -> Result<(String, String), Trouble> {
    let stake = stake(context, proposal).await?;
    let shown = shown(context, proposal).await?;
    let policy = context.core.in_force().policy;
    let changes: Vec<ChangeText<'_>> = shown.iter().map(change_text).collect();
    let text = ProposalText {
        id: &proposal.id,
        policy: &policy,
        needed: &stake.needed,
        changes,
    };
    Ok((title(&stake), body::body(&text)))
}

fn change_text(it: &Shown) -> ChangeText<'_> {
    ChangeText {
        change: &it.entry.change,
        reason: it.entry.reason.as_deref(),
        old: it.old.as_ref(),
        new: &it.made.record,
        edited: it.plan.edited(&it.before),
    }
}

fn title(stake: &Stake) -> String {
    let changes: Vec<&Change> = stake.changes.iter().collect();
    body::title(&changes)
}

/// Title and message of the merge, where the forge makes a commit of its own for it: which proposal it was, and which
/// changes it brought.
pub(super) fn merge_message(proposal: &Proposal, stake: &Stake) -> (String, String) {
    let number = proposal.pull.as_ref().map_or(0, |it| it.number);
    let changes = stake.changes.iter();
    let ids: Vec<String> = changes
        .map(|it| format!("Fleetwright-Merges: {}\n", it.id))
        .collect();
    let message = format!(
        "Fleetwright-Proposal: {}\n{}",
        proposal.branch,
        ids.concat()
    );
    (format!("{} (#{number})", title(stake)), message)
}

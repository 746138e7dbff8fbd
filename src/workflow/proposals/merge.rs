//! An approved proposal is merged, and what main then holds is found to be what was approved.
//!
//! Whether it may be merged is our own evaluation; the forge's refusal only delays it. Must not know: how main is
//! deployed.

use super::advance::Context;
use super::rota::Look;
use super::text::{self, Stake};
use super::{Trouble, book, branches, landing, open, review};
use crate::domain::change::State;
use crate::domain::entry::Entry;
use crate::domain::forge::{Conclusion, MergeOutcome, Pull, PullState};
use crate::domain::policy::Merge;
use crate::domain::proposal::life::{Proposal, Stage};
use crate::domain::record::record_path;
use crate::domain::{ChangeId, CommitId};
use crate::workflow::core::{Core, lock};

/// Has an approved proposal merged, by whom the policy says.
pub(super) async fn merge(
    context: &Context,
    proposal: Proposal,
    stake: &Stake,
    pull: &Pull,
) -> Result<(), Trouble> {
    match stake.needed.merge {
        Merge::Person => tell(context, &proposal, "its merge by a person").await,
        Merge::Auto if proposal.armed => Ok(()),
        Merge::Auto => arm(context, proposal, stake, pull).await,
        Merge::Bot => match held_up(context, pull).await? {
            Some(why) => tell(context, &proposal, &why).await,
            None => merge_now(context, proposal, stake, pull).await,
        },
    }
}

/// What required checks hold a merge of ours up; the forge may not, as we may bypass its rules.
async fn held_up(context: &Context, pull: &Pull) -> Result<Option<String>, Trouble> {
    let ours = |name: &String| name == open::RENDER || name == review::APPROVAL;
    let mut required = context.people.required_checks().await?;
    required.retain(|it| !ours(it));
    if required.is_empty() {
        return Ok(None);
    }
    for (name, conclusion) in context.forge.checks(&pull.head).await? {
        if matches!(conclusion, Conclusion::Success | Conclusion::Neutral) {
            required.remove(&name);
        }
    }
    let names = Vec::from_iter(required).join(", ");
    Ok((!names.is_empty()).then(|| format!("checks that main requires: {names}")))
}

async fn arm(
    context: &Context,
    mut proposal: Proposal,
    stake: &Stake,
    pull: &Pull,
) -> Result<(), Trouble> {
    let method = context.core.in_force().policy.proposals.merge_method;
    let outcome = context.forge.arm_auto_merge(pull, method).await?;
    if let MergeOutcome::Queued = outcome {
        book::keep(
            &context.core,
            &mut proposal,
            |it| it.armed = true,
            Vec::new(),
        )
        .await?;
        return tell(
            context,
            &proposal,
            "its merge by GitHub, as soon as the rules of the branch allow it",
        )
        .await;
    }
    if let MergeOutcome::MergeDirectly = outcome {
        return merge_now(context, proposal, stake, pull).await;
    }
    follow(context, proposal, pull, outcome).await
}

/// Takes back that the forge merges it by itself.
pub(super) async fn disarm(
    context: &Context,
    proposal: &mut Proposal,
    pull: &Pull,
) -> Result<(), Trouble> {
    context.forge.disarm_auto_merge(pull).await?;
    forget_armed(context, proposal).await
}

async fn forget_armed(context: &Context, proposal: &mut Proposal) -> Result<(), Trouble> {
    let set = |it: &mut Proposal| it.armed = false;
    book::keep(&context.core, proposal, set, Vec::new()).await
}

/// The same before it is rendered again.
pub(super) async fn make_ready_to_rebuild(
    context: &Context,
    mut proposal: Proposal,
) -> Result<(), Trouble> {
    match review::assumed(&proposal) {
        Some(pull) => disarm(context, &mut proposal, &pull).await?,
        None => forget_armed(context, &mut proposal).await?,
    }
    context.core.propose.notify_one();
    Ok(())
}

async fn merge_now(
    context: &Context,
    proposal: Proposal,
    stake: &Stake,
    pull: &Pull,
) -> Result<(), Trouble> {
    let method = context.core.in_force().policy.proposals.merge_method;
    let (title, message) = text::merge_message(&proposal, stake);
    let merged = context
        .forge
        .merge(pull.number, &pull.head, method, &title, &message);
    let outcome = merged.await?;
    follow(context, proposal, pull, outcome).await
}

/// What became of an attempt.
async fn follow(
    context: &Context,
    mut proposal: Proposal,
    pull: &Pull,
    outcome: MergeOutcome,
) -> Result<(), Trouble> {
    match outcome {
        MergeOutcome::Merged(commit) => {
            tracing::info!(number = pull.number, %commit, "a proposal is merged");
            let set = |it: &mut Proposal| it.merged_as = Some(commit);
            book::keep(&context.core, &mut proposal, set, Vec::new()).await?;
            context.core.look_at_remote();
            Ok(())
        }
        MergeOutcome::Queued => tell(context, &proposal, "the merge queue").await,
        // Looked at again: somebody pushed to it, or it is about to be merged.
        MergeOutcome::HeadMoved | MergeOutcome::MergeDirectly => {
            Box::pin(review::look(context, &proposal.branch, Look::Short)).await
        }
        MergeOutcome::NotMergeable(why) if why.to_lowercase().contains("merge queue") => {
            context.forge.enqueue(pull).await?;
            tell(context, &proposal, "the merge queue").await
        }
        // Seen once more, to tell what holds it up.
        MergeOutcome::NotMergeable(_) if pull.merge_state.is_none() => {
            Box::pin(review::look(context, &proposal.branch, Look::Short)).await
        }
        MergeOutcome::NotMergeable(_) if pull.mergeable == Some(false) => {
            review::rebuild(
                context,
                &mut proposal,
                "it could not be merged into main as that is now",
            )
            .await
        }
        MergeOutcome::NotMergeable(why) => {
            tell(
                context,
                &proposal,
                &format!("GitHub to allow its merge: {why}"),
            )
            .await
        }
    }
}

async fn tell(context: &Context, proposal: &Proposal, waits_for: &str) -> Result<(), Trouble> {
    let (core, proposal, text) = (context.core.clone(), proposal.clone(), waits_for.to_owned());
    book::blocking(move || branches::tell(&core, &proposal, &text)).await
}

/// What main has of a merged proposal; none where main has not come here yet. It is looked at again then.
async fn found_on_main(
    context: &Context,
    proposal: &Proposal,
    merged: Option<CommitId>,
) -> Result<Option<Vec<landing::Arrived>>, Trouble> {
    let (core, now) = (context.core.clone(), proposal.clone());
    let found = book::blocking(move || {
        let main = core.published("main")?;
        let there = match (&merged, &main) {
            (Some(merged), Some(main)) => {
                core.repo.contains(merged)? && core.repo.is_ancestor(merged, main)?
            }
            _ => true,
        };
        Ok(if there {
            Some(landing::arrived(&core, &now)?)
        } else {
            None
        })
    });
    let found = found.await?;
    if found.is_none() {
        context.core.look_at_remote();
    }
    Ok(found)
}

/// We merged it, after enough people had approved it.
pub(super) async fn arrived_by_us(
    context: &Context,
    proposal: Proposal,
    commit: &CommitId,
) -> Result<(), Trouble> {
    let found = found_on_main(context, &proposal, Some(commit.clone())).await?;
    let Some(found) = found else {
        return Ok(());
    };
    let entries = landing::entries(&context.core, &proposal);
    land(context, proposal, entries, &found).await
}

/// A pull request was merged: by us, by the forge or by a person.
pub(super) async fn arrived(
    context: &Context,
    proposal: Proposal,
    pull: &Pull,
) -> Result<(), Trouble> {
    let mut proposal = proposal;
    if !proposal.merged {
        book::keep(
            &context.core,
            &mut proposal,
            |it| it.merged = true,
            Vec::new(),
        )
        .await?;
    }
    let merged = pull.merge_commit.clone();
    let Some(found) = found_on_main(context, &proposal, merged).await? else {
        return Ok(());
    };
    let stake = text::stake(context, &proposal).await?;
    let verdict = review::verdict(context, &proposal, &stake).await?;
    let anything = found.iter().any(|it| it.commit.is_some());
    if anything && !verdict.approved {
        return unapproved(context, &proposal, &found, &verdict.sentence).await;
    }
    let mut entries = landing::entries(&context.core, &proposal);
    for entry in &mut entries {
        review::approvals(entry, &proposal, &verdict);
    }
    land(context, proposal, entries, &found).await
}

/// What main has is the writer's from here on; what it has not was changed again meanwhile.
async fn land(
    context: &Context,
    mut proposal: Proposal,
    entries: Vec<Entry>,
    found: &[landing::Arrived],
) -> Result<(), Trouble> {
    let now = Core::now();
    let (mut landing, mut lost) = (Vec::new(), Vec::new());
    for mut entry in entries {
        book::note_pull(&mut entry, &proposal, PullState::Merged);
        let commit = found
            .iter()
            .find(|it| it.store == entry.change.store)
            .and_then(|it| it.commit.clone());
        let Some(commit) = commit else {
            let detail = "main does not hold what was merged: it was changed again";
            entry
                .change
                .go(State::Superseded, now, Some(detail.to_owned()));
            lost.push(entry.change);
            continue;
        };
        if entry.change.state == State::Proposed {
            entry.change.go(State::Approved, now, None);
        }
        entry.change.waiting_for = Some(format!("the deployment of {commit}"));
        entry.change.deadline = None;
        if let Some(carried) = &mut entry.carried {
            carried.merged = Some(commit);
        }
        landing.push(entry);
    }
    let ids: Vec<ChangeId> = landing.iter().map(|it| it.change.id.clone()).collect();
    let core = context.core.clone();
    book::keep(&core, &mut proposal, |it| it.stage = Stage::Merged, landing).await?;
    book::blocking(move || {
        core.end(&lost)?;
        core.desk().put_back(&ids);
        core.wake.notify_one();
        Ok(())
    })
    .await
}

/// Somebody merged what too few people approved: it has no effect, and says so.
async fn unapproved(
    context: &Context,
    proposal: &Proposal,
    found: &[landing::Arrived],
    missing: &str,
) -> Result<(), Trouble> {
    let text =
        format!("{missing}; it was merged without that, and has no effect until it is there");
    for store in found
        .iter()
        .filter(|it| it.commit.is_some())
        .map(|it| &it.store)
    {
        lock(&context.core.foreign).insert(record_path(store), text.clone());
    }
    tell(context, proposal, &text).await
}

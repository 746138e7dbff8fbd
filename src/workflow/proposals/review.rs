//! A look at a pull request: what people said, and what follows from it.
//!
//! The forge is asked each time: nothing that a webhook said is believed. Must not know: how a merge goes.

use std::collections::{BTreeMap, BTreeSet};

use super::advance::{Context, is_level};
use super::rota::Look;
use super::text::{self, Stake};
use super::{Trouble, book, branches, end, landing, merge};
use crate::domain::CommitId;
use crate::domain::approval::{Approval, Needed};
use crate::domain::change::State;
use crate::domain::forge::{Account, CheckReport, Conclusion, Pull, PullState};
use crate::domain::proposal::identity::{Parties, subject};
use crate::domain::proposal::life::Proposal;
use crate::domain::proposal::verdict::{Evidence, Verdict, judge};
use crate::workflow::core::Core;

/// The check that says whether enough people approved it.
pub(super) const APPROVAL: &str = "fleetwright/approval";

/// Asks the forge how a pull request stands, and goes on from there.
pub(super) async fn look(context: &Context, branch: &str, look: Look) -> Result<(), Trouble> {
    let Some(proposal) = book::get(&context.core, branch) else {
        return Ok(());
    };
    let Some(number) = proposal.pull.as_ref().map(|it| it.number) else {
        return Ok(());
    };
    if let Some(commit) = proposal.merged_as.clone() {
        return merge::arrived_by_us(context, proposal, &commit).await;
    }
    if look == Look::Reviews && is_level(&proposal) && !proposal.merged {
        // Whether the head is still ours is asked with the merge.
        let Some(pull) = assumed(&proposal) else {
            return Ok(());
        };
        return decide(context, proposal, &pull).await;
    }
    let pull = context.forge.pull(number).await?;
    match pull.state {
        PullState::Closed => return end::rejected(context, proposal, &pull).await,
        PullState::Merged => return merge::arrived(context, proposal, &pull).await,
        PullState::Open => {}
    }
    if !proposal.made(&pull.head) {
        return somebody_else(context, proposal, &pull).await;
    }
    if !is_level(&proposal) || proposal.pushed.as_ref() != Some(&pull.head) {
        return Ok(());
    }
    decide(context, proposal, &pull).await
}

/// Our pull request, as it was left.
pub(super) fn assumed(proposal: &Proposal) -> Option<Pull> {
    let opened = proposal.pull.clone()?;
    Some(Pull {
        number: opened.number,
        node_id: opened.node_id,
        url: opened.url,
        state: PullState::Open,
        title: String::new(),
        author: Account {
            id: 0,
            login: String::new(),
            bot: true,
        },
        branch: proposal.branch.clone(),
        own_repository: true,
        head: proposal.pushed.clone()?,
        base: "main".to_owned(),
        merge_commit: None,
        merged_by: None,
        mergeable: None,
        merge_state: None,
        auto_merge: proposal.armed,
        updated_at: proposal.created_at,
    })
}

/// What the reviews lead to.
async fn decide(context: &Context, mut proposal: Proposal, pull: &Pull) -> Result<(), Trouble> {
    let stake = text::stake(context, &proposal).await?;
    let verdict = verdict(context, &proposal, &stake).await?;
    note(context, &mut proposal, &verdict).await?;
    if verdict.approved {
        if still_valid(context, &mut proposal).await? {
            report(context, &mut proposal, &verdict).await?;
            merge::merge(context, proposal, &stake, pull).await?;
        }
        return Ok(());
    }
    ask_again(context, &mut proposal, &verdict).await?;
    if proposal.armed {
        merge::disarm(context, &mut proposal, pull).await?;
    }
    Ok(())
}

/// What the reviews amount to.
pub(super) async fn verdict(
    context: &Context,
    proposal: &Proposal,
    stake: &Stake,
) -> Result<Verdict, Trouble> {
    let Some(pull) = &proposal.pull else {
        return Err(Trouble::Worker(
            "a proposal without a pull request".to_owned(),
        ));
    };
    let policy = context.core.in_force().policy;
    let entries = landing::entries(&context.core, proposal);
    let requesters = entries.iter().map(|it| &it.caller);
    let parties = Parties::of(&policy, requesters, stake.owners.iter());
    let head = proposal
        .pushed
        .clone()
        .or_else(|| proposal.head().map(|it| it.commit.clone()));
    let Some(head) = head else {
        return Err(Trouble::Worker("a proposal without a head".to_owned()));
    };
    let (number, contents) = (pull.number, proposal.contents());
    judged(context, number, &stake.needed, &parties, (&head, &contents)).await
}

/// What the reviews of a pull request amount to, of ours or of a person's. `contents` is what is known of its heads.
pub(super) async fn judged(
    context: &Context,
    number: u64,
    needed: &Needed,
    parties: &Parties,
    (head, contents): (&CommitId, &BTreeMap<CommitId, String>),
) -> Result<Verdict, Trouble> {
    let reviews = context.forge.reviews(number).await?;
    let reviewers = context.people.numbers(&needed.reviewers).await?;
    let teams = context.people.teams(&needed.teams).await?;
    let writers = if needed.names_people() {
        BTreeSet::new()
    } else {
        context.people.writers(&reviews).await?
    };
    Ok(judge(&Evidence {
        needed,
        reviewers: &reviewers,
        teams: &teams,
        writers: &writers,
        parties,
        ourselves: None,
        reviews: &reviews,
        head,
        contents,
    }))
}

/// Those who approved another content are asked to look at this one, once.
async fn ask_again(
    context: &Context,
    proposal: &mut Proposal,
    verdict: &Verdict,
) -> Result<(), Trouble> {
    let head = proposal.pushed.clone();
    let (Some(number), false) = (proposal.number(), verdict.outdated.is_empty()) else {
        return Ok(());
    };
    if proposal.asked_again == head {
        return Ok(());
    }
    context
        .forge
        .request_reviews(number, &verdict.outdated, &[])
        .await?;
    book::keep(
        &context.core,
        proposal,
        |it| it.asked_again = head,
        Vec::new(),
    )
    .await
}

/// Notes at every change who has agreed, and what is missing.
async fn note(
    context: &Context,
    proposal: &mut Proposal,
    verdict: &Verdict,
) -> Result<(), Trouble> {
    let now = Core::now();
    let mut entries = landing::entries(&context.core, proposal);
    for entry in &mut entries {
        approvals(entry, proposal, verdict);
        let people: Vec<&str> = verdict.given.iter().map(|it| it.login.as_str()).collect();
        match (verdict.approved, entry.change.state) {
            (true, State::Proposed) => {
                let detail = format!("by {}", people.join(", "));
                entry.change.go(State::Approved, now, Some(detail));
                entry.change.waiting_for = Some("its merge".to_owned());
                entry.change.deadline = None;
            }
            (false, State::Approved) => {
                let detail = Some(verdict.sentence.clone());
                entry.change.go(State::Proposed, now, detail);
                entry.change.waiting_for = Some(verdict.sentence.clone());
            }
            (false, _) => entry.change.waiting_for = Some(verdict.sentence.clone()),
            (true, _) => {}
        }
    }
    // What somebody agreed to is not changed under their hands.
    let frozen = !verdict.given.is_empty();
    book::keep(
        &context.core,
        proposal,
        move |it| it.frozen |= frozen,
        entries,
    )
    .await
}

/// Who agreed, bound to what they saw.
pub(super) fn approvals(
    entry: &mut crate::domain::entry::Entry,
    proposal: &Proposal,
    verdict: &Verdict,
) {
    let digest = proposal
        .head()
        .and_then(|it| it.records.get(&entry.change.store).cloned());
    entry.approvals = verdict
        .given
        .iter()
        .map(|it| Approval {
            by: subject(&it.account()),
            at: it.at,
            digest: digest.clone().unwrap_or_default(),
        })
        .collect();
}

/// Whether main and policy still make of it what people agreed to. Where they do not it is rendered again.
async fn still_valid(context: &Context, proposal: &mut Proposal) -> Result<bool, Trouble> {
    let (core, now) = (context.core.clone(), proposal.clone());
    let rendered = book::blocking(move || {
        if landing::is_there(&core, &now)? {
            return Ok(None);
        }
        let entries = landing::entries(&core, &now);
        let rendered = super::render::render(&core, &now.branch, entries, false)?;
        Ok(Some(rendered))
    });
    let Some(rendered) = rendered.await? else {
        // Somebody was faster: main has it, and its pull request tells how.
        return Ok(false);
    };
    let files = rendered.head.as_ref().map(|it| &it.files);
    if files.is_some() && files == proposal.head().map(|it| &it.files) {
        return Ok(true);
    }
    rebuild(
        context,
        proposal,
        "main or the policy has changed since it was rendered",
    )
    .await?;
    Ok(false)
}

/// Has a proposal rendered again, and says why in its pull request.
pub(super) async fn rebuild(
    context: &Context,
    proposal: &mut Proposal,
    why: &str,
) -> Result<(), Trouble> {
    rebuild_quietly(context, proposal, why).await?;
    let note = format!("rendered again on the newest main: {why}");
    branches::note(&context.core, proposal, &note)?;
    if let Some(pull) = &proposal.pull {
        let body = format!("Rendered again on the newest main: {why}.");
        context.forge.say(pull.number, &body).await?;
    }
    Ok(())
}

/// Has a proposal rendered again.
pub(super) async fn rebuild_quietly(
    context: &Context,
    proposal: &mut Proposal,
    why: &str,
) -> Result<(), Trouble> {
    let text = why.to_owned();
    let set = |it: &mut Proposal| it.rebuild = Some(text);
    book::keep(&context.core, proposal, set, Vec::new()).await?;
    context.core.propose.notify_one();
    Ok(())
}

/// Publishes that enough people approved this head.
async fn report(
    context: &Context,
    proposal: &mut Proposal,
    verdict: &Verdict,
) -> Result<(), Trouble> {
    if proposal.approved == proposal.pushed {
        return Ok(());
    }
    let Some(head) = proposal.pushed.clone() else {
        return Ok(());
    };
    let title = verdict.sentence.clone();
    let report = CheckReport::new(APPROVAL, Conclusion::Success, title).urgent();
    context.forge.report(&head, &report).await?;
    book::keep(
        &context.core,
        proposal,
        |it| it.approved = Some(head),
        Vec::new(),
    )
    .await
}

/// The branch holds what is not ours.
async fn somebody_else(
    context: &Context,
    mut proposal: Proposal,
    pull: &Pull,
) -> Result<(), Trouble> {
    if proposal.foreign.as_ref() == Some(&pull.head) {
        return Ok(());
    }
    if proposal.armed || pull.auto_merge {
        merge::disarm(context, &mut proposal, pull).await?;
    }
    let head = pull.head.clone();
    let set = move |it: &mut Proposal| it.foreign = Some(head);
    let text = format!(
        "commits on its branch that are not ours ({} is its head): it is not merged with them. Comment \
         \"/fleetwright rebuild\" to have the branch rendered again without them",
        pull.head
    );
    book::keep(&context.core, &mut proposal, set, Vec::new()).await?;
    branches::note(&context.core, &proposal, &text)?;
    branches::tell(&context.core, &proposal, &text)?;
    context
        .forge
        .say(pull.number, &format!("Fleetwright waits: {text}."))
        .await?;
    Ok(())
}

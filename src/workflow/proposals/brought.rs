//! Who agreed to what a commit of main brought: the people who approved the pull request that it came by.
//!
//! Only its last head counts, and only where that held what main has now, as a change: what a merge made of two sides,
//! or what lay there before, nobody saw. Must not know: what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use super::Trouble;
use super::advance::Context;
use super::review::judged;
use crate::domain::approval::Needed;
use crate::domain::forge::{Pull, PullState};
use crate::domain::proposal::branch::Branch;
use crate::domain::proposal::identity::{self, Parties};
use crate::domain::proposal::verdict::{Approver, Verdict};
use crate::domain::{CommitId, Owner};
use crate::forge::ForgeError;

/// What people should have agreed to.
pub(super) struct Brought {
    /// The commit of main.
    pub(super) commit: CommitId,
    /// The path that it changed.
    pub(super) path: String,
    /// The Git object that main has there since; none where it was removed.
    pub(super) object: Option<String>,
    /// How many have to agree, and who may.
    pub(super) needed: Needed,
    /// Whom it concerns.
    pub(super) owners: BTreeSet<Owner>,
    /// Whether one of them has to be a person who may write.
    pub(super) by_a_writer: bool,
}

/// What the forge says of it.
pub(super) enum Agreed {
    /// These people agreed, in the pull request of that number.
    Yes(u64, Vec<Approver>),
    /// Too few did, for this reason.
    No(String),
    /// It came by no pull request, as far as the forge knows by now.
    NoPull,
}

/// Asks the forge who agreed.
pub(super) async fn agreed(context: &Context, brought: &Brought) -> Result<Agreed, Trouble> {
    let mut found = Agreed::NoPull;
    for pull in merged(context, &brought.commit).await? {
        let number = pull.number;
        match one(context, brought, &pull).await? {
            Ok(verdict) => return Ok(Agreed::Yes(number, verdict.given)),
            Err(why) => found = Agreed::No(format!("pull request #{number}: {why}")),
        }
    }
    Ok(found)
}

/// The pull requests by which a commit came to main.
async fn merged(context: &Context, commit: &CommitId) -> Result<Vec<Pull>, Trouble> {
    let mut found = match context.forge.pulls_of_commit(commit).await {
        Ok(found) => found,
        // The forge does not know the commit yet.
        Err(ForgeError::NotFound(_) | ForgeError::Refused(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    found.retain(|it| it.state == PullState::Merged && it.base == "main");
    Ok(found)
}

/// Whether enough people agreed in one pull request; else what is missing.
async fn one(
    context: &Context,
    brought: &Brought,
    pull: &Pull,
) -> Result<Result<Verdict, String>, Trouble> {
    if pull.own_repository && pull.branch.parse::<Branch>().is_ok() {
        let why =
            "somebody changed its branch, which is ours; approvals there are for what we put on it";
        return Ok(Err(why.to_owned()));
    }
    let there = context.forge.object(&brought.path, &pull.head).await?;
    if there != brought.object {
        let why = "its head does not hold what main has now, so nobody approved that";
        return Ok(Err(why.to_owned()));
    }
    if !shows(context, brought, pull).await? {
        let why = "it does not change that path, so nobody who approved it saw what is there";
        return Ok(Err(why.to_owned()));
    }
    let policy = context.core.in_force().policy;
    let author = identity::caller(&policy, &pull.author, true).ok();
    let parties = Parties::of(&policy, &author, &brought.owners);
    let heads = (&pull.head, &BTreeMap::new());
    let verdict = judged(context, pull.number, &brought.needed, &parties, heads).await?;
    if !verdict.approved {
        return Ok(Err(verdict.sentence));
    }
    if brought.by_a_writer && !any_may_write(context, &verdict.given).await? {
        let why = "nobody who may write to the repository approved it";
        return Ok(Err(why.to_owned()));
    }
    Ok(Ok(verdict))
}

/// Whether a pull request shows its reviewers what it is asked about. A head holds all that lay on main before, too.
async fn shows(context: &Context, brought: &Brought, pull: &Pull) -> Result<bool, Trouble> {
    let files = context.forge.files(pull.number).await?;
    let below = format!("{}/", brought.path);
    let mut files = files.iter();
    Ok(files.any(|it| *it == brought.path || it.starts_with(&below)))
}

async fn any_may_write(context: &Context, people: &[Approver]) -> Result<bool, Trouble> {
    for person in people {
        if context.people.may_write(&person.login).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

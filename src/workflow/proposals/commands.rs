//! Comments that are commands: done for those whose role their API call needs, and answered once.
//!
//! Only what was first written counts, and a command never stands for a review. Must not know: how a command is spelt.

use std::collections::BTreeSet;

use super::advance::Context;
use super::{Trouble, book, end, landing, review};
use crate::domain::change::Change;
use crate::domain::forge::Comment;
use crate::domain::proposal::command::{Command, Word, parse};
use crate::domain::proposal::identity;
use crate::domain::proposal::life::{Proposal, Stage};
use crate::domain::proposal::markdown;
use crate::domain::proposal::progress;
use crate::domain::request::{Caller, Refusal, Request};
use crate::workflow::cancel::cancel;
use crate::workflow::core::lock;
use crate::workflow::query::may_see;
use crate::workflow::{Idempotency, Origin, Submission};

/// How many comments of a proposal are remembered as answered.
const REMEMBERED: usize = 500;

/// Does what a comment says, unless it was done before. `first`: its text as it was first written.
pub(super) async fn obey(
    context: &Context,
    number: u64,
    comment: u64,
    first: &str,
) -> Result<(), Trouble> {
    let Some(read) = parse(first) else {
        return Ok(());
    };
    let found = {
        let proposals = lock(&context.core.proposals);
        let mut all = proposals.values();
        all.find(|it| it.pull.as_ref().is_some_and(|pull| pull.number == number))
            .cloned()
    };
    let Some(mut proposal) = found.filter(|it| is_new(&it.heard, comment)) else {
        return Ok(());
    };
    let said = context.forge.comment(comment).await?;
    if said.by.bot || said.edited || said.body != first {
        return Ok(());
    }
    // Noted before it is done: a command is done once or not at all, and the person sees no answer then.
    let heard = move |it: &mut Proposal| {
        it.heard.insert(comment);
        while it.heard.len() > REMEMBERED {
            it.heard.pop_first();
        }
    };
    book::keep(&context.core, &mut proposal, heard, Vec::new()).await?;
    let answer = match read {
        Ok(command) => run(context, &mut proposal, &said, &command).await?,
        Err(unclear) => Err(unclear.to_string()),
    };
    let (reaction, text) = match answer {
        Ok(text) => ("+1", text),
        Err(text) => ("-1", text),
    };
    context.forge.react(comment, reaction).await?;
    context.forge.say(number, &text).await?;
    Ok(())
}

/// Whether a comment was not answered yet. Where more were than are remembered, older ones are not new.
fn is_new(heard: &BTreeSet<u64>, comment: u64) -> bool {
    let forgotten =
        heard.len() >= REMEMBERED && heard.first().is_some_and(|oldest| comment < *oldest);
    !forgotten && !heard.contains(&comment)
}

/// What a command came to: the sentence of its one reply.
type Answer = Result<String, String>;

async fn run(
    context: &Context,
    proposal: &mut Proposal,
    said: &Comment,
    command: &Command,
) -> Result<Answer, Trouble> {
    let may_write = context.people.may_write(&said.by.login).await?;
    let policy = context.core.in_force().policy;
    let caller = match identity::caller(&policy, &said.by, may_write) {
        Ok(caller) if caller.role >= command.word.role() => caller,
        Ok(_) => return Ok(Err("That needs an operator.".to_owned())),
        Err(stranger) => return Ok(Err(stranger.to_string())),
    };
    let changes: Vec<Change> = end::changes(&context.core, proposal)
        .into_iter()
        .filter(|it| command.change.as_ref().is_none_or(|id| it.id == *id))
        // A merchant's word is about their own stores, also where they share a pull request.
        .filter(|it| may_see(&context.core, &caller, it))
        .collect();
    if changes.is_empty() {
        return Ok(Err(
            "No such change of yours is in this pull request.".to_owned()
        ));
    }
    Ok(match command.word {
        Word::Status => Ok(status(proposal, &changes)),
        Word::Cancel => cancel_all(context, &caller, &changes).await?,
        Word::Retry => retry_all(context, &caller, &changes, said.id).await,
        Word::Rebuild => rebuild(context, proposal, &said.by.login).await?,
    })
}

fn status(proposal: &Proposal, changes: &[Change]) -> String {
    let all: Vec<&Change> = changes.iter().collect();
    progress::summary(&proposal.id, &all)
}

async fn cancel_all(
    context: &Context,
    caller: &Caller,
    changes: &[Change],
) -> Result<Answer, Trouble> {
    let (core, caller) = (context.core.clone(), caller.clone());
    let ids: Vec<_> = changes.iter().map(|it| it.id.clone()).collect();
    let (done, refused) = book::blocking(move || {
        let each = ids.iter().map(|id| cancel(&core, &caller, id, true));
        let (done, refused): (Vec<_>, Vec<_>) = each.partition(Result::is_ok);
        let done: Vec<Change> = done.into_iter().filter_map(Result::ok).collect();
        let refused: Vec<Refusal> = refused.into_iter().filter_map(Result::err).collect();
        Ok((done, refused))
    })
    .await?;
    let mut parts = Vec::new();
    if !done.is_empty() {
        parts.push(format!("Taken back: {}.", names(&done)));
    }
    parts.extend(refused.iter().map(plain));
    let text = parts.join("\n\n");
    Ok(if refused.is_empty() {
        Ok(text)
    } else {
        Err(text)
    })
}

async fn retry_all(context: &Context, caller: &Caller, changes: &[Change], comment: u64) -> Answer {
    for change in changes {
        let request = Request::Retry {
            store: change.store.clone(),
            mode: None,
        };
        let key = format!("comment {comment} {}", change.store);
        let submission = Submission {
            request,
            // A repeat of the same comment is the same request.
            idempotency: Some(Idempotency {
                key,
                fingerprint: String::new(),
            }),
            if_match: None,
            origin: Origin::default(),
            reason: None,
        };
        let asked = context.door.submit(caller, submission, Vec::new()).await;
        if let Err(refusal) = asked {
            return Err(plain(&refusal));
        }
    }
    Ok(format!("Flux is asked to try again: {}.", names(changes)))
}

async fn rebuild(
    context: &Context,
    proposal: &mut Proposal,
    login: &str,
) -> Result<Answer, Trouble> {
    if proposal.stage != Stage::Open {
        return Ok(Err(
            "It is decided: there is nothing to render any more.".to_owned()
        ));
    }
    let set = |it: &mut Proposal| {
        // The lease of the next push: where the branch is now.
        if let Some(foreign) = it.foreign.take() {
            it.pushed = Some(foreign);
        }
    };
    book::keep(&context.core, proposal, set, Vec::new()).await?;
    review::rebuild_quietly(context, proposal, &format!("{login} asked for it")).await?;
    let open = landing::entries(&context.core, proposal).len();
    Ok(Ok(format!(
        "Rendering {open} changes again on the newest main."
    )))
}

fn names(changes: &[Change]) -> String {
    let names: Vec<String> = changes
        .iter()
        .map(|it| markdown::code(it.store.as_str()))
        .collect();
    names.join(", ")
}

fn plain(refusal: &Refusal) -> String {
    markdown::line(&refusal.to_string())
}

/// Comments that no webhook told of: those of a proposal that were not answered.
pub(super) async fn catch_up(context: &Context, proposal: &Proposal) -> Result<(), Trouble> {
    let Some(pull) = proposal.pull.as_ref().filter(|_| context.speaks()) else {
        return Ok(());
    };
    for comment in context.forge.comments(pull.number).await? {
        if !comment.edited && !comment.by.bot {
            obey(context, pull.number, comment.id, &comment.body).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_answered_once_however_many_follow() {
        let few = BTreeSet::from([7, 9]);
        assert!(is_new(&few, 8) && is_new(&few, 5) && !is_new(&few, 7));
        let many: BTreeSet<u64> = (1_000..).take(REMEMBERED).collect();
        assert!(!is_new(&many, 999), "it may have been forgotten");
        assert!(!is_new(&many, 1_000) && is_new(&many, 9_000));
    }
}

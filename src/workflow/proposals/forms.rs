//! Issues opened from the form: each becomes a request of its author, and tells how that went.
//!
//! Must not know: how a form is read.

use super::advance::Context;
use super::{Trouble, book};
use crate::domain::change::{Change, State};
use crate::domain::forge::Issue;
use crate::domain::proposal::form::{self, Filled, LABEL};
use crate::domain::proposal::identity::Stranger;
use crate::domain::proposal::life::Asked;
use crate::domain::proposal::{identity, markdown, progress};
use crate::domain::request::{Refusal, Request};
use crate::forge::ForgeError;
use crate::render::yaml;
use crate::workflow::core::lock;
use crate::workflow::intake::find_change;
use crate::workflow::{Idempotency, Origin, Submission};

/// Takes an issue in, unless that was done before. `first`: its text as it was first written, where that is known.
pub(super) async fn take(
    context: &Context,
    number: u64,
    first: Option<&str>,
) -> Result<(), Trouble> {
    if lock(&context.core.asked).contains_key(&number) {
        return Ok(());
    }
    let issue = context.forge.issue(number).await?;
    let ours = issue.open && issue.labels.iter().any(|it| it == LABEL) && !issue.author.bot;
    if !ours {
        return Ok(());
    }
    let answer = match first {
        Some(first) => ask(context, &issue, first).await?,
        None if context.forge.issue_was_edited(number).await? => Err(
            "This issue was edited before it was read, and only what was first written counts. Open a new one."
                .to_owned(),
        ),
        None => ask(context, &issue, &issue.body).await?,
    };
    match answer {
        Ok(change) => {
            let text = format!("Accepted as change `{}`.", change.id);
            // Kept first: the change goes on whether or not that is told.
            keep(context, number, Some(change)).await?;
            say_once(context, number, &text).await
        }
        Err(text) => {
            say_once(context, number, &text).await?;
            context.forge.close_issue(number, false).await?;
            keep(context, number, None).await
        }
    }
}

/// Says something in an issue, unless that was said already and nobody heard of it.
async fn say_once(context: &Context, number: u64, text: &str) -> Result<(), Trouble> {
    let said = context.forge.comments(number).await?;
    if !said.iter().any(|it| it.body.trim() == text.trim()) {
        context.forge.say(number, text).await?;
    }
    Ok(())
}

/// Hands the request in, as its author.
async fn ask(
    context: &Context,
    issue: &Issue,
    text: &str,
) -> Result<Result<Change, String>, Trouble> {
    let read = form::read(text, |text| {
        yaml::read(text).map_err(|error| error.to_string())
    });
    let Filled { request, reason } = match read {
        Ok(filled) => filled,
        Err(found) => return Ok(Err(form::reply(&found))),
    };
    let may_write = context.people.may_write(&issue.author.login).await?;
    let policy = context.core.in_force().policy;
    let caller = match identity::caller(&policy, &issue.author, may_write) {
        Ok(caller) => caller,
        Err(stranger) => return Ok(Err(stranger.to_string())),
    };
    // A form names no owner: the store would belong to nobody that the policy knows.
    if identity::owner_of(&policy, &issue.author).is_none() {
        return Ok(Err(Stranger::Unmapped(issue.author.id).to_string()));
    }
    let submission = Submission {
        request: Request::Create(request),
        // After a kill it is asked again, and answered alike.
        idempotency: Some(Idempotency {
            key: format!("issue {}", issue.number),
            fingerprint: String::new(),
        }),
        if_match: None,
        origin: Origin::default(),
        reason,
    };
    let answer = context.door.submit(&caller, submission, Vec::new()).await;
    Ok(answer
        .map(|it| it.change)
        .map_err(|refusal| match &refusal {
            Refusal::Invalid(found) => form::reply(found),
            other => markdown::line(&other.to_string()),
        }))
}

async fn keep(context: &Context, number: u64, change: Option<Change>) -> Result<(), Trouble> {
    let asked = Asked {
        number,
        change: change.map(|it| it.id),
        told: false,
    };
    put(context, asked).await
}

async fn put(context: &Context, asked: Asked) -> Result<(), Trouble> {
    let core = context.core.clone();
    book::blocking(move || {
        core.journal.ask(&asked)?;
        lock(&core.asked).insert(asked.number, asked);
        Ok(())
    })
    .await
}

/// Issues whose changes came to an end that was not told yet.
pub(super) fn over(context: &Context) -> Vec<(u64, Change)> {
    let asked: Vec<Asked> = lock(&context.core.asked).values().cloned().collect();
    let desk = context.core.desk();
    let open = asked.into_iter().filter(|it| !it.told);
    let changed = open.filter_map(|it| {
        let change = find_change(&context.core, &desk, it.change.as_ref()?)?;
        super::end::is_over(&change).then_some((it.number, change))
    });
    changed.collect()
}

/// Tells in an issue what became of its request, and closes it.
pub(super) async fn tell(context: &Context, number: u64, change: &Change) -> Result<(), Trouble> {
    let done = matches!(change.state, State::Ready | State::Merged);
    let id = change.id.clone().into();
    let told = progress::summary(&id, &[change]);
    match say_once(context, number, &told).await {
        Ok(()) => context.forge.close_issue(number, done).await?,
        // Somebody deleted the issue, or moved it away: there is nobody to tell.
        Err(Trouble::Forge(ForgeError::NotFound(_))) => {}
        Err(error) => return Err(error),
    }
    let asked = lock(&context.core.asked).get(&number).cloned();
    if let Some(mut asked) = asked {
        asked.told = true;
        put(context, asked).await?;
    }
    Ok(())
}

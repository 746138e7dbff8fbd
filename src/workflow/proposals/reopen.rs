//! A pull request that people open again after they closed it: what was asked for in it is asked for anew.
//!
//! Ends are final, so each change gets a successor, with a pull request of its own. Must not know: how a request is
//! decided.

use jiff::SignedDuration;

use super::advance::Context;
use super::{Trouble, book};
use crate::domain::accept::Intent;
use crate::domain::entry::Entry;
use crate::domain::forge::PullState;
use crate::domain::proposal::life::{Proposal, Stage};
use crate::domain::proposal::markdown;
use crate::domain::record::Record;
use crate::domain::request::{CreateRequest, Request};
use crate::workflow::core::Core;
use crate::workflow::{Idempotency, Origin, Submission};

/// How long a pull request that was closed may be opened again: its branch stays as long.
const KEPT: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Whether a rejected proposal is remembered long enough.
pub(super) fn is_over(proposal: &Proposal) -> bool {
    let until = proposal.ended_at.and_then(|it| it.checked_add(KEPT).ok());
    until.is_none_or(|until| until < Core::now())
}

/// Remembers what a rejected proposal asked for.
pub(super) async fn remember(
    context: &Context,
    mut proposal: Proposal,
    was: Vec<Entry>,
) -> Result<(), Trouble> {
    let set = move |it: &mut Proposal| {
        it.stage = Stage::Rejected;
        it.ended_at = Some(Core::now());
        it.changes.clear();
        it.was = was;
    };
    book::keep(&context.core, &mut proposal, set, Vec::new()).await
}

/// Asks for everything anew, where the pull request is open again.
pub(super) async fn look(context: &Context, proposal: Proposal) -> Result<(), Trouble> {
    let Some(number) = proposal.number() else {
        return Ok(());
    };
    if context.forge.pull(number).await?.state != PullState::Open {
        return Ok(());
    }
    let mut lines = String::new();
    for entry in &proposal.was {
        lines.push_str(&ask(context, number, entry).await);
    }
    let text = format!(
        "What was closed is not taken up again; it is asked for anew, with a pull request of its own:\n{lines}"
    );
    context.forge.say(number, &text).await?;
    let closed = context
        .forge
        .edit(number, None, None, Some(PullState::Closed));
    closed.await?;
    super::end::forget_with_branch(context, proposal.branch).await
}

/// One change asked for anew, as its first requester; what came of it.
async fn ask(context: &Context, number: u64, entry: &Entry) -> String {
    let store = markdown::code(entry.change.store.as_str());
    let Some(request) = request(entry) else {
        return format!("- {store}: it was a hand edit of `main`; edit it again\n");
    };
    let submission = Submission {
        request,
        // Whatever happens in between, it is asked for once.
        idempotency: Some(Idempotency {
            key: format!("reopened {number} {}", entry.change.id),
            fingerprint: String::new(),
        }),
        if_match: None,
        origin: Origin::default(),
        reason: entry.reason.clone(),
    };
    let proven = entry.proven.clone();
    match context.door.submit(&entry.caller, submission, proven).await {
        Ok(accepted) => format!("- {store}: change `{}`\n", accepted.change.id),
        Err(refusal) => format!("- {store}: {}\n", markdown::line(&refusal.to_string())),
    }
}

/// The request that an intent came of.
fn request(entry: &Entry) -> Option<Request> {
    let store = entry.change.store.clone();
    Some(match entry.intent.clone() {
        Intent::Create(record) => Request::Create(create(&record)),
        Intent::Update(patch) => Request::Update { store, patch },
        Intent::Upgrade {
            version,
            allow_downgrade,
        } => Request::Upgrade {
            store,
            version,
            allow_downgrade,
        },
        Intent::Suspend => Request::Suspend { store },
        Intent::Resume => Request::Resume { store },
        Intent::Rollback(earlier) => Request::Rollback {
            store,
            to: Some(earlier.commit.to_string()),
        },
        Intent::Retry { mode } => Request::Retry {
            store,
            mode: Some(mode),
        },
        Intent::Delete => Request::Delete { store },
        Intent::Restore | Intent::Adopt { .. } => return None,
    })
}

fn create(record: &Record) -> CreateRequest {
    let spec = &record.spec;
    CreateRequest {
        name: Some(record.name().to_string()),
        engine: spec.engine.clone(),
        plan: Some(spec.plan.clone()),
        owner: Some(spec.owner.to_string()),
        cluster: Some(spec.cluster.to_string()),
        host: Some(spec.host.to_string()),
        extra_hosts: spec.extra_hosts.iter().map(ToString::to_string).collect(),
        version: Some(spec.version.clone()),
        values: spec.values.clone(),
    }
}

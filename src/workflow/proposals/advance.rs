//! The next steps of one proposal, as far as they can be taken now.
//!
//! Must not know: when it is asked to go on.

use std::sync::Arc;

use super::people::People;
use super::rota::{Look, Turn};
use super::{Trouble, book, commands, end, merge, open, reopen, review};
use crate::domain::proposal::life::{Proposal, Stage};
use crate::forge::Forge;
use crate::workflow::core::{Core, lock};
use crate::workflow::intake::Door;

/// What every step needs.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) core: Arc<Core>,
    pub(super) forge: Forge,
    pub(super) people: Arc<People>,
    /// Where requests are handed in.
    pub(super) door: Door,
}

impl Context {
    /// The forge answers.
    pub(super) fn well(&self) {
        let mut status = lock(&self.core.forge_status);
        status.problem = None;
        status.budget = Some(self.forge.budget());
    }

    /// Whether we tell of ourselves by comments.
    pub(super) fn speaks(&self) -> bool {
        let access = self.core.settings.forge.as_ref();
        access.is_some_and(|it| it.comments)
    }

    /// Whether issues from the form are requests.
    pub(super) fn takes_forms(&self) -> bool {
        let access = self.core.settings.forge.as_ref();
        access.is_some_and(|it| it.forms)
    }

    /// What is wrong, for `/api/health`.
    pub(super) fn trouble(&self, error: &Trouble) {
        let mut status = lock(&self.core.forge_status);
        status.problem = Some(error.to_string());
        status.budget = Some(self.forge.budget());
    }
}

/// Whether a proposal has a step to take without a look at the forge.
pub(super) fn wants(core: &Core, proposal: &Proposal) -> bool {
    match proposal.stage {
        Stage::Open => {
            let there = proposal.pushed.is_some();
            is_armed_wrongly(proposal) || (there && is_level(proposal) && !is_presented(proposal))
        }
        Stage::Merged => end::wants(core, proposal),
        Stage::Closing => true,
        Stage::Rejected => reopen::is_over(proposal),
    }
}

/// Whether it is about to be rendered again while the forge may merge it by itself.
fn is_armed_wrongly(proposal: &Proposal) -> bool {
    proposal.armed && proposal.rebuild.is_some()
}

/// Whether the forge has the newest head.
pub(super) fn is_level(proposal: &Proposal) -> bool {
    let head = proposal.head().map(|it| &it.commit);
    head == proposal.pushed.as_ref() && proposal.rebuild.is_none() && proposal.foreign.is_none()
}

/// Whether people see all there is to see.
fn is_presented(proposal: &Proposal) -> bool {
    proposal.pull.is_some() && proposal.dressed && proposal.rendered == proposal.pushed
}

/// Takes a proposal's turn.
pub(super) async fn advance(context: &Context, turn: &Turn) -> Result<(), Trouble> {
    let Some(proposal) = book::get(&context.core, turn.branch()) else {
        return Ok(());
    };
    match (turn, proposal.stage) {
        (Turn::Step(_), Stage::Closing) => end::close(context, proposal).await,
        (Turn::Step(_), Stage::Merged) => end::follow(context, proposal).await,
        (Turn::Step(_), Stage::Open) if is_armed_wrongly(&proposal) => {
            merge::make_ready_to_rebuild(context, proposal).await
        }
        (Turn::Step(branch), Stage::Open) => open::present(context, branch).await,
        (Turn::Step(_), Stage::Rejected) => end::forget_with_branch(context, proposal.branch).await,
        (Turn::Look(..), Stage::Rejected) => reopen::look(context, proposal).await,
        (Turn::Look(branch, look), Stage::Open) => {
            review::look(context, branch, *look).await?;
            listen(context, branch, *look).await
        }
        (Turn::Look(branch, look), _) => listen(context, branch, *look).await,
    }
}

/// Hears what people wrote, where no webhook may have told of it.
async fn listen(context: &Context, branch: &str, look: Look) -> Result<(), Trouble> {
    match book::get(&context.core, branch) {
        Some(proposal) if look == Look::Whole => commands::catch_up(context, &proposal).await,
        _ => Ok(()),
    }
}

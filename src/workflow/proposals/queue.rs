//! The merge queue tries what it merges on a commit of its own, which needs the checks that main requires: ours say there
//! what they said of the pull request.
//!
//! Must not know: what is in the group before it.

use super::advance::Context;
use super::{Trouble, checks, open, review};
use crate::domain::CommitId;
use crate::domain::forge::{CheckReport, Conclusion};
use crate::domain::proposal::life::Proposal;
use crate::workflow::core::lock;

/// Reports on a group that ends with a pull request: a proposal of ours that enough people approved, or a person's.
pub(super) async fn report(context: &Context, number: u64, sha: &CommitId) -> Result<(), Trouble> {
    let found: Option<Proposal> = {
        let proposals = lock(&context.core.proposals);
        let mut all = proposals.values();
        all.find(|it| it.number() == Some(number)).cloned()
    };
    let Some(proposal) = found else {
        return checks::report_on_group(context, number, sha).await;
    };
    if proposal.approved.is_none() || proposal.approved != proposal.pushed {
        return Ok(());
    }
    for (name, title) in [
        (open::RENDER, "rendered and validated as a proposal"),
        (review::APPROVAL, "enough people approved the proposal"),
    ] {
        let report = CheckReport::new(name, Conclusion::Success, title).urgent();
        context.forge.report(sha, &report).await?;
    }
    Ok(())
}

//! How changes come to be proposed: at intake, or when the writer finds that people have to agree.
//!
//! Must not know: the forge's calls, or how branches are made.

use crate::domain::StoreName;
use crate::domain::approval::Needed;
use crate::domain::change::Change;
use crate::domain::entry::Entry;
use crate::domain::proposal::life::Carried;
use crate::domain::request::Refusal;
use crate::workflow::core::{Core, lock};
use crate::workflow::desk::Desk;

/// What a change waits for that has no pull request yet.
const NO_PULL_REQUEST: &str = "its pull request";

/// Has an accepted request wait for a proposal, where it needs approval or follows a change that does.
pub(in crate::workflow) fn join(
    core: &Core,
    desk: &Desk,
    entry: &mut Entry,
    needed: Option<&Needed>,
) {
    if core.forge.is_none() {
        return;
    }
    let follows = carried_before(desk, &entry.change.store).is_some();
    match needed {
        Some(needed) => wait_for_one(entry, needed),
        None if follows => {
            entry.carried = Some(Carried::default());
            entry.change.waiting_for = Some(NO_PULL_REQUEST.to_owned());
        }
        None => return,
    }
    core.propose.notify_one();
}

/// Has an entry wait for a proposal.
pub(in crate::workflow) fn wait_for_one(entry: &mut Entry, needed: &Needed) {
    entry.carried = Some(Carried::default());
    entry.change.waiting_for = Some(format!("{NO_PULL_REQUEST}, and {}", needed.sentence()));
}

/// Whether a store that people decide on takes another change now.
pub(in crate::workflow) fn takes_more(
    core: &Core,
    desk: &Desk,
    store: &StoreName,
) -> Result<(), Refusal> {
    let Some(before) = carried_before(desk, store) else {
        return Ok(());
    };
    let branch = before.carried.as_ref().and_then(|it| it.branch.as_ref());
    let proposals = lock(&core.proposals);
    let Some(proposal) = branch.and_then(|it| proposals.get(it)) else {
        return Ok(());
    };
    let merged = before.merged().is_some();
    if merged || proposal.frozen {
        let id = &before.change.id;
        let by = if merged { "merged" } else { "approved" };
        let text = format!(
            "change {id} of store {store} is {by} and on its way; ask again when it is there, or cancel it first"
        );
        return Err(Refusal::Conflict(text));
    }
    Ok(())
}

/// People decide on a change where its pull request is, and nowhere else.
pub(in crate::workflow) fn decided_there(change: &Change) -> Refusal {
    let place = match &change.pull_request {
        Some(pull) => format!("in its pull request, {}", pull.url),
        None => "in its pull request, which is being opened".to_owned(),
    };
    let id = &change.id;
    Refusal::Conflict(format!("change {id} is decided on {place}"))
}

/// The newest open change of a store that goes by a proposal.
fn carried_before<'a>(desk: &'a Desk, store: &StoreName) -> Option<&'a Entry> {
    let open = desk.changes_of(store).iter().rev();
    let mut entries = open.filter_map(|id| desk.entry(id));
    entries.find(|it| it.carried.is_some())
}

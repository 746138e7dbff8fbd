//! Hand edits on main that need approval: those who approved the pull request that brought them have given it.
//!
//! An edit waits as `proposed` until that is looked up, then it is the writer's again, with the approvals bound to what it
//! leaves; or it ends, and lies on main without effect. Must not know: how approvals are counted.

use jiff::{SignedDuration, Timestamp};

use super::advance::Context;
use super::brought::{Agreed, Brought, agreed};
use super::outside::Done;
use super::{Trouble, book};
use crate::domain::ChangeId;
use crate::domain::accept::{Circumstances, Intent};
use crate::domain::approval::{Approval, Needed, digest, needed};
use crate::domain::change::{ChangeError, State};
use crate::domain::entry::Entry;
use crate::domain::proposal::identity::subject;
use crate::domain::proposal::verdict::Approver;
use crate::domain::record::{Record, record_path};
use crate::workflow::adopt;
use crate::workflow::core::Core;
use crate::workflow::derive::{Underivable, left_by_hand, unapproved};
use crate::workflow::outcome::let_lie;

/// What a hand edit waits for.
const LOOKED_UP: &str = "its approval: who approved the pull request that brought it is looked up";
/// How long the forge may take to know which pull request brought a commit.
pub(super) const SETTLES: SignedDuration = SignedDuration::from_secs(10);

/// Has a hand edit wait until it is known who approved it.
pub(in crate::workflow) fn look_up(entry: &mut Entry, needed: &Needed, now: Timestamp) {
    let change = &mut entry.change;
    if change.go(State::Proposed, now, Some(needed.sentence())) {
        change.waiting_for = Some(LOOKED_UP.to_owned());
        change.deadline = None;
    }
}

/// Whether an entry waits for that.
pub(super) fn waits(entry: &Entry) -> bool {
    entry.is_by_hand() && entry.change.state == State::Proposed
}

/// A hand edit as it is now.
enum Case {
    /// It is over, or with the writer.
    Gone,
    /// Nobody has to agree to it any more.
    Free,
    /// It cannot be accepted, whoever approves it.
    Unfit(Box<Entry>, ChangeError),
    /// People have to agree to this record.
    Open(Box<Open>),
}

struct Open {
    entry: Entry,
    record: Record,
    brought: Brought,
}

/// Looks up who approved a hand edit, and decides on it.
pub(super) async fn decide(context: &Context, id: &ChangeId) -> Result<Done, Trouble> {
    let (core, asked) = (context.core.clone(), id.clone());
    match book::blocking(move || case(&core, &asked)).await? {
        Case::Gone => Ok(Done::Over),
        Case::Free => {
            let detail = "the policy asks for no approval any more";
            hand_back(context, id, Vec::new(), detail.to_owned()).await
        }
        Case::Unfit(entry, error) => lie(context, *entry, error).await,
        Case::Open(open) => ask(context, *open).await,
    }
}

async fn ask(context: &Context, open: Open) -> Result<Done, Trouble> {
    let change = &open.entry.change;
    let why = match agreed(context, &open.brought).await? {
        Agreed::Yes(number, people) => {
            let detail = format!("by {}, in pull request #{number}", names(&people));
            let approvals = approvals(&open.record, &people);
            return hand_back(context, &change.id, approvals, detail).await;
        }
        Agreed::NoPull if Core::now().duration_since(change.created_at) < SETTLES => {
            return Ok(Done::Later);
        }
        Agreed::NoPull => "it came by no pull request".to_owned(),
        Agreed::No(why) => why,
    };
    let mut error = unapproved(&change.store, &open.brought.needed);
    error.message = format!("{}: {why}", error.message);
    lie(context, open.entry, error).await
}

/// What there is to decide on.
fn case(core: &Core, id: &ChangeId) -> Result<Case, Trouble> {
    let entry = core.desk().entry(id).filter(|it| waits(it)).cloned();
    let (Some(entry), Some(tip)) = (entry, core.published("main")?) else {
        return Ok(Case::Gone);
    };
    let Intent::Adopt { commit, kind } = &entry.intent else {
        return Ok(Case::Gone);
    };
    let store = &entry.change.store;
    let path = record_path(store);
    let accepted = adopt::accepted(core, store)?;
    let text = core.repo.read(&tip, &path)?;
    let policy = core.in_force().policy;
    let left = {
        let desk = core.desk();
        let at = Circumstances {
            policy: &policy,
            book: &desk.book,
            caller: &entry.caller,
            id,
            proven: &entry.proven,
            now: entry.change.created_at,
            lifted: core.settings.lift_limits,
        };
        left_by_hand(&at, store, *kind, text.as_deref(), accepted.as_ref())
    };
    let record = match left.map_err(Underivable::from) {
        Ok(record) => record,
        Err(Underivable::Failed(error)) => return Ok(Case::Unfit(Box::new(entry), error)),
        Err(Underivable::Git(error)) => return Err(error.into()),
    };
    let old = accepted.as_ref().map(|it| &it.spec);
    let Some(needed) = needed(&policy, entry.change.action, old, &record.spec) else {
        return Ok(Case::Free);
    };
    let owners = old.into_iter().chain([&record.spec]);
    let brought = Brought {
        commit: commit.clone(),
        object: core.repo.entry(&tip, &path)?.map(|it| it.id.to_string()),
        path,
        needed,
        owners: owners.map(|it| it.owner.clone()).collect(),
        by_a_writer: false,
    };
    Ok(Case::Open(Box::new(Open {
        entry,
        record,
        brought,
    })))
}

fn approvals(record: &Record, people: &[Approver]) -> Vec<Approval> {
    let digest = digest(record);
    let each = people.iter().map(|it| Approval {
        by: subject(&it.account()),
        at: it.at,
        digest: digest.clone(),
    });
    each.collect()
}

fn names(people: &[Approver]) -> String {
    let names: Vec<&str> = people.iter().map(|it| it.login.as_str()).collect();
    names.join(", ")
}

/// Gives a hand edit back to the writer, who judges it once more.
async fn hand_back(
    context: &Context,
    id: &ChangeId,
    approvals: Vec<Approval>,
    detail: String,
) -> Result<Done, Trouble> {
    let (core, id) = (context.core.clone(), id.clone());
    book::blocking(move || {
        let mut desk = core.desk();
        let Some(mut entry) = desk.entry(&id).filter(|it| waits(it)).cloned() else {
            return Ok(Done::Over);
        };
        entry.approvals = approvals;
        entry.change.go(State::Approved, Core::now(), Some(detail));
        entry.change.waiting_for = Some("the writer".to_owned());
        core.journal.update(std::slice::from_ref(&entry))?;
        core.ring(&entry.change);
        desk.update(entry);
        desk.put_back(std::slice::from_ref(&id));
        drop(desk);
        core.wake.notify_one();
        Ok(Done::Over)
    })
    .await
}

async fn lie(context: &Context, entry: Entry, error: ChangeError) -> Result<Done, Trouble> {
    let core = context.core.clone();
    book::blocking(move || {
        // One that was taken back meanwhile stays so.
        if core.desk().entry(&entry.change.id).is_some_and(waits) {
            let_lie(&core, entry, error)?;
        }
        Ok(Done::Over)
    })
    .await
}

//! Policy and charts that came to main by approved pull requests: they come into force as if an admin had vouched.
//!
//! What is enough is in [`needed_for_policy`], and one of those who approved may write to the repository. Each file and
//! each chart version is asked for by itself: one that nobody approved keeps all from coming into force. Must not know:
//! what a policy says.

use std::collections::BTreeSet;

use super::advance::Context;
use super::brought::{Agreed, Brought, agreed};
use super::hand_edits::SETTLES;
use super::outside::Done;
use super::{Trouble, book};
use crate::domain::CommitId;
use crate::domain::approval::needed_for_policy;
use crate::domain::request::Refusal;
use crate::workflow::adopt::last_commit;
use crate::workflow::core::{Core, lock};
use crate::workflow::unvouched::{self, Known};
use crate::workflow::vouch::vouch;

/// What is said until it is known.
const LOOKED_UP: &str = "who approved the pull request that brought it is looked up";

/// Whether main has a policy or charts of which it is not known who approved them.
pub(super) fn wants(core: &Core) -> Result<bool, Trouble> {
    let Some(tip) = core.published("main")? else {
        return Ok(false);
    };
    let now = unvouched::at(core, &tip)?;
    let known = lock(&core.unvouched);
    let settled = known
        .as_ref()
        .is_some_and(|it| it.settled && it.about == now);
    Ok(!now.there.is_empty() && !settled)
}

/// Looks up who approved what is not in force.
pub(super) async fn decide(context: &Context) -> Result<Done, Trouble> {
    let core = context.core.clone();
    let Some(case) = book::blocking(move || case(&core)).await? else {
        return Ok(Done::Over);
    };
    let mut people = BTreeSet::new();
    for brought in &case.all {
        let path = &brought.path;
        let why = match agreed(context, brought).await? {
            Agreed::Yes(number, given) => {
                let who = given.into_iter();
                people.extend(who.map(|it| format!("{} in #{number}", it.login)));
                continue;
            }
            Agreed::NoPull if !case.settles => return Ok(Done::Later),
            Agreed::NoPull => format!("{path} came by no pull request"),
            Agreed::No(why) => format!("{path}: {why}"),
        };
        return conclude(context, case, why).await;
    }
    take(context, case, people).await
}

/// What main has that is not in force.
struct Case {
    tip: CommitId,
    known: Known,
    /// Whether the forge had the time to know which pull requests brought it.
    settles: bool,
    /// What people should have agreed to.
    all: Vec<Brought>,
}

fn case(core: &Core) -> Result<Option<Case>, Trouble> {
    let Some(tip) = core.published("main")? else {
        return Ok(None);
    };
    let about = unvouched::at(core, &tip)?;
    if about.there.is_empty() {
        return Ok(None);
    }
    let needed = needed_for_policy(&core.in_force().policy);
    let mut all = Vec::new();
    for (path, object) in &about.there {
        all.push(Brought {
            commit: last_commit(core, &tip, path)?,
            path: path.clone(),
            object: object.map(|it| it.to_string()),
            needed: needed.clone(),
            owners: BTreeSet::new(),
            by_a_writer: true,
        });
    }
    let now = Core::now();
    let known = {
        let mut known = lock(&core.unvouched);
        let before = known.take().filter(|it| it.about == about);
        let first = || Known {
            about,
            since: now,
            why: LOOKED_UP.to_owned(),
            settled: false,
        };
        known.insert(before.unwrap_or_else(first)).clone()
    };
    Ok(Some(Case {
        tip,
        settles: now.duration_since(known.since) >= SETTLES,
        known,
        all,
    }))
}

/// Enough people agreed to all of it.
async fn take(context: &Context, case: Case, people: BTreeSet<String>) -> Result<Done, Trouble> {
    let (core, tip) = (context.core.clone(), case.tip.clone());
    let taken = book::blocking(move || {
        let taken = vouch(&core, &tip);
        if taken.is_ok() {
            let people = people.into_iter().collect::<Vec<_>>().join(", ");
            tracing::info!(%tip, people, "policy and charts are in force, as approved");
            unvouched::note(&core)?;
        }
        Ok(taken)
    });
    match taken.await? {
        Ok(()) => Ok(Done::Over),
        Err(Refusal::Unavailable(why)) => Err(Trouble::Unavailable(why)),
        Err(refusal) => conclude(context, case, format!("it was approved, but {refusal}")).await,
    }
}

/// It stays without effect, and says why.
async fn conclude(context: &Context, case: Case, why: String) -> Result<Done, Trouble> {
    let core = context.core.clone();
    book::blocking(move || {
        let known = Known {
            why,
            settled: true,
            ..case.known
        };
        *lock(&core.unvouched) = Some(known);
        unvouched::note(&core)?;
        Ok(Done::Over)
    })
    .await
}

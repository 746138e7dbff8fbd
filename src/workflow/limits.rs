//! Request limits: who is held to them, what counts, and what survives a restart.
//!
//! Merchants are limited, operators and admins are not. A write counts when it is decided: an accepted one in the
//! journal, in the transaction that accepts it, so that a kill gives nobody his quota back; a refused one (4xx) in
//! memory only and as a write, not as a creation. A sync per refusal would cost more than the refusal, and nothing came
//! of it that had to be bounded for longer. What never came to a decision counts nothing: repeats under an idempotency
//! key (the limit would punish the careful), dry runs and broken JSON (they change nothing), a full queue (our fault).
//!
//! Must not know: headers, or how many are allowed by default.

use std::sync::Mutex;

use jiff::Timestamp;

use super::Fleet;
use super::core::{Core, lock};
use super::intake::{Submission, new_id};
use crate::domain::limits::{ClientAddress, Hit, RequestLimits, Standing, Tally};
use crate::domain::request::{Caller, Refusal, Request, Role};
use crate::domain::view::{FleetLimits, LimitsView, MyLimits, Room};
use crate::journal::JournalError;

/// The limits in force and what counts. Without limits nothing is counted.
pub(super) struct Limits {
    rules: Option<RequestLimits>,
    tally: Mutex<Tally>,
}

impl Limits {
    /// Nothing counted yet.
    pub(super) fn new(rules: Option<RequestLimits>) -> Self {
        Self {
            rules,
            tally: Mutex::default(),
        }
    }

    /// Takes in what the journal kept.
    pub(super) fn load(&self, hits: &[Hit], now: Timestamp) {
        let Some(rules) = &self.rules else { return };
        let mut tally = lock(&self.tally);
        for hit in hits {
            tally.count(hit);
        }
        tally.forget(rules, now);
    }

    /// Counts a request, or refuses it. None: its caller is not limited.
    pub(super) fn admit(
        &self,
        caller: &Caller,
        submission: &Submission,
        now: Timestamp,
    ) -> Result<Option<Hit>, Refusal> {
        let create = matches!(submission.request, Request::Create(_));
        self.admit_hit(hit(caller, create, submission.origin.client, now))
    }

    fn admit_hit(&self, hit: Option<Hit>) -> Result<Option<Hit>, Refusal> {
        let (Some(rules), Some(hit)) = (&self.rules, hit) else {
            return Ok(None);
        };
        lock(&self.tally).admit(rules, &hit)?;
        Ok(Some(hit))
    }

    /// A counted request was refused.
    pub(super) fn refused(&self, hit: Option<&Hit>, refusal: &Refusal) {
        let Some(hit) = hit else { return };
        let mut tally = lock(&self.tally);
        match refusal {
            Refusal::Unavailable(_) => tally.take_back(hit),
            _ => tally.refused(hit),
        }
    }

    /// Counted requests were lost.
    pub(super) fn take_back<'a>(&self, hits: impl Iterator<Item = &'a Hit>) {
        let mut tally = lock(&self.tally);
        for hit in hits {
            tally.take_back(hit);
        }
    }

    /// How the limits stand for a caller; empty for one that is not limited.
    pub(super) fn standings(
        &self,
        caller: &Caller,
        client: Option<ClientAddress>,
        create: bool,
        now: Timestamp,
    ) -> Vec<Standing> {
        match (&self.rules, hit(caller, create, client, now)) {
            (Some(rules), Some(hit)) => lock(&self.tally).standings(rules, &hit),
            _ => Vec::new(),
        }
    }

    /// Forgets what counts no more.
    pub(super) fn forget(&self, now: Timestamp) {
        if let Some(rules) = &self.rules {
            lock(&self.tally).forget(rules, now);
        }
    }
}

/// What a limited caller's request would count.
fn hit(
    caller: &Caller,
    create: bool,
    address: Option<ClientAddress>,
    at: Timestamp,
) -> Option<Hit> {
    (caller.role == Role::Merchant).then(|| Hit {
        merchant: caller.owner.clone(),
        at,
        create,
        address,
    })
}

/// Reads what the journal kept.
pub(super) fn load(core: &Core) -> Result<(), JournalError> {
    core.limits.load(&core.journal.hits()?, Core::now());
    Ok(())
}

/// Counts a write that does not pass the clerk (a cancellation), and keeps that before it is carried out.
pub(super) fn count_write(core: &Core, caller: &Caller) -> Result<(), Refusal> {
    let now = Core::now();
    let Some(hit) = core.limits.admit_hit(hit(caller, false, None, now))? else {
        return Ok(());
    };
    let id = new_id(&core.desk(), None, now);
    core.journal.keep_hit(&id, &hit).map_err(|error| {
        core.limits.take_back(std::iter::once(&hit));
        Refusal::Unavailable(error.to_string())
    })
}

impl Fleet {
    /// How the limits stand that a caller's creation, or any other write, meets; empty for one that is not limited.
    pub fn standings(
        &self,
        caller: &Caller,
        client: Option<ClientAddress>,
        create: bool,
    ) -> Vec<Standing> {
        let limits = &self.0.core.limits;
        limits.standings(caller, client, create, Core::now())
    }

    /// What a caller and the whole fleet may have, use, and have left.
    pub fn limits(&self, caller: &Caller, client: Option<ClientAddress>) -> LimitsView {
        let core = &self.0.core;
        let policy = core.in_force().policy;
        let lifted = core.settings.lift_limits;
        let limit = |it: u32| (!lifted).then_some(u64::from(it));
        let owner = &caller.owner;
        let offered = policy.offered_to(owner);
        let desk = core.desk();
        let queue = core.settings.queue;
        LimitsView {
            fleet: FleetLimits {
                stores: Room::new(limit(policy.limits.stores), desk.book.stores().into()),
                queue: Room::new(Some(queue as u64), desk.len() as u64),
            },
            mine: MyLimits {
                owner: owner.clone(),
                stores: Room::new(
                    limit(policy.stores_of(owner)),
                    desk.book.stores_of(owner).into(),
                ),
                budget: Room::new(
                    policy.budget_of(owner).and_then(limit),
                    policy.spent_by(&desk.book, owner),
                ),
                queue: Room::new(
                    Some(super::intake::share(queue) as u64),
                    desk.share_of(owner) as u64,
                ),
                plans: offered.plans,
                engines: offered.engines,
            },
            requests: core.limits.standings(caller, client, true, Core::now()),
        }
    }
}

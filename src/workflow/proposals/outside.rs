//! What people bring by pull requests of their own: which of it is to be looked at, and when.
//!
//! Found in what is kept anyway (the desk, main, the list of open pull requests), so that a stop loses nothing. Must not
//! know: how any of it is judged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::advance::Context;
use super::rests::Rests;
use super::{Trouble, checks, hand_edits, policy};
use crate::domain::forge::Pull;
use crate::domain::proposal::life::Proposal;
use crate::domain::{ChangeId, CommitId};
use crate::workflow::core::{Core, lock};

/// How much of it is looked at at once.
const AT_ONCE: usize = 8;
/// The rest until the forge knows more.
const LATER: Duration = Duration::from_secs(2);

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Errand {
    /// A hand edit on main: who approved it.
    Edit(ChangeId),
    /// Policy and charts on main: who approved them.
    Policy,
    /// An open pull request of a person's: what its records would come to. With the head that was looked at last.
    Pull(u64, Option<CommitId>),
}

/// What came of it.
pub(super) enum Done {
    /// There is nothing more to do.
    Over,
    /// The forge does not know yet.
    Later,
    /// The records of a pull request were judged at this head.
    Checked(u64, CommitId),
}

/// What is to be looked at.
#[derive(Default)]
pub(super) struct Outside {
    busy: BTreeSet<Errand>,
    rests: Rests<Errand>,
    /// Whether main was looked at since it moved.
    main_looked: bool,
    /// Pull requests that may have another head, or are new.
    moved: BTreeSet<u64>,
    /// The heads that were judged. After a start each is once more.
    checked: BTreeMap<u64, CommitId>,
}

impl Outside {
    /// Main moved.
    pub(super) fn main_moved(&mut self) {
        self.main_looked = false;
    }

    /// Something happened to a pull request.
    pub(super) fn pull_moved(&mut self, number: u64) {
        self.moved.insert(number);
    }

    /// All open pull requests to main.
    pub(super) fn polled(&mut self, core: &Core, pulls: &[Pull]) {
        let open: BTreeSet<u64> = pulls.iter().map(|it| it.number).collect();
        self.checked.retain(|number, _| open.contains(number));
        let fresh = pulls
            .iter()
            .filter(|it| self.checked.get(&it.number) != Some(&it.head));
        let theirs = fresh.filter(|it| !is_ours(core, it));
        self.moved.extend(theirs.map(|it| it.number));
    }

    /// What is begun now.
    pub(super) fn begin(&mut self, core: &Core) -> Result<Vec<Errand>, Trouble> {
        let mut due = self.due(core)?;
        let now = Instant::now();
        due.retain(|it| !self.busy.contains(it) && !self.rests.holds(it, now));
        due.truncate(AT_ONCE.saturating_sub(self.busy.len()));
        for errand in &due {
            match errand {
                Errand::Policy => self.main_looked = true,
                Errand::Pull(number, _) => drop(self.moved.remove(number)),
                Errand::Edit(_) => {}
            }
        }
        self.busy.extend(due.iter().cloned());
        Ok(due)
    }

    fn due(&mut self, core: &Core) -> Result<Vec<Errand>, Trouble> {
        let mut due: Vec<Errand> = {
            let desk = core.desk();
            let edits = desk.entries().filter(|it| hand_edits::waits(it));
            edits.map(|it| Errand::Edit(it.change.id.clone())).collect()
        };
        if !self.main_looked {
            if policy::wants(core)? {
                due.push(Errand::Policy);
            } else {
                self.main_looked = true;
            }
        }
        for number in self.theirs(core) {
            due.push(Errand::Pull(number, self.checked.get(&number).cloned()));
        }
        Ok(due)
    }

    /// The pull requests among them that may be people's. While one of ours is being opened nobody knows its number.
    fn theirs(&mut self, core: &Core) -> Vec<u64> {
        if self.moved.is_empty() {
            return Vec::new();
        }
        let proposals = lock(&core.proposals);
        if proposals.values().any(|it| it.asked && it.pull.is_none()) {
            return Vec::new();
        }
        let ours: BTreeSet<u64> = proposals.values().filter_map(Proposal::number).collect();
        self.moved.retain(|it| !ours.contains(it));
        self.moved.iter().copied().collect()
    }

    /// Notes what came of an errand.
    pub(super) fn ended(&mut self, errand: Errand, done: &Result<Done, Trouble>) {
        self.busy.remove(&errand);
        let known = match done {
            Ok(Done::Over) => return self.rests.ended(&errand),
            Ok(Done::Checked(number, head)) => {
                self.checked.insert(*number, head.clone());
                return self.rests.ended(&errand);
            }
            Ok(Done::Later) => Some(LATER),
            Err(_) => None,
        };
        match &errand {
            Errand::Policy => self.main_looked = false,
            Errand::Pull(number, _) => drop(self.moved.insert(*number)),
            Errand::Edit(_) => {}
        }
        self.rests.failed(errand, Instant::now(), known);
    }

    /// A task ended without a word: nobody knows which.
    pub(super) fn lost_one(&mut self) {
        for errand in std::mem::take(&mut self.busy) {
            self.ended(errand, &Ok(Done::Later));
        }
    }
}

/// Whether a pull request is that of a proposal.
pub(super) fn is_ours(core: &Core, pull: &Pull) -> bool {
    let proposals = lock(&core.proposals);
    let by_number = |number| proposals.values().any(|it| it.number() == Some(number));
    (pull.own_repository && proposals.contains_key(&pull.branch)) || by_number(pull.number)
}

/// Looks at one of them.
pub(super) async fn run(context: &Context, errand: &Errand) -> Result<Done, Trouble> {
    match errand {
        Errand::Edit(id) => hand_edits::decide(context, id).await,
        Errand::Policy => policy::decide(context).await,
        Errand::Pull(number, known) => checks::report(context, *number, known.as_ref()).await,
    }
}

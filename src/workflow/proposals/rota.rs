//! Whose turn it is: which proposals are worked on, which are to be looked at, and which rest after trouble.
//!
//! A proposal may be looked at while a step of it waits for its turn at the forge: what people decided is urgent. Pure:
//! the time is an argument. Must not know: what a step or a look does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::rests::Rests;

/// How closely the forge is asked about a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Look {
    /// What its reviews amount to.
    Reviews,
    /// How its pull request stands.
    Short,
    /// What people wrote as well: no webhook may have told of it.
    Whole,
}

/// What is done with a proposal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// The forge is asked how it stands.
    Look(String, Look),
    /// Its next step is taken.
    Step(String),
}

/// One of the two things that are done with a proposal, each by one task at a time.
type Work = (String, bool);

/// Who is at work, who wants to be, and who rests.
#[derive(Debug, Default)]
pub(super) struct Rota {
    busy: BTreeSet<Work>,
    looks: BTreeMap<String, Look>,
    rests: Rests<Work>,
}

impl Turn {
    /// The branch of the proposal.
    pub(super) fn branch(&self) -> &str {
        match self {
            Self::Look(branch, _) | Self::Step(branch) => branch,
        }
    }

    fn work(&self) -> Work {
        (self.branch().to_owned(), matches!(self, Self::Look(..)))
    }
}

impl Rota {
    /// Wants a proposal looked at, as closely as this at least.
    pub(super) fn want(&mut self, branch: &str, look: Look) {
        let wanted = self.looks.entry(branch.to_owned()).or_insert(look);
        *wanted = look.max(*wanted);
    }

    /// The turns that are due, looks first, at most `most`. `steps` are the proposals that have a step to take, and `unopened`
    /// those that have nothing to look at yet: they may be opened and reviewed before we hear of the opening.
    pub(super) fn due(
        &mut self,
        now: Instant,
        steps: Vec<String>,
        unopened: &BTreeSet<String>,
        most: usize,
    ) -> Vec<Turn> {
        let looks = self.looks.iter();
        let looks = looks.filter(|(branch, _)| !unopened.contains(*branch));
        let looks = looks.map(|(branch, look)| Turn::Look(branch.clone(), *look));
        let all: Vec<Turn> = looks.chain(steps.into_iter().map(Turn::Step)).collect();
        let mut due = Vec::new();
        for turn in all {
            let work = turn.work();
            let rests = self.rests.holds(&work, now);
            if due.len() == most || rests || !self.busy.insert(work) {
                continue;
            }
            if let Turn::Look(branch, _) = &turn {
                self.looks.remove(branch);
            }
            due.push(turn);
        }
        due
    }

    /// A turn ended well.
    pub(super) fn ended(&mut self, turn: &Turn) {
        let work = turn.work();
        self.rests.ended(&work);
        self.busy.remove(&work);
    }

    /// A turn failed: it is taken again after a rest, `until` where that is known. Returns how long.
    pub(super) fn failed(
        &mut self,
        turn: &Turn,
        now: Instant,
        known: Option<Duration>,
    ) -> Duration {
        let work = turn.work();
        self.busy.remove(&work);
        let wait = self.rests.failed(work, now, known);
        if let Turn::Look(branch, look) = turn {
            self.want(branch, *look);
        }
        wait
    }

    /// Nobody knows who is at work any more.
    pub(super) fn clear(&mut self) {
        self.busy.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_come_first_and_do_not_wait_for_a_step_of_the_same_proposal() {
        let (mut rota, now) = (Rota::default(), Instant::now());
        let none = BTreeSet::new();
        let steps = || vec!["a".to_owned(), "b".to_owned()];
        rota.want("b", Look::Reviews);
        rota.want("b", Look::Short);
        let due = rota.due(now, steps(), &none, 2);
        let look = Turn::Look("b".to_owned(), Look::Short);
        let step = Turn::Step("a".to_owned());
        assert_eq!(due, [look.clone(), step.clone()]);
        // Both are at work; another look waits for the first.
        rota.want("b", Look::Whole);
        assert_eq!(
            rota.due(now, steps(), &none, 9),
            [Turn::Step("b".to_owned())]
        );
        rota.ended(&look);
        assert_eq!(
            rota.due(now, steps(), &none, 9),
            [Turn::Look("b".to_owned(), Look::Whole)]
        );
    }

    #[test]
    fn what_failed_rests_longer_each_time_and_is_not_forgotten() {
        let (mut rota, now) = (Rota::default(), Instant::now());
        let none = BTreeSet::new();
        let look = Turn::Look("a".to_owned(), Look::Short);
        rota.want("a", Look::Short);
        let mut at = now;
        for seconds in [1, 2, 4] {
            assert_eq!(
                rota.due(at, Vec::new(), &none, 9),
                std::slice::from_ref(&look)
            );
            let wait = rota.failed(&look, at, None);
            assert_eq!(wait, Duration::from_secs(seconds));
            assert_eq!(rota.due(at, Vec::new(), &none, 9), []);
            at += wait;
        }
        // Where the forge says when, that counts; a success forgets it all.
        rota.due(at, Vec::new(), &none, 9);
        assert_eq!(
            rota.failed(&look, at, Some(Duration::from_secs(40))),
            Duration::from_secs(40)
        );
        rota.ended(&look);
        assert_eq!(rota.failed(&look, at, None), Duration::from_secs(1));
    }

    #[test]
    fn what_is_not_known_to_be_open_is_looked_at_later() {
        let (mut rota, now) = (Rota::default(), Instant::now());
        rota.want("a", Look::Reviews);
        let unopened = BTreeSet::from(["a".to_owned()]);
        assert_eq!(rota.due(now, Vec::new(), &unopened, 9), []);
        let look = Turn::Look("a".to_owned(), Look::Reviews);
        assert_eq!(rota.due(now, Vec::new(), &BTreeSet::new(), 9), [look]);
    }
}

//! Who has agreed to a proposal, who holds it up, and how many people are missing.
//!
//! This is our own evaluation, and the only one that decides: what the forge's rules let through counts for nothing here.
//! The latest word of each person counts, for one content only. Must not know: how reviews or members were read.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::identity::Parties;
use crate::domain::CommitId;
use crate::domain::approval::Needed;
use crate::domain::forge::{Account, Review, ReviewState};

/// All that a verdict is taken from.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// What the changes inside need together ([`Needed::and`]).
    pub needed: &'a Needed,
    /// The numbers of reviewers, by login as the policy has it. A login that no account has is left out.
    pub reviewers: &'a BTreeMap<String, u64>,
    /// The numbers of the members of each team, by slug. A team that cannot be read is left out.
    pub teams: &'a BTreeMap<String, BTreeSet<u64>>,
    /// The numbers of those who may write to the repository.
    pub writers: &'a BTreeSet<u64>,
    /// Who has a stake in it.
    pub parties: &'a Parties,
    /// The number of our own account, where it has one.
    pub ourselves: Option<u64>,
    /// All reviews of the pull request.
    pub reviews: &'a [Review],
    /// Its head commit.
    pub head: &'a CommitId,
    /// What was in each head that we pushed: a digest over the record digests. The same digest is the same content.
    pub contents: &'a BTreeMap<CommitId, String>,
}

/// Somebody who agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver {
    /// The login.
    pub login: String,
    /// The number.
    pub id: u64,
    /// When.
    pub at: Timestamp,
}

impl Approver {
    /// Their account.
    pub fn account(&self) -> Account {
        Account {
            id: self.id,
            login: self.login.clone(),
            bot: false,
        }
    }
}

/// What the reviews amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whose approval counts, the earliest first.
    pub given: Vec<Approver>,
    /// Who approved another content and may be asked again, by login.
    pub outdated: Vec<String>,
    /// How many more people are wanted.
    pub missing: u32,
    /// Who asked for changes, by login.
    pub blocked_by: Vec<String>,
    /// Whether it may be merged.
    pub approved: bool,
    /// All of that for people. It names people and teams; escape it where it becomes Markdown.
    pub sentence: String,
}

/// Judges the reviews.
pub fn judge(evidence: &Evidence<'_>) -> Verdict {
    let (mut given, mut outdated, mut blocked_by, mut own) = (vec![], vec![], vec![], vec![]);
    for review in latest(evidence.reviews) {
        let login = review.by.login.clone();
        match (review.state, evidence.standing(&review.by)) {
            (ReviewState::Approved, Standing::Party) => own.push(login),
            (ReviewState::ChangesRequested, Standing::Counts) => blocked_by.push(login),
            (ReviewState::Approved, Standing::Counts) if evidence.saw_this(review) => {
                given.push(Approver {
                    login,
                    id: review.by.id,
                    at: review.at,
                });
            }
            (ReviewState::Approved, Standing::Counts) => outdated.push(login),
            _ => {}
        }
    }
    let count = u32::try_from(given.len()).unwrap_or(u32::MAX);
    let missing = evidence.needed.approvals.saturating_sub(count);
    let sentence = sentence(evidence.needed, &given, &outdated, &blocked_by, &own);
    Verdict {
        approved: missing == 0 && blocked_by.is_empty(),
        given,
        outdated,
        missing,
        blocked_by,
        sentence,
    }
}

/// What the word of an account is worth.
enum Standing {
    Counts,
    /// It has a stake in it.
    Party,
    /// It is a program, or not among those who are asked.
    None,
}

impl Evidence<'_> {
    fn standing(&self, account: &Account) -> Standing {
        let id = account.id;
        let asked = if self.needed.names_people() {
            let (people, teams) = (&self.needed.reviewers, &self.needed.teams);
            let mut people = people.iter().filter_map(|it| self.reviewers.get(it));
            let mut teams = teams.iter().filter_map(|it| self.teams.get(it));
            people.any(|it| *it == id) || teams.any(|it| it.contains(&id))
        } else {
            self.writers.contains(&id)
        };
        if account.bot || self.ourselves == Some(id) || !asked {
            Standing::None
        } else if self.parties.include(account) {
            Standing::Party
        } else {
            Standing::Counts
        }
    }

    /// Whether a review is of what the head holds.
    fn saw_this(&self, review: &Review) -> bool {
        let Some(seen) = &review.commit else {
            return false;
        };
        let (then, now) = (self.contents.get(seen), self.contents.get(self.head));
        seen == self.head || (then.is_some() && then == now)
    }
}

/// The latest review of each person that decides something, the earliest first.
fn latest(reviews: &[Review]) -> Vec<&Review> {
    let mut of_person: BTreeMap<u64, &Review> = BTreeMap::new();
    for review in reviews {
        if matches!(review.state, ReviewState::Commented | ReviewState::Pending) {
            continue;
        }
        let there = of_person.entry(review.by.id).or_insert(review);
        if (there.at, there.id) < (review.at, review.id) {
            *there = review;
        }
    }
    let mut latest: Vec<&Review> = of_person.into_values().collect();
    latest.sort_by_key(|it| (it.at, it.id));
    latest
}

fn sentence(
    needed: &Needed,
    given: &[Approver],
    outdated: &[String],
    blocked_by: &[String],
    own: &[String],
) -> String {
    let count = u32::try_from(given.len()).unwrap_or(u32::MAX);
    let mut parts = Vec::new();
    if count < needed.approvals {
        parts.push(needed.missing(count));
    }
    if count > 0 {
        let people: Vec<String> = given.iter().map(|it| it.login.clone()).collect();
        parts.push(format!("approved by {}", listed(&people)));
    }
    for (people, what) in [
        (blocked_by, "asked for changes"),
        (outdated, "approved another content"),
        (
            own,
            "asked for it or owns it, so that approval does not count",
        ),
    ] {
        if !people.is_empty() {
            parts.push(format!("{} {what}", listed(people)));
        }
    }
    parts.join("; ")
}

/// Names as a sentence lists them.
fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests;

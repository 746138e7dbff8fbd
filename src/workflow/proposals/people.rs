//! Accounts, teams, rights and rules at the forge, asked for and remembered for a while.
//!
//! Must not know: what follows from them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::Trouble;
use crate::domain::forge::{Review, ReviewState};
use crate::forge::{Forge, ForgeError};
use crate::workflow::core::lock;

/// How long an answer counts: who leaves a team may approve for so long.
const GOOD_FOR: Duration = Duration::from_mins(1);
/// How long the number of a login counts.
const NUMBER_FOR: Duration = Duration::from_hours(1);

/// An answer, and when it came.
type Known<T> = Mutex<BTreeMap<String, (Instant, T)>>;

/// What is known of people.
pub(super) struct People {
    forge: Forge,
    numbers: Known<Option<u64>>,
    teams: Known<BTreeSet<u64>>,
    writers: Known<bool>,
    required: Known<BTreeSet<String>>,
}

impl People {
    pub(super) fn new(forge: Forge) -> Self {
        Self {
            forge,
            numbers: Known::default(),
            teams: Known::default(),
            writers: Known::default(),
            required: Known::default(),
        }
    }

    /// The numbers of logins. One that no account has is left out.
    pub(super) async fn numbers(
        &self,
        logins: &[String],
    ) -> Result<BTreeMap<String, u64>, Trouble> {
        let mut numbers = BTreeMap::new();
        for login in logins {
            let known = fresh(&self.numbers, login, NUMBER_FOR);
            let number = if let Some(number) = known {
                number
            } else {
                let account = self.forge.account(login).await?;
                note(&self.numbers, login, account.map(|it| it.id))
            };
            numbers.extend(number.map(|it| (login.clone(), it)));
        }
        Ok(numbers)
    }

    /// The members of teams. A team that cannot be read has none.
    pub(super) async fn teams(
        &self,
        slugs: &[String],
    ) -> Result<BTreeMap<String, BTreeSet<u64>>, Trouble> {
        let mut teams = BTreeMap::new();
        for slug in slugs {
            let members = match fresh(&self.teams, slug, GOOD_FOR) {
                Some(members) => members,
                None => match self.forge.team(slug).await {
                    Ok(members) => note(&self.teams, slug, members.into_iter().collect()),
                    Err(error @ (ForgeError::NotFound(_) | ForgeError::Forbidden(_))) => {
                        tracing::warn!(team = slug, %error, "a team of the policy cannot be read");
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                },
            };
            teams.insert(slug.clone(), members);
        }
        Ok(teams)
    }

    /// The checks that main requires before a merge.
    pub(super) async fn required_checks(&self) -> Result<BTreeSet<String>, Trouble> {
        if let Some(known) = fresh(&self.required, "main", GOOD_FOR) {
            return Ok(known);
        }
        let names = self.forge.required_checks("main").await?;
        Ok(note(&self.required, "main", names))
    }

    /// Those of the reviewers who may write to the repository.
    pub(super) async fn writers(&self, reviews: &[Review]) -> Result<BTreeSet<u64>, Trouble> {
        let mut writers = BTreeSet::new();
        for review in reviews {
            let idle = matches!(review.state, ReviewState::Commented | ReviewState::Pending);
            if !idle && !review.by.bot && self.may_write(&review.by.login).await? {
                writers.insert(review.by.id);
            }
        }
        Ok(writers)
    }

    /// Whether an account may write to the repository.
    pub(super) async fn may_write(&self, login: &str) -> Result<bool, Trouble> {
        if let Some(known) = fresh(&self.writers, login, GOOD_FOR) {
            return Ok(known);
        }
        let may = self.forge.may_write(login).await?;
        Ok(note(&self.writers, login, may))
    }
}

fn fresh<T: Clone>(known: &Known<T>, name: &str, good_for: Duration) -> Option<T> {
    let known = lock(known);
    let (at, value) = known.get(name)?;
    (at.elapsed() < good_for).then(|| value.clone())
}

fn note<T: Clone>(known: &Known<T>, name: &str, value: T) -> T {
    lock(known).insert(name.to_owned(), (Instant::now(), value.clone()));
    value
}

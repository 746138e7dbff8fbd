//! Who an account at the forge is to us: whose stores it may touch, what it may do, and what it has a stake in.
//!
//! Accounts are told apart by their number, which stays when a login is changed. Must not know: how it was found out
//! that an account may write.

use std::collections::BTreeSet;

use crate::domain::Owner;
use crate::domain::forge::Account;
use crate::domain::policy::{FleetPolicy, GithubAccount};
use crate::domain::request::{Caller, Role};

/// What begins the subject of somebody who asks at the forge.
const SUBJECT: &str = "github:";

/// Why an account may ask for nothing. Safe in Markdown: it repeats a number only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    /// It is a program.
    #[error("programs ask by the API, with a token of their own")]
    Bot,
    /// The policy maps it to nobody, and it may not write to the repository.
    #[error(
        "your account speaks for no owner yet; an operator adds its number, {0}, to `owners.<owner>.github` of the \
         fleet policy"
    )]
    Unmapped(u64),
}

/// How requests and the audit name an account: `github:<login>:<number>`.
pub fn subject(account: &Account) -> String {
    format!("{SUBJECT}{}:{}", account.login, account.id)
}

/// The number of the account that a subject names; none of somebody who asked elsewhere.
pub fn account_in(subject: &str) -> Option<u64> {
    let (_, number) = subject.strip_prefix(SUBJECT)?.rsplit_once(':')?;
    number.parse().ok()
}

/// The owner that an account speaks for: the first that lists it.
pub fn owner_of<'a>(policy: &'a FleetPolicy, account: &Account) -> Option<&'a Owner> {
    let lists = |github: &[GithubAccount]| github.iter().any(|it| it.is(account));
    let mut owners = policy.owners.iter();
    owners
        .find(|(_, it)| lists(&it.github))
        .map(|(owner, _)| owner)
}

/// Whom an account stands for. Whoever may write to the fleet repository is an operator: that is what writing there
/// amounts to. Anybody else is a merchant where the policy says whose.
///
/// An operator without an owner gets one that nobody else has, so that nothing of theirs is taken for a merchant's.
pub fn caller(
    policy: &FleetPolicy,
    account: &Account,
    may_write: bool,
) -> Result<Caller, Stranger> {
    if account.bot {
        return Err(Stranger::Bot);
    }
    let unmapped = || Stranger::Unmapped(account.id);
    let owner = match owner_of(policy, account) {
        Some(owner) => owner.clone(),
        None if may_write => subject(account).parse().map_err(|_| unmapped())?,
        None => return Err(unmapped()),
    };
    let role = if may_write {
        Role::Operator
    } else {
        Role::Merchant
    };
    Ok(Caller {
        subject: subject(account),
        role,
        owner,
    })
}

/// The people who have a stake in a proposal: who asked for something in it, and who owns a store in it. Nobody decides
/// on their own request or store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parties {
    numbers: BTreeSet<u64>,
    listed: Vec<GithubAccount>,
}

impl Parties {
    /// Those of some requests and stores. `owners` are the owners before and after the changes; a requester's own is
    /// taken as well, for a token and an account may be one person's.
    pub fn of<'a>(
        policy: &FleetPolicy,
        requesters: impl IntoIterator<Item = &'a Caller>,
        owners: impl IntoIterator<Item = &'a Owner>,
    ) -> Self {
        let mut concerned: BTreeSet<&Owner> = owners.into_iter().collect();
        let mut numbers = BTreeSet::new();
        for caller in requesters {
            concerned.insert(&caller.owner);
            numbers.extend(account_in(&caller.subject));
        }
        let policies = concerned.iter().filter_map(|it| policy.owners.get(*it));
        let listed = policies.flat_map(|it| it.github.iter().cloned());
        Self {
            numbers,
            listed: listed.collect(),
        }
    }

    /// Whether an account is one of them.
    pub fn include(&self, account: &Account) -> bool {
        self.numbers.contains(&account.id) || self.listed.iter().any(|it| it.is(account))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy() -> FleetPolicy {
        serde_json::from_value(json!({
            "apiVersion": "fleetwright.dev/v1", "kind": "FleetPolicy", "clusters": {}, "engines": {}, "plans": {},
            "owners": {"alice": {"github": [12, "Alice-GH"]}, "bob": {"github": ["bob"]}},
        }))
        .unwrap()
    }

    fn account(id: u64, login: &str) -> Account {
        Account {
            id,
            login: login.into(),
            bot: false,
        }
    }

    #[test]
    fn accounts_are_what_policy_and_repository_make_of_them() {
        let policy = policy();
        for (account, may_write, as_whom) in [
            (account(12, "renamed"), false, Ok((Role::Merchant, "alice"))),
            (
                account(99, "ALICE-gh"),
                false,
                Ok((Role::Merchant, "alice")),
            ),
            (account(3, "bob"), true, Ok((Role::Operator, "bob"))),
            (
                account(4, "alice"),
                true,
                Ok((Role::Operator, "github:alice:4")),
            ),
            (account(4, "carol"), false, Err(Stranger::Unmapped(4))),
            // A number is no login, and a login no number.
            (account(5, "12"), false, Err(Stranger::Unmapped(5))),
            (
                Account {
                    bot: true,
                    ..account(12, "alice-gh")
                },
                true,
                Err(Stranger::Bot),
            ),
        ] {
            let caller = caller(&policy, &account, may_write);
            let seen = caller.as_ref().map(|it| (it.role, it.owner.as_str()));
            assert_eq!(seen, as_whom.as_ref().copied(), "{account:?}");
            if let Ok(caller) = caller {
                assert_eq!(account_in(&caller.subject), Some(account.id));
            }
        }
    }

    #[test]
    fn who_asked_or_owns_has_a_stake_under_any_name() {
        let caller = |subject: &str, owner: &str| Caller {
            subject: subject.into(),
            role: Role::Operator,
            owner: owner.parse().unwrap(),
        };
        let requesters = [caller("github:dan:7", "dan"), caller("token:bob", "bob")];
        let owners = ["alice".parse().unwrap()];
        let parties = Parties::of(&policy(), &requesters, &owners);
        for (id, login, party) in [
            (7, "dan", true),
            (7, "dan-renamed", true),
            (8, "dan", false),
            (12, "alice-renamed", true),
            (13, "alice-gh", true),
            (14, "bob", true),
            (15, "carol", false),
        ] {
            assert_eq!(parties.include(&account(id, login)), party, "{id} {login}");
        }
    }

    #[test]
    fn only_subjects_of_the_forge_name_an_account() {
        for subject in [
            "token:bob",
            "github:",
            "github:bob",
            "webhook:github:7",
            "github:bob:x",
        ] {
            assert_eq!(account_in(subject), None, "{subject}");
        }
    }
}

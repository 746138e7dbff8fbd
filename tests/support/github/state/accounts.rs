//! People, bots and teams.

use std::collections::BTreeSet;

/// What somebody may do in the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    None,
    Read,
    Triage,
    Write,
    Maintain,
    Admin,
}

impl Role {
    /// Its name at GitHub.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Triage => "triage",
            Self::Write => "write",
            Self::Maintain => "maintain",
            Self::Admin => "admin",
        }
    }

    /// The older four-step name.
    pub(crate) fn permission(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read | Self::Triage => "read",
            Self::Write | Self::Maintain => "write",
            Self::Admin => "admin",
        }
    }

    /// Reads [`Role::name`].
    pub(crate) fn named(name: &str) -> Option<Self> {
        let all = [
            Self::None,
            Self::Read,
            Self::Triage,
            Self::Write,
            Self::Maintain,
            Self::Admin,
        ];
        all.into_iter().find(|it| it.name() == name)
    }
}

/// An account.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: u64,
    pub(crate) login: String,
    /// `User`, `Bot` or `Organization`.
    pub(crate) kind: &'static str,
    pub(crate) role: Role,
    /// Public SSH keys that vouch for this person's commits.
    pub(crate) signing_keys: Vec<String>,
}

impl Account {
    pub(crate) fn new(id: u64, login: &str, kind: &'static str, role: Role) -> Self {
        Self {
            id,
            login: login.to_owned(),
            kind,
            role,
            signing_keys: Vec::new(),
        }
    }

    /// The address GitHub writes into commits it makes for this account.
    pub(crate) fn email(&self) -> String {
        format!("{}+{}@users.noreply.github.com", self.id, self.login)
    }
}

/// A team of the organisation.
#[derive(Debug, Clone)]
pub(crate) struct Team {
    pub(crate) id: u64,
    pub(crate) slug: String,
    pub(crate) members: BTreeSet<u64>,
}

//! The names of our branches, and how they are recognised.
//!
//! A name alone proves nothing: anybody who may push can take one. Must not know: what lies on a branch.

use std::fmt;
use std::str::FromStr;

use crate::domain::{ChangeId, Owner, ProposalId};

/// Below this are the branches of proposals, and no others.
const PREFIX: &str = "fleetwright/";

/// The branch of a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Branch {
    /// That of one change.
    Change(ChangeId),
    /// One that an owner's changes share.
    Owner {
        /// What the name shows of the owner; not enough to tell owners apart.
        slug: String,
        /// The proposal.
        id: ProposalId,
    },
    /// One that the changes of a window share.
    Window(ProposalId),
}

/// A branch that is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no branch of a proposal; those are called {PREFIX}<change id>, or owner-… and window-… below it"
)]
pub struct NotOurs(String);

impl Branch {
    /// The branch that an owner's changes share.
    pub fn of_owner(owner: &Owner, id: ProposalId) -> Self {
        let slug = owner.slug();
        let slug = if slug.is_empty() {
            "x".to_owned()
        } else {
            slug
        };
        Self::Owner { slug, id }
    }

    /// The proposal.
    pub fn proposal(&self) -> ProposalId {
        match self {
            Self::Change(id) => id.clone().into(),
            Self::Owner { id, .. } | Self::Window(id) => id.clone(),
        }
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Change(id) => write!(f, "{PREFIX}{id}"),
            Self::Owner { slug, id } => write!(f, "{PREFIX}owner-{slug}-{id}"),
            Self::Window(id) => write!(f, "{PREFIX}window-{id}"),
        }
    }
}

impl FromStr for Branch {
    type Err = NotOurs;

    /// Reads a name without `refs/heads/`.
    fn from_str(name: &str) -> Result<Self, NotOurs> {
        let read = || {
            let rest = name.strip_prefix(PREFIX)?;
            if let Some(id) = rest.strip_prefix("window-") {
                return Some(Self::Window(id.parse().ok()?));
            }
            if let Some(rest) = rest.strip_prefix("owner-") {
                let (slug, id) = rest.rsplit_once('-')?;
                let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
                let id = (!slug.is_empty() && slug.bytes().all(plain)).then(|| id.parse().ok());
                return Some(Self::Owner {
                    slug: slug.to_owned(),
                    id: id.flatten()?,
                });
            }
            Some(Self::Change(rest.parse().ok()?))
        };
        read().ok_or_else(|| NotOurs(name.chars().take(100).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

    #[test]
    fn names_are_read_back_whatever_the_owner_is_called() {
        let owner = |text: &str| Branch::of_owner(&text.parse().unwrap(), ID.parse().unwrap());
        let long = "a".repeat(100);
        let cut = format!("fleetwright/owner-{}-{ID}", "a".repeat(40));
        for (branch, name) in [
            (
                Branch::Change(ID.parse().unwrap()),
                format!("fleetwright/{ID}"),
            ),
            (
                Branch::Window(ID.parse().unwrap()),
                format!("fleetwright/window-{ID}"),
            ),
            (owner("Alice"), format!("fleetwright/owner-alice-{ID}")),
            (
                owner("window-x"),
                format!("fleetwright/owner-window-x-{ID}"),
            ),
            (
                owner("../a..b.lock@{1} ~^:?*["),
                format!("fleetwright/owner-a--b-lock--1-{ID}"),
            ),
            (owner("店"), format!("fleetwright/owner-x-{ID}")),
            (owner(&long), cut),
        ] {
            assert_eq!(branch.to_string(), name);
            assert_eq!(name.parse(), Ok(branch.clone()), "{name}");
            assert_eq!(branch.proposal().as_str(), ID);
        }
    }

    #[test]
    fn other_branches_are_none_of_ours() {
        for name in [
            "main".to_owned(),
            "fleetwright".to_owned(),
            "fleetwright/".to_owned(),
            format!("refs/heads/fleetwright/{ID}"),
            format!("fleetwright/{}", ID.to_lowercase()),
            format!("fleetwright/{ID}/x"),
            format!("fleetwright/owner-{ID}"),
            format!("fleetwright/owner--{ID}"),
            format!("fleetwright/owner-A b-{ID}"),
            "fleetwright/window-1".to_owned(),
        ] {
            assert_eq!(name.parse::<Branch>(), Err(NotOurs(name.clone())), "{name}");
        }
    }
}

//! Which proposal a waiting change goes into: one of its own, or one that others share.
//!
//! Sharing saves the forge's limits, and people's time. It ends where a reviewer would see too much, and at the first
//! approval: what somebody agreed to is not added to. Must not know: branches, or how much of a limit is left.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::policy::{Grouping, OnNewChange, ProposalPolicy};
use crate::domain::{ChangeId, Owner, ProposalId, StoreName};

/// The open pull requests from which on changes share more than the policy says.
pub const MANY_PULLS: u32 = 1_000;

/// What a reviewer is shown in one proposal at most.
pub const BOUNDS: Size = Size {
    stores: 50,
    files: 250,
    bytes: 800_000,
    commits: 100,
};

/// How much a reviewer is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Stores.
    pub stores: u32,
    /// Files that change.
    pub files: u32,
    /// Their bytes after the change.
    pub bytes: u64,
    /// Commits.
    pub commits: u32,
}

impl Size {
    /// Both together.
    #[must_use]
    pub fn and(self, more: Self) -> Self {
        Self {
            stores: self.stores.saturating_add(more.stores),
            files: self.files.saturating_add(more.files),
            bytes: self.bytes.saturating_add(more.bytes),
            commits: self.commits.saturating_add(more.commits),
        }
    }

    /// Whether a reviewer may be shown so much.
    pub fn fits(self) -> bool {
        self.stores <= BOUNDS.stores
            && self.files <= BOUNDS.files
            && self.bytes <= BOUNDS.bytes
            && self.commits <= BOUNDS.commits
    }
}

/// Who shares a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Key {
    /// Nobody: it is one change's, and later ones' of the same store.
    Change(ChangeId),
    /// Changes of one owner's stores.
    Owner(Owner),
    /// Changes that come within some time.
    Window,
}

/// A proposal that waits for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Which.
    pub id: ProposalId,
    /// Who shares it.
    pub key: Key,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Whether somebody has approved it. Nothing is added then to one that is shared.
    pub frozen: bool,
    /// How much it shows.
    pub size: Size,
    /// The stores in it.
    pub stores: Vec<StoreName>,
}

/// A change that goes into a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// Which.
    pub change: ChangeId,
    /// Its store.
    pub store: StoreName,
    /// Who owns the store.
    pub owner: Owner,
    /// How much it adds.
    pub size: Size,
}

/// How the forge is at the moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pressure {
    /// Whether its limits are used up.
    pub budget_spent: bool,
    /// The pull requests that are open.
    pub open_pulls: u32,
}

impl Pressure {
    fn is_high(self) -> bool {
        self.budget_spent || self.open_pulls >= MANY_PULLS
    }
}

/// Where a change goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Into this proposal, as a further commit.
    Join(ProposalId),
    /// Into a new one.
    Open(Key),
    /// Into a new one, and the change of its store that waits in this proposal ends as superseded.
    Supersede(ProposalId, Key),
    /// Nowhere yet: its store is in this proposal, to which nothing is added any more.
    After(ProposalId),
}

/// Decides where a change goes. `open` are the proposals that wait, in any order.
pub fn place(
    policy: &ProposalPolicy,
    open: &[Waiting],
    new: &Newcomer,
    pressure: Pressure,
    now: Timestamp,
) -> Place {
    let key = || key_of(widened(policy.grouping(), pressure), new);
    if let Some(same) = open.iter().find(|it| it.stores.contains(&new.store)) {
        return follow(policy, same, new, key());
    }
    let key = key();
    let until = window_end(policy, pressure);
    let joinable = |it: &&Waiting| {
        it.key == key && !it.frozen && until(it.opened_at) > now && it.size.and(new.size).fits()
    };
    // The newest: an older one was full, or soon has been.
    let newest = open.iter().filter(joinable).max_by_key(|it| &it.id);
    newest.map_or(Place::Open(key), |it| Place::Join(it.id.clone()))
}

/// What a further change of a store does that is in a proposal already. A shared proposal is frozen by its first
/// approval. One of a single change is not: what is added voids its approvals, and touches nobody else.
fn follow(policy: &ProposalPolicy, same: &Waiting, new: &Newcomer, key: Key) -> Place {
    let shared = !matches!(same.key, Key::Change(_));
    if shared && same.frozen {
        return Place::After(same.id.clone());
    }
    match policy.on_new_change() {
        OnNewChange::Supersede => Place::Supersede(same.id.clone(), key),
        OnNewChange::Append => {
            // The store is counted there already.
            let more = Size {
                stores: 0,
                ..new.size
            };
            if same.size.and(more).fits() {
                Place::Join(same.id.clone())
            } else {
                Place::After(same.id.clone())
            }
        }
    }
}

/// Fewer, larger proposals while the forge takes no more of them.
fn widened(grouping: Grouping, pressure: Pressure) -> Grouping {
    match (grouping, pressure.is_high()) {
        (Grouping::None, true) => Grouping::Owner,
        (Grouping::Owner, true) => Grouping::Window(i64::MAX),
        (grouping, _) => grouping,
    }
}

fn key_of(grouping: Grouping, new: &Newcomer) -> Key {
    match grouping {
        Grouping::None => Key::Change(new.change.clone()),
        Grouping::Owner => Key::Owner(new.owner.clone()),
        Grouping::Window(_) => Key::Window,
    }
}

/// Until when a proposal that was opened at some time takes more.
fn window_end(policy: &ProposalPolicy, pressure: Pressure) -> impl Fn(Timestamp) -> Timestamp {
    let grouping = widened(policy.grouping(), pressure);
    move |opened: Timestamp| match grouping {
        Grouping::Window(seconds) => {
            let end = opened.checked_add(SignedDuration::from_secs(seconds));
            end.unwrap_or(Timestamp::MAX)
        }
        Grouping::None | Grouping::Owner => Timestamp::MAX,
    }
}

#[cfg(test)]
mod tests;

//! Whether somebody else moved a reference since everything was last found right.
//!
//! Looking at every cluster's branches costs what there are clusters; where nothing moved but by us, there is nothing
//! to see. Must not know: what is looked at.

use super::core::{Core, lock};
use crate::domain::CommitId;
use crate::git::{GitError, RefUpdate};

/// All references at one moment, and the commit whose policy is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    refs: Vec<(String, CommitId)>,
    policy: CommitId,
}

impl Moment {
    /// How things are now.
    pub(super) fn now(core: &Core) -> Result<Self, GitError> {
        Ok(Self {
            refs: core.repo.references("refs/")?,
            policy: core.in_force().commit,
        })
    }

    /// Where a reference was.
    pub(super) fn reference(&self, name: &str) -> Option<&CommitId> {
        let at = |(known, _): &(String, CommitId)| known.as_str().cmp(name);
        let place = self.refs.binary_search_by(at).ok()?;
        Some(&self.refs[place].1)
    }

    /// Whether this is how a group left everything, right as it was.
    pub(super) fn is_steady(&self, core: &Core) -> bool {
        lock(&core.steady).as_ref() == Some(self)
    }

    /// Notes that everything was right at this moment, and is so after our own moves.
    pub(super) fn was_right(mut self, core: &Core, moves: &[RefUpdate]) {
        for update in moves {
            let at = |(known, _): &(String, CommitId)| known.cmp(&update.reference);
            match self.refs.binary_search_by(at) {
                Ok(place) => self.refs[place].1 = update.new.clone(),
                Err(place) => {
                    let now = (update.reference.clone(), update.new.clone());
                    self.refs.insert(place, now);
                }
            }
        }
        *lock(&core.steady) = Some(self);
    }
}

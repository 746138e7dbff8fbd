//! Provisioning slots: how many new stores a cluster makes ready at once.
//!
//! A create has its slot from the commit that carries it until it is ready, has failed or is past its deadline; where
//! nothing is watched, until it is published. Must not know: what the limit is.

use std::collections::HashMap;

use super::core::Core;
use super::settings::Mode;
use crate::domain::ClusterName;
use crate::domain::accept::Intent;
use crate::domain::change::{Action, State};
use crate::index::IndexError;

/// Creates that have a slot, by cluster.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots(HashMap<ClusterName, u32>);

impl Slots {
    /// As everything stands now.
    pub(super) fn now(core: &Core) -> Result<Self, IndexError> {
        let mut slots = Self::default();
        for entry in core.desk().entries() {
            if let (State::Written, Intent::Create(record)) = (entry.change.state, &entry.intent) {
                slots.take(&record.spec.cluster);
            }
        }
        if core.watched.is_empty() {
            return Ok(slots);
        }
        for (id, store) in core.index.open_changes()? {
            let change = core.index.change(&id)?;
            let creates =
                change.is_some_and(|it| it.action == Action::Create && !it.state.is_end());
            if let (true, Some(row)) = (creates, core.index.store(&store)?) {
                slots.take(&row.record.spec.cluster);
            }
        }
        Ok(slots)
    }

    /// How many are taken on a cluster.
    pub(super) fn taken(&self, cluster: &ClusterName) -> u32 {
        self.0.get(cluster).copied().unwrap_or(0)
    }

    /// Gives one to a create that is written now.
    pub(super) fn take(&mut self, cluster: &ClusterName) {
        *self.0.entry(cluster.clone()).or_default() += 1;
    }
}

/// Whether creates on a cluster need a slot at all: what is written is published at once in `dev`, and where nothing is
/// watched that is the end.
pub(super) fn counts(core: &Core, cluster: &ClusterName) -> bool {
    let published_later = matches!(core.settings.mode, Mode::Remote { .. });
    !core.settings.lift_limits && (published_later || core.watched.contains_key(cluster))
}

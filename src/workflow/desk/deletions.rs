//! Deletions on the desk: how many are under way, and which have a commit due.
//!
//! Must not know: when a commit is due.

use std::collections::BTreeMap;

use super::Desk;
use crate::domain::phase::DeletionStep;
use crate::domain::record::Record;
use crate::domain::{ClusterName, StoreName};
use crate::workflow::leaving::From;

impl Desk {
    /// Notes whether published main has a store's deletion under way.
    pub(in crate::workflow) fn note_leaving(
        &mut self,
        cluster: &ClusterName,
        store: &StoreName,
        under_way: bool,
    ) {
        self.leaving
            .note(cluster, store, From::Published, under_way);
    }

    /// How many deletions are under way on a cluster, written and not published ones included, that of one store left
    /// out.
    pub(in crate::workflow) fn leaving(&self, cluster: &ClusterName, but: &StoreName) -> u32 {
        self.leaving.count(cluster, but)
    }

    pub(super) fn note_going(&mut self, store: &StoreName, record: &Record, under_way: bool) {
        if record.metadata.deletion.is_some() {
            self.leaving
                .note(&record.spec.cluster, store, From::Written, under_way);
        }
    }

    /// A store whose second deletion commit is due; whether that is news.
    pub(in crate::workflow) fn tear_down(&mut self, store: StoreName) -> bool {
        self.teardown.insert(store, DeletionStep::Second) != Some(DeletionStep::Second)
    }

    /// A store whose first deletion commit is to be written again: what it says is not so in the cluster any more.
    /// Whether that is news.
    pub(in crate::workflow) fn begin_again(&mut self, store: StoreName) -> bool {
        let news = !self.teardown.contains_key(&store);
        self.teardown.entry(store).or_insert(DeletionStep::First);
        news
    }

    /// Takes every store whose deletion has a commit due.
    pub(in crate::workflow) fn take_teardown(&mut self) -> BTreeMap<StoreName, DeletionStep> {
        std::mem::take(&mut self.teardown)
    }
}

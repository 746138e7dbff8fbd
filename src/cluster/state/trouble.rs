//! What keeps a cluster from being seen: feeds that fail, kinds that cannot be read, and since when.
//!
//! Times are our own clock's, never the cluster's: the two may differ by minutes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Changes;
use crate::cluster::kinds::Kind;

/// Something that brings news of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feed {
    /// The regular question whether the API server answers.
    Contact,
    /// The watch of a kind.
    Watch(Kind),
}

/// How well the cluster is seen.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    listed: BTreeSet<Kind>,
    failing: BTreeMap<Feed, (Timestamp, String)>,
    blind: BTreeMap<Kind, String>,
    /// Kinds that the cluster does not have and need not.
    unserved: BTreeSet<Kind>,
    /// Something wrong that has not made anything stale.
    remark: Option<String>,
}

impl Trouble {
    /// Whether every kind was listed, or is known not to be readable.
    pub(super) fn synced(&self) -> bool {
        let settled = |kind| self.listed.contains(kind) || self.blind.contains_key(kind);
        Kind::ALL.iter().all(settled)
    }

    pub(super) fn stale_since(&self) -> Option<Timestamp> {
        self.failing.values().map(|(since, _)| *since).min()
    }

    pub(super) fn is_away(&self) -> bool {
        self.failing.contains_key(&Feed::Contact)
    }

    /// What fails. Where the API server is away, everything else fails because of that.
    pub(super) fn sentence(&self) -> Option<String> {
        let failing = self.failing.first_key_value();
        let sentence = failing.map(|(_, (_, sentence))| sentence.clone());
        sentence.or_else(|| self.remark.clone())
    }

    pub(super) fn blind(&self) -> Vec<String> {
        self.blind.values().cloned().collect()
    }

    /// Kinds that the cluster does not have and need not, by name.
    pub(super) fn not_served(&self) -> Vec<&'static str> {
        self.unserved.iter().map(|kind| kind.name()).collect()
    }

    /// A kind was listed.
    pub(super) fn listed(&mut self, kind: Kind) -> Changes {
        let served_again = self.unserved.remove(&kind);
        let mut changes = self.settled(kind);
        changes.merge(Changes::of_cluster(served_again));
        changes
    }

    /// The cluster does not have a kind and need not, so nothing of it is there.
    pub(super) fn unserved(&mut self, kind: Kind) -> Changes {
        let news = self.unserved.insert(kind);
        let mut changes = self.settled(kind);
        changes.merge(Changes::of_cluster(news));
        changes
    }

    fn settled(&mut self, kind: Kind) -> Changes {
        let before = self.synced();
        self.listed.insert(kind);
        let seen_again = self.blind.remove(&kind).is_some();
        let mut changes = Changes::of_cluster(seen_again || before != self.synced());
        changes.merge(self.recovered(Feed::Watch(kind)));
        changes
    }

    pub(super) fn failed(&mut self, feed: Feed, sentence: String, since: Timestamp) -> Changes {
        let since = self.failing.get(&feed).map_or(since, |(first, _)| *first);
        let before = self.failing.insert(feed, (since, sentence));
        Changes::of_cluster(before.is_none())
    }

    pub(super) fn recovered(&mut self, feed: Feed) -> Changes {
        Changes::of_cluster(self.failing.remove(&feed).is_some() && self.failing.is_empty())
    }

    pub(super) fn blinded(&mut self, kind: Kind, sentence: String) -> Changes {
        let before = self.synced();
        let same = self.blind.get(&kind) == Some(&sentence);
        self.blind.insert(kind, sentence);
        let mut changes = Changes::of_cluster(!same || before != self.synced());
        changes.merge(self.recovered(Feed::Watch(kind)));
        changes
    }

    /// Whatever came before is old until each kind is listed afresh.
    pub(super) fn reread(&mut self, now: Timestamp) -> Changes {
        let contact = self.failing.get(&Feed::Contact);
        let since = contact.map_or(now, |(since, _)| *since);
        let mut changes = Changes::default();
        let read = |kind: &Kind| !self.blind.contains_key(kind);
        let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(read).collect();
        for kind in kinds {
            let sentence = format!("the {} objects are being read afresh", kind.name());
            changes.merge(self.failed(Feed::Watch(kind), sentence, since));
        }
        changes.merge(self.recovered(Feed::Contact));
        changes
    }

    pub(super) fn remarked(&mut self, remark: Option<String>) -> Changes {
        let changed = self.remark != remark;
        self.remark = remark;
        Changes::of_cluster(changed)
    }
}

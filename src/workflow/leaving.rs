//! Deletions that are under way, counted by cluster: those on published main and those in commits that are not
//! published yet.
//!
//! Counting costs the same however many there are. Must not know: what a cluster's limit is.

use std::collections::HashMap;

use crate::domain::{ClusterName, StoreName};

/// Where a deletion is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// A record on published main.
    Published,
    /// A commit of ours that is not published.
    Written,
}

/// Whether a store's deletion is known from published main, from a commit of ours, or both.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    published: bool,
    written: bool,
}

/// Stores whose deletion is under way, by cluster.
#[derive(Debug, Default)]
pub(super) struct Leaving(HashMap<ClusterName, HashMap<StoreName, Known>>);

impl Leaving {
    /// Notes whether a store's deletion is under way, as far as one of the two places tells.
    pub(super) fn note(
        &mut self,
        cluster: &ClusterName,
        store: &StoreName,
        from: From,
        under_way: bool,
    ) {
        let stores = self.0.entry(cluster.clone()).or_default();
        let mut known = stores.get(store).copied().unwrap_or_default();
        match from {
            From::Published => known.published = under_way,
            From::Written => known.written = under_way,
        }
        if known.published || known.written {
            stores.insert(store.clone(), known);
        } else {
            stores.remove(store);
        }
    }

    /// How many deletions are under way on a cluster, that of one store left out.
    pub(super) fn count(&self, cluster: &ClusterName, but: &StoreName) -> u32 {
        let count = self.0.get(cluster).map_or(0, |stores| {
            stores.len() - usize::from(stores.contains_key(but))
        });
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_counts_once_until_neither_place_knows_it() {
        let cluster = |name: &str| -> ClusterName { name.parse().expect("a name") };
        let store = |name: &str| -> StoreName { name.parse().expect("a name") };
        let mut leaving = Leaving::default();
        let steps = [
            ("one", From::Written, true, 1),
            ("one", From::Published, true, 1),
            ("two", From::Published, true, 2),
            ("one", From::Written, false, 2),
            ("two", From::Published, false, 1),
            ("two", From::Published, false, 1),
            ("one", From::Published, false, 0),
        ];
        for (name, from, under_way, count) in steps {
            leaving.note(&cluster("eu"), &store(name), from, under_way);
            assert_eq!(
                leaving.count(&cluster("eu"), &store("other")),
                count,
                "{name} {from:?}"
            );
            assert_eq!(leaving.count(&cluster("us"), &store("other")), 0);
        }
        leaving.note(&cluster("eu"), &store("one"), From::Written, true);
        assert_eq!(leaving.count(&cluster("eu"), &store("one")), 0);
    }
}

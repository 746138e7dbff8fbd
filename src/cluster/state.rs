//! The state of one cluster: synchronous, without any input of its own, fed by apply, delete and reset.
//!
//! A reset replaces all objects of a kind at once by a fresh list, so that what vanished unseen is found and what
//! stayed is never missing in between. Only what differs is reported, so a list read again is silent.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::kinds::{Kind, Scope, scope};
use super::parse::Object;
use crate::domain::StoreName;
use crate::domain::observed::{
    ArtifactSeen, ClusterSeen, GeneratorSeen, KustomizationSeen, Live, Meta, NamespaceSeen,
    ReleaseSeen, SourceSeen, StoreSeen,
};
use crate::domain::record::shard;

mod held;
mod table;
#[cfg(test)]
mod tests;

use table::Table;

/// Seconds for which it is remembered that a store's objects changed.
const REMEMBERED: i64 = 120;

/// What changed since somebody last asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Stores of which an object of their own changed.
    pub stores: BTreeSet<StoreName>,
    /// Shards whose artifact or Kustomization changed, by their two hex digits.
    pub shards: BTreeSet<String>,
    /// Whether something changed that concerns every store: the source, generators, the root, or whether the
    /// cluster can be watched at all.
    pub cluster: bool,
}

impl Changes {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.stores.is_empty() && self.shards.is_empty() && !self.cluster
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.stores.extend(other.stores);
        self.shards.extend(other.shards);
        self.cluster |= other.cluster;
    }

    fn note(&mut self, scope: Scope) {
        match scope {
            Scope::Store(name) => drop(self.stores.insert(name)),
            Scope::Shard(digits) => drop(self.shards.insert(digits)),
            Scope::Cluster => self.cluster = true,
            Scope::Foreign => {}
        }
    }
}

/// Something that brings news of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feed {
    /// The regular question whether the API server answers.
    Contact,
    /// The watch of a kind.
    Watch(Kind),
}

/// Everything seen in one cluster.
#[derive(Debug, Default)]
pub struct State {
    namespace_prefix: String,
    kustomizations: Table<KustomizationSeen>,
    releases: Table<ReleaseSeen>,
    namespaces: Table<NamespaceSeen>,
    sources: Table<SourceSeen>,
    artifacts: Table<ArtifactSeen>,
    generators: Table<GeneratorSeen>,
    changed_at: HashMap<StoreName, Timestamp>,
    listed: BTreeSet<Kind>,
    failing: BTreeMap<Feed, (Timestamp, String)>,
    /// Whether it was stale when last looked at, so that the passing of time is reported once.
    stale: bool,
}

impl State {
    /// An empty state of a cluster whose store namespaces begin with this prefix.
    pub fn new(namespace_prefix: &str) -> Self {
        Self {
            namespace_prefix: namespace_prefix.to_owned(),
            ..Self::default()
        }
    }

    /// An object was added or changed.
    pub fn apply(&mut self, object: Object, now: Timestamp) -> Changes {
        let kind = object.kind();
        if self.whose(kind, object.name()) == Scope::Foreign {
            return Changes::default();
        }
        let changed = match object {
            Object::Kustomization(name, mut seen) => {
                seen.remember(self.kustomizations.peek(&name));
                self.kustomizations.put(name, seen)
            }
            Object::Release(name, seen) => self.releases.put(name, seen),
            Object::Namespace(name, seen) => self.namespaces.put(name, seen),
            Object::Source(name, seen) => self.sources.put(name, seen),
            Object::Artifact(name, seen) => self.artifacts.put(name, seen),
            Object::Generator(name, seen) => self.generators.put(name, seen),
        };
        self.noted(kind, changed, now)
    }

    /// An object is gone.
    pub fn delete(&mut self, kind: Kind, name: &str, now: Timestamp) -> Changes {
        let changed = match kind {
            Kind::Kustomization => self.kustomizations.remove(name),
            Kind::Release => self.releases.remove(name),
            Kind::Namespace => self.namespaces.remove(name),
            Kind::Source => self.sources.remove(name),
            Kind::Artifact => self.artifacts.remove(name),
            Kind::Generator => self.generators.remove(name),
        };
        self.noted(kind, changed, now)
    }

    /// A kind was listed afresh: these are all its objects. Ends a failure of its watch.
    pub fn reset(&mut self, kind: Kind, objects: Vec<Object>, now: Timestamp) -> Changes {
        let kept: BTreeSet<String> = objects
            .iter()
            .map(|object| object.name().to_owned())
            .collect();
        let mut changes = Changes::default();
        for object in objects {
            changes.merge(self.apply(object, now));
        }
        for name in self
            .names(kind)
            .into_iter()
            .filter(|name| !kept.contains(name))
        {
            changes.merge(self.delete(kind, &name, now));
        }
        let first = self.listed.insert(kind) && self.synced();
        changes.cluster |= first;
        changes.merge(self.recovered(Feed::Watch(kind)));
        changes
    }

    /// A feed fails. Until it recovers, what came through it may be out of date.
    pub fn failed(&mut self, feed: Feed, sentence: String, now: Timestamp) -> Changes {
        let since = self.failing.get(&feed).map_or(now, |(since, _)| *since);
        let before = self.failing.insert(feed, (since, sentence));
        Changes {
            cluster: before.is_none(),
            ..Changes::default()
        }
    }

    /// A feed works again. A watch does so only with a reset.
    pub fn recovered(&mut self, feed: Feed) -> Changes {
        let ended = self.failing.remove(&feed).is_some() && self.failing.is_empty();
        self.stale &= !ended;
        Changes {
            cluster: ended,
            ..Changes::default()
        }
    }

    /// The API server answers again after it did not. Whatever came before is old until each kind is listed afresh.
    pub fn reread(&mut self, now: Timestamp) -> Changes {
        let since = self
            .failing
            .get(&Feed::Contact)
            .map_or(now, |(since, _)| *since);
        let mut changes = Changes::default();
        for kind in Kind::ALL {
            let sentence = format!("the {} objects are being read afresh", kind.name());
            changes.merge(self.failed(Feed::Watch(kind), sentence, since));
        }
        changes.merge(self.recovered(Feed::Contact));
        changes
    }

    /// Time passes: reports once when a failure has lasted so long that what was seen is stale.
    pub fn tick(&mut self, now: Timestamp) -> Changes {
        self.changed_at
            .retain(|_, at| now.as_second() - at.as_second() < REMEMBERED);
        let stale = self.stale_since().is_some() && self.cluster().is_stale(now);
        let cluster = stale != self.stale;
        self.stale = stale;
        Changes {
            cluster,
            ..Changes::default()
        }
    }

    /// What is seen of a store and its shard; none where nothing is.
    pub fn store(&self, name: &StoreName) -> Option<StoreSeen> {
        let (applier, home) = (format!("store-{name}"), format!("shard-{}", shard(name)));
        let seen = StoreSeen {
            kustomization: self.kustomizations.get(&applier),
            release: self.releases.get(name.as_str()),
            namespace: self
                .namespaces
                .get(&format!("{}{name}", self.namespace_prefix)),
            artifact: self.artifacts.get(&home),
            shard: self.kustomizations.get(&home),
            live: Live::default(),
            probe: None,
            changed_at: self.changed_at.get(name).copied(),
        };
        let anything = seen.present() || seen.artifact.is_some() || seen.shard.is_some();
        anything.then_some(seen)
    }

    /// What concerns all stores.
    pub fn cluster(&self) -> ClusterSeen {
        let failing = self.failing.first_key_value();
        ClusterSeen {
            synced: self.synced(),
            stale_since: self.stale_since(),
            trouble: failing.map(|(_, (_, sentence))| sentence.clone()),
            source: self.sources.get(super::SOURCE),
            generators: self
                .generators
                .iter()
                .map(|(name, seen)| (name.clone(), seen.clone()))
                .collect(),
            root: self.kustomizations.get("root"),
            blind: Vec::new(),
        }
    }

    /// Every store of which an object with our label is there, wanted or not.
    pub fn stores(&self) -> BTreeSet<StoreName> {
        let kustomizations = self
            .kustomizations
            .iter()
            .map(|(name, seen)| (Kind::Kustomization, name, &seen.meta));
        let releases = self
            .releases
            .iter()
            .map(|(name, seen)| (Kind::Release, name, &seen.meta));
        let namespaces = self
            .namespaces
            .iter()
            .map(|(name, seen)| (Kind::Namespace, name, &seen.meta));
        kustomizations
            .chain(releases)
            .chain(namespaces)
            .filter_map(|part| self.labelled(part))
            .collect()
    }

    fn labelled(&self, (kind, name, meta): (Kind, &String, &Meta)) -> Option<StoreName> {
        meta.uid.as_ref()?;
        match self.whose(kind, name) {
            Scope::Store(store) => Some(store),
            _ => None,
        }
    }

    fn synced(&self) -> bool {
        Kind::ALL.iter().all(|kind| self.listed.contains(kind))
    }

    fn stale_since(&self) -> Option<Timestamp> {
        self.failing.values().map(|(since, _)| *since).min()
    }

    fn whose(&self, kind: Kind, name: &str) -> Scope {
        scope(kind, name, &self.namespace_prefix)
    }

    fn names(&self, kind: Kind) -> Vec<String> {
        match kind {
            Kind::Kustomization => self.kustomizations.names(),
            Kind::Release => self.releases.names(),
            Kind::Namespace => self.namespaces.names(),
            Kind::Source => self.sources.names(),
            Kind::Artifact => self.artifacts.names(),
            Kind::Generator => self.generators.names(),
        }
    }

    fn noted(&mut self, kind: Kind, name: Option<String>, now: Timestamp) -> Changes {
        let mut changes = Changes::default();
        if let Some(name) = name {
            changes.note(self.whose(kind, &name));
        }
        for store in &changes.stores {
            self.changed_at.insert(store.clone(), now);
        }
        changes
    }
}

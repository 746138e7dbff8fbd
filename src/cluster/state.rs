//! The state of one cluster: synchronous, without any input of its own, fed by apply, delete and reset.
//!
//! A reset replaces all objects of a kind at once by a fresh list, so that what vanished unseen is found and what
//! stayed is never missing in between. Only what differs is reported, so a list read again is silent.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use super::kinds::{Kind, Scope, scope};
use super::parse::{LiveObject, Object};
use crate::domain::StoreName;
use crate::domain::observed::{
    ArtifactSeen, ChartSeen, ClusterSeen, GeneratorSeen, KustomizationSeen, Meta, NamespaceSeen,
    ReleaseSeen, SourceSeen, StoreSeen,
};
use crate::domain::record::shard;

mod changes;
mod held;
mod live;
mod table;
#[cfg(test)]
mod tests;
mod trouble;

pub use changes::Changes;
use live::LiveTable;
use table::Table;
pub use trouble::Feed;
use trouble::Trouble;

/// Seconds for which it is remembered that a store's objects changed.
const REMEMBERED: i64 = 120;

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
    charts: Table<ChartSeen>,
    live: LiveTable,
    changed_at: HashMap<StoreName, Timestamp>,
    trouble: Trouble,
    /// Whether it was stale when last looked at, so that the passing of time is reported once.
    stale: bool,
    /// Whether its source had no artifact for too long when last looked at, likewise.
    starving: bool,
    /// What concerns all stores, put together by whoever asks first after it changed: it changes seldom, and is asked
    /// for with every store.
    cluster: OnceLock<Arc<ClusterSeen>>,
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
        let scope = self.whose(kind, object.name());
        match scope {
            Scope::Foreign => return Changes::default(),
            Scope::Cluster => self.moved(),
            Scope::Store(_) | Scope::Shard(_) => {}
        }
        let changed = match object {
            Object::Kustomization(name, mut seen) => {
                seen.remember(self.kustomizations.peek(&name));
                self.kustomizations.put(name, seen)
            }
            Object::Release(name, seen) => self.releases.put(name, seen),
            Object::Namespace(name, seen) => self.namespaces.put(name, seen),
            Object::Source(name, mut seen) => {
                seen.remember(self.sources.peek(&name), now);
                self.sources.put(name, seen)
            }
            Object::Artifact(name, seen) => self.artifacts.put(name, seen),
            Object::Generator(name, seen) => self.generators.put(name, seen),
            Object::Chart(name, seen) => self.charts.put(name, seen),
            Object::Live(name, seen) => return self.apply_live(&scope, &name, seen, now),
        };
        self.noted(kind, changed, now)
    }

    /// An object is gone.
    pub fn delete(&mut self, kind: Kind, name: &str, now: Timestamp) -> Changes {
        if self.whose(kind, name) == Scope::Cluster {
            self.moved();
        }
        let changed = match kind {
            Kind::Kustomization => self.kustomizations.remove(name),
            Kind::Release => self.releases.remove(name),
            Kind::Namespace => self.namespaces.remove(name),
            Kind::Source => self.sources.remove(name),
            Kind::Artifact => self.artifacts.remove(name),
            Kind::Generator => self.generators.remove(name),
            Kind::Chart => self.charts.remove(name),
            _ => return self.delete_live(kind, name, now),
        };
        self.noted(kind, changed, now)
    }

    /// A kind was listed afresh: these are all its objects. Ends a failure of its watch.
    pub fn reset(&mut self, kind: Kind, objects: Vec<Object>, now: Timestamp) -> Changes {
        let kept: BTreeSet<String> = objects
            .iter()
            .map(|object| object.name().to_owned())
            .collect();
        // What is gone goes first: it must not stand in the way of what has come in its place.
        let mut changes = self.forget(kind, &kept, now);
        for object in objects {
            changes.merge(self.apply(object, now));
        }
        changes.merge(self.trouble.listed(kind));
        self.moved();
        self.calmed();
        changes
    }

    /// A feed fails since some point in time of our clock. Until it recovers, what came through it may be out of date.
    pub fn failed(&mut self, feed: Feed, sentence: String, since: Timestamp) -> Changes {
        self.moved();
        self.trouble.failed(feed, sentence, since)
    }

    /// A feed works again. A watch does so only with a reset.
    pub fn recovered(&mut self, feed: Feed) -> Changes {
        self.moved();
        let changes = self.trouble.recovered(feed);
        self.calmed();
        changes
    }

    /// A kind that is not vital cannot be read, for the reason of this sentence, until its next reset. What was seen
    /// of it is forgotten: nobody would learn that it has changed.
    pub fn blinded(&mut self, kind: Kind, sentence: String, now: Timestamp) -> Changes {
        self.moved();
        let mut changes = self.forget(kind, &BTreeSet::new(), now);
        changes.merge(self.trouble.blinded(kind, sentence));
        self.calmed();
        changes
    }

    /// The cluster does not have a kind and need not, until its next reset.
    pub fn unserved(&mut self, kind: Kind, now: Timestamp) -> Changes {
        self.moved();
        let mut changes = self.forget(kind, &BTreeSet::new(), now);
        changes.merge(self.trouble.unserved(kind));
        self.calmed();
        changes
    }

    /// The API server answers again after it did not. Whatever came before is old until each kind is listed afresh.
    pub fn reread(&mut self, now: Timestamp) -> Changes {
        self.moved();
        self.trouble.reread(now)
    }

    /// Something is wrong that people should know, though everything seen is current; none takes it back.
    pub fn remarked(&mut self, remark: Option<String>) -> Changes {
        self.moved();
        self.trouble.remarked(remark)
    }

    /// Whether the API server does not answer.
    pub fn is_away(&self) -> bool {
        self.trouble.is_away()
    }

    /// Time passes: reports once when a failure has lasted so long that what was seen is stale, and when the source has
    /// been without an artifact for so long that it is an alarm.
    pub fn tick(&mut self, now: Timestamp) -> Changes {
        self.changed_at
            .retain(|_, at| now.as_second() - at.as_second() < REMEMBERED);
        let stale = self.trouble.stale_since().is_some() && self.cluster().is_stale(now);
        let source = self.sources.peek(super::SOURCE);
        let starving = source.is_some_and(|it| it.starves(now));
        let changed = stale != self.stale || (starving && !self.starving);
        (self.stale, self.starving) = (stale, starving);
        Changes::of_cluster(changed)
    }

    /// What is seen of a store and its shard; none where nothing is.
    pub fn store(&self, name: &StoreName) -> Option<StoreSeen> {
        let (applier, home) = (format!("store-{name}"), format!("shard-{}", shard(name)));
        let namespace = format!("{}{name}", self.namespace_prefix);
        let seen = StoreSeen {
            kustomization: self.kustomizations.get(&applier),
            release: self.releases.get(name.as_str()),
            namespace: self.namespaces.get(&namespace),
            artifact: self.artifacts.get(&home),
            shard: self.kustomizations.get(&home),
            live: self.live.get(name),
            probe: None,
            changed_at: self.changed_at.get(name).copied(),
        };
        let anything = seen.present() || seen.artifact.is_some() || seen.shard.is_some();
        anything.then_some(seen)
    }

    /// What concerns all stores.
    pub fn cluster(&self) -> Arc<ClusterSeen> {
        Arc::clone(self.cluster.get_or_init(|| Arc::new(self.all_of_cluster())))
    }

    /// What concerns all stores is another one than it was.
    fn moved(&mut self) {
        self.cluster.take();
    }

    fn all_of_cluster(&self) -> ClusterSeen {
        ClusterSeen {
            synced: self.trouble.synced(),
            stale_since: self.trouble.stale_since(),
            trouble: self.trouble.sentence(),
            source: self.sources.get(super::SOURCE),
            generators: self.generators.all(),
            charts: self.charts.all(),
            root: self.kustomizations.get("root"),
            blind: self.trouble.blind(),
            unserved: self.trouble.not_served(),
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
            Kind::Chart => self.charts.names(),
            kind => {
                let full = |(store, name)| format!("{}{store}/{name}", self.namespace_prefix);
                self.live.names(kind).into_iter().map(full).collect()
            }
        }
    }

    fn forget(&mut self, kind: Kind, kept: &BTreeSet<String>, now: Timestamp) -> Changes {
        let mut changes = Changes::default();
        for name in self.names(kind) {
            if !kept.contains(&name) {
                changes.merge(self.delete(kind, &name, now));
            }
        }
        changes
    }

    /// Nothing fails any more: the next failure is reported anew when it becomes stale.
    fn calmed(&mut self) {
        self.stale &= self.trouble.stale_since().is_some();
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

    /// Unlike the store's own objects, what runs does not make its status unsettled: it moves all the time.
    fn apply_live(
        &mut self,
        scope: &Scope,
        name: &str,
        seen: LiveObject,
        now: Timestamp,
    ) -> Changes {
        let mut changes = Changes::default();
        if let (Scope::Store(store), Some((_, name))) = (scope, name.split_once('/'))
            && self.live.put(store, name, seen, now)
        {
            changes.note(scope.clone());
        }
        changes
    }

    fn delete_live(&mut self, kind: Kind, name: &str, now: Timestamp) -> Changes {
        let scope = self.whose(kind, name);
        let mut changes = Changes::default();
        if let (Scope::Store(store), Some((_, name))) = (&scope, name.split_once('/'))
            && self.live.remove(store, kind, name, now)
        {
            changes.note(scope);
        }
        changes
    }
}

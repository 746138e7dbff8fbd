//! What runs in the namespaces of stores, by store.
//!
//! Must not know: which namespace a store has; names come here without it.

use std::collections::BTreeMap;

use crate::cluster::kinds::Kind;
use crate::cluster::parse::LiveObject;
use crate::domain::StoreName;
use crate::domain::observed::{Live, Warning};

/// Warnings that are kept of one store. A shop that is broken warns of few things, again and again.
const WARNINGS: usize = 8;

#[derive(Debug, Default)]
pub(super) struct LiveTable(BTreeMap<StoreName, Shown>);

#[derive(Debug, Default)]
struct Shown {
    live: Live,
    /// The Event behind each warning.
    events: BTreeMap<String, String>,
}

impl LiveTable {
    pub(super) fn get(&self, store: &StoreName) -> Live {
        self.0
            .get(store)
            .map(|shown| shown.live.clone())
            .unwrap_or_default()
    }

    /// Puts an object in; answers whether that made a difference.
    pub(super) fn put(&mut self, store: &StoreName, name: &str, object: LiveObject) -> bool {
        match object {
            LiveObject::Passing => self.remove(store, Kind::Job, name),
            LiveObject::Pod(None) => self.remove(store, Kind::Pod, name),
            LiveObject::Quota(None) => self.remove(store, Kind::Quota, name),
            object => {
                let shown = self.0.entry(store.clone()).or_default();
                shown.put(name, object)
            }
        }
    }

    /// Takes an object out; answers whether it was there.
    pub(super) fn remove(&mut self, store: &StoreName, kind: Kind, name: &str) -> bool {
        let Some(shown) = self.0.get_mut(store) else {
            return false;
        };
        let there = shown.remove(kind, name);
        if shown.live == Live::default() {
            self.0.remove(store);
        }
        there
    }

    /// Every object of a kind, with its store.
    pub(super) fn names(&self, kind: Kind) -> Vec<(StoreName, String)> {
        let of = |(store, shown): (&StoreName, &Shown)| {
            let names = shown.names(kind).into_iter();
            names.map(|name| (store.clone(), name)).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }
}

impl Shown {
    fn put(&mut self, name: &str, object: LiveObject) -> bool {
        let kind = object.kind();
        let live = &mut self.live;
        match object {
            LiveObject::Workload(seen) => put(&mut live.workloads, key(kind, name), seen),
            LiveObject::Pod(Some(seen)) => put(&mut live.pods, name.to_owned(), seen),
            LiveObject::Claim(seen) => put(&mut live.claims, name.to_owned(), seen),
            LiveObject::Quota(Some(seen)) => put(&mut live.quotas, name.to_owned(), seen),
            LiveObject::Warning(about, warning) => self.warn(name, about, warning),
            LiveObject::Passing | LiveObject::Pod(None) | LiveObject::Quota(None) => false,
        }
    }

    fn remove(&mut self, kind: Kind, name: &str) -> bool {
        let live = &mut self.live;
        match kind {
            Kind::Pod => live.pods.remove(name).is_some(),
            Kind::Claim => live.claims.remove(name).is_some(),
            Kind::Quota => live.quotas.remove(name).is_some(),
            Kind::Event => self.unwarn(name),
            kind => live.workloads.remove(&key(kind, name)).is_some(),
        }
    }

    fn names(&self, kind: Kind) -> Vec<String> {
        match kind {
            Kind::Pod => self.live.pods.keys().cloned().collect(),
            Kind::Claim => self.live.claims.keys().cloned().collect(),
            Kind::Quota => self.live.quotas.keys().cloned().collect(),
            Kind::Event => self.events.values().cloned().collect(),
            kind => {
                let all = self.live.workloads.keys();
                let of_kind = |key: &String| {
                    let (prefix, name) = key.split_once('/')?;
                    (prefix == kind.name()).then(|| name.to_owned())
                };
                all.filter_map(of_kind).collect()
            }
        }
    }

    /// Keeps the newest warning about each thing, and of those the newest few. Both times are the cluster's.
    fn warn(&mut self, event: &str, about: String, warning: Warning) -> bool {
        let before = self.live.warnings.get(&about);
        let older = before.is_some_and(|before| before.at > warning.at);
        if older && self.events.get(&about).is_some_and(|it| it != event) {
            return false;
        }
        self.events.insert(about.clone(), event.to_owned());
        let changed = put(&mut self.live.warnings, about, warning);
        if self.live.warnings.len() > WARNINGS {
            let oldest = self.live.warnings.iter().min_by_key(|(_, it)| it.at);
            if let Some(oldest) = oldest.map(|(about, _)| about.clone()) {
                self.events.remove(&oldest);
                self.live.warnings.remove(&oldest);
            }
        }
        changed
    }

    fn unwarn(&mut self, event: &str) -> bool {
        let found = self.events.iter().find(|(_, it)| *it == event);
        let Some(about) = found.map(|(about, _)| about.clone()) else {
            return false;
        };
        self.events.remove(&about);
        self.live.warnings.remove(&about).is_some()
    }
}

fn key(kind: Kind, name: &str) -> String {
    format!("{}/{name}", kind.name())
}

fn put<T: PartialEq>(table: &mut BTreeMap<String, T>, name: String, value: T) -> bool {
    if table.get(&name) == Some(&value) {
        return false;
    }
    table.insert(name, value);
    true
}

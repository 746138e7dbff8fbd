//! What is taken: names, hosts, counts and budgets of stores, with queued requests included.
//!
//! The book is what keeps two queued requests from both getting what only one may have. Must not know: where it is
//! kept, or which rules read it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::record::Record;
use super::{ClusterName, Host, Owner, StoreName, Uid};

/// Whether a store is there, on its way out, or gone with its name still held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Life {
    /// It is there, or asked for.
    Live,
    /// Its deletion was accepted.
    Leaving,
    /// It is gone; name and hosts are held for its owner until then.
    Gone {
        /// When the name is free for everybody.
        until: Timestamp,
    },
}

/// What one store takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its uid.
    pub uid: Uid,
    /// Its owner.
    pub owner: Owner,
    /// Its cluster.
    pub cluster: ClusterName,
    /// Its plan.
    pub plan: Arc<str>,
    /// Its hosts.
    pub hosts: Vec<Host>,
    /// Whether it is there.
    pub life: Life,
}

impl Held {
    /// What a record takes.
    pub fn of(record: &Record, uid: Uid) -> Self {
        let leaving = record.metadata.deletion.is_some();
        Self {
            uid,
            owner: record.spec.owner.clone(),
            cluster: record.spec.cluster.clone(),
            plan: record.spec.plan.as_str().into(),
            hosts: record.hosts().cloned().collect(),
            life: if leaving { Life::Leaving } else { Life::Live },
        }
    }

    fn counts(&self) -> bool {
        !matches!(self.life, Life::Gone { .. })
    }
}

/// What is taken in the whole fleet.
#[derive(Debug, Clone, Default)]
pub struct Book {
    stores: HashMap<StoreName, Held>,
    hosts: HashMap<Host, StoreName>,
    owners: HashMap<Owner, u32>,
    clusters: HashMap<ClusterName, u32>,
    plans: HashSet<Arc<str>>,
    all: u32,
}

impl Book {
    /// The names of all stores that take something.
    pub fn names(&self) -> impl Iterator<Item = &StoreName> {
        self.stores.keys()
    }

    /// What a store takes.
    pub fn get(&self, name: &StoreName) -> Option<&Held> {
        self.stores.get(name)
    }

    /// The store that has a host.
    pub fn host(&self, host: &Host) -> Option<(&StoreName, &Held)> {
        let name = self.hosts.get(host)?;
        self.stores.get_key_value(name)
    }

    /// Stores in all, those that are gone left out.
    pub fn stores(&self) -> u32 {
        self.all
    }

    /// Stores of an owner.
    pub fn stores_of(&self, owner: &Owner) -> u32 {
        self.owners.get(owner).copied().unwrap_or(0)
    }

    /// Stores on a cluster.
    pub fn stores_on(&self, cluster: &ClusterName) -> u32 {
        self.clusters.get(cluster).copied().unwrap_or(0)
    }

    /// The plans of an owner's stores.
    pub fn plans_of<'a>(&'a self, owner: &'a Owner) -> impl Iterator<Item = &'a str> {
        let mine = self
            .stores
            .values()
            .filter(move |it| it.counts() && it.owner == *owner);
        mine.map(|it| it.plan.as_ref())
    }

    /// Notes what a store takes from now on.
    pub fn put(&mut self, name: StoreName, held: Held) {
        self.remove(&name);
        let held = self.compact(held);
        for host in &held.hosts {
            // What is gone holds a host only until somebody has it.
            if held.counts() || !self.hosts.contains_key(host) {
                self.hosts.insert(host.clone(), name.clone());
            }
        }
        self.count(&held, 1);
        self.stores.insert(name, held);
    }

    /// Forgets a store: what it took is free.
    pub fn remove(&mut self, name: &StoreName) {
        if let Some(held) = self.stores.remove(name) {
            self.count(&held, -1);
            for host in &held.hosts {
                if self.hosts.get(host) == Some(name) {
                    self.hosts.remove(host);
                }
            }
        }
    }

    /// The same in less room: what many stores have in common is there once.
    fn compact(&mut self, mut held: Held) -> Held {
        held.hosts.shrink_to_fit();
        if let Some((owner, _)) = self.owners.get_key_value(&held.owner) {
            held.owner = owner.clone();
        }
        if let Some((cluster, _)) = self.clusters.get_key_value(&held.cluster) {
            held.cluster = cluster.clone();
        }
        if let Some(plan) = self.plans.get(&held.plan) {
            held.plan = Arc::clone(plan);
        } else {
            self.plans.insert(Arc::clone(&held.plan));
        }
        held
    }

    fn count(&mut self, held: &Held, by: i32) {
        if !held.counts() {
            return;
        }
        let owner = self.owners.entry(held.owner.clone()).or_default();
        let cluster = self.clusters.entry(held.cluster.clone()).or_default();
        for count in [owner, cluster, &mut self.all] {
            *count = count.saturating_add_signed(by);
        }
    }
}

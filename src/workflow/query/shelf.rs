//! Every store in a few bytes: what lists filter and sort by, so that no list reads 100,000 rows to find fifty.
//!
//! A store takes 80 bytes, its name, and some ten bytes of order and hashes; whatever stores share is kept once. A slot is never
//! given up: changes of names that came to nothing point there. Must not know: rows, the desk, or how a phase is found.

use std::cmp::Ordering;
use std::hash::{BuildHasher as _, RandomState};

use hashbrown::HashTable;
use indexmap::IndexSet;
use jiff::Timestamp;
use memchr::memmem::Finder;

use crate::domain::phase::Phase;
use crate::domain::record::Spec;
use crate::domain::view::{StoreFilter, StoreSort};
use crate::domain::{Owner, StoreName, Uid};

/// Texts that many share, by number.
#[derive(Debug, Default)]
pub(super) struct Words(IndexSet<Box<str>>);

impl Words {
    /// The number of a text, given anew where it has none.
    pub(super) fn number(&mut self, text: &str) -> u32 {
        let known = self.0.get_index_of(text);
        let number = known.unwrap_or_else(|| self.0.insert_full(text.into()).0);
        u32::try_from(number).expect("four billion texts would not fit into memory")
    }

    /// The number of a text, if it has one.
    pub(super) fn known(&self, text: &str) -> Option<u32> {
        u32::try_from(self.0.get_index_of(text)?).ok()
    }

    /// The text of a number.
    pub(super) fn text(&self, number: u32) -> &str {
        self.0.get_index(number as usize).map_or("", |it| it)
    }
}

/// One store.
#[derive(Debug)]
struct Slot {
    name: Box<str>,
    /// The ULID; zero where none is known. It holds the moment of creation.
    uid: u128,
    /// Nanoseconds since the Unix epoch.
    updated: i64,
    owner: u32,
    /// The host; a text that begins with a dot follows the store's name.
    host: u32,
    engine: u32,
    plan: u32,
    cluster: u32,
    version: u32,
    phase: Phase,
    /// A hash of what was last told of its phase.
    told: u64,
    /// Whether lists show it.
    listed: bool,
}

/// A store's place in a list: what it is sorted by, then its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// The uid, or the moment of the last change; zero in order of names.
    pub(super) rank: u128,
    /// The name.
    pub(super) name: String,
}

/// A store found, with its place in the list.
pub(super) type Hit = (Key, StoreName);

/// What is put on the shelf.
pub(super) struct Facts<'a> {
    /// The uid.
    pub(super) uid: &'a Uid,
    /// What it shall be.
    pub(super) spec: &'a Spec,
    /// Where it is.
    pub(super) phase: Phase,
    /// A hash of what is told of that.
    pub(super) told: u64,
    /// When its record last changed.
    pub(super) updated: Timestamp,
}

/// Every store, and their order by name.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    words: Words,
    slots: Vec<Slot>,
    by_name: Vec<u32>,
    /// The same slots by the hashes of their names: every store that is read looks here, and a walk through the order
    /// would touch some ten names to find one.
    hashed: HashTable<u32>,
    hasher: RandomState,
}

/// A filter in numbers.
pub(super) struct Wanted {
    owner: Option<u32>,
    only: Option<u32>,
    engine: Option<u32>,
    plan: Option<u32>,
    cluster: Option<u32>,
    version: Option<u32>,
    phase: Option<Phase>,
    q: Option<Finder<'static>>,
}

impl Slot {
    fn rank(&self, sort: StoreSort) -> u128 {
        match sort {
            StoreSort::Name | StoreSort::NameDown => 0,
            StoreSort::Created | StoreSort::CreatedDown => self.uid,
            StoreSort::Updated | StoreSort::UpdatedDown => {
                u128::try_from(self.updated).unwrap_or(0)
            }
        }
    }
}

/// What a person searches for as names and hosts have it: in lower case, and of an address its host.
fn searched(text: &str) -> String {
    let host = text.split_once("://").map_or(text, |(_, rest)| rest);
    host.trim_end_matches('/').to_lowercase()
}

/// A ULID as a number; zero for none.
pub(super) fn ulid(text: &str) -> u128 {
    ulid::Ulid::from_string(text).map_or(0, |it| it.0)
}

impl Shelf {
    fn place(&self, name: &str) -> Result<usize, usize> {
        let name_of = |slot: &u32| &*self.slots[*slot as usize].name;
        self.by_name
            .binary_search_by(|slot| name_of(slot).cmp(name))
    }

    /// The number of a store's slot, made where there is none.
    pub(super) fn slot(&mut self, name: &StoreName) -> u32 {
        if let Some(number) = self.known(name) {
            return number;
        }
        let (Ok(at) | Err(at)) = self.place(name.as_str());
        let slot = u32::try_from(self.slots.len()).expect("four billion stores fit nowhere");
        self.slots.push(Slot {
            name: name.as_str().into(),
            uid: 0,
            updated: 0,
            owner: self.words.number(""),
            host: 0,
            engine: 0,
            plan: 0,
            cluster: 0,
            version: 0,
            phase: Phase::Unknown,
            told: 0,
            listed: false,
        });
        self.by_name.insert(at, slot);
        let hash = |slot: &u32| self.hasher.hash_one(&*self.slots[*slot as usize].name);
        self.hashed.insert_unique(hash(&slot), slot, hash);
        slot
    }

    fn get(&self, name: &StoreName) -> Option<&Slot> {
        self.slots.get(self.known(name)? as usize)
    }

    /// Puts a store on the shelf and says what was told of its phase before, in the same life.
    pub(super) fn put(&mut self, name: &StoreName, facts: &Facts<'_>) -> Option<u64> {
        let number = self.slot(name) as usize;
        let spec = facts.spec;
        let rest = spec.host.as_str().strip_prefix(name.as_str());
        let host = rest
            .filter(|it| it.starts_with('.'))
            .unwrap_or(spec.host.as_str());
        let words = &mut self.words;
        let (owner, host) = (words.number(spec.owner.as_str()), words.number(host));
        let (engine, plan) = (words.number(&spec.engine), words.number(&spec.plan));
        let cluster = words.number(spec.cluster.as_str());
        let version = words.number(&spec.version);
        let slot = &mut self.slots[number];
        let uid = ulid(facts.uid.as_str());
        let before = (slot.listed && slot.uid == uid).then_some(slot.told);
        *slot = Slot {
            name: std::mem::take(&mut slot.name),
            uid,
            updated: i64::try_from(facts.updated.as_nanosecond()).unwrap_or_default(),
            owner,
            host,
            engine,
            plan,
            cluster,
            version,
            phase: facts.phase,
            told: facts.told,
            listed: true,
        };
        before
    }

    /// Takes a store out of all lists.
    pub(super) fn hide(&mut self, name: &StoreName) {
        let number = self.slot(name) as usize;
        self.slots[number].listed = false;
    }

    /// The phase a store has on the shelf in this life, and what was told of it.
    pub(super) fn phase(&self, name: &StoreName, uid: &Uid) -> Option<(Phase, u64)> {
        let slot = self.get(name)?;
        let same = slot.listed && slot.uid == ulid(uid.as_str());
        same.then_some((slot.phase, slot.told))
    }

    /// Notes another phase, or that something else is told of it.
    pub(super) fn set_phase(&mut self, name: &StoreName, phase: Phase, told: u64) {
        let number = self.slot(name) as usize;
        self.slots[number].phase = phase;
        self.slots[number].told = told;
    }

    /// Whose a store is, or was last, in this life.
    pub(super) fn owner(&self, name: &StoreName, uid: &Uid) -> Option<Owner> {
        let slot = self.get(name)?;
        let same = slot.uid == ulid(uid.as_str()) && slot.uid != 0;
        same.then(|| self.words.text(slot.owner).parse().ok())?
    }

    /// Whether a slot's store is of this owner, by number.
    pub(super) fn is_of(&self, slot: u32, owner: u32) -> bool {
        let slot = self.slots.get(slot as usize);
        slot.is_some_and(|it| it.owner == owner && it.uid != 0)
    }

    /// The number of an owner, if any store is theirs.
    pub(super) fn owner_number(&self, owner: &Owner) -> Option<u32> {
        self.words.known(owner.as_str())
    }

    /// The number of a store's slot, if it has one.
    pub(super) fn known(&self, name: &StoreName) -> Option<u32> {
        let hash = self.hasher.hash_one(name.as_str());
        let same = |slot: &u32| *self.slots[*slot as usize].name == *name.as_str();
        self.hashed.find(hash, same).copied()
    }

    /// A filter in numbers; `only` is the owner beyond whose stores the caller sees nothing. None: no store can match.
    pub(super) fn wanted(&self, filter: &StoreFilter, only: Option<&Owner>) -> Option<Wanted> {
        let number = |text: Option<&str>| match text {
            None => Some(None),
            Some(text) => self.words.known(text).map(Some),
        };
        Some(Wanted {
            owner: number(filter.owner.as_ref().map(Owner::as_str))?,
            only: number(only.map(Owner::as_str))?,
            engine: number(filter.engine.as_deref())?,
            plan: number(filter.plan.as_deref())?,
            cluster: number(filter.cluster.as_ref().map(AsRef::as_ref))?,
            version: number(filter.version.as_deref())?,
            phase: filter.phase,
            q: filter
                .q
                .as_deref()
                .map(|it| Finder::new(&searched(it)).into_owned()),
        })
    }

    fn matches(&self, slot: &Slot, wanted: &Wanted) -> bool {
        let is = |asked: Option<u32>, has: u32| asked.is_none_or(|it| it == has);
        // A deleted store is there for who asks for it by name or phase, and in no other list.
        let phase = match wanted.phase {
            Some(phase) => phase == slot.phase,
            None => slot.phase != Phase::Deleted,
        };
        slot.listed
            && phase
            && is(wanted.owner, slot.owner)
            && is(wanted.only, slot.owner)
            && is(wanted.engine, slot.engine)
            && is(wanted.plan, slot.plan)
            && is(wanted.cluster, slot.cluster)
            && is(wanted.version, slot.version)
            && wanted.q.as_ref().is_none_or(|q| self.holds(slot, q))
    }

    /// Whether name or host hold a text.
    fn holds(&self, slot: &Slot, q: &Finder<'_>) -> bool {
        let is_in = |text: &str| q.find(text.as_bytes()).is_some();
        if is_in(&slot.name) {
            return true;
        }
        let host = self.words.text(slot.host);
        // Only a text with a dot can lie across the border of name and domain.
        let dotted = host.starts_with('.') && q.needle().contains(&b'.');
        is_in(host) || (dotted && is_in(&format!("{}{host}", slot.name)))
    }

    /// Stores in the order of their names beyond `after`, until `most` are found or `steps` were looked at; then the
    /// name to go on from is there.
    pub(super) fn by_name(
        &self,
        wanted: &Wanted,
        backwards: bool,
        after: Option<&str>,
        (most, steps): (usize, usize),
    ) -> (Vec<StoreName>, Option<String>) {
        let mut found = Vec::new();
        let range: Box<dyn Iterator<Item = &u32>> =
            match (after.map(|it| self.place(it)), backwards) {
                (None, false) => Box::new(self.by_name.iter()),
                (None, true) => Box::new(self.by_name.iter().rev()),
                (Some(Ok(at)), false) => Box::new(self.by_name[at + 1..].iter()),
                (Some(Err(at)), false) => Box::new(self.by_name[at..].iter()),
                (Some(Ok(at) | Err(at)), true) => Box::new(self.by_name[..at].iter().rev()),
            };
        for (step, number) in range.enumerate() {
            let slot = &self.slots[*number as usize];
            if self.matches(slot, wanted) {
                found.extend(slot.name.parse::<StoreName>().ok());
            }
            if found.len() == most || step + 1 == steps {
                return (found, Some(slot.name.to_string()));
            }
        }
        (found, None)
    }

    /// Of the slots in a range those that match and lie beyond `after`: the first `most` of them, unsorted. None past the
    /// last slot.
    pub(super) fn by_key(
        &self,
        wanted: &Wanted,
        sort: StoreSort,
        after: Option<&Key>,
        (most, range): (usize, std::ops::Range<usize>),
    ) -> Option<Vec<Hit>> {
        let end = range.end.min(self.slots.len());
        let slots = self.slots.get(range.start..end)?;
        if slots.is_empty() {
            return None;
        }
        let order = |left: (u128, &str), right: (u128, &str)| {
            let forwards = left.cmp(&right);
            if sort.is_backwards() {
                forwards.reverse()
            } else {
                forwards
            }
        };
        let mut found: Vec<(u128, &str)> = Vec::new();
        for slot in slots.iter().filter(|it| self.matches(it, wanted)) {
            let place = (slot.rank(sort), &*slot.name);
            let beyond = |it: &Key| order((it.rank, it.name.as_str()), place) == Ordering::Less;
            if after.is_none_or(beyond) {
                found.push(place);
            }
        }
        if found.len() > most && most > 0 {
            found.select_nth_unstable_by(most - 1, |left, right| order(*left, *right));
            found.truncate(most);
        }
        let hit = |(rank, name): (u128, &str)| {
            let key = Key {
                rank,
                name: name.to_owned(),
            };
            Some((key, name.parse().ok()?))
        };
        Some(found.into_iter().filter_map(hit).collect())
    }

    /// The stores of a cluster, of some shards only where these are named.
    pub(super) fn of_cluster(
        &self,
        cluster: &str,
        wanted: &dyn Fn(&StoreName) -> bool,
    ) -> Vec<StoreName> {
        let Some(cluster) = self.words.known(cluster) else {
            return Vec::new();
        };
        let there = |it: &&Slot| it.listed && it.cluster == cluster;
        let names = self.slots.iter().filter(there);
        names
            .filter_map(|it| it.name.parse().ok())
            .filter(|it| wanted(it))
            .collect()
    }

    /// How many stores are in each phase, cluster by cluster.
    pub(super) fn count(&self, mut each: impl FnMut(&str, Phase, u64)) {
        let mut counts = std::collections::BTreeMap::<(u32, Phase), u64>::new();
        for slot in self.slots.iter().filter(|it| it.listed) {
            *counts.entry((slot.cluster, slot.phase)).or_default() += 1;
        }
        for ((cluster, phase), count) in counts {
            each(self.words.text(cluster), phase, count);
        }
    }
}

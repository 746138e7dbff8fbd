//! Which change a remote refuses, found by pushing less and less at a time. Pure: outcomes in, the next step out.
//!
//! A remote that refuses a push may mean one commit of it (a hook) or every push (a protected branch, an archived
//! repository). So after a refusal one entry is pushed alone, then halves of what is left, one push per group, until
//! one entry is refused alone. It is set aside, and its store with it. It is to blame once pushes without it pass and
//! pushes with it do not, more than once each way; a remote that begins or ceases to refuse everything in the middle of
//! the search blames nobody. When nothing passes, everything is refused, and nobody is to blame.
//!
//! Must not know: Git, the desk, the clock.

use std::collections::BTreeSet;

use crate::domain::{ChangeId, StoreName};

/// How many entries of different stores must be refused alone, with no push passing, to say that everything is.
const ENOUGH: usize = 3;
/// The longest time without a search while everything is refused, in pushes.
const RARELY: u32 = 16;

/// One entry that a push carried.
pub(super) type Carried = (ChangeId, StoreName);

/// What follows from a refused push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The search goes on: what is unpublished is written again, less of it.
    Search,
    /// The search goes on, after a while.
    SearchLater,
    /// This entry is to blame and fails; the rest is written again.
    Guilty(Guilty),
    /// Everything is refused: what is unpublished stays as it is and is pushed again after a while.
    Blocked,
}

/// An entry that the remote refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Guilty {
    /// The change.
    pub(super) change: ChangeId,
    /// What the remote said about it.
    pub(super) said: String,
}

/// What the next group may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Whatever there is.
    Anything,
    /// So many entries of stores that are not set aside.
    Few(usize),
    /// The next entry of this store.
    Of(StoreName),
}

/// An entry that was refused alone.
#[derive(Debug, Clone)]
struct Aside {
    change: ChangeId,
    store: StoreName,
    said: String,
    /// How many pushes had passed in this search by then.
    passes: u32,
}

#[derive(Debug, Clone, Default)]
struct Search {
    /// How many entries the smallest refused push had, less those that passed since.
    window: usize,
    /// How many pushes passed.
    passes: u32,
    /// How many entries were refused alone since the last push that passed.
    in_a_row: usize,
    /// Nothing but what is set aside is left to push.
    alone: bool,
}

/// What is known of whom the remote refuses.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    search: Option<Search>,
    aside: Vec<Aside>,
    /// Refused pushes since the last search, or since a push passed.
    refusals: u32,
    /// After how many of them the next search begins.
    patience: u32,
    /// Whether the last search ended for want of another store's entry.
    lonely: bool,
}

impl Suspects {
    /// Whether a search is going on.
    pub(super) fn searching(&self) -> bool {
        self.search.is_some()
    }

    /// The stores that are set aside.
    pub(super) fn aside(&self) -> BTreeSet<StoreName> {
        self.aside.iter().map(|it| it.store.clone()).collect()
    }

    /// What the next group may take.
    pub(super) fn next(&self) -> Next {
        let Some(search) = &self.search else {
            return Next::Anything;
        };
        // One that was refused before anything passed is tried again after something has.
        let again = |it: &&Aside| it.passes == 0 && search.passes > 0;
        let again = self.aside.iter().find(again);
        let again = again.or_else(|| self.aside.first().filter(|_| search.alone));
        match again {
            Some(it) => Next::Of(it.store.clone()),
            None if search.passes == 0 => Next::Few(1),
            None => Next::Few((search.window / 2).max(1)),
        }
    }

    /// Forgets entries that are open no more.
    pub(super) fn retain(&mut self, open: impl Fn(&ChangeId) -> bool) {
        self.aside.retain(|it| open(&it.change));
    }

    /// The remote refused a push of these entries, and said why.
    pub(super) fn refused(&mut self, carried: &[Carried], said: &str) -> Verdict {
        if self.search.is_none() && !self.begins(carried) {
            return Verdict::Blocked;
        }
        match carried {
            // Commits that no change asked for: there is nobody to blame.
            [] => self.blocked(false),
            [one] => self.refused_alone(one, said),
            many => {
                if let Some(search) = &mut self.search {
                    search.window = many.len();
                }
                Verdict::Search
            }
        }
    }

    /// A push of these entries passed. Returns those that are to blame for the refusals before it.
    pub(super) fn passed(&mut self, carried: &[Carried]) -> Vec<Guilty> {
        let Some(search) = &mut self.search else {
            *self = Self::default();
            return Vec::new();
        };
        self.aside
            .retain(|it| !carried.iter().any(|(id, _)| *id == it.change));
        let sandwiched = |it: &Aside| it.passes > 0;
        let (guilty, rest) = std::mem::take(&mut self.aside)
            .into_iter()
            .partition(sandwiched);
        self.aside = rest;
        search.passes += 1;
        search.in_a_row = 0;
        search.alone = false;
        search.window = search.window.saturating_sub(carried.len());
        if self.aside.is_empty() && (search.window == 0 || !guilty.is_empty()) {
            // If there are others, the next push of everything tells.
            *self = Self::default();
        }
        guilty.into_iter().map(Aside::guilty).collect()
    }

    /// There was nothing to take.
    pub(super) fn ran_dry(&mut self) -> Verdict {
        match &mut self.search {
            Some(search) if !self.aside.is_empty() && search.passes > 0 && !search.alone => {
                search.alone = true;
                Verdict::SearchLater
            }
            Some(search) if !self.aside.is_empty() && search.passes == 0 => self.blocked(true),
            _ => {
                *self = Self::default();
                Verdict::Search
            }
        }
    }

    /// Whether a refused push of these entries begins a search.
    fn begins(&mut self, carried: &[Carried]) -> bool {
        self.refusals += 1;
        let aside = self.aside();
        let new = carried.iter().any(|(_, store)| !aside.contains(store));
        if carried.is_empty() || !(self.refusals >= self.patience || (self.lonely && new)) {
            return false;
        }
        if !new {
            // All were tried before: once more from the beginning.
            self.aside.clear();
        }
        self.search = Some(Search {
            window: carried.len(),
            ..Search::default()
        });
        true
    }

    fn refused_alone(&mut self, (change, store): &Carried, said: &str) -> Verdict {
        let Some(search) = &mut self.search else {
            return Verdict::Blocked;
        };
        if let Some(place) = self.aside.iter().position(|it| it.change == *change) {
            if search.passes == 0 {
                return self.blocked(true);
            }
            // Refused, then others passed or had passed, and refused again.
            let it = self.aside.remove(place);
            if self.aside.is_empty() {
                *self = Self::default();
            }
            return Verdict::Guilty(it.guilty());
        }
        let passes = search.passes;
        search.window = search.window.saturating_sub(1);
        search.in_a_row += 1;
        let enough = search.in_a_row >= ENOUGH;
        self.aside.push(Aside {
            change: change.clone(),
            store: store.clone(),
            said: said.to_owned(),
            passes,
        });
        if enough {
            return self.blocked(false);
        }
        Verdict::Search
    }

    /// Ends the search without a culprit. What was tried is remembered, so that the next one tries others.
    fn blocked(&mut self, lonely: bool) -> Verdict {
        for it in &mut self.aside {
            it.passes = 0;
        }
        self.search = None;
        self.lonely = lonely;
        self.patience = (self.patience * 2).clamp(2, RARELY);
        self.refusals = 0;
        Verdict::Blocked
    }
}

impl Aside {
    fn guilty(self) -> Guilty {
        Guilty {
            change: self.change,
            said: self.said,
        }
    }
}

#[cfg(test)]
mod tests;

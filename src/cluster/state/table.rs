//! The objects of one kind, by name, with the question whether anything really changed.

use std::collections::BTreeMap;

/// The objects of one kind.
#[derive(Debug)]
pub(super) struct Table<T>(BTreeMap<String, T>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Clone + PartialEq> Table<T> {
    /// Puts an object in; answers its name when it differs from the one before.
    pub(super) fn put(&mut self, name: String, value: T) -> Option<String> {
        if self.0.get(&name) == Some(&value) {
            return None;
        }
        self.0.insert(name.clone(), value);
        Some(name)
    }

    /// Takes an object out; answers its name when it was there.
    pub(super) fn remove(&mut self, name: &str) -> Option<String> {
        self.0.remove_entry(name).map(|(name, _)| name)
    }

    pub(super) fn peek(&self, name: &str) -> Option<&T> {
        self.0.get(name)
    }

    pub(super) fn get(&self, name: &str) -> Option<T> {
        self.0.get(name).cloned()
    }

    pub(super) fn all(&self) -> BTreeMap<String, T> {
        self.0.clone()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &T)> {
        self.0.iter()
    }
}

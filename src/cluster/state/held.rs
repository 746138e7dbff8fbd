//! Which stores are suspended in the cluster.

use std::collections::BTreeSet;

use super::{Kind, Scope, State};
use crate::domain::StoreName;

impl State {
    /// Every store whose `HelmRelease` or own Kustomization has `spec.suspend`. Nearly always there is none, and finding
    /// that out copies nothing.
    pub fn held(&self) -> BTreeSet<StoreName> {
        let releases = self.releases.iter().filter(|(_, seen)| seen.suspended);
        let releases = releases.map(|(name, _)| (Kind::Release, name));
        let appliers = self.kustomizations.iter();
        let appliers = appliers
            .filter(|(_, seen)| seen.suspended)
            .map(|(name, _)| (Kind::Kustomization, name));
        releases
            .chain(appliers)
            .filter_map(|(kind, name)| match self.whose(kind, name) {
                Scope::Store(store) => Some(store),
                _ => None,
            })
            .collect()
    }
}

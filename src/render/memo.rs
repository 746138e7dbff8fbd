//! Files that many stores share, kept from one rendering to the next.
//!
//! They depend on the templates, one cluster's policy and a shard or a chart version, and on nothing else: what is
//! found here is what rendering again would give. Must not know: how a file is rendered.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::RenderError;
use super::store::Files;
use crate::domain::ClusterName;
use crate::domain::policy::ClusterPolicy;

/// Entries that are kept at most: what a few large clusters have, in a few megabytes.
const MOST: usize = 2048;

/// What the files of an entry are for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Shared {
    /// A shard, by its two digits.
    Shard(String),
    /// A chart, by engine and version.
    Chart(String, String),
}

/// The files kept, of one set of templates.
#[derive(Default)]
pub(super) struct Memo {
    kept: Mutex<HashMap<(ClusterName, Shared), (ClusterPolicy, Files)>>,
}

impl Memo {
    /// The files of an entry, rendered unless they are kept and the cluster's policy is still the same.
    pub(super) fn files(
        &self,
        cluster: &ClusterName,
        policy: &ClusterPolicy,
        what: Shared,
        render: impl FnOnce(&Shared) -> Result<Files, RenderError>,
    ) -> Result<Files, RenderError> {
        let key = (cluster.clone(), what);
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, files)) = lock().get(&key).filter(|(of, _)| of == policy) {
            return Ok(files.clone());
        }
        let files = render(&key.1)?;
        let mut kept = lock();
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(key, (policy.clone(), files.clone()));
        Ok(files)
    }
}

//! What is about to be written, as data that can be printed before it is applied.
//!
//! Nothing reaches Git except through a [`Plan`]. Must not know: repositories, branches' tips, templates.

use std::collections::BTreeMap;
use std::fmt;

use crate::domain::{ClusterName, StoreName};

/// What happens to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// The file holds these bytes afterwards.
    Put(Vec<u8>),
    /// The file is gone afterwards.
    Delete,
}

/// Edits by path. A path cannot be named twice, so the order of edits never matters.
pub type Edits = BTreeMap<String, Edit>;

/// The current bytes of a file; none where it is absent.
pub type Before = BTreeMap<String, Option<Vec<u8>>>;

/// One change's edits: on main, and the part of them that its cluster's deploy branch gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The store it is about.
    pub store: StoreName,
    /// The cluster whose deploy branch carries it.
    pub cluster: ClusterName,
    /// Edits on main.
    pub main: Edits,
    /// Whether the store's folder is dropped. A deploy tree that drops a store is signed for such a plan only.
    pub drops_store: bool,
    before: Before,
}

impl Plan {
    /// A plan of what turns `before` into the wanted files: unchanged ones are left out.
    pub fn new(
        store: StoreName,
        cluster: ClusterName,
        before: Before,
        mut wanted: Edits,
        drops_store: bool,
    ) -> Self {
        wanted.retain(|path, edit| {
            let there = before.get(path).and_then(Option::as_ref);
            match edit {
                Edit::Put(bytes) => there != Some(bytes),
                Edit::Delete => there.is_some(),
            }
        });
        Self {
            store,
            cluster,
            main: wanted,
            drops_store,
            before,
        }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.main.is_empty()
    }

    /// The edits that the deploy branch gets: those below `clusters/<cluster>/`.
    pub fn deploy(&self) -> Edits {
        let folder = format!("clusters/{}/", self.cluster);
        self.main
            .iter()
            .filter(|(path, _)| path.starts_with(&folder))
            .map(|(p, e)| (p.clone(), e.clone()))
            .collect()
    }

    /// The files after the plan, as text.
    pub fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for (path, before) in &self.before {
            let after = match self.main.get(path) {
                Some(Edit::Put(bytes)) => Some(bytes),
                Some(Edit::Delete) => None,
                None => before.as_ref(),
            };
            if let Some(bytes) = after {
                files.insert(path.clone(), String::from_utf8_lossy(bytes).into_owned());
            }
        }
        files
    }
}

impl fmt::Display for Plan {
    /// The plan as a unified diff.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: Option<&Vec<u8>>| {
            bytes
                .map(|it| String::from_utf8_lossy(it).into_owned())
                .unwrap_or_default()
        };
        for (path, edit) in &self.main {
            let there = self.before.get(path).and_then(Option::as_ref);
            let after = match edit {
                Edit::Put(bytes) => Some(bytes),
                Edit::Delete => None,
            };
            let old = if there.is_some() {
                format!("a/{path}")
            } else {
                "/dev/null".to_owned()
            };
            let new = if after.is_some() {
                format!("b/{path}")
            } else {
                "/dev/null".to_owned()
            };
            let (left, right) = (text(there), text(after));
            let diff = similar::TextDiff::from_lines(left.as_str(), right.as_str());
            write!(f, "{}", diff.unified_diff().header(&old, &new))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_holds_only_what_changes_and_prints_it() {
        let before = Before::from([
            ("a".into(), Some(b"1\n".to_vec())),
            ("b".into(), None),
            ("c".into(), None),
        ]);
        let put = |text: &str| Edit::Put(text.as_bytes().to_vec());
        let wanted = Edits::from([
            ("a".into(), put("1\n")),
            ("b".into(), put("2\n")),
            ("c".into(), Edit::Delete),
        ]);
        let plan = Plan::new(
            "shop".parse().unwrap(),
            "local".parse().unwrap(),
            before,
            wanted,
            false,
        );
        assert_eq!(plan.main.keys().collect::<Vec<_>>(), ["b"]);
        assert_eq!(
            plan.to_string(),
            "--- /dev/null\n+++ b/b\n@@ -0,0 +1 @@\n+2\n"
        );
        assert_eq!(plan.files().len(), 2);
    }
}

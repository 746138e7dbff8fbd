//! What is about to be written, as data that can be printed before it is applied.
//!
//! Nothing reaches Git except through a [`Plan`]. Must not know: repositories, branches' tips, templates.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{ClusterName, StoreName};

mod edited;

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
    /// Files of the store that stay as they are.
    pub unchanged: BTreeSet<String>,
}

impl Plan {
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

    /// Every file that the plan is about.
    pub fn paths(&self) -> impl Iterator<Item = &String> {
        self.main.keys().chain(&self.unchanged)
    }

    /// The files after the plan, as text. `before` holds all of [`paths`](Self::paths).
    pub fn files(&self, before: &Before) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for path in self.paths() {
            let after = match self.main.get(path) {
                Some(Edit::Put(bytes)) => Some(bytes),
                Some(Edit::Delete) => None,
                None => before.get(path).and_then(Option::as_ref),
            };
            if let Some(bytes) = after {
                files.insert(path.clone(), String::from_utf8_lossy(bytes).into_owned());
            }
        }
        files
    }

    /// The plan as a unified diff. `before` holds all of [`paths`](Self::paths).
    pub fn diff(&self, before: &Before) -> String {
        let edits = self.main.iter();
        edits
            .map(|(path, edit)| {
                let there = before.get(path).and_then(Option::as_deref);
                let after = match edit {
                    Edit::Put(bytes) => Some(bytes.as_slice()),
                    Edit::Delete => None,
                };
                diff_of(path, there, after)
            })
            .collect()
    }
}

fn diff_of(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> String {
    let name = |side: char, there: bool| {
        if there {
            format!("{side}/{path}")
        } else {
            "/dev/null".to_owned()
        }
    };
    let text =
        |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    let (old, new) = (name('a', before.is_some()), name('b', after.is_some()));
    let (left, right) = (text(before), text(after));
    let diff = similar::TextDiff::from_lines(left.as_str(), right.as_str());
    diff.unified_diff().header(&old, &new).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_prints_what_it_changes() {
        let before = Before::from([
            ("a".into(), Some(b"1\n".to_vec())),
            ("b".into(), None),
            ("c".into(), Some(b"3\n".to_vec())),
        ]);
        let plan = Plan {
            store: "shop".parse().unwrap(),
            cluster: "local".parse().unwrap(),
            main: Edits::from([
                ("b".into(), Edit::Put(b"2\n".to_vec())),
                ("c".into(), Edit::Delete),
            ]),
            drops_store: false,
            unchanged: BTreeSet::from(["a".into()]),
        };
        assert_eq!(
            plan.diff(&before),
            "--- /dev/null\n+++ b/b\n@@ -0,0 +1 @@\n+2\n--- a/c\n+++ /dev/null\n@@ -1 +0,0 @@\n-3\n"
        );
        let files = plan.files(&before);
        assert_eq!(
            files.into_iter().collect::<Vec<_>>(),
            [
                ("a".to_owned(), "1\n".to_owned()),
                ("b".to_owned(), "2\n".to_owned()),
            ]
        );
    }
}

//! A plan as the reviewer of a pull request sees it: the record's diff, objects with the lines that move, files.
//!
//! It reads rendered files as the canonical text that they are. Must not know: what a pull request says around it.

use std::collections::BTreeMap;

use similar::{ChangeTag, TextDiff};

use super::{Before, Edit, Plan, diff_of};
use crate::domain::proposal::body::{Edited, FileText, ObjectChange, Shown};
use crate::domain::record::record_path;

impl Plan {
    /// The plan for a reviewer. `before` holds all of [`paths`](Plan::paths).
    pub fn edited(&self, before: &Before) -> Edited {
        let record = record_path(&self.store);
        let mut edited = Edited::default();
        for (path, edit) in &self.main {
            let old = before.get(path).and_then(Option::as_deref);
            let new = match edit {
                Edit::Put(bytes) => Some(bytes.as_slice()),
                Edit::Delete => None,
            };
            if *path == record {
                edited.record = diff_of(path, old, new);
                continue;
            }
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let shown = match (old, new) {
                (None, Some(new)) => Shown::New(text(new)),
                (Some(_), Some(_)) => Shown::Diff(diff_of(path, old, new)),
                (_, None) => Shown::Gone,
            };
            let (old, new) = (old.map(text), new.map(text));
            let moved = objects(&old.unwrap_or_default(), &new.unwrap_or_default());
            edited.objects.extend(moved);
            let path = path.clone();
            edited.files.push(FileText { path, shown });
        }
        edited
    }
}

/// The objects of a file that differ, by kind and name.
fn objects(old: &str, new: &str) -> Vec<ObjectChange> {
    let (old, new) = (documents(old), documents(new));
    let mut both: BTreeMap<&(&str, &str), (&str, &str)> = BTreeMap::new();
    for (object, text) in &old {
        both.entry(object).or_default().0 = text;
    }
    for (object, text) in &new {
        both.entry(object).or_default().1 = text;
    }
    let differ = both.into_iter().filter(|(_, (old, new))| old != new);
    differ
        .map(|((kind, name), (old, new))| {
            let (added, removed) = moved(old, new);
            ObjectChange {
                kind: (*kind).to_owned(),
                name: (*name).to_owned(),
                added,
                removed,
            }
        })
        .collect()
}

/// The documents of a file by kind and name, without comments.
fn documents(file: &str) -> BTreeMap<(&str, &str), &str> {
    let start = file.find(|c| c != '\n').unwrap_or_default();
    let file = match file[start..].strip_prefix('#') {
        Some(comment) => comment.split_once('\n').map_or("", |(_, rest)| rest),
        None => &file[start..],
    };
    let documents = file.split("\n---\n").filter(|it| !it.trim().is_empty());
    documents
        .map(|text| ((value(text, "kind: "), name(text)), text.trim_end()))
        .collect()
}

/// The value of a key that begins a line.
fn value<'a>(document: &'a str, key: &str) -> &'a str {
    let mut lines = document.lines();
    let value = lines.find_map(|it| it.strip_prefix(key));
    value.unwrap_or_default().trim_matches('"')
}

/// `metadata.name`.
fn name(document: &str) -> &str {
    let metadata = document.split_once("metadata:\n");
    metadata.map_or("", |(_, rest)| value(rest, "  name: "))
}

/// The lines that come, and those that go.
fn moved(old: &str, new: &str) -> (usize, usize) {
    let diff = TextDiff::from_lines(old, new);
    let (mut added, mut removed) = (0, 0);
    for change in diff.iter_all_changes() {
        match change.tag() {
            ChangeTag::Insert => added += 1,
            ChangeTag::Delete => removed += 1,
            ChangeTag::Equal => {}
        }
    }
    (added, removed)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const OLD: &str = "# Rendered: spec=1\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: store-shop\n  labels:\n    \
                       name: x\n---\napiVersion: v1\nkind: ResourceQuota\nmetadata:\n  labels: {}\n  name: quota\nspec:\n  \
                       pods: \"10\"\n";

    fn change(kind: &str, name: &str, added: usize, removed: usize) -> ObjectChange {
        ObjectChange {
            kind: kind.into(),
            name: name.into(),
            added,
            removed,
        }
    }

    #[test]
    fn objects_that_differ_are_told_with_their_lines() {
        let more = OLD
            .replace("spec=1", "spec=2")
            .replace("\"10\"", "\"20\"\n  memory: 1Gi");
        let quota = change("ResourceQuota", "quota", 2, 1);
        let gone = [
            change("Namespace", "store-shop", 0, 6),
            change("ResourceQuota", "quota", 0, 7),
        ];
        for (old, new, differ) in [
            (OLD, OLD, &[][..]),
            (OLD, &OLD.replace("spec=1", "spec=2"), &[]),
            (OLD, &more, &[quota]),
            (OLD, "", &gone),
        ] {
            assert_eq!(objects(old, new), differ, "{new}");
        }
    }

    #[test]
    fn a_plan_is_shown_as_record_objects_and_files() {
        let store: crate::domain::StoreName = "shop".parse().unwrap();
        let record = record_path(&store);
        let folder = "clusters/local/shards/9e/stores/shop";
        let (tenant, release) = (
            format!("{folder}/tenant.yaml"),
            format!("{folder}/release.yaml"),
        );
        let new = "kind: HelmRelease\nmetadata:\n  name: shop\n";
        let plan = Plan {
            store,
            cluster: "local".parse().unwrap(),
            main: [
                (record.clone(), Edit::Put(b"b\n".to_vec())),
                (tenant.clone(), Edit::Delete),
                (release.clone(), Edit::Put(new.into())),
            ]
            .into(),
            drops_store: false,
            unchanged: BTreeSet::new(),
        };
        let before = Before::from([
            (record.clone(), Some(b"a\n".to_vec())),
            (tenant.clone(), Some(OLD.into())),
            (release.clone(), None),
        ]);
        let edited = plan.edited(&before);
        assert_eq!(
            edited.record,
            format!("--- a/{record}\n+++ b/{record}\n@@ -1 +1 @@\n-a\n+b\n")
        );
        let shown = |path, shown| FileText { path, shown };
        assert_eq!(
            edited.files,
            [
                shown(release, Shown::New(new.into())),
                shown(tenant, Shown::Gone)
            ]
        );
        assert_eq!(edited.objects[0], change("HelmRelease", "shop", 3, 0));
        assert_eq!(edited.objects.len(), 3);
    }
}

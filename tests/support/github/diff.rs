//! What git prints about differences and folders, read into data.

use std::collections::BTreeMap;

use super::git::FileChange;

/// Puts together `--raw -z`, `--numstat -z` and `--patch` of the same two trees.
pub(crate) fn read(raw: &str, numbers: &str, text: &str) -> Vec<FileChange> {
    let numbers = numbers_by_path(numbers);
    let patches = patches_by_path(text);
    let mut fields = raw.split('\0').filter(|it| !it.is_empty());
    let mut files = Vec::new();
    while let (Some(meta), Some(path)) = (fields.next(), fields.next()) {
        let meta: Vec<&str> = meta.split(' ').collect();
        let (old, new, letter) = (meta[2], meta[3], meta[4]);
        let (status, blob) = match letter {
            "A" => ("added", new),
            "D" => ("removed", old),
            _ => ("modified", new),
        };
        let (additions, deletions) = numbers.get(path).copied().unwrap_or((0, 0));
        files.push(FileChange {
            path: path.to_owned(),
            status,
            blob: Some(blob.to_owned()),
            additions,
            deletions,
            patch: patches.get(path).cloned(),
        });
    }
    files
}

fn numbers_by_path(numbers: &str) -> BTreeMap<&str, (u64, u64)> {
    let rows = numbers.split('\0').filter(|it| !it.is_empty());
    rows.filter_map(|row| {
        let mut fields = row.splitn(3, '\t');
        // a binary file has `-` for both
        let mut number = || fields.next().map(|it| it.parse().unwrap_or(0));
        let counts = (number()?, number()?);
        Some((fields.next()?, counts))
    })
    .collect()
}

fn patches_by_path(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for part in format!("\n{text}").split("\ndiff --git ").skip(1) {
        let Some(start) = part.find("\n@@ ") else {
            continue;
        };
        // both names are the same one, without prefixes
        let line = part.lines().next().unwrap_or_default();
        let path = line[..line.len() / 2].trim_matches('"');
        found.insert(path.to_owned(), part[start + 1..].trim_end().to_owned());
    }
    found
}

/// Reads a line of `git ls-tree -l`: kind, id, size, path.
pub(crate) fn tree_entry(line: &str) -> Option<(String, String, u64, String)> {
    let (meta, path) = line.split_once('\t')?;
    let mut meta = meta.split_whitespace().skip(1);
    let (kind, id, size) = (meta.next()?, meta.next()?, meta.next()?);
    Some((
        kind.to_owned(),
        id.to_owned(),
        size.parse().unwrap_or(0),
        path.to_owned(),
    ))
}

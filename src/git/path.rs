//! Which paths may be written.
//!
//! libgit2 refuses most bad paths, but takes a backslash and control characters; and what is written here is checked
//! out later by programs on other systems.

use super::GitError;

/// Longest path in bytes (Linux's `PATH_MAX` leaves room for the folder it is checked out below).
const LONGEST_PATH: usize = 1024;
/// The one folder below `.github` that is written: issue forms. What runs as a workflow lies beside it.
const ISSUE_FORMS: &str = ".github/ISSUE_TEMPLATE/";
/// Longest part of a path in bytes (the limit of common file systems).
const LONGEST_PART: usize = 255;

/// Accepts a relative path of plain parts, separated by single slashes.
///
/// # Errors
/// [`GitError::BadPath`] with the rule that is broken: empty parts, `.`, `..`, anything but an issue form that begins
/// with `.git` or is taken for it somewhere (Git itself reads such files), backslashes, control and invisible
/// characters, over-long paths.
pub fn check_path(path: &str) -> Result<(), GitError> {
    match broken_rule(path) {
        None => Ok(()),
        Some(rule) => Err(GitError::BadPath {
            path: path.chars().take(200).collect(),
            rule,
        }),
    }
}

fn broken_rule(path: &str) -> Option<&'static str> {
    if path.len() > LONGEST_PATH {
        return Some("it is longer than 1024 bytes");
    }
    if path.contains('\\') || path.chars().any(char::is_control) {
        return Some("it must not hold backslashes or control characters");
    }
    if path.chars().any(is_ignored) {
        return Some("it must not hold invisible characters, which some file systems leave out");
    }
    let path = path.strip_prefix(ISSUE_FORMS).unwrap_or(path);
    path.split('/').find_map(broken_part_rule)
}

/// What macOS leaves out of names, so that another name could become `.git` (the list is that of git's `utf8.c`).
fn is_ignored(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

fn broken_part_rule(part: &str) -> Option<&'static str> {
    let begins = |with: &str| {
        let start = part.get(..with.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    // The second is what Windows calls the first in short.
    let git = begins(".git") || begins("git~");
    match part {
        "" => Some("it must be relative, and no part of it may be empty"),
        "." | ".." => Some("it must not hold the parts . and .."),
        _ if git => Some("no part of it may begin with .git, which Git itself reads"),
        _ if part.len() > LONGEST_PART => Some("a part of it is longer than 255 bytes"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_relative_paths_pass() {
        for good in [
            "a",
            "a/b.yaml",
            "stores/3f/ä ö.yaml",
            "a/.helmignore",
            "x/_shard.yaml",
            ".github/ISSUE_TEMPLATE/store.yml",
        ] {
            assert!(check_path(good).is_ok(), "{good}");
        }
        let long = "a/".repeat(600) + "b";
        let bad = [
            "",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../b",
            "./a",
            ".git/config",
            "a/.GIT/x",
            "a/.github/x",
            "a/.github/ISSUE_TEMPLATE/x",
            ".github/workflows/x",
            ".github/ISSUE_TEMPLATE/",
            ".github/ISSUE_TEMPLATE/../workflows/x",
            ".GitHub/ISSUE_TEMPLATE/x",
            ".github/ISSUE_TEMPLATE/.git/x",
            "a/GIT~1/x",
            "a/.g\u{200c}it/x",
        ];
        for bad in
            bad.into_iter()
                .chain(["a\\b", "a\nb", "a\0b", "a\u{7f}", &long, &"a".repeat(256)])
        {
            assert!(check_path(bad).is_err(), "{bad}");
        }
    }
}

//! A push on the wire: which references it wants to move, what the rules say to that, and the report about it.
//!
//! The format is git's gitprotocol-pack(5): lines with their length in four hex digits before them.

use super::state::World;
use super::state::rules::Rules;

/// One reference that a push wants to move.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub(crate) name: String,
    pub(crate) old: String,
    pub(crate) new: String,
}

impl Command {
    fn deletes(&self) -> bool {
        self.new.bytes().all(|it| it == b'0')
    }
}

/// The hook that holds a reference to its rules. What needs no objects was found out before and lies in a file.
pub(crate) const HOOK: &str = r#"#!/bin/sh
file="$GITHUB_RULES/$(printf %s "$1" | tr / %)"
zero=0000000000000000000000000000000000000000
[ -e "$file.title" ] || exit 0
said=$(cat "$file.refused")
say() { said="$said${said:+
}$1"; }
if [ -e "$file.fixed" ] && [ "$2" != $zero ] && [ "$3" != $zero ]; then
  git merge-base --is-ancestor "$2" "$3" || say "- Cannot force-push to this branch"
fi
if [ -e "$file.signed" ] && [ "$3" != $zero ]; then
  bad=0
  for commit in $(git rev-list "$3" --not --all); do
    git -c gpg.ssh.allowedSignersFile="$GITHUB_RULES/allowed" verify-commit "$commit" 2>/dev/null || bad=$((bad + 1))
  done
  [ $bad = 0 ] || say "- Commits must have verified signatures. Found $bad violation(s)."
fi
[ -n "$said" ] || exit 0
printf '%s\n\n%s\n\n' "$(cat "$file.title")" "$said" >&2
exit 1
"#;

impl World {
    /// Why the rules refuse a command, as far as that can be told without its objects.
    pub(crate) fn push_refused(&self, command: &Command, rules: &Rules) -> Vec<String> {
        let mut why = Vec::new();
        let mut say = |sentence: &str| why.push(format!("- {sentence}"));
        if command.deletes() {
            say("Cannot delete this branch");
            return why;
        }
        if rules.pull_request || rules.approvals > 0 {
            say("Changes must be made through a pull request.");
        }
        if rules.merge_queue {
            say("Changes must be made through the merge queue");
        }
        if let Some(missing) = self.missing_checks(&command.new, rules) {
            say(&missing);
        }
        why
    }
}

/// The commands at the start of a push; none in what a client sends only to try its credentials.
pub(crate) fn commands(body: &[u8]) -> Vec<Command> {
    let mut found = Vec::new();
    for line in Lines(body) {
        let line = line.split(|it| *it == 0).next().unwrap_or_default();
        let text = String::from_utf8_lossy(line);
        let parts: Vec<&str> = text.split_whitespace().collect();
        if let [old, new, name] = parts.as_slice() {
            found.push(Command {
                name: (*name).to_owned(),
                old: (*old).to_owned(),
                new: (*new).to_owned(),
            });
        }
    }
    found
}

/// Lines up to the first flush.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let digits = std::str::from_utf8(self.0.get(..4)?).ok()?;
        let length = usize::from_str_radix(digits, 16).ok()?;
        let line = self.0.get(4..length)?;
        self.0 = &self.0[length..];
        Some(line)
    }
}

fn line(bytes: &[u8]) -> Vec<u8> {
    let mut line = format!("{:04x}", bytes.len() + 4).into_bytes();
    line.extend(bytes);
    line
}

/// Says why each reference was declined in other words. The report travels in band 1; what is in band 2 stays.
pub(crate) fn reworded(body: &[u8], words: &[(String, &str)]) -> Vec<u8> {
    let mut report = Vec::new();
    let mut out = Vec::new();
    for part in Lines(body) {
        match part.split_first() {
            Some((1, data)) => report.extend(data),
            Some((2 | 3, _)) => out.extend(line(part)),
            // no bands: nothing to do
            _ => return body.to_vec(),
        }
    }
    if report.is_empty() {
        return body.to_vec();
    }
    let mut band = vec![1];
    for part in Lines(&report) {
        let text = String::from_utf8_lossy(part).into_owned();
        let text = words.iter().fold(text, |text, (name, said)| {
            text.replace(
                &format!("ng {name} hook declined"),
                &format!("ng {name} {said}"),
            )
        });
        band.extend(line(text.as_bytes()));
    }
    band.extend(b"0000");
    out.extend(line(&band));
    out.extend(b"0000");
    out
}

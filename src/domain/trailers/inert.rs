//! What people wrote, so that it does nothing where GitHub shows a commit message.
//!
//! GitHub closes issues that a commit on the default branch names with a verb before them, notifies whoever is mentioned,
//! and notes each reference at what is referred to
//! (<https://docs.github.com/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls>).
//! One character of each such word is percent-encoded, which people can read and programs undo. Must not know: which
//! trailers there are.

use std::fmt::Write;

/// Encodes what would do something. [`read`] gives the same text back.
pub(super) fn write(text: &str) -> String {
    let code = |out: &mut String, c: char| {
        let _ = write!(out, "%{:02X}", u32::from(c));
    };
    replaced(
        text,
        |text, at| does_something(text, at) || is_code(text, at),
        code,
    )
}

/// The text that was written.
pub(super) fn read(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let known = from.get(1..3).and_then(decoded);
        out.push(known.unwrap_or('%'));
        rest = &from[if known.is_some() { 3 } else { 1 }..];
    }
    out + rest
}

/// The same in a line of JSON, whose own escapes need no reading. What is encoded stands in its texts only.
pub(super) fn json(line: &str) -> String {
    let code = |out: &mut String, c: char| {
        let _ = write!(out, "\\u{:04x}", u32::from(c));
    };
    replaced(line, does_something, code)
}

fn replaced(
    text: &str,
    which: impl Fn(&str, usize) -> bool,
    code: impl Fn(&mut String, char),
) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if which(text, at) {
            code(&mut out, c);
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a character makes a mention or a reference of the word around it.
fn does_something(text: &str, at: usize) -> bool {
    let (before, from) = text.split_at(at);
    let mut from = from.chars();
    let (this, next) = (from.next(), from.next());
    let ends_with = |word: &str| {
        let end = before.len().checked_sub(word.len());
        let end = end.and_then(|it| before.get(it..));
        end.is_some_and(|it| it.eq_ignore_ascii_case(word))
    };
    let number = next.is_some_and(|it| it.is_ascii_digit());
    match this {
        // Inside a word it is an address.
        Some('@') => {
            next.is_some_and(char::is_alphanumeric)
                && !before.ends_with(|c: char| c.is_ascii_alphanumeric())
        }
        Some('#') => number,
        Some('-') => number && ends_with("GH"),
        Some('/') => {
            number
                && ["/issues", "/pull", "/discussions"]
                    .into_iter()
                    .any(ends_with)
        }
        _ => false,
    }
}

/// Whether it would be read as something encoded.
fn is_code(text: &str, at: usize) -> bool {
    let rest = text[at..].strip_prefix('%');
    rest.and_then(|it| it.get(..2))
        .is_some_and(|it| decoded(it).is_some())
}

/// Nothing else is ever encoded, so that nothing else is decoded.
fn decoded(hex: &str) -> Option<char> {
    match hex {
        "40" => Some('@'),
        "23" => Some('#'),
        "2D" => Some('-'),
        "2F" => Some('/'),
        "25" => Some('%'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_would_close_an_issue_or_call_somebody_is_encoded() {
        for (text, written) in [
            ("fixes #12", "fixes %2312"),
            (
                "Closes: acme/fleet#7, resolves #8",
                "Closes: acme/fleet%237, resolves %238",
            ),
            ("fixes GH-12 and gh-3", "fixes GH%2D12 and gh%2D3"),
            (
                "fixes https://github.com/acme/fleet/issues/12",
                "fixes https://github.com/acme/fleet/issues%2F12",
            ),
            ("see /pull/3", "see /pull%2F3"),
            ("@ann, (@acme/platform)", "%40ann, (%40acme/platform)"),
            ("50%40 is 100%2540", "50%2540 is 100%252540"),
        ] {
            assert_eq!(write(text), written);
            assert_eq!(read(written), text);
        }
    }

    #[test]
    fn everything_else_stays_readable() {
        for text in [
            "Ticket 7",
            "oidc:ann@example.com",
            "10% off, item # 3, a-1, 1/2, C#",
            "https://tickets.example.com/7?a=%20b",
            "100%",
            "größer @ 店%4",
        ] {
            assert_eq!(write(text), text);
            assert_eq!(read(text), text);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back_and_does_nothing(
            text in "([@#%/a-zA-Z0-9 -]|GH-1|#1|@a|/pull/1|%40|%25|店){0,20}"
        ) {
            let written = write(&text);
            prop_assert_eq!(read(&written), text.clone());
            prop_assert!(written.char_indices().all(|(at, _)| !does_something(&written, at)), "{}", written);
            let line = serde_json::to_string(&text).unwrap();
            let inert = json(&line);
            prop_assert_eq!(serde_json::from_str::<String>(&inert).unwrap(), text);
            prop_assert!(inert.char_indices().all(|(at, _)| !does_something(&inert, at)), "{}", inert);
        }
    }
}

//! Which plain and quoted scalars mean the same to every reader of YAML, old and new.
//!
//! Whatever is not surely clear is left to the careful path. Must not know: where a scalar stands in a document.

use std::borrow::Cow;

use super::node::Node;

/// The longest key that is read or written here, in bytes: YAML readers give up at 1024.
pub(super) const LONGEST_KEY: usize = 200;

/// Whether every character is one that all readers take as it is. Line feeds are the caller's to mind.
pub(super) fn only_clear_characters(text: &str) -> bool {
    // Without an early end the compiler makes this loop look at many bytes at once.
    let unclear = |b: u8| (b < b' ' && b != b'\n') || b == 0x7f;
    let found = text
        .bytes()
        .fold(0, |found, b| found | u8::from(unclear(b)));
    if found > 0 {
        return false;
    }
    text.is_ascii()
        || text.chars().all(|c| match c {
            '\0'..='~' => true,
            '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
            // No other white space: some readers take one or another for a line break.
            c => c > '\u{a0}' && !c.is_whitespace(),
        })
}

/// What a plain scalar means, where all readers agree on it.
pub(super) fn plain(text: &str) -> Option<Node<'_>> {
    let first = *text.as_bytes().first()?;
    match first {
        b'a'..=b'z' | b'A'..=b'Z' if text.len() <= 5 && is_reserved(text) => match text {
            "true" => Some(Node::Bool(true)),
            "false" => Some(Node::Bool(false)),
            "null" => Some(Node::Null),
            _ => None,
        },
        b'0'..=b'9' | b'-' if text.len() < 20 && is_integer(text) => integer(text),
        _ if starts_plain(text) && !ends_plain(text) => Some(Node::Text(Cow::Borrowed(text))),
        _ => None,
    }
}

/// Whether a text may stand plain as far as its beginning goes.
pub(super) fn starts_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    match bytes.first() {
        Some(b'a'..=b'z' | b'A'..=b'Z') => text.len() > 5 || !is_reserved(text),
        Some(b'0'..=b'9') => is_no_number(bytes),
        Some(b'/' | b'(' | b'$' | 0x80..) => true,
        Some(b'.') => bytes.get(1) == Some(&b'/'),
        _ => false,
    }
}

/// Whether something in the text ends a plain scalar: `: `, ` #`, or a colon or a space at the end.
pub(super) fn ends_plain(text: &str) -> bool {
    let mut last = 0;
    let mut ends = false;
    for b in text.bytes() {
        ends |= (b == b' ' && last == b':') || (b == b'#' && last == b' ');
        last = b;
    }
    ends || last == b':' || last == b' '
}

/// Splits at the first of an ASCII character. Keys and lines are short: a plain loop beats a search.
pub(super) fn split_at_byte(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|b| b == byte)?;
    Some((&text[..at], &text[at + 1..]))
}

/// Whether a word is a boolean, nothing or no number to some reader. Ask for at most five letters.
pub(super) fn is_reserved(word: &str) -> bool {
    [
        "true", "false", "null", "yes", "no", "y", "n", "on", "off", "nan", "inf",
    ]
    .iter()
    .any(|it| it.eq_ignore_ascii_case(word))
}

/// Whether a text that begins with a digit is surely no number, date or time.
fn is_no_number(bytes: &[u8]) -> bool {
    let of_numbers = |b: &u8| {
        b.is_ascii_hexdigit()
            || matches!(
                b.to_ascii_lowercase(),
                b'o' | b'x' | b't' | b'z' | b'_' | b'+' | b'-' | b'.' | b',' | b':' | b' '
            )
    };
    if !bytes.iter().all(of_numbers) {
        return true;
    }
    // Digits and letters, as in a digest: a number only with a radix or an exponent.
    let radix = bytes.first() == Some(&b'0')
        && matches!(
            bytes.get(1).map(u8::to_ascii_lowercase),
            Some(b'b' | b'o' | b'x')
        );
    !radix
        && bytes.iter().all(u8::is_ascii_alphanumeric)
        && bytes
            .iter()
            .any(|b| b.is_ascii_alphabetic() && !b.eq_ignore_ascii_case(&b'e'))
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    match digits {
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => text == "0",
    }
}

fn integer(text: &str) -> Option<Node<'_>> {
    let signed = text.starts_with('-');
    let number = if signed {
        text.parse::<i64>().ok()?.into()
    } else {
        text.parse::<u64>().ok()?.into()
    };
    Some(Node::Number(number))
}

/// Reads a double-quoted scalar that stands at the beginning; also what follows it.
pub(super) fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let inner = text.strip_prefix('"')?;
    let end = inner.bytes().position(|b| matches!(b, b'"' | b'\\'))?;
    if inner.as_bytes()[end] == b'"' {
        return Some((Cow::Borrowed(&inner[..end]), &inner[end + 1..]));
    }
    let mut read = String::with_capacity(inner.len().min(256));
    let mut rest = inner;
    loop {
        let stop = rest.find(['"', '\\'])?;
        read.push_str(&rest[..stop]);
        let (mark, after) = rest[stop..].split_at(1);
        if mark == "\"" {
            return Some((Cow::Owned(read), after));
        }
        let (c, after) = escape(after)?;
        read.push(c);
        rest = after;
    }
}

/// The character that an escape means, and what follows. Escapes that readers differ about are not taken.
fn escape(text: &str) -> Option<(char, &str)> {
    let code = text.chars().next()?;
    let rest = &text[code.len_utf8()..];
    let c = match code {
        '"' | '\\' => code,
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'e' => '\u{1b}',
        'N' => '\u{85}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        'x' => return hex_digits(rest, 2),
        'u' => return hex_digits(rest, 4),
        _ => return None,
    };
    Some((c, rest))
}

fn hex_digits(text: &str, count: usize) -> Option<(char, &str)> {
    let (digits, rest) = text.split_at_checked(count)?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let c = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
    Some((c, rest))
}

//! Writes the canonical form of plain trees, byte for byte what serde-saphyr writes, and declines everything else.
//!
//! Numbers with a fraction, long and multi-line texts and whatever serde-saphyr may quote for a reason that is not
//! known here give `None`, and the careful path writes.

use std::fmt::Write;

use super::node::{Entries, Node};
use super::scalar::{self, LONGEST_KEY};

/// The longest text that stands on one line, in characters: longer ones are folded.
const LONGEST_LINE: usize = 80;

/// The deepest nesting that is written here.
const DEEPEST: usize = 40;

/// Appends a map as one document with a final newline. Where it declines, half of one may stand there.
pub(super) fn write(node: &Node<'_>, out: &mut String) -> Option<()> {
    let start = out.len();
    match node {
        Node::Map(entries) if !entries.is_empty() => map(entries, 0, 0, out)?,
        _ => return None,
    }
    scalar::only_clear_characters(&out[start..]).then_some(())
}

/// Writes a map whose first key stands where the text ends, the others in `column`.
fn map(entries: &Entries<'_>, column: usize, depth: usize, out: &mut String) -> Option<()> {
    if depth > DEEPEST {
        return None;
    }
    for (index, (key, node)) in entries.iter().enumerate() {
        if index > 0 {
            indent(column, out);
        }
        write_key(key, out)?;
        match node {
            Node::Map(inner) if !inner.is_empty() => {
                out.push_str(":\n");
                indent(column + 2, out);
                map(inner, column + 2, depth + 1, out)?;
            }
            Node::List(items) if !items.is_empty() => {
                out.push_str(":\n");
                indent(column, out);
                list(items, column, depth + 1, out)?;
            }
            leaf => {
                out.push_str(": ");
                write_leaf(leaf, out)?;
            }
        }
    }
    Some(())
}

/// Writes a list whose first dash stands where the text ends, the others in `column`.
fn list(items: &[Node<'_>], column: usize, depth: usize, out: &mut String) -> Option<()> {
    if depth > DEEPEST {
        return None;
    }
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            indent(column, out);
        }
        out.push_str("- ");
        match item {
            Node::Map(inner) if !inner.is_empty() => map(inner, column + 2, depth + 1, out)?,
            Node::List(inner) if !inner.is_empty() => list(inner, column + 2, depth + 1, out)?,
            leaf => write_leaf(leaf, out)?,
        }
    }
    Some(())
}

fn indent(column: usize, out: &mut String) {
    const SPACES: &str = "                                ";
    let mut left = column;
    while left > 0 {
        let some = left.min(SPACES.len());
        out.push_str(&SPACES[..some]);
        left -= some;
    }
}

/// Writes what stands on one line, with its newline.
fn write_leaf(node: &Node<'_>, out: &mut String) -> Option<()> {
    match node {
        Node::Null => out.push_str("null"),
        Node::Bool(true) => out.push_str("true"),
        Node::Bool(false) => out.push_str("false"),
        Node::Number(number) if number.is_f64() => return None,
        Node::Number(number) => write!(out, "{number}").ok()?,
        Node::Text(text) => write_text(text, out)?,
        Node::List(_) => out.push_str("[]"),
        Node::Map(_) => out.push_str("{}"),
    }
    out.push('\n');
    Some(())
}

fn write_key(key: &str, out: &mut String) -> Option<()> {
    if key.len() > LONGEST_KEY {
        return None;
    }
    match style(key)? {
        Style::Plain if !key.contains([':', ',', '[', ']', '{', '}']) => out.push_str(key),
        _ => write_quoted(key, out),
    }
    Some(())
}

fn write_text(text: &str, out: &mut String) -> Option<()> {
    if text.len() > LONGEST_LINE {
        return None;
    }
    match style(text)? {
        Style::Plain => out.push_str(text),
        Style::Quoted => write_quoted(text, out),
    }
    Some(())
}

/// How serde-saphyr writes a text that stands on one line.
enum Style {
    Plain,
    Quoted,
}

fn style(text: &str) -> Option<Style> {
    if text.bytes().any(|b| b == b'\n') {
        return None;
    }
    let quoted = text.is_empty()
        || (text.len() <= 5 && scalar::is_reserved(text))
        || scalar::ends_plain(text)
        || is_digits_and_dots(text)
        || is_timestamp(text)
        || text.len() > 1
            && text.starts_with([
                ' ', ',', ':', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%',
                '@', '`',
            ]);
    if quoted {
        return Some(Style::Quoted);
    }
    scalar::starts_plain(text).then_some(Style::Plain)
}

/// Versions and integers: a number to YAML 1.1, which lets it have dots.
fn is_digits_and_dots(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// A time in UTC as Fleetwright writes it, which YAML 1.1 has a type for.
fn is_timestamp(text: &str) -> bool {
    let shape = |(index, b): (usize, u8)| match index {
        4 | 7 => b == b'-',
        10 => b == b'T',
        13 | 16 => b == b':',
        19 => b == b'.',
        _ => b.is_ascii_digit(),
    };
    text.len() >= 20
        && text
            .strip_suffix('Z')
            .is_some_and(|time| time.bytes().enumerate().all(shape))
}

fn write_quoted(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\\']) {
        out.push_str(&rest[..at]);
        out.push('\\');
        out.push_str(&rest[at..=at]);
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

//! Maps and lists in braces and brackets on one line, as templates print them: JSON, and plain words.
//!
//! Must not know: block style. What is not surely clear is left to the careful path.

use std::borrow::Cow;

use super::node::{Entries, Node};
use super::scalar::{LONGEST_KEY, plain, quoted};

/// The deepest nesting that is read here.
const DEEPEST: usize = 40;

/// Reads a text that is one map or list from its first to its last character.
pub(super) fn read(text: &str) -> Option<Node<'_>> {
    let (node, rest) = value(text, 0)?;
    rest.is_empty().then_some(node)
}

fn value(text: &str, depth: usize) -> Option<(Node<'_>, &str)> {
    match text.as_bytes().first()? {
        _ if depth > DEEPEST => None,
        b'"' => quoted(text).map(|(read, rest)| (Node::Text(read), rest)),
        b'{' => map(&text[1..], depth + 1),
        b'[' => list(&text[1..], depth + 1),
        _ => {
            let (word, rest) = word(text)?;
            Some((plain(word)?, rest))
        }
    }
}

fn list(text: &str, depth: usize) -> Option<(Node<'_>, &str)> {
    let mut rest = text.trim_start_matches(' ');
    let mut items = Vec::new();
    if let Some(rest) = rest.strip_prefix(']') {
        return Some((Node::List(items), rest));
    }
    loop {
        let (item, after) = value(rest, depth)?;
        items.push(item);
        match next(after, ']')? {
            (true, after) => rest = after,
            (false, after) => return Some((Node::List(items), after)),
        }
    }
}

fn map(text: &str, depth: usize) -> Option<(Node<'_>, &str)> {
    let mut rest = text.trim_start_matches(' ');
    let mut entries = Entries::with_capacity(8);
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((Node::Map(entries), rest));
    }
    loop {
        let (key, after) = key(rest)?;
        let (node, after) = value(after.trim_start_matches(' '), depth)?;
        add(&mut entries, key, node)?;
        match next(after, '}')? {
            (true, after) => rest = after,
            (false, after) => return Some((Node::Map(entries), after)),
        }
    }
}

/// Adds an entry; a key that comes twice, or too many of them, are for the careful path.
pub(super) fn add<'a>(entries: &mut Entries<'a>, key: Cow<'a, str>, node: Node<'a>) -> Option<()> {
    if entries.len() >= 200 || entries.iter().any(|it| it.0 == key) {
        return None;
    }
    entries.push((key, node));
    Some(())
}

fn key(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let (key, rest) = if text.starts_with('"') {
        let (key, rest) = quoted(text)?;
        (key, rest.strip_prefix(':')?)
    } else {
        let (word, rest) = word(text)?;
        match plain(word)? {
            // Right after a plain key, a colon without a space belongs to the word.
            Node::Text(key) => (key, rest.strip_prefix(": ")?),
            _ => return None,
        }
    };
    (key.len() <= LONGEST_KEY).then_some((key, rest))
}

/// A word of characters that mean nothing in flow style.
fn word(text: &str) -> Option<(&str, &str)> {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/' | b'_' | b'-');
    let end = text.bytes().take_while(|b| inner(*b)).count();
    (end > 0).then(|| text.split_at(end))
}

/// Whether another item follows, or the collection ends here; and what follows.
fn next(text: &str, close: char) -> Option<(bool, &str)> {
    let text = text.trim_start_matches(' ');
    if let Some(rest) = text.strip_prefix(',') {
        return Some((true, rest.trim_start_matches(' ')));
    }
    text.strip_prefix(close).map(|rest| (false, rest))
}

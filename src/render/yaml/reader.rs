//! Reads the YAML that Fleetwright and its templates write, fast, and declines everything else.
//!
//! What is read here means the same to serde-saphyr, to `serde_yaml` and to Flux: block maps and lists, flow style on
//! one line, plain words that no reader takes for anything else, and double quotes. Anchors, tags, block scalars,
//! duplicate keys, tabs and whatever else is not surely clear give `None`, and the careful path decides.

use std::borrow::Cow;

use super::flow::{self, add};
use super::node::{Entries, Node};
use super::scalar::{self, LONGEST_KEY, plain, quoted, split_at_byte};

/// The longest text that is read here, in bytes: far below where any reader gives up.
const LONGEST_TEXT: usize = 256 * 1024;

/// The deepest nesting that is read here.
const DEEPEST: usize = 40;

/// Reads a stream of documents, each a map.
pub(super) fn read_all(text: &str) -> Option<Vec<Node<'_>>> {
    let mut reader = Reader::new(text)?;
    let mut documents = Vec::new();
    while reader.line.is_some() {
        documents.push(reader.map(0, 0)?);
        if reader.line.is_some_and(|line| line.is_separator()) {
            reader.advance()?;
            // An empty document is for the careful path.
            reader.line?;
        }
    }
    Some(documents)
}

/// Reads one document that is a map.
pub(super) fn read(text: &str) -> Option<Node<'_>> {
    let mut reader = Reader::new(text)?;
    let document = reader.map(0, 0)?;
    reader.line.is_none().then_some(document)
}

/// A line with something on it, or what is left of one after a dash.
#[derive(Clone, Copy)]
struct Line<'a> {
    /// The column that the content begins in.
    column: usize,
    content: &'a str,
}

impl Line<'_> {
    fn is_item(&self) -> bool {
        self.content.starts_with("- ")
    }

    fn is_separator(&self) -> bool {
        self.column == 0 && self.content == "---"
    }
}

struct Reader<'a> {
    rest: &'a str,
    /// The line to be read next.
    line: Option<Line<'a>>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Option<Self> {
        if text.len() > LONGEST_TEXT || !scalar::only_clear_characters(text) {
            return None;
        }
        let mut reader = Self {
            rest: text,
            line: None,
        };
        reader.advance()?;
        Some(reader)
    }

    /// Goes on to the next line that is neither blank nor a comment.
    fn advance(&mut self) -> Option<()> {
        self.line = None;
        while !self.rest.is_empty() {
            let (line, rest) = split_at_byte(self.rest, b'\n').unwrap_or((self.rest, ""));
            self.rest = rest;
            let content = line.trim_start_matches(' ');
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            if content.ends_with(' ') {
                return None;
            }
            let column = line.len() - content.len();
            self.line = Some(Line { column, content });
            break;
        }
        Some(())
    }

    /// Reads the map whose keys begin in a column.
    fn map(&mut self, column: usize, depth: usize) -> Option<Node<'a>> {
        let mut entries = Entries::with_capacity(8);
        while let Some(line) = self.line {
            if line.column < column || line.is_separator() {
                break;
            }
            if line.column > column || line.is_item() || depth > DEEPEST {
                return None;
            }
            let (key, rest) = key(line.content)?;
            let node = if rest.is_empty() {
                self.advance()?;
                self.below(column, depth + 1)?
            } else {
                let node = inline(rest)?;
                self.advance()?;
                node
            };
            add(&mut entries, key, node)?;
        }
        (!entries.is_empty()).then_some(Node::Map(entries))
    }

    /// Reads what stands below a key: a deeper map or list, or a list in the key's own column.
    fn below(&mut self, column: usize, depth: usize) -> Option<Node<'a>> {
        let line = self.line?;
        if line.is_item() && line.column >= column {
            self.list(line.column, depth)
        } else if line.column > column {
            self.map(line.column, depth)
        } else {
            None
        }
    }

    /// Reads the list whose dashes stand in a column.
    fn list(&mut self, column: usize, depth: usize) -> Option<Node<'a>> {
        let mut items = Vec::new();
        while let Some(line) = self.line {
            if line.column < column || (line.column == column && !line.is_item()) {
                break;
            }
            if line.column > column || depth > DEEPEST {
                return None;
            }
            let content = line.content[1..].trim_start_matches(' ');
            let column = line.column + line.content.len() - content.len();
            let item = Line { column, content };
            items.push(if item.is_item() {
                self.line = Some(item);
                self.list(column, depth + 1)?
            } else if key(content).is_some() {
                self.line = Some(item);
                self.map(column, depth + 1)?
            } else {
                let node = inline(content)?;
                self.advance()?;
                node
            });
        }
        Some(Node::List(items))
    }
}

/// The key that a line begins with, and what follows on the line.
fn key(content: &str) -> Option<(Cow<'_, str>, &str)> {
    let (key, rest) = if content.starts_with('"') {
        let (key, rest) = quoted(content)?;
        (key, rest.strip_prefix(':')?)
    } else {
        let (key, rest) = split_at_byte(content, b':')?;
        match plain(key)? {
            Node::Text(key) if !key.contains(['{', '}', '[', ']', ',']) => (key, rest),
            _ => return None,
        }
    };
    if key.len() > LONGEST_KEY {
        return None;
    }
    match rest.strip_prefix(' ') {
        Some(value) => Some((key, value.trim_start_matches(' '))),
        None => rest.is_empty().then_some((key, "")),
    }
}

/// A value that stands whole on its key's line or after its dash.
fn inline(content: &str) -> Option<Node<'_>> {
    match content.as_bytes().first()? {
        b'"' => {
            let (text, rest) = quoted(content)?;
            rest.is_empty().then_some(Node::Text(text))
        }
        b'{' | b'[' => flow::read(content),
        _ => plain(content),
    }
}

//! A document as a tree that borrows its text: what the writer's hot path reads, checks and emits.
//!
//! Maps are lists of entries in the order of the text, so that nothing is hashed and little is copied.
//! Must not know: YAML's syntax, or what a document is for.

use std::borrow::Cow;

use serde_json::{Number, Value};

/// One value of a document.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::render) enum Node<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Map(Entries<'a>),
}

/// A map's entries in the order of the text; no key comes twice.
pub(in crate::render) type Entries<'a> = Vec<(Cow<'a, str>, Node<'a>)>;

impl Node<'_> {
    /// The value at a path of map keys (`/metadata/name`).
    pub(in crate::render) fn at(&self, path: &str) -> Option<&Self> {
        let mut keys = path.split('/').skip(1);
        keys.try_fold(self, |node, key| match node {
            Node::Map(entries) => entries.iter().find(|it| it.0 == key).map(|it| &it.1),
            _ => None,
        })
    }

    /// The same, to be changed.
    pub(in crate::render) fn at_mut(&mut self, keys: &[&str]) -> Option<&mut Self> {
        keys.iter().try_fold(self, |node, key| match node {
            Node::Map(entries) => entries
                .iter_mut()
                .find(|it| it.0 == *key)
                .map(|it| &mut it.1),
            _ => None,
        })
    }

    /// The text, where it is one.
    pub(in crate::render) fn text(&self) -> Option<&str> {
        match self {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The same value as plain data.
    pub(in crate::render) fn into_value(self) -> Value {
        match self {
            Node::Null => Value::Null,
            Node::Bool(flag) => Value::Bool(flag),
            Node::Number(number) => Value::Number(number),
            Node::Text(text) => Value::String(text.into_owned()),
            Node::List(items) => items.into_iter().map(Node::into_value).collect(),
            Node::Map(entries) => Value::Object(
                entries
                    .into_iter()
                    .map(|(key, node)| (key.into_owned(), node.into_value()))
                    .collect(),
            ),
        }
    }
}

impl From<Value> for Node<'_> {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Node::Null,
            Value::Bool(flag) => Node::Bool(flag),
            Value::Number(number) => Node::Number(number),
            Value::String(text) => Node::Text(text.into()),
            Value::Array(items) => Node::List(items.into_iter().map(Node::from).collect()),
            Value::Object(map) => Node::Map(
                map.into_iter()
                    .map(|(key, value)| (key.into(), value.into()))
                    .collect(),
            ),
        }
    }
}

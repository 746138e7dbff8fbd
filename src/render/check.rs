//! What a rendered file must hold, whatever the templates say: known kinds, the right names, the right namespace.
//!
//! The admission policies of the bootstrap refuse the rest again, in the cluster.

use super::yaml::node::Node;

/// Why rendered objects are not what the file is for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// An object of a kind that has no business there.
    #[error("{kind} has no business in this file; it may hold {allowed}")]
    Kind {
        /// The kind found.
        kind: String,
        /// The kinds allowed.
        allowed: String,
    },
    /// A field that must have one value has another.
    #[error("{kind} has {field} {found}; it must be {wanted}")]
    Field {
        /// The object's kind.
        kind: String,
        /// The field, as a JSON pointer.
        field: String,
        /// What it is.
        found: String,
        /// What it must be.
        wanted: String,
    },
}

/// One kind of object that a file may hold, and the fields that are fixed.
pub(super) struct Expected<'a> {
    /// `apiVersion`.
    pub(super) api_version: &'a str,
    /// `kind`.
    pub(super) kind: &'a str,
    /// JSON pointers and the text they must hold; an absent text must be absent.
    pub(super) fields: Vec<(&'a str, Option<&'a str>)>,
}

/// Holds every object against what the file may hold.
pub(super) fn check(objects: &[Node<'_>], expected: &[Expected<'_>]) -> Result<(), CheckError> {
    objects
        .iter()
        .try_for_each(|object| check_one(object, expected))
}

fn check_one(object: &Node<'_>, expected: &[Expected<'_>]) -> Result<(), CheckError> {
    let text = |pointer: &str| object.at(pointer).and_then(Node::text);
    let kind = || text("/kind").unwrap_or("an object without kind").to_owned();
    let same = |it: &&Expected<'_>| {
        Some(it.kind) == text("/kind") && Some(it.api_version) == text("/apiVersion")
    };
    let Some(wanted) = expected.iter().find(same) else {
        let allowed = expected
            .iter()
            .map(|it| it.kind)
            .collect::<Vec<_>>()
            .join(", ");
        return Err(CheckError::Kind {
            kind: kind(),
            allowed,
        });
    };
    for (field, value) in &wanted.fields {
        let found = object.at(field);
        if found.and_then(Node::text) != *value || (value.is_none() && found.is_some()) {
            return Err(CheckError::Field {
                kind: kind(),
                field: (*field).to_owned(),
                found: found.map_or("nothing".to_owned(), |it| {
                    it.clone().into_value().to_string()
                }),
                wanted: value.map_or("absent".to_owned(), |it| format!("{it:?}")),
            });
        }
    }
    Ok(())
}

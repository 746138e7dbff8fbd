//! Picks the fields that were asked for out of a whole object.

use serde_json::{Map, Value, json};

use super::parse::Field;
use super::{Failure, undefined};

/// The part of a value that was asked for. Objects say their type in `__typename`.
pub(super) fn select(value: &Value, fields: &[Field]) -> Result<Value, Failure> {
    match value {
        Value::Array(items) => {
            let picked: Result<Vec<Value>, Failure> =
                items.iter().map(|it| select(it, fields)).collect();
            Ok(Value::Array(picked?))
        }
        Value::Object(object) => select_object(object, fields),
        plain => Ok(plain.clone()),
    }
}

fn select_object(object: &Map<String, Value>, fields: &[Field]) -> Result<Value, Failure> {
    let kind = object["__typename"].as_str().unwrap_or_default();
    if fields.is_empty() {
        let why = format!("Field must have selections (returns {kind} but has no selections)");
        return Err(Failure::new("undefinedField", why));
    }
    let mut picked = Map::new();
    for field in fields {
        let elsewhere = |only: &String| only != kind && !is_interface(only);
        if field.only_on.as_ref().is_some_and(elsewhere) {
            continue;
        }
        let value = object
            .get(&field.name)
            .ok_or_else(|| undefined(field, kind))?;
        let mut value = select(value, &field.fields_of(value))?;
        cut(&mut value, field);
        picked.insert(field.key().to_owned(), value);
    }
    Ok(Value::Object(picked))
}

impl Field {
    fn fields_of(&self, value: &Value) -> Vec<Field> {
        if value.is_null() {
            Vec::new()
        } else {
            self.fields.clone()
        }
    }
}

/// Interfaces that every object here has.
fn is_interface(name: &str) -> bool {
    [
        "Node",
        "Actor",
        "RequestedReviewer",
        "Assignable",
        "Closable",
    ]
    .contains(&name)
}

/// Leaves the first or last so many of a connection.
fn cut(value: &mut Value, field: &Field) {
    let number = |name: &str| {
        let number = field.arguments.get(name).and_then(Value::as_u64);
        number.and_then(|it| usize::try_from(it).ok())
    };
    for list in ["nodes", "edges"] {
        let Some(Value::Array(items)) = value.get_mut(list) else {
            continue;
        };
        if let Some(first) = number("first") {
            items.truncate(first);
        }
        if let Some(last) = number("last") {
            items.drain(..items.len().saturating_sub(last));
        }
    }
}

/// A connection of nodes.
pub(super) fn connection(kind: &str, nodes: &[Value]) -> Value {
    let edges: Vec<Value> = nodes
        .iter()
        .map(|it| json!({"__typename": format!("{kind}Edge"), "node": it, "cursor": ""}))
        .collect();
    json!({
        "__typename": format!("{kind}Connection"),
        "totalCount": nodes.len(),
        "pageInfo": {
            "__typename": "PageInfo",
            "hasNextPage": false,
            "hasPreviousPage": false,
            "startCursor": null,
            "endCursor": null,
        },
        "nodes": nodes,
        "edges": edges,
    })
}

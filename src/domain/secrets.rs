//! Values that a chart's schema marks `writeOnly` (JSON Schema 2020-12, Validation §9.4) are secrets: they never reach
//! Git, so they are refused in a record.
//!
//! Must not know: where schemas are kept.

use serde_json::{Map, Value};

/// How deep a schema is followed; a schema may refer to itself.
const DEPTH: usize = 32;

/// The JSON pointers below `values` of every value that the schema marks as a secret.
pub fn secrets(schema: &Value, values: &Map<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    properties(schema, schema, values, "", DEPTH, &mut found);
    found
}

fn walk(
    root: &Value,
    schema: &Value,
    value: &Value,
    at: &str,
    depth: usize,
    found: &mut Vec<String>,
) {
    let schema = resolved(root, schema);
    if depth == 0 {
        return;
    }
    if schema.get("writeOnly") == Some(&Value::Bool(true)) {
        found.push(at.to_owned());
        return;
    }
    match value {
        Value::Object(values) => properties(root, schema, values, at, depth - 1, found),
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else {
                return;
            };
            for (index, item) in items.iter().enumerate() {
                walk(
                    root,
                    schema,
                    item,
                    &format!("{at}/{index}"),
                    depth - 1,
                    found,
                );
            }
        }
        _ => {}
    }
}

fn properties(
    root: &Value,
    schema: &Value,
    values: &Map<String, Value>,
    at: &str,
    depth: usize,
    found: &mut Vec<String>,
) {
    let further = schema
        .get("additionalProperties")
        .filter(|it| it.is_object());
    for (key, value) in values {
        let named = schema.get("properties").and_then(|it| it.get(key));
        if let Some(schema) = named.or(further) {
            let key = key.replace('~', "~0").replace('/', "~1");
            walk(root, schema, value, &format!("{at}/{key}"), depth, found);
        }
    }
}

/// The schema itself, or what its `$ref` names in the same file.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str);
    let local = target.and_then(|it| it.strip_prefix('#'));
    local.and_then(|it| root.pointer(it)).unwrap_or(schema)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_schema_marks_is_found_wherever_it_is() {
        let schema = json!({
            "$defs": {"login": {"properties": {"user": {}, "password": {"writeOnly": true}}}},
            "properties": {
                "title": {},
                "admin": {"$ref": "#/$defs/login"},
                "users": {"items": {"$ref": "#/$defs/login"}},
                "env": {"additionalProperties": {"writeOnly": true}},
                "loop": {"properties": {"loop": {"$ref": "#/properties/loop"}}},
            },
        });
        let check = |values: Value| secrets(&schema, values.as_object().unwrap());
        assert_eq!(
            check(json!({"title": "x", "admin": {"user": "a"}, "other": 1})),
            [""; 0]
        );
        assert_eq!(
            check(json!({"admin": {"password": "p"}})),
            ["/admin/password"]
        );
        assert_eq!(
            check(json!({"users": [{}, {"password": null}]})),
            ["/users/1/password"]
        );
        assert_eq!(check(json!({"env": {"A/B": "x"}})), ["/env/A~1B"]);
        assert_eq!(check(json!({"loop": {"loop": {"loop": {}}}})), [""; 0]);
    }
}

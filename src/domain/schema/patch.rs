//! The JSON Schema of a merge patch (RFC 7396) of a store's spec.
//!
//! Made from the spec's own, so that both name the same fields. Must not know: what a rule says about a value.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::domain::accept::PATCHABLE;
use crate::domain::record::Spec;

/// A merge patch of a store's spec: fields that are left out stay, null takes away what need not be there.
pub struct StorePatch;

impl JsonSchema for StorePatch {
    fn schema_name() -> Cow<'static, str> {
        "StorePatch".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let spec = Spec::json_schema(generator).to_value();
        let is_required = |name: &str| {
            let required = spec["required"].as_array();
            required.is_some_and(|all| all.iter().any(|it| it == name))
        };
        let fields: Map<String, Value> = PATCHABLE
            .into_iter()
            .map(|name| {
                let field = field(name, &spec["properties"][name]);
                let field = if is_required(name) {
                    field
                } else {
                    or_null(field)
                };
                (name.to_owned(), field)
            })
            .collect();
        schemars::json_schema!({
            "type": "object",
            "description": "A JSON merge patch (RFC 7396) of a store's spec: fields that are left out stay, null takes away what need not be there.",
            "properties": fields,
            "additionalProperties": false,
        })
    }
}

/// Objects are merged, so that null takes away one of their members, too.
fn field(name: &str, schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("default");
    }
    if name == "volumes" {
        schema["additionalProperties"] = json!({"type": ["string", "null"]});
    }
    schema
}

fn or_null(mut schema: Value) -> Value {
    let about = schema
        .as_object_mut()
        .and_then(|it| it.remove("description"));
    json!({"description": about, "anyOf": [schema, {"type": "null"}]})
}

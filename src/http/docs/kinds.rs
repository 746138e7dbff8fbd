//! A JSON Schema in a few words, for a table.

use serde::Serialize;
use serde_json::Value;

/// A piece of a type's words; a link where it names a type of the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Piece {
    text: String,
    link: bool,
}

fn words(text: impl Into<String>) -> Piece {
    let text = text.into();
    Piece { text, link: false }
}

/// What a schema says, in words.
pub(super) fn kind(schema: &Value) -> Vec<Piece> {
    if let Some(target) = schema["$ref"].as_str() {
        let text = target.rsplit('/').next().unwrap_or(target).to_owned();
        return vec![Piece { text, link: true }];
    }
    if let Some(constant) = schema.get("const") {
        return vec![words(constant.to_string())];
    }
    let choices = ["anyOf", "oneOf", "enum"].map(|it| schema[it].as_array());
    if let Some(choices) = choices[0].or(choices[1]) {
        return joined(choices.iter().map(kind).collect());
    }
    if let Some(values) = choices[2] {
        return joined(
            values
                .iter()
                .map(|it| vec![words(it.to_string())])
                .collect(),
        );
    }
    match &schema["type"] {
        Value::Array(types) => {
            let one = |it: &Value| {
                let mut plain = schema.clone();
                plain["type"] = it.clone();
                kind(&plain)
            };
            joined(types.iter().map(one).collect())
        }
        Value::String(name) => simple(name, schema),
        _ => vec![words("any value")],
    }
}

fn simple(name: &str, schema: &Value) -> Vec<Piece> {
    match name {
        "array" => after("list of ", kind(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            after("object of ", kind(&schema["additionalProperties"]))
        }
        "string" => {
            let rule = schema["format"].as_str().map(str::to_owned);
            let pattern = || {
                schema["pattern"]
                    .as_str()
                    .map(|it| format!("matching {it}"))
            };
            let rule = rule.or_else(pattern).map(|it| format!(" ({it})"));
            vec![words(format!("string{}", rule.unwrap_or_default()))]
        }
        "integer" => match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
            (Some(least), Some(most)) => vec![words(format!("integer from {least} to {most}"))],
            _ => vec![words("integer")],
        },
        other => vec![words(other)],
    }
}

fn after(text: &str, rest: Vec<Piece>) -> Vec<Piece> {
    [vec![words(text)], rest].concat()
}

fn joined(choices: Vec<Vec<Piece>>) -> Vec<Piece> {
    let mut all = Vec::new();
    for (number, choice) in choices.into_iter().enumerate() {
        if number > 0 {
            all.push(words(" or "));
        }
        all.extend(choice);
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_become_words() {
        let table = [
            (json!({"$ref": "#/components/schemas/Change"}), "Change"),
            (
                json!({"type": "string", "format": "date-time"}),
                "string (date-time)",
            ),
            (json!({"type": ["string", "null"]}), "string or null"),
            (
                json!({"type": "array", "items": {"type": "boolean"}}),
                "list of boolean",
            ),
            (
                json!({"oneOf": [{"const": "a"}, {"enum": ["b", "c"]}]}),
                "\"a\" or \"b\" or \"c\"",
            ),
            (
                json!({"type": "integer", "minimum": 1, "maximum": 200}),
                "integer from 1 to 200",
            ),
            (
                json!({"type": "object", "additionalProperties": true}),
                "object",
            ),
            (json!(true), "any value"),
        ];
        for (schema, said) in table {
            let text: String = kind(&schema).into_iter().map(|it| it.text).collect();
            assert_eq!(text, said);
        }
    }
}

//! What a request's body may hold: names, types, which are needed. Anything else is refused, as GitHub refuses it.

use serde_json::{Map, Value};

use super::super::problem::Problem;

/// The type of a field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Is {
    Text,
    /// Text or nothing.
    TextOrNull,
    Number,
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    Texts,
    Numbers,
    Object,
    Objects,
    /// Looked at by the route itself.
    Any,
}

/// A field: its name, `!` at the end where it is needed, and its type.
pub(crate) type Field = (&'static str, Is);

/// Reads a body and holds it to its fields.
pub(crate) fn read(bytes: &[u8], fields: &[Field]) -> Result<Map<String, Value>, Problem> {
    let value = if bytes.is_empty() {
        Value::Object(Map::new())
    } else {
        serde_json::from_slice(bytes).map_err(|_| Problem::new(400, "Problems parsing JSON"))?
    };
    let Value::Object(body) = value else {
        return Err(Problem::new(400, "Body should be a JSON object"));
    };
    for (name, value) in &body {
        let known = fields
            .iter()
            .find(|(it, _)| it.trim_end_matches('!') == name);
        let Some((_, is)) = known else {
            let why = format!("\"{name}\" is not a permitted key.");
            return Err(Problem::invalid_request(&why));
        };
        check(name, *is, value)?;
    }
    for (name, _) in fields {
        let needed = name.strip_suffix('!');
        if needed.is_some_and(|name| !body.contains_key(name)) {
            let why = format!("\"{}\" wasn't supplied.", name.trim_end_matches('!'));
            return Err(Problem::invalid_request(&why));
        }
    }
    Ok(body)
}

fn check(name: &str, is: Is, value: &Value) -> Result<(), Problem> {
    let all =
        |test: fn(&Value) -> bool| value.as_array().is_some_and(|items| items.iter().all(test));
    let (fits, wanted) = match is {
        Is::Text => (value.is_string(), "a string"),
        Is::TextOrNull => (value.is_string() || value.is_null(), "a string"),
        Is::Number => (value.is_u64(), "an integer"),
        Is::Flag => (value.is_boolean(), "a boolean"),
        Is::Texts => (all(Value::is_string), "an array of strings"),
        Is::Numbers => (all(Value::is_u64), "an array of integers"),
        Is::Object => (value.is_object(), "an object"),
        Is::Objects => (all(Value::is_object), "an array of objects"),
        Is::Any => (true, ""),
        Is::Word(words) => {
            let fits = value.as_str().is_some_and(|it| words.contains(&it));
            if !fits {
                let words = words.join(", ");
                let why = format!("For 'properties/{name}', {value} is not a member of [{words}].");
                return Err(Problem::invalid_request(&why));
            }
            (true, "")
        }
    };
    if fits {
        return Ok(());
    }
    let value = if value.is_null() {
        "nil".to_owned()
    } else {
        value.to_string()
    };
    let why = format!("For 'properties/{name}', {value} is not {wanted}.");
    Err(Problem::invalid_request(&why))
}

//! GraphQL: the queries and mutations that a client of this job sends.

mod mutations;
mod parse;
mod select;
mod shapes;

use axum::body::Bytes;
use axum::http::Request;
use serde_json::{Map, Value, json};

use super::http::answer::Answer;
use super::http::auth::Who;
use super::problem::Problem;
use super::state::World;
use parse::{Document, Field};

/// A failure inside of an answer with status 200: its type and its sentence.
pub(crate) struct Failure {
    kind: &'static str,
    message: String,
}

impl Failure {
    fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// A mutation that is refused.
    fn refused(message: String) -> Self {
        Self::new("UNPROCESSABLE", message)
    }
}

/// Answers one document.
pub(crate) fn answer(
    world: &mut World,
    who: &Who,
    request: &Request<Bytes>,
) -> Result<Answer, Problem> {
    let by = who.account(world);
    let by =
        by.ok_or_else(|| Problem::new(401, "This endpoint requires you to be authenticated."))?;
    if request.method() != "POST" {
        return Err(Problem::not_found());
    }
    let sent: Value = serde_json::from_slice(request.body())
        .map_err(|_| Problem::new(400, "Problems parsing JSON"))?;
    let query = sent["query"].as_str();
    let query = query.ok_or_else(|| {
        Problem::new(
            400,
            "A query attribute must be specified and must be a string.",
        )
    })?;
    let document = match parse::document(query, &sent["variables"]) {
        Ok(document) => document,
        Err(why) => return Ok(broken(&why)),
    };
    Ok(run(world, who, by, &document))
}

fn broken(why: &str) -> Answer {
    Answer::ok(json!({"errors": [{"message": why, "locations": [{"line": 1, "column": 1}]}]}))
}

fn run(world: &mut World, who: &Who, by: u64, document: &Document) -> Answer {
    let mut data = Map::new();
    let mut errors = Vec::new();
    let root = if document.mutation {
        "Mutation"
    } else {
        "Query"
    };
    for field in &document.fields {
        let resolved = if document.mutation {
            mutations::run(world, who, by, field)
        } else {
            shapes::root(world, who, by, field)
        };
        let selected = resolved.and_then(|value| {
            let value = value.ok_or_else(|| undefined(field, root))?;
            select::select(&value, &field.fields)
        });
        match selected {
            Ok(value) => {
                data.insert(field.key().to_owned(), value);
            }
            Err(failure) => {
                data.insert(field.key().to_owned(), Value::Null);
                errors.push(json!({
                    "type": failure.kind,
                    "path": [field.key()],
                    "locations": [{"line": 1, "column": 1}],
                    "message": failure.message,
                }));
            }
        }
    }
    let invalid = |it: &Value| it["type"] == "undefinedField";
    if errors.iter().any(invalid) {
        return Answer::ok(json!({"errors": errors}));
    }
    let mut body = json!({"data": data});
    if !errors.is_empty() {
        body["errors"] = json!(errors);
    }
    Answer::ok(body)
}

fn undefined(field: &Field, on: &str) -> Failure {
    let message = format!("Field '{}' doesn't exist on type '{on}'", field.name);
    Failure::new("undefinedField", message)
}

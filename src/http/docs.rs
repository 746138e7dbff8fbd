//! `GET /docs`: the description of the API as a page, made from the same document. It needs no script.
//!
//! Must not know: operations or types; what the document does not say is not on the page.

use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use minijinja::context;
use minijinja::value::{Serde, Value as Shown};
use serde::Serialize;
use serde_json::Value;

use super::app::App;
use super::openapi;
use super::problem::Problem;

mod kinds;

use kinds::{Piece, kind};

/// Operations of one kind.
#[derive(Serialize)]
struct Group<'a> {
    name: &'a str,
    about: &'a str,
    operations: Vec<Shape<'a>>,
}

/// One operation.
#[derive(Serialize)]
struct Shape<'a> {
    id: &'a str,
    method: String,
    path: &'a str,
    summary: &'a str,
    about: &'a str,
    parameters: Vec<Row>,
    body: Vec<Row>,
    answers: Vec<Row>,
}

/// One line of a table: a parameter, a field, a body or an answer.
#[derive(Serialize)]
struct Row {
    name: String,
    note: String,
    kind: Vec<Piece>,
    about: String,
}

/// A type of the document.
#[derive(Serialize)]
struct Type<'a> {
    name: &'a str,
    about: &'a str,
    kind: Vec<Piece>,
    fields: Vec<Row>,
}

/// `GET /docs`
pub(super) async fn show(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    static PAGE: OnceLock<String> = OnceLock::new();
    let page = if let Some(page) = PAGE.get() {
        page
    } else {
        let page = render(&app)?;
        PAGE.get_or_init(|| page)
    };
    let cached = [(header::CACHE_CONTROL, "public, max-age=300")];
    Ok((cached, Html(page.as_str())).into_response())
}

fn render(app: &App) -> Result<String, Problem> {
    let document = openapi::document();
    let values = context! {
        caller => (),
        csrf => (),
        about => text(&document["info"]["description"]),
        version => text(&document["info"]["version"]),
        groups => Shown::from(Serde(&groups(document))),
        types => Shown::from(Serde(&types(document))),
    };
    app.pages.render("docs.html", values)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

fn fields(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let fields = value.as_object().into_iter().flatten();
    fields.map(|(name, value)| (name.as_str(), value))
}

/// What a reference leads to, or the value itself.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().and_then(|it| it.strip_prefix('#'));
    target.and_then(|it| document.pointer(it)).unwrap_or(value)
}

fn groups(document: &Value) -> Vec<Group<'_>> {
    let tags = document["tags"].as_array().into_iter().flatten();
    tags.map(|tag| Group {
        name: text(&tag["name"]),
        about: text(&tag["description"]),
        operations: operations(document, &tag["name"]),
    })
    .collect()
}

fn operations<'a>(document: &'a Value, tag: &Value) -> Vec<Shape<'a>> {
    let all = fields(&document["paths"])
        .flat_map(|(path, item)| fields(item).map(move |(method, it)| (path, method, it)));
    let ours = all.filter(|(_, _, it)| it["tags"][0] == *tag);
    ours.map(|(path, method, it)| Shape {
        id: text(&it["operationId"]),
        method: method.to_uppercase(),
        path,
        summary: text(&it["summary"]),
        about: text(&it["description"]),
        parameters: parameters(document, it),
        body: content(
            "Body",
            text(&it["requestBody"]["description"]),
            &it["requestBody"],
        ),
        answers: answers(document, it),
    })
    .collect()
}

fn parameters(document: &Value, operation: &Value) -> Vec<Row> {
    let all = operation["parameters"].as_array().into_iter().flatten();
    all.map(|it| resolved(document, it))
        .map(|it| {
            let required = it["required"] == true && it["in"] != "path";
            let word = if required { ", required" } else { "" };
            Row {
                name: text(&it["name"]).to_owned(),
                note: format!("{}{word}", text(&it["in"])),
                kind: kind(&it["schema"]),
                about: text(&it["description"]).to_owned(),
            }
        })
        .collect()
}

fn answers(document: &Value, operation: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    for (status, answer) in fields(&operation["responses"]) {
        let answer = resolved(document, answer);
        let mut lines = content(status, text(&answer["description"]), answer);
        if lines.is_empty() {
            lines.push(Row {
                name: status.to_owned(),
                note: "no body".to_owned(),
                kind: Vec::new(),
                about: text(&answer["description"]).to_owned(),
            });
        }
        let headers: Vec<&str> = fields(&answer["headers"]).map(|(name, _)| name).collect();
        let other = headers.iter().filter(|it| **it != "X-Request-Id");
        let other: Vec<&str> = other.copied().collect();
        if let (false, Some(first)) = (other.is_empty(), lines.first_mut()) {
            first.about = format!("{} Headers: {}.", first.about, other.join(", "));
        }
        rows.extend(lines);
    }
    rows
}

/// A line for each media type.
fn content(name: &str, about: &str, holder: &Value) -> Vec<Row> {
    fields(&holder["content"])
        .map(|(media, it)| Row {
            name: name.to_owned(),
            note: media.to_owned(),
            kind: kind(&it["schema"]),
            about: about.to_owned(),
        })
        .collect()
}

fn types(document: &Value) -> Vec<Type<'_>> {
    let all = fields(&document["components"]["schemas"]);
    all.map(|(name, schema)| Type {
        name,
        about: text(&schema["description"]),
        kind: kind(schema),
        fields: members(schema),
    })
    .collect()
}

fn members(schema: &Value) -> Vec<Row> {
    let required = schema["required"].as_array();
    fields(&schema["properties"])
        .map(|(name, it)| {
            let always = required.is_some_and(|all| all.iter().any(|one| one == name));
            Row {
                name: name.to_owned(),
                note: if always { "" } else { "optional" }.to_owned(),
                kind: kind(it),
                about: text(&it["description"]).to_owned(),
            }
        })
        .collect()
}

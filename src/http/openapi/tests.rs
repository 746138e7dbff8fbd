//! The description is whole: every route is in it, and all that it names is there.

use std::collections::BTreeSet;

use super::*;
use crate::http::access;

/// Routes for browsers and for git, which no program calls by a description.
const NOT_API: [&str; 6] = [
    "/",
    "/stores/{name}",
    "/sign-in",
    "/sign-out",
    "/static/style.css",
    "/git/fleet.git/{*rest}",
];

#[test]
fn every_route_has_its_operation_and_every_operation_its_route() {
    let routes: BTreeSet<String> = access::rows()
        .filter(|(path, _)| !NOT_API.contains(path))
        .map(|(path, method)| format!("{method} {path}"))
        .collect();
    let mut found = Vec::new();
    for (_, _, operations) in operations(&mut Schemas::new()) {
        found.extend(
            operations
                .iter()
                .map(|it| format!("{} {}", it.method, it.path)),
        );
    }
    let described: BTreeSet<String> = found.iter().cloned().collect();
    assert_eq!(described, routes);
    assert_eq!(described.len(), found.len(), "none is described twice");
}

#[test]
fn every_list_waits_for_its_turn() {
    let paths = document()["paths"].as_object().expect("paths");
    let paged = paths.iter().filter(|(_, item)| {
        let parameters = item["get"]["parameters"].as_array();
        let mut parameters = parameters.into_iter().flatten();
        parameters.any(|it| it["$ref"] == "#/components/parameters/limit")
    });
    let short: Vec<&String> = paged
        .map(|(path, _)| path)
        .filter(|path| !crate::http::unread::is_long(path))
        .collect();
    assert!(short.is_empty(), "to be entered as long: {short:?}");
}

/// Every `$ref` below a value.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(target)) = fields.get("$ref") {
                found.insert(target.clone());
            }
            fields.values().for_each(|it| references(it, found));
        }
        Value::Array(items) => items.iter().for_each(|it| references(it, found)),
        _ => {}
    }
}

#[test]
fn references_lead_somewhere_and_nothing_lies_around() {
    let document = document();
    let mut used = BTreeSet::new();
    references(document, &mut used);
    for target in &used {
        let pointer = target.strip_prefix('#').expect("within the document");
        assert!(document.pointer(pointer).is_some(), "{target}");
    }
    // What a stream's text names is not referred to.
    let named = [
        "#/components/schemas/PhaseEvent",
        "#/components/schemas/StorePatch",
    ];
    for part in ["schemas", "responses", "parameters", "headers"] {
        let all = document["components"][part].as_object().expect("an object");
        for name in all.keys() {
            let place = format!("#/components/{part}/{name}");
            let used = used.contains(&place) || named.contains(&place.as_str());
            assert!(used || part == "responses", "{place} is used nowhere");
        }
    }
}

#[test]
fn ids_are_unique_and_everything_is_told_in_words() {
    let mut ids = BTreeSet::new();
    let paths = document()["paths"].as_object().expect("paths");
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("operations") {
            let at = format!("{method} {path}");
            assert!(ids.insert(operation["operationId"].to_string()), "{at}");
            let words = operation["summary"].as_str().unwrap_or("");
            assert!(words.len() > 5, "{at}");
        }
    }
    let schemas = document()["components"]["schemas"]
        .as_object()
        .expect("schemas");
    let mut silent = Vec::new();
    for (name, schema) in schemas {
        for (field, it) in schema["properties"].as_object().into_iter().flatten() {
            if it.get("$ref").is_none() && it.get("description").is_none() {
                silent.push(format!("{name}.{field}"));
            }
        }
    }
    assert!(silent.is_empty(), "these say nothing: {silent:?}");
}

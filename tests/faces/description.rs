//! Holds answers to the description at `/openapi.json`: every answer that any test here reads is looked up in it.
//!
//! The description leaves room for fields to come; here there is none: a field that it does not name fails.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use ureq::http::HeaderMap;

use crate::wire::Reply;

/// What every answer carries by way of transport and browsers' protection.
const PLAIN: [&str; 11] = [
    "cache-control",
    "connection",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "referrer-policy",
    "transfer-encoding",
    "x-accel-buffering",
    "x-content-type-options",
    "x-request-id",
];

/// The description, ready to be asked.
pub(crate) struct Description {
    document: Value,
    components: Value,
    validators: Mutex<BTreeMap<String, Validator>>,
}

/// The description of the binary under test, read once from any server.
pub(crate) fn of(base: &str) -> &'static Description {
    static READ: OnceLock<Description> = OnceLock::new();
    READ.get_or_init(|| {
        let answer = ureq::get(format!("{base}/openapi.json")).call();
        let text = answer.expect("it is public").body_mut().read_to_string();
        Description::read(&text.expect("a text"))
    })
}

impl Description {
    fn read(text: &str) -> Self {
        let document: Value = serde_json::from_str(text).expect("JSON");
        let mut components = json!({"schemas": document["components"]["schemas"]});
        close(&mut components);
        Self {
            document,
            components,
            validators: Mutex::default(),
        }
    }

    /// Every operation: method, path, and what is said of it.
    pub(crate) fn operations(&self) -> Vec<(String, &str, &Value)> {
        let paths = self.document["paths"].as_object().expect("paths");
        paths
            .iter()
            .flat_map(|(path, item)| {
                let methods = item.as_object().into_iter().flatten();
                methods.map(move |(method, it)| (method.to_uppercase(), path.as_str(), it))
            })
            .collect()
    }

    /// Fails unless the answer is described; the operation's id, where the address is one of the description's.
    pub(crate) fn check(&self, method: &str, target: &str, reply: &Reply) -> Option<String> {
        let path = target.split(['?', '#']).next().unwrap_or("");
        let (_, item) = self.route(path)?;
        let at = format!("{method} {target}");
        let asked = if method == "HEAD" { "get" } else { method };
        let Some(operation) = item.get(&asked.to_lowercase()) else {
            let refused = matches!(reply.status, 404 | 405 | 421);
            assert!(refused, "{at} is not described: {reply:?}");
            return None;
        };
        let answer = &operation["responses"][reply.status.to_string()];
        assert!(
            !answer.is_null(),
            "{at}: {} is not described: {reply:?}",
            reply.status
        );
        let answer = self.resolved(answer);
        check_headers(&at, answer, &reply.headers);
        if method != "HEAD" {
            self.check_body(&at, answer, reply);
        }
        operation["operationId"].as_str().map(str::to_owned)
    }

    /// The path of the description that an address is one of; words win over parameters.
    fn route(&self, path: &str) -> Option<(&String, &Map<String, Value>)> {
        let paths = self.document["paths"].as_object()?;
        let fits = |template: &str| {
            let (wanted, given): (Vec<_>, Vec<_>) =
                (template.split('/').collect(), path.split('/').collect());
            let one = |(a, b): (&&str, &&str)| a == b || (a.starts_with('{') && !b.is_empty());
            wanted.len() == given.len() && wanted.iter().zip(&given).all(one)
        };
        let found = paths
            .get_key_value(path)
            .or_else(|| paths.iter().find(|(it, _)| fits(it)));
        found.and_then(|(path, item)| Some((path, item.as_object()?)))
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let target = value["$ref"].as_str().and_then(|it| it.strip_prefix('#'));
        target.map_or(value, |it| {
            self.document
                .pointer(it)
                .expect("a reference leads somewhere")
        })
    }

    fn check_body(&self, at: &str, answer: &Value, reply: &Reply) {
        let Some(content) = answer["content"].as_object() else {
            assert_eq!(reply.text, "", "{at}: no body is described: {reply:?}");
            return;
        };
        let media = reply.header("content-type").split(';').next().unwrap_or("");
        let described = content.get(media);
        let schema = &described
            .unwrap_or_else(|| panic!("{at}: {media:?} is not described: {reply:?}"))["schema"];
        if media.ends_with("json") {
            let errors = self.errors(schema, &reply.json());
            assert!(errors.is_empty(), "{at}: {errors:#?}\n{reply:?}");
        }
    }

    /// What does not fit a schema of the description.
    pub(crate) fn errors(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut validators = self
            .validators
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let validator = validators.entry(schema.to_string()).or_insert_with(|| {
            let mut whole = schema.clone();
            whole["components"] = self.components.clone();
            jsonschema::draft202012::new(&whole).expect("a schema")
        });
        validator
            .iter_errors(value)
            .map(|it| format!("{} {it}", it.instance_path()))
            .collect()
    }
}

fn check_headers(at: &str, answer: &Value, headers: &HeaderMap) {
    let described = answer["headers"]
        .as_object()
        .expect("there is one at least");
    for (name, header) in described {
        let there = headers.contains_key(name.as_str());
        assert!(
            there || header["required"] != true,
            "{at}: {name} is missing: {headers:?}"
        );
    }
    for name in headers.keys() {
        let name = name.as_str();
        let known =
            PLAIN.contains(&name) || described.keys().any(|it| it.eq_ignore_ascii_case(name));
        assert!(known, "{at}: the header {name} is not described");
    }
}

/// Leaves no room for fields that are not named.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(close);
            let names_fields = fields.get("properties").is_some_and(Value::is_object);
            if names_fields && fields.get("type").is_some_and(|it| it == "object") {
                fields.entry("additionalProperties").or_insert(json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

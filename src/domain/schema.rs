//! Values against their chart's `values.schema.json`, as Helm will do it, before anything is written.
//!
//! A schema is compiled once and shared. It never reaches for another file or address: a `$ref` that leads outside
//! makes it unusable. Must not know: where schemas are kept, or how values are put together.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::{Map, Value};

use super::record::Spec;
use super::request::Violation;
use super::values::{PLATFORM, member};

mod patch;
mod types;

pub use patch::StorePatch;
pub use types::{policy_schema, store_schema};

/// Steps that one pattern may take: a schema's author must not be able to hold up the desk.
const PATTERN_STEPS: usize = 20_000;
/// Errors of one set of values that are told.
const TOLD: usize = 20;
/// Characters of one error's sentence: it repeats the value that it is about.
const SENTENCE: usize = 240;

/// A chart version's schema, and the values that the chart itself brings.
#[derive(Debug)]
pub struct ChartSchema {
    text: Value,
    check: Validator,
    defaults: Value,
}

impl ChartSchema {
    /// Compiles a schema; `defaults` is the chart's `values.yaml`.
    ///
    /// # Errors
    /// A sentence that says what cannot be used.
    pub fn compile(text: Value, defaults: Value) -> Result<Self, String> {
        let patterns = PatternOptions::fancy_regex().backtrack_limit(PATTERN_STEPS);
        let options = jsonschema::options().with_pattern_options(patterns);
        let check = options.build(&text).map_err(|error| sentence(&error))?;
        Ok(Self {
            text,
            check,
            defaults,
        })
    }

    /// The schema itself.
    pub fn text(&self) -> &Value {
        &self.text
    }

    /// What the chart takes where nobody says otherwise.
    pub fn defaults(&self) -> &Value {
        &self.defaults
    }

    /// Everything that the chart would refuse of a store's release values, each with its place in the spec.
    pub fn violations(&self, spec: &Spec, release: &Value) -> Vec<Violation> {
        if self.check.is_valid(release) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for error in self.check.iter_errors(release).take(TOLD) {
            for (place, detail) in places(&error) {
                let (pointer, prefix) = origin(spec, &place);
                found.push(Violation::new(pointer, format!("{prefix}{detail}")));
            }
        }
        found
    }

    /// Everything that the chart would refuse of values alone, each with its place in them.
    pub fn errors(&self, values: &Value) -> Vec<Violation> {
        let errors = self.check.iter_errors(values).take(TOLD);
        let all = errors.flat_map(|error| places(&error));
        all.map(|(place, detail)| Violation::new(place, detail))
            .collect()
    }
}

/// Lays values over others as Helm does: objects are merged, anything else is replaced, and null takes a value away.
pub fn lay_over(into: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (into.get_mut(&key), value) {
            (_, Value::Null) => {
                into.remove(&key);
            }
            (Some(Value::Object(into)), Value::Object(over)) => lay_over(into, over),
            (_, Value::Object(over)) => {
                let mut fresh = Map::new();
                lay_over(&mut fresh, over);
                into.insert(key, Value::Object(fresh));
            }
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// Where an error is, and what it says. What must not be there is named itself, not what it lies in.
fn places(error: &ValidationError<'_>) -> Vec<(String, String)> {
    let at = error.instance_path().as_str();
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let unknown = "is no value of this chart version".to_owned();
            let each = unexpected.iter().take(TOLD);
            each.map(|key| (member(at, key), unknown.clone())).collect()
        }
        ValidationErrorKind::FalseSchema => vec![(
            at.to_owned(),
            "is no value of this chart version".to_owned(),
        )],
        _ => vec![(at.to_owned(), sentence(error))],
    }
}

fn sentence(error: &ValidationError<'_>) -> String {
    let text = error.to_string();
    let mut short: String = text.chars().take(SENTENCE).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Which field of a spec brought a release value, and the words that say so where it is not that value itself.
fn origin(spec: &Spec, place: &str) -> (String, String) {
    let keys: Vec<String> = place.split('/').skip(1).map(unescaped).collect();
    let first = keys.first().map_or("", String::as_str);
    if let "host" | "extraHosts" = first {
        return (place.to_owned(), String::new());
    }
    if PLATFORM.contains(&first) {
        return (String::new(), format!("the chart does not take {place}: "));
    }
    let dotted = keys.join(".");
    if spec.volumes.contains_key(&dotted) {
        return (member("/volumes", &dotted), String::new());
    }
    // Something that is missing is asked for where its neighbours are.
    let said = first.is_empty() || spec.values.contains_key(first);
    if said && (first.is_empty() || reaches(&spec.values, &keys)) {
        return (format!("/values{place}"), String::new());
    }
    let pointer = if spec.values.is_empty() {
        "/plan"
    } else {
        "/values"
    };
    let whose = format!("with what plan {} and the chart set, {place}: ", spec.plan);
    (pointer.to_owned(), whose)
}

/// Whether the values themselves say something at a place, or about what it lies in.
fn reaches(values: &Map<String, Value>, keys: &[String]) -> bool {
    let (Some(first), rest) = (keys.first(), &keys[1..]) else {
        return true;
    };
    match values.get(first) {
        None => false,
        Some(Value::Object(inner)) if !rest.is_empty() => reaches(inner, rest),
        Some(_) => true,
    }
}

fn unescaped(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests;

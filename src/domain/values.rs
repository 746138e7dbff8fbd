//! What `values` may hold whatever the chart is: how much, how deep, which characters, and who may set what.
//!
//! Keys and texts go into files that people review. Must not know: charts; what a chart takes says its
//! [`schema`](super::schema).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::request::{Role, Violation};
use super::rules::Asked;
use super::text::{deceptive, hidden};

/// The greatest size of `values`, in bytes of JSON: a record stays something that people review.
const SIZE: usize = 32 * 1024;
/// Levels of objects and lists below `values`.
const DEPTH: usize = 24;
/// Places of one kind that are told before the rest is left out.
const TOLD: usize = 20;

/// Chart values that Fleetwright sets for every store, over whatever else is said of them.
pub const PLATFORM: [&str; 8] = [
    "store",
    "plan",
    "host",
    "extraHosts",
    "scheme",
    "storageClass",
    "route",
    "suspended",
];

/// What forbids the values of a spec. What a store already has stays allowed.
pub(super) fn values(asked: &Asked<'_>, found: &mut Vec<Violation>) {
    let new = &asked.new.values;
    let nothing = Map::new();
    let before = asked.old.map_or(&nothing, |it| &it.values);
    if new == before {
        return;
    }
    let size = serde_json::to_string(new).map_or(0, |it| it.len());
    if size > SIZE {
        let detail = format!("{size} bytes of JSON are more than {SIZE}");
        found.push(Violation::new("/values", detail));
        return;
    }
    for (key, value) in new {
        if before.get(key) != Some(value) {
            let pointer = member("/values", key);
            if PLATFORM.contains(&key.as_str()) {
                let detail = "is set by Fleetwright from the store's own fields; leave it out";
                found.push(Violation::new(pointer.clone(), detail));
            }
            let mut texts = Texts { found, told: 0 };
            texts.key(key, &pointer);
            texts.value(value, &pointer, 1);
        }
    }
    if asked.caller.role < Role::Operator {
        merchant(asked, before, found);
    }
}

/// A merchant sets what the engine's `merchantValues` list, and takes away nothing else.
fn merchant(asked: &Asked<'_>, before: &Map<String, Value>, found: &mut Vec<Violation>) {
    let new = &asked.new.values;
    let Some(engine) = asked.policy.engines.get(&asked.new.engine) else {
        return;
    };
    let keys: BTreeSet<&String> = new.keys().chain(before.keys()).collect();
    for key in keys {
        let same = before.get(key) == new.get(key);
        if !same && !engine.merchant_values.contains(key) {
            let listed = engine.merchant_values.join(", ");
            let detail = format!("only these may be set: {listed}");
            found.push(Violation::new(member("/values", key), detail));
        }
    }
}

/// The pointer of a member (RFC 6901 §3: `~` is `~0`, `/` is `~1`).
pub fn member(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// A walk over keys and texts.
struct Texts<'a> {
    found: &'a mut Vec<Violation>,
    told: usize,
}

impl Texts<'_> {
    fn say(&mut self, pointer: &str, detail: String) {
        self.told += 1;
        if self.told <= TOLD {
            self.found.push(Violation::new(pointer, detail));
        }
    }

    fn key(&mut self, key: &str, pointer: &str) {
        if let Some(c) = key.chars().find(|c| hidden(*c)) {
            self.say(
                pointer,
                format!("its key holds {}, which nobody sees; leave it out", code(c)),
            );
        }
    }

    fn value(&mut self, value: &Value, pointer: &str, depth: usize) {
        match value {
            Value::String(text) => {
                let bad = text.chars().find_map(|c| deceptive(c).map(|why| (c, why)));
                if let Some((c, why)) = bad {
                    self.say(pointer, format!("holds {}, {why}", code(c)));
                }
            }
            Value::Array(_) | Value::Object(_) if depth > DEPTH => {
                self.say(pointer, format!("is nested deeper than {DEPTH} levels"));
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.value(item, &format!("{pointer}/{index}"), depth + 1);
                }
            }
            Value::Object(members) => {
                for (key, value) in members {
                    let pointer = member(pointer, key);
                    self.key(key, &pointer);
                    self.value(value, &pointer, depth + 1);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// A character as people look it up.
fn code(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

#[cfg(test)]
mod tests;

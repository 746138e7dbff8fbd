//! JSON read strictly: no duplicate keys, no deep nesting, no unknown fields, each answered with its place.
//!
//! `serde_json` keeps the last of two equal keys and reads 128 levels; a request that means two things at once
//! must not be accepted as either (RFC 8259 §4 leaves it open). Must not know: HTTP.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use crate::domain::request::Violation;
use crate::domain::values::member;

/// Levels of objects and lists that a body may have.
const DEPTH: usize = 32;

/// Why a text is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// It is no JSON text.
    #[error("the body is no JSON: {0}")]
    Malformed(String),
    /// It is JSON, but not to be trusted to mean one thing, or not of the wanted shape.
    #[error("the body is not valid")]
    Invalid(Vec<Violation>),
}

/// Reads one JSON text.
pub fn read(bytes: &[u8]) -> Result<Value, JsonError> {
    let found = RefCell::new(Vec::new());
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let top = Strict {
        path: "",
        depth: 0,
        found: &found,
    };
    let value = top
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    let found = found.into_inner();
    match value {
        // A complaint that stopped the reader (depth) shows as an error of it as well.
        Err(error) if found.is_empty() => Err(JsonError::Malformed(error.to_string())),
        Ok(value) if found.is_empty() => Ok(value),
        _ => Err(JsonError::Invalid(found)),
    }
}

/// Turns a value into a type; what does not fit is named by its place.
pub fn decode<T: DeserializeOwned>(value: Value) -> Result<T, JsonError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let detail = error.inner().to_string();
        JsonError::Invalid(vec![Violation::new(place(error.path(), &detail), detail)])
    })
}

/// The JSON pointer of a decoding error. Serde names a missing field in its text only.
fn place(path: &serde_path_to_error::Path, detail: &str) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Map { key } => pointer = member(&pointer, key),
            Segment::Seq { index } => pointer = member(&pointer, &index.to_string()),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    let missing = detail
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next());
    missing.map_or(pointer.clone(), |field| member(&pointer, field))
}

struct Strict<'a> {
    path: &'a str,
    depth: usize,
    found: &'a RefCell<Vec<Violation>>,
}

impl Strict<'_> {
    fn enter<E: serde::de::Error>(&self) -> Result<usize, E> {
        if self.depth < DEPTH {
            return Ok(self.depth + 1);
        }
        let detail = format!("is nested deeper than {DEPTH} levels");
        self.found
            .borrow_mut()
            .push(Violation::new(self.path, detail.clone()));
        Err(E::custom(detail))
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, it: bool) -> Result<Value, E> {
        Ok(it.into())
    }
    fn visit_i64<E>(self, it: i64) -> Result<Value, E> {
        Ok(it.into())
    }
    fn visit_u64<E>(self, it: u64) -> Result<Value, E> {
        Ok(it.into())
    }
    fn visit_f64<E>(self, it: f64) -> Result<Value, E> {
        Ok(it.into())
    }
    fn visit_str<E>(self, it: &str) -> Result<Value, E> {
        Ok(it.into())
    }
    fn visit_string<E>(self, it: String) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let depth = self.enter()?;
        let mut list = Vec::new();
        loop {
            let path = member(self.path, &list.len().to_string());
            match items.next_element_seed(Strict {
                path: &path,
                depth,
                found: self.found,
            })? {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let depth = self.enter()?;
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let path = member(self.path, &key);
            let value = members.next_value_seed(Strict {
                path: &path,
                depth,
                found: self.found,
            })?;
            if object.insert(key, value).is_some() {
                self.found.borrow_mut().push(Violation::new(
                    path,
                    "is there twice; leave one of them out",
                ));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::CreateRequest;

    fn pointers(error: JsonError) -> Vec<String> {
        match error {
            JsonError::Invalid(found) => found.into_iter().map(|it| it.pointer).collect(),
            JsonError::Malformed(text) => panic!("malformed: {text}"),
        }
    }

    #[test]
    fn what_serde_json_reads_is_read_alike() {
        for text in [
            "null",
            "[1, -2, 1.5, 18446744073709551615]",
            r#"{"a": {"b": ["\u00e9", true]}, "c": ""}"#,
        ] {
            let plain: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(read(text.as_bytes()), Ok(plain), "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_json_are_malformed() {
        for text in [
            "",
            "{",
            "{\"a\":1,}",
            "{} {}",
            "{'a':1}",
            "\"\\ud800\"",
            "nul",
            "[1 2]",
            "1e999",
        ] {
            assert!(
                matches!(read(text.as_bytes()), Err(JsonError::Malformed(_))),
                "{text}"
            );
        }
        assert!(
            matches!(read(b"\"\xff\""), Err(JsonError::Malformed(_))),
            "no UTF-8"
        );
    }

    #[test]
    fn duplicate_keys_are_named_wherever_they_are() {
        let text = br#"{"a": 1, "x/y": {"k": [{"n~": 1, "n~": 2}]}, "a": 2}"#;
        assert_eq!(
            pointers(read(text).expect_err("duplicates")),
            ["/x~1y/k/0/n~0", "/a"]
        );
        assert_eq!(
            pointers(read(br#"{"a": 1, "\u0061": 2}"#).expect_err("the same key, escaped")),
            ["/a"]
        );
    }

    #[test]
    fn nesting_ends_at_the_limit() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(nested(DEPTH).as_bytes()).is_ok());
        assert_eq!(
            pointers(read(nested(DEPTH + 1).as_bytes()).expect_err("too deep")),
            ["/0".repeat(DEPTH)]
        );
        let bomb = "[".repeat(100_000);
        assert_eq!(
            pointers(read(bomb.as_bytes()).expect_err("too deep")).len(),
            1
        );
    }

    #[test]
    fn fields_that_do_not_fit_are_named() {
        let table = [
            (r#"{"engine": "woocommerce", "colour": 1}"#, "/colour"),
            (r#"{"engine": 5}"#, "/engine"),
            (r#"{"name": "a"}"#, "/engine"),
            (
                r#"{"engine": "a", "extraHosts": ["a.b", 7]}"#,
                "/extraHosts/1",
            ),
            (r#"{"engine": "a", "values": []}"#, "/values"),
            ("[]", ""),
        ];
        for (text, pointer) in table {
            let value = read(text.as_bytes()).expect("JSON");
            let error = decode::<CreateRequest>(value).expect_err(text);
            assert_eq!(pointers(error), [pointer], "{text}");
        }
    }
}

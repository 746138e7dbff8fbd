//! YAML in and out. Flux reads YAML 1.1 by Go's rules, people write what they like; both must mean what we mean.
//!
//! `serde_yaml` does not quote what YAML 1.1 takes for booleans, numbers and dates (`no`, `1_000`, `12:30`), so the
//! emitter is serde-saphyr, and every text is read back with `serde_yaml` and compared before it is used.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Why a text is not the YAML it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// It cannot be read as what it should be.
    #[error("{detail}")]
    Read {
        /// What the parser says, with line and column.
        detail: String,
    },
    /// A value has no safe form.
    #[error("a value cannot be written as YAML that reads back the same: {detail}")]
    Emit {
        /// What went wrong.
        detail: String,
    },
}

/// Reads one document of a type; unknown fields and duplicate keys are errors with line and column.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    let value: Value = read_value(text)?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let at = line_of(text, &path).map_or(String::new(), |line| format!("line {line}: "));
        YamlError::Read {
            detail: format!("{at}{path}: {}", error.inner()),
        }
    })
}

/// Reads one document as plain data, with duplicate keys refused.
pub fn read_value(text: &str) -> Result<Value, YamlError> {
    let fail = |detail: String| YamlError::Read {
        detail: first_line(&detail),
    };
    // serde-saphyr refuses duplicate keys and counts lines; serde_yaml decides what scalars mean to Go's reader.
    let _: Value = serde_saphyr::from_str(text).map_err(|error| fail(error.to_string()))?;
    serde_yaml::from_str(text).map_err(|error| fail(error.to_string()))
}

/// Reads every document of a stream as plain data; empty documents are left out.
pub fn read_all(text: &str) -> Result<Vec<Value>, YamlError> {
    let documents = serde_yaml::Deserializer::from_str(text).map(Value::deserialize);
    let read = documents.collect::<Result<Vec<_>, _>>();
    let values = read.map_err(|error| YamlError::Read {
        detail: first_line(&error.to_string()),
    })?;
    Ok(values.into_iter().filter(|it| !it.is_null()).collect())
}

/// One document in the canonical form, with a final newline.
pub fn emit(value: &Value) -> Result<String, YamlError> {
    let fail = |detail: String| YamlError::Emit { detail };
    let plain = serde_saphyr::to_string(value).map_err(|error| fail(error.to_string()))?;
    if reads_back(&plain, value) {
        return Ok(with_newline(plain));
    }
    let options = serde_saphyr::ser_options! { quote_all: true, prefer_block_scalars: false };
    let quoted = serde_saphyr::to_string_with_options(value, options)
        .map_err(|error| fail(error.to_string()))?;
    if reads_back(&quoted, value) {
        return Ok(with_newline(quoted));
    }
    Err(fail(
        "two emitters and two readers disagree about it".to_owned(),
    ))
}

/// Several documents in the canonical form.
pub fn emit_all(values: &[Value]) -> Result<String, YamlError> {
    let texts = values.iter().map(emit).collect::<Result<Vec<_>, _>>()?;
    Ok(texts.join("---\n"))
}

fn reads_back(text: &str, value: &Value) -> bool {
    serde_yaml::from_str::<Value>(text).is_ok_and(|read| read == *value)
}

fn with_newline(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn first_line(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or_default()
        .trim_start_matches("error: ")
        .to_owned()
}

/// The line on which a field of a block-style document stands, found by its last key.
fn line_of(text: &str, path: &str) -> Option<usize> {
    let key = path
        .rsplit('.')
        .find(|part| !part.is_empty() && *part != "?")?;
    let key = key.split('[').next()?;
    let found = text.lines().position(|line| {
        line.trim_start()
            .trim_start_matches("- ")
            .starts_with(&format!("{key}:"))
    });
    found.map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_yaml_1_1_would_change_is_quoted() {
        for text in [
            "no",
            "on",
            "y",
            "1_000",
            "12:30",
            "2024-01-01",
            "0x1F",
            "1234e567",
            "<<",
            "=",
            "~",
            "0644",
        ] {
            let out = emit(&json!({ "v": text })).unwrap();
            assert_eq!(out, format!("v: \"{text}\"\n"));
        }
    }

    #[test]
    fn hostile_strings_come_back_unchanged() {
        for text in [
            "\ta\nb",
            "a: b\n--- c",
            "x\"\n  injected: true",
            "\u{85}\u{2028}\u{feff}",
            " lead",
            "é😀",
            "a\r\nb",
        ] {
            let value = json!({ "data": { "k": text }, text: 1 });
            let out = emit(&value).unwrap();
            assert_eq!(
                serde_yaml::from_str::<Value>(&out).unwrap(),
                value,
                "{text:?}"
            );
        }
    }

    #[test]
    fn duplicate_keys_are_refused_with_their_line() {
        let error = read_value("a: 1\nb: 2\na: 3\n").unwrap_err().to_string();
        assert!(error.contains("line 3"), "{error}");
    }
}

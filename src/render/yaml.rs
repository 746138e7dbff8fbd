//! YAML in and out. Flux reads YAML 1.1 by Go's rules, people write what they like; both must mean what we mean.
//!
//! `serde_yaml` does not quote what YAML 1.1 takes for booleans, numbers and dates (`no`, `1_000`, `12:30`), so the
//! emitter is serde-saphyr, and every text is read back with `serde_yaml` and compared before it is used.
//!
//! That costs about a hundred microseconds per object. So there are two paths to the same result: `reader` and
//! `writer` know the small part of YAML that Fleetwright writes and decline the rest, which is left to the careful
//! path of the two crates. Errors always come from the careful path.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

mod flow;
pub(super) mod node;
mod reader;
mod scalar;
#[cfg(test)]
mod tests;
mod writer;

use node::Node;

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
    if let Some(node) = reader::read(text)
        && let Ok(read) = T::deserialize(node.into_value())
    {
        return Ok(read);
    }
    let value = read_carefully(text)?;
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
    reader::read(text).map_or_else(|| read_carefully(text), |node| Ok(node.into_value()))
}

fn read_carefully(text: &str) -> Result<Value, YamlError> {
    let fail = |detail: String| YamlError::Read {
        detail: first_line(&detail),
    };
    // serde-saphyr refuses duplicate keys and counts lines; serde_yaml decides what scalars mean to Go's reader.
    let _: Value = serde_saphyr::from_str(text).map_err(|error| fail(error.to_string()))?;
    serde_yaml::from_str(text).map_err(|error| fail(error.to_string()))
}

/// Reads one document as a tree, with duplicate keys refused.
pub(super) fn read_node(text: &str) -> Result<Node<'_>, YamlError> {
    reader::read(text).map_or_else(|| read_carefully(text).map(Node::from), Ok)
}

/// Reads every document of a stream as a tree; empty documents are left out.
pub(super) fn read_nodes(text: &str) -> Result<Vec<Node<'_>>, YamlError> {
    if let Some(nodes) = reader::read_all(text) {
        return Ok(nodes);
    }
    Ok(read_all(text)?.into_iter().map(Node::from).collect())
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

/// Several documents in the canonical form. What comes back was read back and is the same.
pub(super) fn emit_nodes(nodes: &[Node<'_>]) -> Result<String, YamlError> {
    let text = draft(nodes)?;
    if same(&text, nodes) {
        return Ok(text);
    }
    let texts = nodes.iter().map(|it| emit(&it.clone().into_value()));
    Ok(texts.collect::<Result<Vec<_>, _>>()?.join("---\n"))
}

/// Several documents in the canonical form, not read back yet: to be compared by [`same`] before it is used.
pub(super) fn draft(nodes: &[Node<'_>]) -> Result<String, YamlError> {
    let mut text = String::with_capacity(1024 * nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        if index > 0 {
            text.push_str("---\n");
        }
        let start = text.len();
        if writer::write(node, &mut text).is_none() {
            text.truncate(start);
            text.push_str(&emit(&node.clone().into_value())?);
        }
    }
    Ok(text)
}

/// Whether a text surely reads back as these documents.
pub(super) fn same(text: &str, nodes: &[Node<'_>]) -> bool {
    reader::read_all(text).is_some_and(|read| read == nodes)
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

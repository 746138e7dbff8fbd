//! Single fields of an object, by their path, cut to a length that may be kept.

use jiff::Timestamp;
use serde_json::Value;

/// Bytes of a name, reason, revision or token that are kept. Kubernetes allows names of 253.
const TEXT: usize = 1024;
/// Bytes of a message that are kept. Flux cuts its own at 20,000 characters; people are shown far less.
const MESSAGE: usize = 4096;
/// Entries of a list that are kept. Flux's own lists of conditions and revisions have a handful.
const ENTRIES: usize = 64;

/// A text field.
pub(super) fn text(data: &Value, path: &str) -> Option<String> {
    data.pointer(path)?.as_str().map(|text| cut(text, TEXT))
}

/// A text field for people.
pub(super) fn message(data: &Value, path: &str) -> Option<String> {
    data.pointer(path)?.as_str().map(|text| cut(text, MESSAGE))
}

/// A point in time, by the clock of the cluster.
pub(super) fn time(data: &Value, path: &str) -> Option<Timestamp> {
    data.pointer(path)?.as_str()?.parse().ok()
}

pub(super) fn int(data: &Value, path: &str) -> Option<i64> {
    data.pointer(path)?.as_i64()
}

pub(super) fn flag(data: &Value, path: &str) -> bool {
    data.pointer(path).and_then(Value::as_bool).unwrap_or(false)
}

/// The first entries of a list.
pub(super) fn list<'a>(data: &'a Value, path: &str) -> &'a [Value] {
    let all = data
        .pointer(path)
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    &all[..all.len().min(ENTRIES)]
}

/// At most so many bytes of a text, with a sign where the rest was.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(most)])
}

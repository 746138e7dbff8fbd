//! How GitHub shows things: the shapes of its REST description, one file a family.
//!
//! Must not change anything.

pub(crate) mod accounts;
pub(crate) mod branches;
pub(crate) mod checks;
pub(crate) mod commits;
pub(crate) mod issues;
pub(crate) mod pulls;
pub(crate) mod repository;

use base64::Engine as _;
use jiff::Timestamp;

/// A node id: opaque to callers, and telling to us.
pub(crate) fn node_id(kind: &str, id: impl std::fmt::Display) -> String {
    let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(id.to_string());
    format!("{kind}_kwDO{text}")
}

/// The number inside of a node id of this kind.
pub(crate) fn number_in(kind: &str, node_id: &str) -> Option<u64> {
    let text = node_id.strip_prefix(&format!("{kind}_kwDO"))?;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text);
    String::from_utf8(bytes.ok()?).ok()?.parse().ok()
}

/// A time as GitHub writes it: whole seconds, `Z`.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The same of seconds since 1970.
pub(crate) fn time_of(seconds: i64) -> String {
    time(Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH))
}

//! Names and identities, checked once at the border and trusted afterwards.
//!
//! Must not know: where a name is used. What an owner may take or a policy forbids is decided elsewhere.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Visitor;
use serde::{Deserialize, Serialize};

use super::text::hidden;

/// Why a text is not the name or identity it was offered as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: {rule}")]
pub struct BadId {
    /// The kind of name that was wanted.
    pub what: &'static str,
    /// The text, cut to a length that fits into one sentence.
    pub text: String,
    /// The rule it breaks, as a sentence.
    pub rule: &'static str,
}

impl BadId {
    fn new(what: &'static str, text: &str, rule: &'static str) -> Self {
        let text = text.chars().take(60).collect();
        Self { what, text, rule }
    }
}

/// Reads a text straight from where it stands: rows and records hold many ids, and are read often.
struct Parsed<T>(PhantomData<T>);

impl<T: FromStr<Err = BadId>> Visitor<'_> for Parsed<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:path, $pattern:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
                reader.deserialize_str(Parsed(PhantomData))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
                writer.serialize_str(&self.0)
            }
        }

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                match $check(text) {
                    Ok(()) => Ok(Self(text.into())),
                    Err(rule) => Err(BadId::new($what, text, rule)),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                text.parse()
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "title": $what, "pattern": $pattern})
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id!(
    /// A store's name: an RFC 1123 label of at most 40 characters, so that `store-<name>` is one as well.
    StoreName, "store name", store_name,
    "^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$"
);
text_id!(
    /// A cluster's name in the fleet policy: an RFC 1123 label; it is a folder and a part of a branch name.
    ClusterName, "cluster name", label,
    "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
);
text_id!(
    /// Who owns a store: what the identity provider calls them. Need not be a Kubernetes label value.
    Owner, "owner", owner,
    "^\\S(.{0,98}\\S)?$"
);
text_id!(
    /// A DNS host name in lower case (RFC 1123 §2.1), of at least two labels.
    Host, "host", host,
    "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)+$"
);
text_id!(
    /// A store's identity: the ULID of the change that created it. A name used again gets another uid.
    Uid, "uid", ulid,
    "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
);
text_id!(
    /// A change's identity: a ULID, so that changes sort by the time of their acceptance.
    ChangeId, "change id", ulid,
    "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
);
text_id!(
    /// A proposal's identity: a ULID. That of a single change's proposal is the change's.
    ProposalId, "proposal id", ulid,
    "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
);
text_id!(
    /// An API token's identity: a ULID. It says nothing of the token itself.
    TokenId, "token id", ulid,
    "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
);
text_id!(
    /// An API token's name: an RFC 1123 label, so that `token:<name>` reads well wherever a requester is named.
    TokenName, "token name", label,
    "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
);
text_id!(
    /// A Git commit's name: 40 lower-case hex digits (SHA-1, the only format Flux reads well).
    CommitId, "commit id", commit,
    "^[0-9a-f]{40}$"
);

impl From<ChangeId> for Uid {
    /// The uid of the store that this change creates.
    fn from(id: ChangeId) -> Self {
        Self(id.0)
    }
}

impl From<ChangeId> for ProposalId {
    /// The proposal that this change opens.
    fn from(id: ChangeId) -> Self {
        Self(id.0)
    }
}

impl Owner {
    /// What names of branches and objects show of the owner: lower-case letters, digits and inner hyphens, at most 40.
    /// Empty where nothing is left, and the same for several owners.
    pub fn slug(&self) -> String {
        let kept = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let slug: String = self.0.to_lowercase().chars().map(kept).take(40).collect();
        slug.trim_matches('-').to_owned()
    }
}

impl ChangeId {
    /// Milliseconds since the Unix epoch at which the change was accepted (the ULID's first 48 bits).
    pub fn accepted_ms(&self) -> u64 {
        ulid::Ulid::from_string(&self.0).map_or(0, |id| id.timestamp_ms())
    }
}

fn label(text: &str) -> Result<(), &'static str> {
    let edge = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return Err("it is empty");
    };
    if bytes.len() > 63 {
        return Err("it is longer than 63 characters");
    }
    if !bytes.iter().all(|b| edge(*b) || *b == b'-') {
        return Err("use lower-case letters, digits and hyphens only");
    }
    if !edge(*first) || !edge(*last) {
        return Err("it must begin and end with a letter or a digit");
    }
    Ok(())
}

fn store_name(text: &str) -> Result<(), &'static str> {
    if text.len() > 40 {
        return Err("it is longer than 40 characters");
    }
    label(text)
}

fn owner(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.chars().count() > 100 {
        return Err("it must have 1 to 100 characters");
    }
    if text.trim() != text {
        return Err("it must not begin or end with a space");
    }
    if text.chars().any(hidden) {
        return Err("it must not hold control characters, nor any that nobody sees");
    }
    Ok(())
}

fn host(text: &str) -> Result<(), &'static str> {
    if text.len() > 253 {
        return Err("it is longer than 253 characters");
    }
    if !text.contains('.') {
        return Err("a host has at least two labels, as in shop.example.com");
    }
    text.split('.').try_for_each(label)?;
    let last = text.rsplit('.').next().unwrap_or_default();
    // RFC 1123 §2.1: a host is told from an address by its last label. Browsers read 0x7f and 127 as numbers
    // (WHATWG URL, "ends in a number").
    let hex = last.strip_prefix("0x");
    let number = |it: &str| it.bytes().all(|b| b.is_ascii_hexdigit());
    if last.bytes().all(|b| b.is_ascii_digit()) || hex.is_some_and(number) {
        return Err("it is an address, or its last label is a number; a host has a name");
    }
    Ok(())
}

fn ulid(text: &str) -> Result<(), &'static str> {
    let canonical = text
        .bytes()
        .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    match ulid::Ulid::from_string(text) {
        Ok(_) if canonical => Ok(()),
        _ => Err("a ULID has 26 digits and capital letters"),
    }
}

fn commit(text: &str) -> Result<(), &'static str> {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.len() == 40 && text.bytes().all(hex) {
        Ok(())
    } else {
        Err("a commit has 40 lower-case hex digits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_names_are_short_labels() {
        for good in [
            "a",
            "gateway",
            "kustomization",
            "shard",
            "3shop",
            &"a".repeat(40),
        ] {
            assert!(good.parse::<StoreName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            "A",
            "a_b",
            "a.b",
            "ä",
            "a b",
            "../x",
            &"a".repeat(41),
        ] {
            assert!(bad.parse::<StoreName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn hosts_have_two_labels_or_more() {
        for good in [
            "a.b",
            "shop.example.com",
            "3.example.com",
            "1.2.3.a4",
            "a.0y",
        ] {
            assert!(good.parse::<Host>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "localhost",
            "a..b",
            ".a.b",
            "a.b.",
            "A.b",
            "*.a.b",
            "a b.c",
            "127.0.0.1",
            "shop.example.1",
            "a.0x7f",
            "a.0x",
        ] {
            assert!(bad.parse::<Host>().is_err(), "{bad}");
        }
    }

    #[test]
    fn identities_are_canonical() {
        assert!("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse::<Uid>().is_ok());
        assert!("01arz3ndektsv4rrffq69g5fav".parse::<Uid>().is_err());
        assert!(
            "0123456789abcdef0123456789abcdef01234567"
                .parse::<CommitId>()
                .is_ok()
        );
        assert!("HEAD".parse::<CommitId>().is_err());
    }

    #[test]
    fn an_error_is_one_sentence() {
        let error = "My Shop".parse::<StoreName>().unwrap_err();
        let text = "\"My Shop\" is no store name: use lower-case letters, digits and hyphens only";
        assert_eq!(error.to_string(), text);
    }
}

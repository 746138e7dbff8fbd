//! Systems that ask for stores by signed messages: what each may do, and its secrets.
//!
//! Must not know: headers, files, or how a signature is made.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Owner;
use super::request::Role;

/// What a message asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WebhookAction {
    /// A new store.
    Create,
    /// Fields of the spec, as a merge patch.
    Update,
    /// Another chart version.
    Upgrade,
    /// The shop goes off, its data stays.
    Suspend,
    /// The shop comes back.
    Resume,
    /// The store and its data go.
    Delete,
}

/// One system that sends messages.
#[derive(Debug, Clone)]
pub struct WebhookSource {
    /// Its name: changes are requested by `webhook:<name>`.
    pub name: String,
    /// The secrets that sign its messages: several while one is being replaced.
    pub secrets: Vec<WebhookSecret>,
    /// What it may do.
    pub role: Role,
    /// The owners whose stores it may touch; none listed: all.
    pub owners: Vec<Owner>,
    /// The actions it may ask for.
    pub actions: Vec<WebhookAction>,
}

/// A secret that signs messages. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

/// Why a text is no secret. The text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be whsec_ and the base64 of 24 to 64 random bytes")]
pub struct BadSecret;

impl WebhookSecret {
    /// A secret from its text (Standard Webhooks 1.0.0, "Signature scheme": `whsec_`, base64, 24 to 64 bytes).
    pub fn parse(text: &str) -> Result<Self, BadSecret> {
        let encoded = text.trim().strip_prefix("whsec_").ok_or(BadSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| BadSecret)?;
        if (24..=64).contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(BadSecret)
        }
    }

    /// The secret of a forge's webhook: its text as it is.
    pub fn of_forge(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }

    /// The key of the signature.
    pub fn key(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_have_their_form_and_are_never_shown() {
        let encoded = |length| format!("whsec_{}", STANDARD.encode(vec![7; length]));
        for length in [24, 32, 64] {
            let secret = WebhookSecret::parse(&format!("{}\n", encoded(length))).expect("a secret");
            assert_eq!(secret.key().len(), length);
            assert_eq!(format!("{secret:?}"), "WebhookSecret(hidden)");
        }
        let bare = STANDARD.encode([7; 32]);
        for bad in ["", "whsec_", "whsec_%%%", &bare, &encoded(23), &encoded(65)] {
            assert_eq!(WebhookSecret::parse(bad), Err(BadSecret), "{bad}");
        }
    }
}

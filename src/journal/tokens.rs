//! The table of API tokens: what is known of each, and the hash of its text. The text itself is nowhere.

use serde::{Deserialize, Serialize};

use super::tables::{TOKENS, decode_all, encode};
use super::{Journal, JournalError};
use crate::domain::TokenId;
use crate::domain::token::Token;

/// A token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptToken {
    /// SHA-256 of the token's text, in hex.
    pub hash: String,
    /// What is known of it.
    pub token: Token,
}

impl Journal {
    /// Keeps a new token and lets others go, in one step.
    pub fn put_token(&self, kept: &KeptToken, gone: &[TokenId]) -> Result<(), JournalError> {
        self.write(|txn| {
            let mut table = txn.open_table(TOKENS)?;
            for id in gone {
                table.remove(id.as_str())?;
            }
            table.insert(kept.token.id.as_str(), encode(kept).as_slice())?;
            Ok(())
        })
    }

    /// Lets a token go. When this returns, it stays gone.
    pub fn drop_token(&self, id: &TokenId) -> Result<(), JournalError> {
        self.write(|txn| {
            txn.open_table(TOKENS)?.remove(id.as_str())?;
            Ok(())
        })
    }

    /// Every token, in order of creation.
    pub fn tokens(&self) -> Result<Vec<KeptToken>, JournalError> {
        self.read(|txn| decode_all(&txn.open_table(TOKENS)?))
    }
}

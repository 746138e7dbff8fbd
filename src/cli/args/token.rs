//! The grammar of `fleetwright token …`.

use clap::{Args, Subcommand};
use jiff::Timestamp;

use crate::domain::request::Role;
use crate::domain::{TokenId, TokenName};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum TokenCommand {
    /// Make a token and print it, this once
    Create(TokenCreateArgs),
    /// List tokens, never with their text
    List,
    /// Revoke a token; it opens nothing from then on
    Revoke {
        /// The token, as `token list` names it
        id: TokenId,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct TokenCreateArgs {
    /// The name; requesters are called token:NAME
    pub(in crate::cli) name: TokenName,
    /// What its bearer may do: viewer, merchant, operator or admin
    #[arg(long, value_parser = role)]
    pub(in crate::cli) role: Role,
    /// The owner it stands for; a merchant's token needs one
    #[arg(long)]
    pub(in crate::cli) owner: Option<String>,
    /// How long it is good for, as in 12h or 30d; without it 90 days
    #[arg(long, value_name = "TIME", conflicts_with = "expires_at")]
    pub(in crate::cli) expires_in: Option<String>,
    /// Until when it is good, as in 2027-01-31T00:00:00Z
    #[arg(long, value_name = "TIMESTAMP")]
    pub(in crate::cli) expires_at: Option<Timestamp>,
}

fn role(text: &str) -> Result<Role, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

//! `fleetwright token …`

use serde::{Deserialize, Serialize};
use serde_json::json;
use ureq::http::Method;

use super::args::{Format, Server, TokenCommand, TokenCreateArgs};
use super::client::{Client, read};
use super::failure::Failure;
use super::output::{self, Listed};
use crate::domain::token::{Token, TokenRequest};

const PATH: &str = "/api/v1/tokens";

/// What the server answers once: the token with its text.
#[derive(Serialize, Deserialize)]
struct Made {
    #[serde(flatten)]
    about: Token,
    token: String,
}

/// Runs one of the commands.
pub(super) fn run(command: TokenCommand, server: &Server) -> Result<(), Failure> {
    let client = Client::new(&server.url)?;
    match command {
        TokenCommand::Create(args) => create(&client, server.output, args),
        TokenCommand::List => output::list(server.output, &client.list::<Token>(PATH, &[])?),
        TokenCommand::Revoke { id } => client
            .send(Method::DELETE, &format!("{PATH}/{id}"), None, &[])
            .map(drop),
    }
}

/// Prints the token alone, so that it can be piped into where it shall be kept. Whoever wants to know more asks for JSON.
fn create(client: &Client, format: Format, args: TokenCreateArgs) -> Result<(), Failure> {
    let request = TokenRequest {
        name: args.name.into(),
        role: args.role,
        owner: args.owner,
        expires_in: args.expires_in,
        expires_at: args.expires_at,
    };
    let made: Made = read(client.send(Method::POST, PATH, Some(&json!(request)), &[])?)?;
    match format {
        Format::Table | Format::Wide | Format::Name => output::print(&format!("{}\n", made.token)),
        Format::Json | Format::Yaml => output::document(format, &made),
    }
}

impl Listed for Token {
    const HEADS: &'static [&'static str] = &["TOKEN", "NAME", "ROLE", "OWNER", "BY", "EXPIRES"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.name.to_string(),
            format!("{:?}", self.role).to_lowercase(),
            self.owner.to_string(),
            self.created_by.clone(),
            format!("{:.0}", self.expires_at),
        ]
    }

    /// What `token revoke` takes.
    fn name(&self) -> String {
        self.id.to_string()
    }
}

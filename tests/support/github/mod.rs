//! A GitHub of the tests' own: stateful, faithful and, when told so, faulty, over a real bare repository.
//!
//! ```text
//! http/      connections, faults, who asks, limits, ETag, the log; git over smart HTTP
//! routes/    the REST API        graphql/   GraphQL
//! actions/   what can be done, whoever asks
//! json/      the shapes of answers and webhooks     events.rs, webhooks.rs   what is told, and how
//! state/     what is remembered, behind one lock    git.rs                   the repository, by git's own program
//! person.rs  people of a test    control.rs, pages.rs   the same for other programs, and in a browser
//! ```
//! It must not know Fleetwright: what it is held to is GitHub's REST description and documentation.

mod actions;
mod commit;
mod control;
mod diff;
mod events;
pub(crate) mod faults;
mod git;
mod graphql;
mod handle;
mod http;
mod json;
pub(crate) mod limits;
pub(crate) mod log;
mod pages;
mod person;
mod problem;
mod receive;
mod routes;
mod state;
pub(crate) mod webhooks;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use state::tokens::usual;

#[allow(unused_imports, reason = "each test program uses its own part of it")]
mod names {
    pub(crate) use super::handle::{AppFacts, GitHub};
    pub(crate) use super::person::Person;
    pub(crate) use super::problem::Problem;
    pub(crate) use super::state::accounts::Role;
    pub(crate) use super::state::pulls::{Method, Pull};
    pub(crate) use super::state::rules::{Rules, Settings};
    pub(crate) use super::state::tokens::{Level, Permissions};
}
pub(crate) use names::*;

/// How a GitHub begins.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) listen: SocketAddr,
    /// The bare repository; none makes one that goes with the stand-in.
    pub(crate) repo: Option<PathBuf>,
    /// Where keys are written; none makes a folder that goes with the stand-in.
    pub(crate) secrets: Option<PathBuf>,
    pub(crate) owner: String,
    pub(crate) name: String,
    /// The owner is an organisation, with teams.
    pub(crate) organization: bool,
    pub(crate) private: bool,
    /// A GitHub Enterprise Server: REST below `/api/v3`, GraphQL at `/api/graphql`.
    pub(crate) ghes: bool,
    /// The slug of the App.
    pub(crate) app: String,
    /// What the App is granted.
    pub(crate) permissions: Permissions,
    pub(crate) token_life: Duration,
    /// Requests an hour.
    pub(crate) primary_limit: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            repo: None,
            secrets: None,
            owner: "acme".to_owned(),
            name: "fleet".to_owned(),
            organization: true,
            private: true,
            ghes: false,
            app: "fleetwright-test".to_owned(),
            permissions: usual(),
            token_life: Duration::from_hours(1),
            primary_limit: 5000,
        }
    }
}

/// A random id in the form of a UUID, version 4.
fn uuid() -> String {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex(&bytes);
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

/// Bytes in hex digits.
fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|it| format!("{it:02x}")).collect();
    digits.concat()
}

/// A folder as git wants to hear of it.
fn text_of(path: &Path) -> &str {
    path.to_str().expect("a readable path")
}

//! The stand-in for people and other programs: `cargo run --example github -- --listen 127.0.0.1:8090 --repo DIR`.
//!
//! `DIR` holds the bare repository `fleet.git`, keys below `secrets/`, and `github.json`, which says everything that is
//! printed. The pages at the address let a person approve, merge and comment; control.rs lists what programs may do.

#![allow(
    clippy::print_stdout,
    reason = "a command line program answers on standard output"
)]

#[allow(dead_code, reason = "the tests use the rest of it")]
#[path = "mod.rs"]
mod github;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use github::{GitHub, Options, Role};
use serde_json::Value;

/// A GitHub of its own, for one repository.
#[derive(Parser)]
#[command(name = "github")]
struct Cli {
    /// Where to listen; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The folder for the repository, keys and `github.json`.
    #[arg(long, value_name = "DIR")]
    repo: PathBuf,
    /// Where webhooks go.
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// A GitHub Enterprise Server: REST below /api/v3, GraphQL at /api/graphql.
    #[arg(long)]
    ghes: bool,
    /// The owner of the repository.
    #[arg(long, default_value = "acme")]
    owner: String,
    /// The name of the repository.
    #[arg(long, default_value = "fleet")]
    name: String,
}

fn main() -> std::io::Result<()> {
    let cli = Cli::parse();
    std::fs::create_dir_all(&cli.repo)?;
    let dir = cli.repo.canonicalize()?;
    let github = GitHub::start(Options {
        listen: cli.listen,
        repo: Some(dir.join(format!("{}.git", cli.name))),
        secrets: Some(dir.join("secrets")),
        owner: cli.owner,
        name: cli.name,
        ghes: cli.ghes,
        ..Options::default()
    });
    for (login, role) in [
        ("ann", Role::Admin),
        ("bob", Role::Write),
        ("carol", Role::Write),
        ("dave", Role::Read),
    ] {
        github.user(login, role).token();
    }
    let (ann, bob) = (
        github.user("ann", Role::Admin),
        github.user("bob", Role::Write),
    );
    github.team("platform", &[&ann, &bob]);
    if let Some(url) = &cli.webhook {
        github.webhooks_to(url);
    }
    let facts = github.facts();
    print_facts(&facts);
    std::fs::write(dir.join("github.json"), format!("{facts:#}\n"))?;
    github.block_on(tokio::signal::ctrl_c())
}

fn print_facts(facts: &Value) {
    let Value::Object(facts) = facts else { return };
    for (name, value) in facts {
        match value {
            Value::Array(people) => {
                for it in people {
                    let part = |name: &str| it[name].as_str().unwrap_or_default().to_owned();
                    println!(
                        "person {} ({}): {}",
                        part("login"),
                        part("role"),
                        part("token")
                    );
                }
            }
            Value::String(text) => println!("{name}: {text}"),
            other => println!("{name}: {other}"),
        }
    }
}

//! `fleetwright charts …`: what may be installed, and bringing built-in charts into a fleet repository.

use serde::{Deserialize, Serialize};

use super::args::{ChartsCommand, Server, SyncArgs};
use super::client::Client;
use super::failure::Failure;
use super::output::{self, Listed};
use crate::config;
use crate::workflow::offline::charts;

/// Runs one of the commands.
pub(super) fn run(command: &ChartsCommand, server: &Server) -> Result<(), Failure> {
    match command {
        ChartsCommand::List => {
            let client = Client::new(&server.url)?;
            output::list(
                server.output,
                &client.list::<Engine>("/api/v1/engines", &[])?,
            )
        }
        ChartsCommand::Sync(args) => sync(args),
    }
}

/// An engine as the API shows it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Engine {
    name: String,
    versions: Vec<String>,
    default: String,
    merchant_values: Vec<String>,
}

impl Listed for Engine {
    const HEADS: &'static [&'static str] = &["ENGINE", "VERSIONS", "DEFAULT"];
    const WIDE: &'static [&'static str] = &["MERCHANTS MAY SET"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.versions.join(", "),
            self.default.clone(),
        ]
    }

    fn wide(&self) -> Vec<String> {
        vec![self.merchant_values.join(", ")]
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

fn sync(args: &SyncArgs) -> Result<(), Failure> {
    let author = config::person(&args.signer.author).map_err(Failure::usage)?;
    let report = charts::sync(&args.target, &author, args.signer.key.as_deref())?;
    let mut lines: Vec<String> = report
        .added
        .iter()
        .map(|it| format!("added {it}"))
        .collect();
    let kept = |it: &String| {
        format!("kept {it}, which differs from the built-in one: a published version never changes")
    };
    lines.extend(report.differ.iter().map(kept));
    lines.push(match &report.commit {
        None => "nothing was missing".to_owned(),
        Some(commit) => format!(
            "commit {commit}; name the versions in fleetwright.yaml, then have an admin vouch for that commit"
        ),
    });
    output::print(&output::lines(lines))
}

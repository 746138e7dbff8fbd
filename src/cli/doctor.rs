//! `fleetwright doctor`: what this machine and the server need, looked at one after the other.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::args::{DoctorArgs, Server};
use super::client::Client;
use super::failure::Failure;
use super::output::{lines, plain, print};
use super::serve;
use crate::git::git_version;

/// Looks at everything, prints a line for each thing, and fails when one of them is not well.
pub(super) fn run(args: &DoctorArgs, server: &Server) -> Result<(), Failure> {
    let mut found = vec![git()];
    found.extend(args.config.as_deref().map(configuration));
    found.extend(parts_of(server));
    let sick = found.iter().filter(|it| it.is_err()).count();
    let line = |it: &Result<String, String>| match it {
        Ok(text) => format!("ok   {}", plain(text)),
        Err(text) => format!("bad  {}", plain(text)),
    };
    print(&lines(found.iter().map(line)))?;
    if sick == 0 {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{sick} of {} things are not well; the lines that begin with bad say what to do",
        found.len()
    )))
}

fn git() -> Result<String, String> {
    let version = git_version().map_err(|error| error.to_string())?;
    Ok(format!("the program git {version}"))
}

fn configuration(path: &Path) -> Result<String, String> {
    let loaded = serve::load(path).map_err(|failure| failure.to_string())?;
    Ok(format!(
        "the configuration {}: data in {}",
        path.display(),
        loaded.settings.data.display()
    ))
}

/// The server and what it says of its own parts.
fn parts_of(server: &Server) -> Vec<Result<String, String>> {
    let asked = Client::new(&server.url).and_then(|it| it.get("/api/health"));
    let mut health = match asked {
        Ok(health) => health,
        Err(failure) => return vec![Err(format!("the server {}: {failure}", server.url))],
    };
    let mut found = vec![Ok(format!("the server {} answers", server.url))];
    let checks: BTreeMap<String, Value> =
        serde_json::from_value(health["checks"].take()).unwrap_or_default();
    for (name, check) in checks {
        if name == "clusters" {
            let clusters: BTreeMap<String, Value> =
                serde_json::from_value(check).unwrap_or_default();
            found.extend(
                clusters
                    .iter()
                    .map(|(it, check)| part(&format!("cluster {it}"), check)),
            );
        } else {
            found.push(part(&name, &check));
        }
    }
    found
}

fn part(name: &str, check: &Value) -> Result<String, String> {
    let message = check["message"].as_str().unwrap_or_default();
    let colon = if message.is_empty() { "" } else { ": " };
    let text = format!("{name}{colon}{message}");
    match check["status"].as_str() {
        Some("degraded") => Err(text),
        _ => Ok(text),
    }
}

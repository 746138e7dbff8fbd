//! `fleetwright change …`

use serde_json::{Value, json};
use ureq::http::Method;

use super::args::{ChangeCommand, ChangeListArgs, Format, Server};
use super::client::{Client, read};
use super::failure::Failure;
use super::follow::{follow_until, unwatched};
use super::output::{self, Listed, plain};
use super::store::{print_plan, quoted};
use crate::domain::ChangeId;
use crate::domain::change::Change;

/// Runs one of the commands.
pub(super) fn run(command: ChangeCommand, server: &Server) -> Result<(), Failure> {
    let client = Client::new(&server.url)?;
    let change: Change = match command {
        ChangeCommand::List(args) => {
            return output::list(
                server.output,
                &client.list::<Change>("/api/v1/changes", &filter(args))?,
            );
        }
        ChangeCommand::Get { id } => read(client.get(&format!("/api/v1/changes/{id}"))?)?,
        ChangeCommand::Watch { id, until, timeout } => {
            let change = read(client.get(&format!("/api/v1/changes/{id}"))?)?;
            let (change, verdict) = follow_until(&client, change, until, timeout)?;
            output::one(server.output, &change, &detail(&change))?;
            return verdict;
        }
        ChangeCommand::Cancel { id } => decide(&client, &id, "cancel", &json!({}), None)?,
        ChangeCommand::Approve { id, dry_run, .. } if dry_run => {
            return show_proposed(&client, server, &id);
        }
        ChangeCommand::Approve { id, if_match, .. } => {
            decide(&client, &id, "approve", &json!({}), if_match.as_deref())?
        }
        ChangeCommand::Reject { id, reason } => {
            decide(&client, &id, "reject", &json!({"reason": reason}), None)?
        }
    };
    output::one(server.output, &change, &detail(&change))
}

fn decide(
    client: &Client,
    id: &ChangeId,
    how: &str,
    body: &Value,
    if_match: Option<&str>,
) -> Result<Change, Failure> {
    let path = format!("/api/v1/changes/{id}/{how}");
    let tag = if_match.map(quoted);
    let headers = tag.as_deref().map(|it| ("If-Match", it));
    read(client.send(Method::POST, &path, Some(body), headers.as_slice())?)
}

/// The plan, and for people how to agree to just that.
fn show_proposed(client: &Client, server: &Server, id: &ChangeId) -> Result<(), Failure> {
    let path = format!("/api/v1/changes/{id}/approve?dryRun=true");
    let (plan, tag) = client.send_tagged(Method::POST, &path, None, &[])?;
    print_plan(server.output, &read(plan)?)?;
    match (tag, server.output) {
        (Some(tag), Format::Table | Format::Wide) => output::print(&format!(
            "to agree to just this: fleetwright change approve {id} --if-match {}\n",
            tag.trim_matches('"')
        )),
        _ => Ok(()),
    }
}

fn filter(args: ChangeListArgs) -> [(&'static str, Option<String>); 4] {
    [
        ("state", args.state.map(|it| it.as_str().to_owned())),
        ("store", args.store.map(String::from)),
        ("owner", args.owner),
        ("action", args.action.map(|it| it.as_str().to_owned())),
    ]
}

impl Listed for Change {
    const HEADS: &'static [&'static str] =
        &["CHANGE", "STORE", "ACTION", "STATE", "REQUESTER", "COMMIT"];
    const WIDE: &'static [&'static str] = &["CREATED", "DEADLINE", "WAITING FOR"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.store.to_string(),
            self.action.as_str().to_owned(),
            self.state.as_str().to_owned(),
            self.requester.clone(),
            self.commit
                .as_ref()
                .map_or("-".to_owned(), |it| it.as_str()[..12].to_owned()),
        ]
    }

    fn wide(&self) -> Vec<String> {
        let deadline = self.deadline.map(|it| it.to_string());
        vec![
            self.created_at.to_string(),
            deadline.unwrap_or_else(|| "-".to_owned()),
            self.waiting_for.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    }

    fn name(&self) -> String {
        self.id.to_string()
    }
}

/// What a person wants to know of a change beside its row.
pub(super) fn detail(change: &Change) -> Vec<String> {
    let error = change
        .error
        .as_ref()
        .map(|it| format!("{}: {} {}", it.reason, it.message, it.next_step));
    let wait = match &change.waiting_for {
        _ if unwatched(change) => Some("No cluster is watched, so it goes no further.".to_owned()),
        Some(what) => Some(format!("Waiting for {what}.")),
        None => None,
    };
    let noop = change
        .noop
        .then(|| "There was nothing to change.".to_owned());
    let pull = change.pull_request.as_ref();
    let pull = pull.map(|it| format!("Pull request #{} ({}): {}", it.number, it.state, it.url));
    [error, wait, pull, noop, steps(change)]
        .into_iter()
        .flatten()
        .map(|it| plain(&it))
        .collect()
}

/// The way so far: the first step with its moment, each later one with the seconds since the one before it.
fn steps(change: &Change) -> Option<String> {
    let first = change.milestones.iter().next()?;
    let later = change.milestones.seconds();
    let later = later.map(|(name, seconds)| format!(", {} +{seconds:.1} s", name.as_str()));
    let (name, at) = (first.name.as_str(), first.at);
    Some(format!(
        "Steps: {name} {at:.0}{}",
        later.collect::<String>()
    ))
}

//! `fleetwright store …`

use serde_json::{Map, Value, json};
use ureq::http::Method;

use super::actions;
use super::args::{
    ActionArgs, CreateArgs, Format, Server, SpecArgs, StoreCommand, StoreListArgs, UpdateArgs,
    WriteArgs,
};
use super::change::detail;
use super::client::{Client, read};
use super::failure::Failure;
use super::follow::follow;
use super::output::{self, Listed, plain};
use super::values;
use super::watch;
use crate::domain::change::Change;
use crate::domain::view::{HistoryItem, Rendered, StoreView};

/// Runs one of the commands.
pub(super) fn run(command: StoreCommand, server: &Server) -> Result<(), Failure> {
    let client = Client::new(&server.url)?;
    let format = server.output;
    match command {
        StoreCommand::Create(args) => create(&client, format, &args),
        StoreCommand::Get { name } => {
            let store: StoreView = read(client.get(&format!("/api/v1/stores/{name}"))?)?;
            output::one(format, &store, &sentences(&store))
        }
        StoreCommand::List(args) => output::list(
            format,
            &client.list::<StoreView>("/api/v1/stores", &filter(args))?,
        ),
        StoreCommand::Update(args) => update(&client, format, &args),
        StoreCommand::Delete(ActionArgs { name, write }) => {
            let place = (Method::DELETE, format!("/api/v1/stores/{name}"));
            submit(&client, format, place, None, None, &write)
        }
        StoreCommand::Watch { name, timeout } => watch::until_at_rest(&client, &name, timeout),
        StoreCommand::History { name } => {
            let path = format!("/api/v1/stores/{name}/history");
            output::list(format, &client.list::<HistoryItem>(&path, &[])?)
        }
        action => {
            let (place, body, write) = actions::asked(action)?;
            submit(&client, format, place, Some(body), None, &write)
        }
    }
}

impl Listed for HistoryItem {
    const HEADS: &'static [&'static str] = &["COMMIT", "AT", "ACTION", "REQUESTER"];
    const WIDE: &'static [&'static str] = &["CHANGE", "TITLE"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.commit.as_str()[..12].to_owned(),
            self.at.to_string(),
            self.action.as_str().to_owned(),
            self.requester.clone(),
        ]
    }

    fn wide(&self) -> Vec<String> {
        vec![self.change.to_string(), self.title.clone()]
    }

    fn name(&self) -> String {
        self.commit.to_string()
    }
}

impl Listed for StoreView {
    const HEADS: &'static [&'static str] =
        &["NAME", "PHASE", "ENGINE", "PLAN", "OWNER", "CLUSTER", "URL"];
    const WIDE: &'static [&'static str] = &["REASON", "OUTDATED", "UPDATED", "UID"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.to_string(),
            self.phase.as_str().to_owned(),
            format!("{} {}", self.record.spec.engine, self.record.spec.version),
            self.record.spec.plan.clone(),
            self.record.spec.owner.to_string(),
            self.record.spec.cluster.to_string(),
            self.url.clone(),
        ]
    }

    fn wide(&self) -> Vec<String> {
        vec![
            self.reason.clone(),
            self.outdated.to_string(),
            self.updated_at.to_string(),
            self.uid.to_string(),
        ]
    }

    fn name(&self) -> String {
        self.name.to_string()
    }
}

fn sentences(store: &StoreView) -> Vec<String> {
    let next = if store.next_step.is_empty() {
        String::new()
    } else {
        format!("Next: {}", store.next_step)
    };
    let notice = store.notice.clone().unwrap_or_default();
    let all = [store.message.clone(), next, notice];
    all.into_iter()
        .filter(|it| !it.is_empty())
        .map(|it| plain(&it))
        .collect()
}

fn filter(args: StoreListArgs) -> [(&'static str, Option<String>); 7] {
    [
        ("owner", args.owner),
        ("engine", args.engine),
        ("plan", args.plan),
        ("cluster", args.cluster),
        ("phase", args.phase),
        ("version", args.version),
        ("q", args.q),
    ]
}

fn create(client: &Client, format: Format, args: &CreateArgs) -> Result<(), Failure> {
    let mut body = spec(&args.spec)?;
    body.insert("engine".to_owned(), json!(args.engine));
    put(&mut body, "name", args.name.as_ref());
    put(&mut body, "cluster", args.cluster.as_ref());
    let place = (Method::POST, "/api/v1/stores".to_owned());
    submit(client, format, place, Some(body), None, &args.write)
}

fn update(client: &Client, format: Format, args: &UpdateArgs) -> Result<(), Failure> {
    let mut body = spec(&args.spec)?;
    put(
        &mut body,
        "deletionProtection",
        args.deletion_protection.as_ref(),
    );
    if body.is_empty() {
        return Err(Failure::usage(
            "nothing to change; name a field, as in --plan medium",
        ));
    }
    let place = (Method::PATCH, format!("/api/v1/stores/{}", args.name));
    submit(
        client,
        format,
        place,
        Some(body),
        args.if_match.as_deref(),
        &args.write,
    )
}

/// The fields that were given, as the API names them.
fn spec(args: &SpecArgs) -> Result<Map<String, Value>, Failure> {
    let mut body = Map::new();
    put(&mut body, "plan", args.plan.as_ref());
    put(&mut body, "owner", args.owner.as_ref());
    put(&mut body, "host", args.host.as_ref());
    put(&mut body, "version", args.version.as_ref());
    put(
        &mut body,
        "extraHosts",
        (!args.extra_hosts.is_empty()).then_some(&args.extra_hosts),
    );
    let values = values::gather(args.values.as_deref(), &args.set)?;
    put(&mut body, "values", (!values.is_empty()).then_some(&values));
    Ok(body)
}

fn put<T: serde::Serialize>(body: &mut Map<String, Value>, field: &str, value: Option<&T>) {
    if let Some(value) = value {
        body.insert(field.to_owned(), json!(value));
    }
}

/// Sends a write, follows the change, prints it.
fn submit(
    client: &Client,
    format: Format,
    (method, path): (Method, String),
    body: Option<Map<String, Value>>,
    if_match: Option<&str>,
    write: &WriteArgs,
) -> Result<(), Failure> {
    let body = body.map(Value::Object);
    let tag = if_match.map(quoted);
    let given = [
        ("If-Match", tag.as_deref()),
        ("Idempotency-Key", write.idempotency_key.as_deref()),
        ("Fleetwright-Reason", write.reason.as_deref()),
    ];
    let given = given.into_iter();
    let headers: Vec<_> = given.filter_map(|(name, it)| Some((name, it?))).collect();
    if write.dry_run {
        let path = format!("{path}?dryRun=true");
        let plan: Rendered = read(client.send(method, &path, body.as_ref(), &headers)?)?;
        return print_plan(format, &plan);
    }
    let accepted: Change = read(client.send(method, &path, body.as_ref(), &headers)?)?;
    let (change, verdict) = follow(client, accepted, write)?;
    match format {
        Format::Name => output::print(&format!("{}\n", change.store))?,
        _ => output::one(format, &change, &detail(&change))?,
    }
    verdict
}

/// A tag as a header has it; shells take the quotes away.
pub(super) fn quoted(tag: &str) -> String {
    format!("\"{}\"", tag.trim_matches('"'))
}

pub(super) fn print_plan(format: Format, plan: &Rendered) -> Result<(), Failure> {
    match format {
        Format::Table | Format::Wide => {
            let warnings = output::lines(
                plan.warnings
                    .iter()
                    .map(|it| format!("warning: {}", plain(it))),
            );
            let nothing = if plan.noop {
                "nothing would change\n"
            } else {
                ""
            };
            output::print(&format!("{warnings}{nothing}{}", plan.diff))
        }
        Format::Name => output::print(&format!("{}\n", plan.store)),
        Format::Json | Format::Yaml => output::document(format, plan),
    }
}

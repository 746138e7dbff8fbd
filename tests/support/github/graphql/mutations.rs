//! Mutations: auto-merge and the merge queue.

use serde_json::{Value, json};

use super::super::actions::merge::MergeOrder;
use super::super::http::auth::Who;
use super::super::state::World;
use super::super::state::pulls::Method;
use super::super::state::tokens::Level;
use super::parse::Field;
use super::shapes::{pull, pull_number, queue_entry};
use super::{Failure, undefined};

/// Arguments of a mutation's input.
struct Input<'a> {
    name: &'a str,
    fields: &'a serde_json::Map<String, Value>,
}

impl<'a> Input<'a> {
    /// The input, holding only what the mutation knows.
    fn of(field: &'a Field, known: &[&str]) -> Result<Self, Failure> {
        let input = field.arguments.get("input").and_then(Value::as_object);
        let invalid = |why: String| Failure::new("argumentLiteralsIncompatible", why);
        let fields = input.ok_or_else(|| {
            invalid(format!(
                "Field '{}' is missing required arguments: input",
                field.name
            ))
        })?;
        let strange = fields.keys();
        let mut strange = strange.filter(|it| !known.contains(&it.as_str()));
        if let Some(name) = strange.next() {
            let why = format!(
                "InputObject '{}Input' doesn't accept argument '{name}'",
                field.name
            );
            return Err(invalid(why));
        }
        Ok(Self {
            name: &field.name,
            fields,
        })
    }

    fn text(&self, name: &str) -> Option<String> {
        let text = self.fields.get(name).and_then(Value::as_str);
        text.map(str::to_owned)
    }

    fn id(&self, name: &str) -> Result<String, Failure> {
        self.text(name).ok_or_else(|| {
            let why = format!(
                "Argument '{name}' on InputObject '{}Input' is required. Expected type ID!",
                self.name
            );
            Failure::new("missingRequiredInputObjectAttribute", why)
        })
    }
}

/// Runs a mutation; none where there is no such mutation.
pub(super) fn run(
    world: &mut World,
    who: &Who,
    by: u64,
    field: &Field,
) -> Result<Option<Value>, Failure> {
    let done = match field.name.as_str() {
        "enablePullRequestAutoMerge" => arm(world, who, by, field)?,
        "disablePullRequestAutoMerge" => disarm(world, who, by, field)?,
        "enqueuePullRequest" => enqueue(world, who, by, field)?,
        "dequeuePullRequest" => dequeue(world, who, by, field)?,
        _ => return Err(undefined(field, "Mutation")),
    };
    let mut done = done;
    done["clientMutationId"] = json!(field.arguments["input"]["clientMutationId"]);
    done["__typename"] = json!(format!("{}Payload", field.name));
    Ok(Some(done))
}

fn allowed(world: &World, who: &Who) -> Result<(), Failure> {
    let pulls = who.may(world, &[("pull_requests", Level::Write)]);
    let contents = who.may(world, &[("contents", Level::Write)]);
    if pulls && contents {
        return Ok(());
    }
    let why = match who {
        Who::Installation(_) => "Resource not accessible by integration",
        _ => "Resource not accessible by personal access token",
    };
    Err(Failure::new("FORBIDDEN", why))
}

fn arm(world: &mut World, who: &Who, by: u64, field: &Field) -> Result<Value, Failure> {
    let known = [
        "pullRequestId",
        "mergeMethod",
        "commitHeadline",
        "commitBody",
        "expectedHeadOid",
        "authorEmail",
        "clientMutationId",
    ];
    let input = Input::of(field, &known)?;
    let number = pull_number(world, &input.id("pullRequestId")?)?;
    allowed(world, who)?;
    let method = input
        .text("mergeMethod")
        .unwrap_or_else(|| "MERGE".to_owned());
    let method = Method::named(&method).ok_or_else(|| {
        let why = format!("Argument 'mergeMethod' has an invalid value ({method}).");
        Failure::new("argumentLiteralsIncompatible", why)
    })?;
    let order = MergeOrder {
        method,
        sha: input.text("expectedHeadOid"),
        title: input.text("commitHeadline"),
        message: input.text("commitBody"),
    };
    world.arm(number, &order, by).map_err(Failure::refused)?;
    Ok(json!({"pullRequest": pull(world, &world.pulls[&number]), "actor": null}))
}

fn disarm(world: &mut World, who: &Who, by: u64, field: &Field) -> Result<Value, Failure> {
    let input = Input::of(field, &["pullRequestId", "clientMutationId"])?;
    let number = pull_number(world, &input.id("pullRequestId")?)?;
    allowed(world, who)?;
    let done = world.disarm(number, by, "Auto-merge was disabled manually");
    done.map_err(Failure::refused)?;
    Ok(json!({"pullRequest": pull(world, &world.pulls[&number]), "actor": null}))
}

fn enqueue(world: &mut World, who: &Who, by: u64, field: &Field) -> Result<Value, Failure> {
    let known = [
        "pullRequestId",
        "jump",
        "expectedHeadOid",
        "clientMutationId",
    ];
    let input = Input::of(field, &known)?;
    let number = pull_number(world, &input.id("pullRequestId")?)?;
    allowed(world, who)?;
    let expected = input.text("expectedHeadOid");
    let queued = world.enqueue(number, expected.as_deref(), by);
    let id = queued.map_err(Failure::refused)?;
    let entry = world.queue.iter().find(|it| it.id == id);
    Ok(json!({"mergeQueueEntry": entry.map(|it| queue_entry(world, it))}))
}

fn dequeue(world: &mut World, who: &Who, by: u64, field: &Field) -> Result<Value, Failure> {
    let input = Input::of(field, &["id", "clientMutationId"])?;
    let number = pull_number(world, &input.id("id")?)?;
    allowed(world, who)?;
    let entry = world.queue.iter().find(|it| it.number == number);
    let shown = entry.map(|it| queue_entry(world, it));
    let gone = world.dequeue(number, by, "MANUAL");
    gone.map_err(Failure::refused)?;
    Ok(json!({"mergeQueueEntry": shown}))
}

//! The stand-in's own API, below `/_stand-in/`, for programs that cannot use the Rust handle. JSON in, JSON out, no login.
//!
//! | call | body or answer |
//! |---|---|
//! | `GET facts` | addresses, the App, people with a token each |
//! | `POST webhook` | `{"url": "http://…"}`: where webhooks go; a ping follows |
//! | `POST delivery` | `{"plan": "prompt" \| "never" \| {"late": 500} \| "twice" \| "shuffled"}` |
//! | `GET deliveries`, `POST redeliver` | all webhooks made; `{"id": "<delivery id>"}` |
//! | `POST faults` | `{"method": "POST", "path": "/repos/*/pulls", "after": 0, "times": 1, "effect": {"status": 502}}` |
//! | `DELETE faults` | nothing goes wrong from now on |
//! | `POST advance` | `{"seconds": 3600}`: tokens, windows of limits and waits are that much older |
//! | `GET breaches`, `GET calls` | what broke a limit; every request and push |
//! | `POST users` | `{"login", "role": "write"}` → `{"id", "login", "token"}` |
//! | `POST teams` | `{"slug", "members": ["ann"]}` |
//! | `POST rules` | `{"branch", "approvals": 1, "checks": ["x"], …}`: fields as in `state/rules.rs`; none of them lifts the rules |
//! | `POST settings` | fields as in `state/rules.rs` |
//! | `POST permissions` | `{"checks": "write", …}`: what the App is granted; it is told |
//! | `POST checks` | `{"sha", "name", "conclusion": "success" \| "failure" \| "pending"}` by another App |
//! | `POST queue` | works off the merge queue |
//! | `POST look` | looks at the repository again, after somebody wrote to it behind the server's back |
//!
//! Effects: `{"status": N}`, `{"status-after": N}`, `"hang"`, `"hang-after"`, `"close"`, `"close-after"`, `"html"`,
//! `"html-after"`, `"secondary-limit"`, `{"slow": ms}`, `{"unseen": reads}`; `-after` means that it was done.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, Response, StatusCode};
use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::faults::Fault;
use super::http::{Shared, locked};
use super::state::accounts::Role;
use super::state::rules::{Rules, Settings};
use super::state::tokens::{Level, personal};
use super::state::{OWNER, World};
use super::webhooks::Plan;

/// Answers one call.
pub(crate) fn answer(world: &Shared, request: &Request<Bytes>) -> Response<Body> {
    let name = request.uri().path().trim_start_matches("/_stand-in/");
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let done = run(&mut locked(world), request.method().as_str(), name, &body);
    let (status, body) = match done {
        Ok(body) => (StatusCode::OK, body),
        Err(why) => (StatusCode::BAD_REQUEST, json!({"message": why})),
    };
    let mut answer = Response::new(Body::from(body.to_string()));
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    answer.headers_mut().insert("content-type", kind);
    answer
}

fn run(world: &mut World, method: &str, name: &str, body: &Value) -> Result<Value, String> {
    match (method, name) {
        ("GET", "facts") => return Ok(facts(world)),
        ("GET", "deliveries") => return Ok(json!(world.hooks.deliveries())),
        ("GET", "calls") => return Ok(json!(world.log.calls)),
        ("GET", "breaches") => return Ok(breaches(world)),
        ("POST", "users") => return add_user(world, body),
        ("POST", "webhook") => {
            world.hooks.url = Some(text(body, "url")?);
            world.ping();
        }
        ("POST", "delivery") => world.hooks.plan = parsed::<Plan>(&body["plan"])?,
        ("POST", "redeliver") => {
            let id = text(body, "id")?;
            if !world.hooks.redeliver(&world.from(), &id) {
                return Err(format!("there is no delivery {id}"));
            }
        }
        ("POST", "faults") => world.faults.add(parsed::<Fault>(body)?),
        ("DELETE", "faults") => world.faults.clear(),
        ("POST", "advance") => {
            let seconds = body["seconds"].as_i64().ok_or("seconds is a number")?;
            world.age(SignedDuration::from_secs(seconds));
        }
        ("POST", "teams") => add_team(world, body)?,
        ("POST", "rules") => {
            let rules = rules(body)?;
            world.rules.insert(text(body, "branch")?, rules);
        }
        ("POST", "settings") => settings(&mut world.settings, body)?,
        ("POST", "permissions") => permissions(world, body)?,
        ("POST", "checks") => {
            let (sha, name) = (text(body, "sha")?, text(body, "name")?);
            world.ci_reports(&sha, &name, &text(body, "conclusion")?);
        }
        ("POST", "queue") => world.process_queue(),
        ("POST", "look") => world.branches_moved(OWNER),
        _ => {
            return Err(format!(
                "there is no {method} {name}; control.rs lists what there is"
            ));
        }
    }
    Ok(json!({}))
}

fn text(body: &Value, name: &str) -> Result<String, String> {
    let found = body[name].as_str().map(str::to_owned);
    found.ok_or_else(|| format!("{name} is a text"))
}

fn parsed<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|why| why.to_string())
}

fn breaches(world: &World) -> Value {
    let all = world.limits.breaches.iter();
    all.map(|it| json!({"at": it.at, "identity": it.identity, "what": it.what}))
        .collect()
}

fn add_user(world: &mut World, body: &Value) -> Result<Value, String> {
    let login = text(body, "login")?;
    let role = body["role"].as_str().unwrap_or("write");
    let role = Role::named(role).ok_or_else(|| format!("there is no role {role}"))?;
    let id = world.put_person(&login, role);
    let token = world.new_personal_token(id, personal(role >= Role::Admin));
    Ok(json!({"id": id, "login": login, "token": token}))
}

fn add_team(world: &mut World, body: &Value) -> Result<(), String> {
    let slug = text(body, "slug")?;
    let names = body["members"].as_array().ok_or("members is a list")?;
    let names = names.iter().filter_map(Value::as_str);
    let known = |name: &str| world.account_named(name).map(|it| it.id);
    let ids: Option<Vec<u64>> = names.map(known).collect();
    world.put_team(&slug, &ids.ok_or("a member is not known")?);
    Ok(())
}

fn permissions(world: &mut World, body: &Value) -> Result<(), String> {
    let wanted = body.as_object().ok_or("permissions are an object")?;
    let one = |(name, level): (&String, &Value)| {
        let level = level.as_str().and_then(Level::named)?;
        Some((name.clone(), level))
    };
    let all: Option<_> = wanted.iter().map(one).collect();
    world.app.permissions = all.ok_or("a level is read or write")?;
    world.tell_installation("new_permissions_accepted", OWNER);
    Ok(())
}

/// Fields of an object that were asked for, each known.
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn flag(&self, name: &str, onto: &mut bool) {
        if let Some(value) = self.0.get(name).and_then(Value::as_bool) {
            *onto = value;
        }
    }

    fn text(&self, name: &str, onto: &mut String) {
        if let Some(value) = self.0.get(name).and_then(Value::as_str) {
            value.clone_into(onto);
        }
    }

    fn texts(&self, name: &str) -> Vec<String> {
        let list = self.0.get(name).and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    fn only(&self, known: &[&str]) -> Result<(), String> {
        let strange = self.0.keys().find(|it| !known.contains(&it.as_str()));
        strange.map_or(Ok(()), |name| Err(format!("there is no field {name}")))
    }
}

fn rules(body: &Value) -> Result<Rules, String> {
    let fields = Fields(body.as_object().ok_or("rules are an object")?);
    fields.only(&[
        "branch",
        "ruleset",
        "pull_request",
        "approvals",
        "dismiss_stale",
        "last_push_approval",
        "checks",
        "strict",
        "linear_history",
        "signatures",
        "merge_queue",
        "fixed",
        "bypass",
    ])?;
    let mut rules = Rules {
        approvals: usize::try_from(body["approvals"].as_u64().unwrap_or(0)).unwrap_or(0),
        checks: fields.texts("checks"),
        bypass: fields.texts("bypass"),
        ..Rules::default()
    };
    fields.flag("ruleset", &mut rules.ruleset);
    fields.flag("pull_request", &mut rules.pull_request);
    fields.flag("dismiss_stale", &mut rules.dismiss_stale);
    fields.flag("last_push_approval", &mut rules.last_push_approval);
    fields.flag("strict", &mut rules.strict);
    fields.flag("linear_history", &mut rules.linear_history);
    fields.flag("signatures", &mut rules.signatures);
    fields.flag("merge_queue", &mut rules.merge_queue);
    fields.flag("fixed", &mut rules.fixed);
    Ok(rules)
}

fn settings(onto: &mut Settings, body: &Value) -> Result<(), String> {
    let fields = Fields(body.as_object().ok_or("settings are an object")?);
    fields.only(&[
        "allow_merge_commit",
        "allow_squash_merge",
        "allow_rebase_merge",
        "allow_auto_merge",
        "delete_branch_on_merge",
        "squash_merge_commit_title",
        "squash_merge_commit_message",
        "has_issues",
        "archived",
        "queue_at_once",
    ])?;
    fields.flag("allow_merge_commit", &mut onto.allow_merge_commit);
    fields.flag("allow_squash_merge", &mut onto.allow_squash_merge);
    fields.flag("allow_rebase_merge", &mut onto.allow_rebase_merge);
    fields.flag("allow_auto_merge", &mut onto.allow_auto_merge);
    fields.flag("delete_branch_on_merge", &mut onto.delete_branch_on_merge);
    fields.flag("has_issues", &mut onto.has_issues);
    fields.flag("archived", &mut onto.archived);
    fields.flag("queue_at_once", &mut onto.queue_at_once);
    fields.text(
        "squash_merge_commit_title",
        &mut onto.squash_merge_commit_title,
    );
    fields.text(
        "squash_merge_commit_message",
        &mut onto.squash_merge_commit_message,
    );
    Ok(())
}

/// Everything a person or a program needs to use the stand-in.
pub(crate) fn facts(world: &World) -> Value {
    let people = world.accounts.values().filter(|it| it.id < 9000);
    let people: Vec<Value> = people
        .map(|it| {
            let owner = super::state::tokens::Owner::Person(it.id);
            let token = world.tokens.iter().find(|(_, token)| token.owner == owner);
            json!({
                "id": it.id,
                "login": it.login,
                "role": it.role.name(),
                "token": token.map(|(text, _)| text),
            })
        })
        .collect();
    json!({
        "url": world.host,
        "apiUrl": world.api(),
        "cloneUrl": format!("{}.git", world.repo_html()),
        "owner": world.options.owner,
        "name": world.options.name,
        "appId": world.app.id,
        "appSlug": world.app.slug,
        "botId": world.app.bot,
        "installationId": world.app.installation,
        "privateKey": world.app.key_file,
        "webhookSecret": world.app.webhook_secret,
        "people": people,
    })
}

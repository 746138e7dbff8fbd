//! The App itself: what it is, where it is installed, its tokens, its limits, its webhooks.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::http::answer::Answer;
use super::super::http::auth::Who;
use super::super::json::{accounts, repository, time};
use super::super::limits::Allowance;
use super::super::problem::Problem;
use super::super::state::accounts::Role;
use super::super::state::tokens::{Level, Owner, Permissions, Token, random};
use super::{Call, Outcome};

fn only_app(call: &Call) -> Result<(), Problem> {
    match call.who {
        Who::App => Ok(()),
        _ => Err(Problem::new(401, "A JSON web token could not be decoded")),
    }
}

pub(super) fn app(call: &mut Call) -> Outcome {
    only_app(call)?;
    let mut shown = accounts::app(call.world, &call.world.app);
    shown["installations_count"] = json!(1);
    Ok(Answer::ok(shown))
}

pub(super) fn installations(call: &mut Call) -> Outcome {
    only_app(call)?;
    let app = &call.world.app;
    call.list(&[app], |app| {
        let mut shown = accounts::installation(call.world, app);
        // in this one list the description wants an account to be a user and an enterprise at once
        let world = &*call.world;
        let both = json!({
            "name": world.options.owner,
            "slug": world.options.owner,
            "created_at": time(world.began),
            "updated_at": time(world.began),
        });
        repository::merge(&mut shown["account"], both);
        shown
    })
}

pub(super) fn installation(call: &mut Call) -> Outcome {
    only_app(call)?;
    if call.number(0)? != call.world.app.installation {
        return Err(Problem::not_found());
    }
    let shown = accounts::installation(call.world, &call.world.app);
    Ok(Answer::ok(shown))
}

pub(super) fn of_repository(call: &mut Call) -> Outcome {
    only_app(call)?;
    let shown = accounts::installation(call.world, &call.world.app);
    Ok(Answer::ok(shown))
}

/// Makes a token, narrowed to what is asked for.
pub(super) fn new_token(call: &mut Call) -> Outcome {
    only_app(call)?;
    if call.number(0)? != call.world.app.installation {
        return Err(Problem::not_found());
    }
    check_repositories(call)?;
    let granted = narrowed(call)?;
    let life = SignedDuration::try_from(call.world.options.token_life).expect("a short time");
    let expires = Timestamp::now() + life;
    let text = random("ghs_");
    let token = Token {
        owner: Owner::Installation,
        permissions: granted.clone(),
        expires: Some(expires),
        reaches: true,
    };
    call.world.tokens.insert(text.clone(), token);
    let mut shown = json!({
        "token": text,
        "expires_at": time(expires),
        "permissions": accounts::permissions(&granted),
        "repository_selection": "selected",
    });
    if call.body.contains_key("repositories") || call.body.contains_key("repository_ids") {
        shown["repositories"] = json!([repository::full(call.world, Role::Write)]);
    }
    Ok(Answer::new(201, shown))
}

fn check_repositories(call: &Call) -> Result<(), Problem> {
    let name = &call.world.options.name;
    let mut names = call.texts("repositories").into_iter();
    let ids = call.body.get("repository_ids").and_then(Value::as_array);
    let mut ids = ids.into_iter().flatten();
    let known = names.all(|it| it.eq_ignore_ascii_case(name))
        && ids.all(|it| it.as_u64() == Some(repository::ID));
    if known {
        return Ok(());
    }
    Err(Problem::new(
        422,
        "There is at least one repository that does not exist or is not accessible to the parent installation.",
    ))
}

fn narrowed(call: &Call) -> Result<Permissions, Problem> {
    let have = &call.world.app.permissions;
    let Some(Value::Object(wanted)) = call.body.get("permissions") else {
        return Ok(have.clone());
    };
    let mut granted = Permissions::new();
    for (name, level) in wanted {
        let level = level.as_str().and_then(Level::named);
        let level = level.ok_or_else(|| {
            let why = format!(
                "Invalid request.\n\nFor 'properties/{name}', it is not a member of [read, write]."
            );
            Problem::new(422, why)
        })?;
        if have.get(name).is_none_or(|have| *have < level) {
            let why = "The permissions requested are not granted to this installation.";
            return Err(Problem::new(422, why));
        }
        granted.insert(name.clone(), level);
    }
    // metadata comes with every other one
    granted.insert("metadata".to_owned(), Level::Read);
    Ok(granted)
}

/// The deliveries of the App's webhook, newest first.
pub(super) fn deliveries(call: &mut Call) -> Outcome {
    only_app(call)?;
    let mut made = call.world.hooks.deliveries();
    let at = time(call.world.began);
    made.reverse();
    let all = made.len();
    let numbered: Vec<(usize, _)> = made.into_iter().enumerate().collect();
    call.list(&numbered, |(place, it)| {
        let status = it.attempts.last().copied().unwrap_or(0);
        json!({
            "id": all - place,
            "guid": it.id,
            "delivered_at": at,
            "redelivery": it.attempts.len() > 1,
            "duration": 0.1,
            "status": if status == 0 { "failed to connect".to_owned() } else { status.to_string() },
            "status_code": status,
            "event": it.event,
            "action": if it.action.is_empty() { Value::Null } else { json!(it.action) },
            "installation_id": call.world.app.installation,
            "repository_id": repository::ID,
            "throttled_at": null,
        })
    })
}

/// Delivers again, under the old delivery id.
pub(super) fn redeliver(call: &mut Call) -> Outcome {
    only_app(call)?;
    let number = usize::try_from(call.number(0)?).unwrap_or(0);
    let made = call.world.hooks.deliveries();
    let found = number.checked_sub(1).and_then(|place| made.get(place));
    let delivery = found.ok_or_else(Problem::not_found)?;
    call.world.hooks.redeliver(&call.world.from(), &delivery.id);
    Ok(Answer::new(202, json!({})))
}

/// What a token of the installation reaches.
pub(super) fn repositories(call: &mut Call) -> Outcome {
    if !matches!(call.who, Who::Installation(_)) {
        return Err(call.who.refused());
    }
    let shown = repository::full(call.world, Role::Write);
    Ok(call
        .query
        .counted(&call.url, "repositories", &[shown], Clone::clone))
}

#[expect(clippy::unnecessary_wraps, reason = "every route answers like this")]
pub(super) fn rate_limit(call: &mut Call) -> Outcome {
    let identity = call.who.identity(call.world);
    let shown = |it: Allowance| {
        json!({
            "limit": it.limit,
            "used": it.used,
            "remaining": it.limit.saturating_sub(it.used),
            "reset": it.reset.as_second(),
        })
    };
    let core = shown(call.world.limits.allowance(&identity, false));
    let graphql = shown(call.world.limits.allowance(&identity, true));
    Ok(Answer::ok(json!({
        "resources": {"core": core, "search": core, "graphql": graphql},
        "rate": core,
    })))
}

/// What GitHub says of itself; a GitHub Enterprise Server adds its version.
#[expect(clippy::unnecessary_wraps, reason = "every route answers like this")]
pub(super) fn meta(call: &mut Call) -> Outcome {
    let mut shown = json!({"verifiable_password_authentication": false});
    if call.world.options.ghes {
        shown["installed_version"] = json!("3.17.0");
    }
    shown["ssh_keys"] = json!([]);
    Ok(Answer::ok(shown))
}

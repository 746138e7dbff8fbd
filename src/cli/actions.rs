//! The actions of `fleetwright store …` as calls of the API.

use serde_json::{Map, Value, json};
use ureq::http::Method;

use super::args::{ActionArgs, Mode, StoreCommand, WriteArgs};
use super::failure::Failure;
use crate::domain::StoreName;

/// Method and path, body, and how the write is wanted.
type Asked = ((Method, String), Map<String, Value>, WriteArgs);

/// What an action asks of the API.
pub(super) fn asked(command: StoreCommand) -> Result<Asked, Failure> {
    let (name, action, body, write) = match command {
        StoreCommand::Upgrade {
            name,
            version,
            allow_downgrade,
            write,
        } => {
            let body = json!({"version": version, "allowDowngrade": allow_downgrade});
            (name, "upgrade", body, write)
        }
        StoreCommand::Suspend(ActionArgs { name, write }) => (name, "suspend", json!({}), write),
        StoreCommand::Resume(ActionArgs { name, write }) => (name, "resume", json!({}), write),
        StoreCommand::Rollback { name, to, write } => {
            let body = to.map_or_else(|| json!({}), |to| json!({"to": to}));
            (name, "rollback", body, write)
        }
        StoreCommand::Retry { name, mode, write } => {
            let body = mode.map_or_else(|| json!({}), |mode| json!({"mode": word(mode)}));
            (name, "retry", body, write)
        }
        other => return Err(Failure::usage(format!("{other:?} is no action"))),
    };
    let body = body.as_object().cloned().unwrap_or_default();
    Ok((place(&name, action), body, write))
}

fn place(name: &StoreName, action: &str) -> (Method, String) {
    (Method::POST, format!("/api/v1/stores/{name}/{action}"))
}

fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Reconcile => "reconcile",
        Mode::Reset => "reset",
        Mode::Force => "force",
    }
}

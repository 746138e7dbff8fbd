//! From a request to an intent that may be written, or to the sentence why not.
//!
//! One pure decision, taken again when the change is written: [`decide`] at intake against the newest accepted
//! record, [`apply`] at the writer against the record in Git. Must not know: journals, queues or tips.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::book::Book;
use super::change::Action;
use super::entry::Entry;
use super::policy::FleetPolicy;
use super::record::{Deletion, Record, RetryMode, Spec, sha256_hex};
use super::request::{Adopted, Caller, Refusal, Request, Violation};
use super::retry::needed;
use super::rules::{Asked, violations};
use super::{ChangeId, CommitId, Host, StoreName, Uid};

mod create;
mod hand_edit;
mod life_cycle;

use create::decide_create;
pub use hand_edit::adopt;
pub use life_cycle::of_then;

/// What an accepted change shall do, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Intent {
    /// Write this record.
    Create(Box<Record>),
    /// Merge this patch into the spec.
    Update(Map<String, Value>),
    /// Move to another chart version.
    #[serde(rename_all = "camelCase")]
    Upgrade {
        /// The version.
        version: String,
        /// Whether it may be an older one.
        allow_downgrade: bool,
    },
    /// Switch the shop off.
    Suspend,
    /// Switch the shop on.
    Resume,
    /// Go back to an earlier spec.
    Rollback(Box<Earlier>),
    /// Have Flux try again.
    Retry {
        /// How much of it.
        mode: RetryMode,
    },
    /// Have Flux apply what Git holds already, because somebody suspended it in the cluster. Asked for by Fleetwright
    /// itself only.
    Restore,
    /// Begin the deletion.
    Delete,
    /// Take over what a person did to the record on main.
    Adopt {
        /// Their newest commit.
        commit: CommitId,
        /// What it amounts to.
        kind: Adopted,
    },
}

/// A store as an earlier commit left it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Earlier {
    /// The commit.
    pub commit: CommitId,
    /// The spec of then.
    pub spec: Spec,
}

/// A request that may be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The store.
    pub store: StoreName,
    /// Its uid.
    pub uid: Uid,
    /// What the change is called.
    pub action: Action,
    /// What it does.
    pub intent: Intent,
    /// The record afterwards, as far as it is known now.
    pub record: Record,
}

/// What a decision is taken from.
pub struct Circumstances<'a> {
    /// The policy in force.
    pub policy: &'a FleetPolicy,
    /// What is taken, queued requests included.
    pub book: &'a Book,
    /// Who asks.
    pub caller: &'a Caller,
    /// The change's id.
    pub id: &'a ChangeId,
    /// The hosts that the caller has proved to be theirs.
    pub proven: &'a [Host],
    /// The time.
    pub now: Timestamp,
    /// Whether counts and budgets are lifted.
    pub lifted: bool,
}

impl<'a> Circumstances<'a> {
    /// Those in which an accepted request is looked at again: its limits were counted when it was accepted.
    pub fn again(policy: &'a FleetPolicy, book: &'a Book, entry: &'a Entry) -> Self {
        Self {
            policy,
            book,
            caller: &entry.caller,
            id: &entry.change.id,
            proven: &entry.proven,
            now: entry.change.created_at,
            lifted: true,
        }
    }
}

/// Decides a request against the store's newest accepted record (`current`), queued changes included. `earlier` is
/// where a rollback goes.
pub fn decide(
    at: &Circumstances<'_>,
    request: &Request,
    current: Option<&Record>,
    earlier: Option<Earlier>,
) -> Result<Decision, Refusal> {
    let store = match (request, request.store()) {
        (Request::Create(create), _) => return decide_create(at, create),
        (_, Some(store)) => store,
        (_, None) => return Err(Refusal::Conflict("the request names no store".to_owned())),
    };
    let record = present(at, store, current)?;
    let (action, intent) = intent_of(request, earlier)?;
    life_cycle::may_follow(action, record)?;
    let new = match changed(at, &intent, record)? {
        Outcome::Put(new) => *new,
        Outcome::Same => record.clone(),
    };
    Ok(decision(record, action, intent, new))
}

/// What a request about a store that is there is called, and what it shall do.
fn intent_of(request: &Request, earlier: Option<Earlier>) -> Result<(Action, Intent), Refusal> {
    Ok(match request {
        Request::Update { patch, .. } => (Action::Update, Intent::Update(patch.clone())),
        Request::Upgrade {
            version,
            allow_downgrade,
            ..
        } => {
            let intent = Intent::Upgrade {
                version: version.clone(),
                allow_downgrade: *allow_downgrade,
            };
            (Action::Upgrade, intent)
        }
        Request::Suspend { .. } => (Action::Suspend, Intent::Suspend),
        Request::Resume { .. } => (Action::Resume, Intent::Resume),
        Request::Rollback { store, .. } => {
            let earlier = earlier.ok_or_else(|| life_cycle::nothing_earlier(store))?;
            (Action::Rollback, Intent::Rollback(Box::new(earlier)))
        }
        Request::Retry { mode, .. } => {
            let mode = mode.unwrap_or_else(|| needed(None));
            (Action::Retry, Intent::Retry { mode })
        }
        Request::Delete { .. } => (Action::Delete, Intent::Delete),
        Request::Create(_) | Request::Adopt { .. } => {
            let text = "a store that is there is neither created nor adopted by a request";
            return Err(Refusal::Conflict(text.to_owned()));
        }
    })
}

/// What a written change leaves of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// This record.
    Put(Box<Record>),
    /// The same record: nothing to write.
    Same,
}

/// Applies an intent to the record as it is in Git now.
pub fn apply(
    at: &Circumstances<'_>,
    intent: &Intent,
    current: Option<&Record>,
) -> Result<Outcome, Refusal> {
    if let Intent::Create(record) = intent {
        return match current {
            None => Ok(Outcome::Put(record.clone())),
            Some(there) if there.metadata.uid == record.metadata.uid => Ok(Outcome::Same),
            Some(_) => Err(Refusal::Conflict(format!(
                "store {} is there already",
                record.name()
            ))),
        };
    }
    let gone = || Refusal::Conflict("the store is gone from the fleet repository".to_owned());
    changed(at, intent, current.ok_or_else(gone)?)
}

/// What an intent makes of a store that is there.
fn changed(at: &Circumstances<'_>, intent: &Intent, record: &Record) -> Result<Outcome, Refusal> {
    let leaving = record.metadata.deletion.is_some();
    if leaving && !matches!(intent, Intent::Delete) {
        return Err(life_cycle::leaving(record));
    }
    let new = match intent {
        Intent::Update(patch) => patched(at, record, patch, "")?,
        Intent::Upgrade {
            version,
            allow_downgrade,
        } => life_cycle::upgraded(at, record, version, *allow_downgrade)?,
        Intent::Suspend => life_cycle::switched(record, true),
        Intent::Resume => life_cycle::switched(record, false),
        Intent::Rollback(earlier) => life_cycle::rolled_back(at, record, earlier)?,
        Intent::Retry { mode } => life_cycle::retried(at, record, *mode),
        Intent::Restore => life_cycle::retried(at, record, RetryMode::Reconcile),
        Intent::Delete if leaving => record.clone(),
        Intent::Delete => marked(record, at),
        Intent::Create(_) | Intent::Adopt { .. } => {
            let text = "a store that is there is neither created nor adopted by a request";
            return Err(Refusal::Conflict(text.to_owned()));
        }
    };
    Ok(same_or(record, new))
}

/// The hash of a spec: an `ETag`, a precondition.
pub fn etag(spec: &Spec) -> String {
    let json = serde_json::to_vec(spec).unwrap_or_default();
    sha256_hex(&json)[..32].to_owned()
}

/// The fields of a spec that a patch may name; `suspended` and `retry` have actions of their own. Engine and cluster may
/// be named as they are.
pub const PATCHABLE: [&str; 10] = [
    "plan",
    "version",
    "host",
    "extraHosts",
    "values",
    "owner",
    "deletionProtection",
    "volumes",
    "engine",
    "cluster",
];

fn patched(
    at: &Circumstances<'_>,
    record: &Record,
    patch: &Map<String, Value>,
    root: &str,
) -> Result<Record, Refusal> {
    let known = |key: &&String| PATCHABLE.contains(&key.as_str());
    if let Some(key) = patch.keys().find(|key| !known(key)) {
        return Err(no(&format!("{root}/{key}"), life_cycle::instead(key)));
    }
    if at.caller.role < super::request::Role::Operator && patch.contains_key("owner") {
        return Err(no("/owner", "needs an operator"));
    }
    let mut spec =
        serde_json::to_value(&record.spec).map_err(|error| no(root, &error.to_string()))?;
    json_patch::merge(&mut spec, &Value::Object(patch.clone()));
    let spec: Spec = serde_path_to_error::deserialize(spec).map_err(|error| {
        let pointer = format!("{root}/{}", error.path().to_string().replace('.', "/"));
        no(pointer.trim_end_matches("/?"), &error.inner().to_string())
    })?;
    checked(at, record, spec, root, false)
}

/// The record with another spec, if the rules allow it.
fn checked(
    at: &Circumstances<'_>,
    record: &Record,
    spec: Spec,
    root: &str,
    may_downgrade: bool,
) -> Result<Record, Refusal> {
    let asked = Asked {
        policy: at.policy,
        book: at.book,
        caller: at.caller,
        name: record.name(),
        uid: record.metadata.uid.as_ref(),
        proven: at.proven,
        old: Some(&record.spec),
        new: &spec,
        now: at.now,
        lifted: at.lifted,
        may_downgrade,
    };
    let bad = violations(&asked, root);
    if !bad.is_empty() {
        return Err(Refusal::Invalid(bad));
    }
    Ok(Record {
        spec,
        ..record.clone()
    })
}

fn marked(record: &Record, at: &Circumstances<'_>) -> Record {
    let mut record = record.clone();
    record.metadata.deletion = Some(Deletion {
        change: at.id.clone(),
        at: at.now,
        applied: true,
    });
    record
}

fn present<'a>(
    at: &Circumstances<'_>,
    store: &StoreName,
    current: Option<&'a Record>,
) -> Result<&'a Record, Refusal> {
    let not_found = || Refusal::NotFound(store.to_string());
    let record = current.ok_or_else(not_found)?;
    let foreign =
        at.caller.role == super::request::Role::Merchant && record.spec.owner != at.caller.owner;
    if foreign {
        Err(not_found())
    } else {
        Ok(record)
    }
}

fn decision(record: &Record, action: Action, intent: Intent, new: Record) -> Decision {
    let uid = record
        .metadata
        .uid
        .clone()
        .expect("an accepted record has a uid");
    Decision {
        store: record.name().clone(),
        uid,
        action,
        intent,
        record: new,
    }
}

fn same_or(old: &Record, new: Record) -> Outcome {
    if *old == new {
        Outcome::Same
    } else {
        Outcome::Put(Box::new(new))
    }
}

fn invalid(pointer: &str, error: &super::BadId) -> Refusal {
    no(pointer, &error.to_string())
}

fn no(pointer: &str, detail: &str) -> Refusal {
    Refusal::Invalid(vec![Violation::new(pointer, detail)])
}

#[cfg(test)]
mod tests;

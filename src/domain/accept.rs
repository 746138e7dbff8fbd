//! From a request to an intent that may be written, or to the sentence why not.
//!
//! One pure decision, taken again when the change is written: [`decide`] at intake against the newest accepted
//! record, [`apply`] at the writer against the record in Git. Must not know: journals, queues or tips.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::book::{Book, Life};
use super::change::Action;
use super::policy::FleetPolicy;
use super::record::{Deletion, Record, Spec, sha256_hex};
use super::request::{Adopted, Caller, CreateRequest, Refusal, Request, Violation};
use super::rules::{Asked, violations};
use super::{ChangeId, CommitId, StoreName, Uid};

/// What an accepted change shall do, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Intent {
    /// Write this record.
    Create(Box<Record>),
    /// Merge this patch into the spec.
    Update(Map<String, Value>),
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
    /// The time.
    pub now: Timestamp,
    /// Whether counts and budgets are lifted.
    pub lifted: bool,
}

/// Decides a request against the store's newest accepted record (`current`), queued changes included.
pub fn decide(
    at: &Circumstances<'_>,
    request: &Request,
    current: Option<&Record>,
) -> Result<Decision, Refusal> {
    match request {
        Request::Create(create) => decide_create(at, create),
        Request::Update { store, patch } => {
            let record = present(at, store, current)?;
            if record.metadata.deletion.is_some() {
                return Err(Refusal::Conflict(format!(
                    "store {store} is being deleted and takes no changes"
                )));
            }
            let new = patched(at, record, patch, "")?;
            Ok(decision(
                record,
                Action::Update,
                Intent::Update(patch.clone()),
                new,
            ))
        }
        Request::Delete { store } => {
            let record = present(at, store, current)?;
            if record.spec.deletion_protection {
                let text =
                    format!("store {store} is protected; set deletionProtection to false first");
                return Err(Refusal::Conflict(text));
            }
            let new = marked(record, at);
            Ok(decision(record, Action::Delete, Intent::Delete, new))
        }
        Request::Adopt { store, .. } => Err(Refusal::Conflict(format!(
            "store {store} is adopted by the writer only"
        ))),
    }
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
    let gone = || Refusal::Conflict("the store is gone from the fleet repository".to_owned());
    match intent {
        Intent::Create(record) => match current {
            None => Ok(Outcome::Put(record.clone())),
            Some(there) if there.metadata.uid == record.metadata.uid => Ok(Outcome::Same),
            Some(_) => Err(Refusal::Conflict(format!(
                "store {} is there already",
                record.name()
            ))),
        },
        Intent::Update(patch) => {
            let record = current.ok_or_else(gone)?;
            if record.metadata.deletion.is_some() {
                return Err(Refusal::Conflict(format!(
                    "store {} is being deleted",
                    record.name()
                )));
            }
            Ok(same_or(record, patched(at, record, patch, "")?))
        }
        Intent::Delete => {
            let record = current.ok_or_else(gone)?;
            if record.metadata.deletion.is_some() {
                return Ok(Outcome::Same);
            }
            Ok(Outcome::Put(Box::new(marked(record, at))))
        }
        Intent::Adopt { .. } => Err(Refusal::Conflict(
            "a hand edit is judged by adopt()".to_owned(),
        )),
    }
}

/// Judges a record that a person wrote: `old` is the accepted one, `new` what lies on main now.
///
/// Returns the record as it shall be rendered, with the uid that is Fleetwright's to give.
pub fn adopt(
    at: &Circumstances<'_>,
    name: &StoreName,
    old: Option<&Record>,
    new: &Record,
) -> Result<Record, Refusal> {
    let mut bad = Vec::new();
    if new.name() != name {
        bad.push(Violation::new(
            "/metadata/name",
            format!("must be {name}, as the file is called"),
        ));
    }
    if new.api_version != super::record::API_VERSION || new.kind != "Store" {
        bad.push(Violation::new(
            "/kind",
            "must be a fleetwright.dev/v1 Store",
        ));
    }
    let uid = match old {
        Some(old) => old.metadata.uid.clone(),
        None => Some(Uid::from(at.id.clone())),
    };
    if new.metadata.uid.is_some() && (old.is_none() || new.metadata.uid != uid) {
        bad.push(Violation::new(
            "/metadata/uid",
            "is Fleetwright's to give; leave it as it was, or out of a new record",
        ));
    }
    if new.metadata.deletion != old.and_then(|it| it.metadata.deletion.clone()) {
        bad.push(Violation::new(
            "/metadata/deletion",
            "is Fleetwright's to set; remove the file to ask for a deletion",
        ));
    }
    if let (None, Some(held)) = (old, at.book.get(name))
        && let Err(refusal) = free(at, name, &new.spec, held)
    {
        bad.push(Violation::new("/metadata/name", refusal.to_string()));
    }
    let old_spec = old.map(|it| &it.spec);
    let spec = &new.spec;
    let asked = Asked {
        policy: at.policy,
        book: at.book,
        caller: at.caller,
        name,
        old: old_spec,
        new: spec,
        lifted: at.lifted,
    };
    bad.extend(violations(&asked, "/spec"));
    if !bad.is_empty() {
        return Err(Refusal::Invalid(bad));
    }
    let mut record = new.clone();
    record.metadata.uid = uid;
    Ok(record)
}

/// The hash of a spec: an ETag, a precondition.
pub fn etag(spec: &Spec) -> String {
    let json = serde_json::to_vec(spec).unwrap_or_default();
    sha256_hex(&json)[..32].to_owned()
}

/// The name of a store that was given none: 12 hex characters of which the first is a letter.
fn generated(id: &ChangeId) -> Result<StoreName, Refusal> {
    let mut digits = sha256_hex(id.as_str().as_bytes())[..12].to_owned();
    if digits.starts_with(|c: char| c.is_ascii_digit()) {
        let letter = char::from(b'a' + (digits.as_bytes()[0] - b'0') % 6);
        digits.replace_range(..1, &letter.to_string());
    }
    digits
        .parse()
        .map_err(|error: super::BadId| invalid("/name", &error))
}

fn decide_create(at: &Circumstances<'_>, create: &CreateRequest) -> Result<Decision, Refusal> {
    let name = match &create.name {
        Some(text) => text.parse().map_err(|error| invalid("/name", &error))?,
        None => generated(at.id)?,
    };
    let spec = resolve(at, &name, create)?;
    if let Some(held) = at.book.get(&name) {
        free(at, &name, &spec, held)?;
    }
    let asked = Asked {
        policy: at.policy,
        book: at.book,
        caller: at.caller,
        name: &name,
        old: None,
        new: &spec,
        lifted: at.lifted,
    };
    let bad = violations(&asked, "");
    if !bad.is_empty() {
        return Err(Refusal::Invalid(bad));
    }
    let uid = Uid::from(at.id.clone());
    let record = Record::new(name.clone(), uid.clone(), spec);
    let intent = Intent::Create(Box::new(record.clone()));
    Ok(Decision {
        store: name,
        uid,
        action: Action::Create,
        intent,
        record,
    })
}

/// Whether a name that was once used may be used again: by its old owner, once the store is gone.
fn free(
    at: &Circumstances<'_>,
    name: &StoreName,
    spec: &Spec,
    held: &super::book::Held,
) -> Result<(), Refusal> {
    match held.life {
        Life::Live => Err(Refusal::Conflict(format!(
            "the name {name} is taken; choose another"
        ))),
        Life::Leaving => Err(Refusal::Conflict(format!(
            "store {name} is still being deleted; try again when it is gone"
        ))),
        Life::Gone { until } if until > at.now && held.owner != spec.owner => {
            Err(Refusal::Conflict(format!(
                "the name {name} is held for its former owner until {until:.0}; choose another"
            )))
        }
        Life::Gone { .. } => Ok(()),
    }
}

/// Fills in what the request left out, so that the record never depends on a later policy.
fn resolve(
    at: &Circumstances<'_>,
    name: &StoreName,
    create: &CreateRequest,
) -> Result<Spec, Refusal> {
    let policy = at.policy;
    let cluster = match &create.cluster {
        Some(text) => text.parse().map_err(|error| invalid("/cluster", &error))?,
        None => policy
            .clusters
            .keys()
            .next()
            .cloned()
            .ok_or_else(|| no("/cluster", "the policy has no cluster"))?,
    };
    let offers = |plan: &&String| policy.plans[*plan].engines.contains_key(&create.engine);
    let plan = match &create.plan {
        Some(plan) => plan.clone(),
        None => policy
            .plans
            .keys()
            .find(offers)
            .or(policy.plans.keys().next())
            .cloned()
            .unwrap_or_default(),
    };
    let version = match (&create.version, policy.engines.get(&create.engine)) {
        (Some(version), _) => version.clone(),
        (None, engine) => engine.map(|it| it.default.clone()).unwrap_or_default(),
    };
    let owner = match &create.owner {
        Some(text) => text.parse().map_err(|error| invalid("/owner", &error))?,
        None => at.caller.owner.clone(),
    };
    if at.caller.role < super::request::Role::Operator && owner != at.caller.owner {
        return Err(no("/owner", "you may create stores for yourself only"));
    }
    let host = match (&create.host, policy.clusters.get(&cluster)) {
        (Some(host), _) => host.clone(),
        (None, Some(cluster)) => format!("{name}.{}", cluster.base_domain),
        (None, None) => format!("{name}.invalid"),
    };
    let host = host.parse().map_err(|error| invalid("/host", &error))?;
    let mut extra_hosts = Vec::new();
    for (i, text) in create.extra_hosts.iter().enumerate() {
        extra_hosts.push(
            text.parse()
                .map_err(|error| invalid(&format!("/extraHosts/{i}"), &error))?,
        );
    }
    let given = policy
        .plans
        .get(&plan)
        .and_then(|it| it.engines.get(&create.engine));
    Ok(Spec {
        engine: create.engine.clone(),
        plan,
        owner,
        cluster,
        host,
        extra_hosts,
        version,
        values: create.values.clone(),
        volumes: given.map(|it| it.volumes.clone()).unwrap_or_default(),
        suspended: false,
        deletion_protection: policy.deletion.protect,
        retry: None,
    })
}

/// The fields of a spec that a patch may name; `suspended` and `retry` have actions of their own.
const PATCHABLE: [&str; 9] = [
    "plan",
    "version",
    "host",
    "extraHosts",
    "values",
    "owner",
    "deletionProtection",
    "volumes",
    "engine",
];

fn patched(
    at: &Circumstances<'_>,
    record: &Record,
    patch: &Map<String, Value>,
    root: &str,
) -> Result<Record, Refusal> {
    let known = |key: &&String| PATCHABLE.contains(&key.as_str()) || *key == "cluster";
    if let Some(key) = patch.keys().find(|key| !known(key)) {
        return Err(no(
            &format!("{root}/{key}"),
            "cannot be changed, or is no field of a store",
        ));
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
    let asked = Asked {
        policy: at.policy,
        book: at.book,
        caller: at.caller,
        name: record.name(),
        old: Some(&record.spec),
        new: &spec,
        lifted: at.lifted,
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

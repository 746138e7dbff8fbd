//! From an accepted entry and the tip to a plan: the same derivation for a first try, a lost race and a dry run.

use std::collections::BTreeSet;

use crate::domain::accept::{Circumstances, Intent, Outcome, apply};
use crate::domain::change::{Action, ChangeError};
use crate::domain::entry::Entry;
use crate::domain::policy::FleetPolicy;
use crate::domain::record::{Record, record_path};
use crate::domain::request::Refusal;
use crate::domain::{ClusterName, CommitId, StoreName};
use crate::git::GitError;
use crate::plan::{Edit, Edits, Plan};
use crate::render::{RenderError, Templates, render_store, store_folder, yaml};

mod by_hand;
mod tree;

use by_hand::adopted;
pub(super) use by_hand::{Fault, left_by_hand, unapproved};
pub(super) use tree::Tree;

/// The greatest record, in bytes: it is a file that people review.
const RECORD_LIMIT: usize = 128 * 1024;

/// Why no plan came of an entry.
#[derive(Debug)]
pub(super) enum Underivable {
    /// The change fails, alone.
    Failed(ChangeError),
    /// Git failed: nothing was decided.
    Git(GitError),
}

impl From<GitError> for Underivable {
    fn from(error: GitError) -> Self {
        Self::Git(error)
    }
}

impl From<Refusal> for Underivable {
    fn from(refusal: Refusal) -> Self {
        let (reason, next_step) = match &refusal {
            Refusal::Invalid(_) => (
                "PolicyViolation",
                "change the request, or the policy, and ask again",
            ),
            Refusal::Precondition(_) => (
                "PreconditionFailed",
                "read the store again and repeat the change on top",
            ),
            Refusal::NotFound(_) => ("NotFound", "see which stores there are"),
            _ => (
                "Conflict",
                "look at the store and ask again if the change is still wanted",
            ),
        };
        Self::failed(reason, &refusal.to_string(), next_step)
    }
}

impl From<RenderError> for Underivable {
    fn from(error: RenderError) -> Self {
        Self::failed(
            "RenderFailed",
            &error.to_string(),
            "mend the template or the policy, then ask again",
        )
    }
}

impl Underivable {
    pub(super) fn failed(reason: &str, message: &str, next_step: &str) -> Self {
        Self::Failed(ChangeError {
            reason: reason.into(),
            message: message.into(),
            next_step: next_step.into(),
        })
    }
}

/// What an entry amounts to at a tip.
pub(super) enum Derived {
    /// Files to write, and what they make of the store.
    Plan(Box<Plan>, Box<Made>),
    /// Nothing to write.
    Nothing,
}

/// What a store's rendered files say of themselves.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks {
    /// The hash that the objects carry.
    pub(super) spec_hash: String,
    /// The digest of what was read of the policy.
    pub(super) policy: String,
}

/// What a commit of ours made of a store.
#[derive(Debug, Clone)]
pub(super) struct Made {
    /// Its record.
    pub(super) record: Record,
    /// What its rendered files carry.
    pub(super) marks: Marks,
}

/// Derives an entry. `accepted` is the store's record as our commits up to the tip made it.
pub(super) fn derive(
    tree: &impl Tree,
    tip: Option<&CommitId>,
    templates: &Templates,
    at: &Circumstances<'_>,
    entry: &Entry,
    accepted: Option<&Record>,
    never_released: bool,
) -> Result<Derived, Underivable> {
    let record = match &entry.intent {
        Intent::Adopt { kind, .. } => {
            expected_still_holds(entry, accepted)?;
            let record = adopted(tree, tip, at, entry, *kind, accepted)?;
            with_release_state(record, never_released)
        }
        _ => match left_by(at, entry, accepted, never_released)? {
            Some(record) => record,
            None => return Ok(Derived::Nothing),
        },
    };
    if let (Intent::Create(_), Some(tip)) = (&entry.intent, tip) {
        not_in_the_way(tree, tip, &record)?;
    }
    let (plan, marks) = plan_put(tree, tip, templates, at.policy, &record)?;
    if plan.is_empty() {
        Ok(Derived::Nothing)
    } else {
        let made = Made { record, marks };
        Ok(Derived::Plan(Box::new(plan), Box::new(made)))
    }
}

/// The record that a request leaves; none where it changes nothing.
pub(super) fn left_by(
    at: &Circumstances<'_>,
    entry: &Entry,
    accepted: Option<&Record>,
    never_released: bool,
) -> Result<Option<Record>, Underivable> {
    expected_still_holds(entry, accepted)?;
    match apply(at, &entry.intent, accepted)? {
        Outcome::Put(record) => Ok(Some(with_release_state(*record, never_released))),
        Outcome::Same => Ok(None),
    }
}

/// A record that lies on main without being one of ours is somebody's, and is never written over.
fn not_in_the_way(tree: &impl Tree, tip: &CommitId, record: &Record) -> Result<(), Underivable> {
    let path = record_path(record.name());
    if !tree.has(tip, &path)? {
        return Ok(());
    }
    let text = format!("{path} is on main already, put there by hand and without effect");
    let next_step = "mend or remove that file, then ask again";
    Err(Underivable::failed("RecordInTheWay", &text, next_step))
}

/// Reads a record file that a person may have written.
pub(super) fn read_record(name: &StoreName, bytes: &[u8]) -> Result<Record, ChangeError> {
    let path = record_path(name);
    let broken = |message: String, next_step: &str| ChangeError {
        reason: "BrokenRecord".to_owned(),
        message,
        next_step: next_step.to_owned(),
    };
    if bytes.len() > RECORD_LIMIT {
        let text = format!(
            "{path} has {} bytes, and {RECORD_LIMIT} is the limit",
            bytes.len()
        );
        return Err(broken(text, "make the file smaller"));
    }
    let unread = |detail: String| {
        let text = format!("{path}: {detail}; the store keeps its last valid state");
        broken(text, "mend the file on main")
    };
    let text = std::str::from_utf8(bytes)
        .map_err(|error| unread(format!("is no UTF-8 text ({error})")))?;
    yaml::read(text).map_err(|error| unread(error.to_string()))
}

/// The plan that makes the tip hold a record and its rendering, and nothing else of the store.
pub(super) fn plan_put(
    tree: &impl Tree,
    tip: Option<&CommitId>,
    templates: &Templates,
    policy: &FleetPolicy,
    record: &Record,
) -> Result<(Plan, Marks), Underivable> {
    let files = render_store(templates, policy, record)?;
    let mut plan = Plan {
        store: record.name().clone(),
        cluster: record.spec.cluster.clone(),
        main: Edits::new(),
        drops_store: false,
        unchanged: BTreeSet::new(),
    };
    for (path, bytes) in files.own.into_iter().chain([files.record]) {
        if tip.map_or(Ok(false), |tip| tree.holds(tip, &path, &bytes))? {
            plan.unchanged.insert(path);
        } else {
            plan.main.insert(path, Edit::Put(bytes));
        }
    }
    let folder = store_folder(&record.spec.cluster, record.name());
    for name in tip.map_or(Ok(Vec::new()), |tip| tree.names(tip, &folder))? {
        let path = format!("{folder}/{name}");
        if !plan.unchanged.contains(&path) {
            // Whatever lies in the store's folder and is not rendered goes.
            plan.main.entry(path).or_insert(Edit::Delete);
        }
    }
    for (path, bytes) in files.shared {
        // Shared files are written only when absent, so that stores never conflict over them.
        if !tip.map_or(Ok(false), |tip| tree.has(tip, &path))? {
            plan.main.insert(path, Edit::Put(bytes));
        }
    }
    let marks = Marks {
        spec_hash: files.spec_hash,
        policy: files.policy,
    };
    Ok((plan, marks))
}

/// The plan of a deletion's second commit: the record and everything rendered from it go; the shard's own files stay.
pub(super) fn plan_removal(
    tree: &impl Tree,
    tip: &CommitId,
    record: &Record,
) -> Result<Plan, GitError> {
    let (name, cluster) = (record.name(), &record.spec.cluster);
    let folder = store_folder(cluster, name);
    let mut paths = vec![record_path(name), sync_path(cluster, name)];
    paths.extend(
        tree.names(tip, &folder)?
            .into_iter()
            .map(|file| format!("{folder}/{file}")),
    );
    let mut main = Edits::new();
    for path in paths {
        if tree.has(tip, &path)? {
            main.insert(path, Edit::Delete);
        }
    }
    Ok(Plan {
        store: name.clone(),
        cluster: cluster.clone(),
        main,
        drops_store: true,
        unchanged: BTreeSet::new(),
    })
}

fn sync_path(cluster: &ClusterName, name: &StoreName) -> String {
    format!(
        "clusters/{cluster}/shards/{}/sync/store-{name}.yaml",
        crate::domain::record::shard(name)
    )
}

/// Where the release was never applied, the tenant shrinks to its namespace so that the deletion can apply at all.
fn with_release_state(mut record: Record, never_released: bool) -> Record {
    if let Some(deletion) = &mut record.metadata.deletion {
        deletion.applied &= !never_released;
    }
    record
}

/// `If-Match` was kept with the change: the fields it names must still be what the caller had read.
fn expected_still_holds(entry: &Entry, accepted: Option<&Record>) -> Result<(), Underivable> {
    let (Some(expected), Some(record)) = (&entry.expected, accepted) else {
        return Ok(());
    };
    let spec = serde_json::to_value(&record.spec).unwrap_or_default();
    let moved = expected
        .iter()
        .find(|(key, value)| spec.get(key).unwrap_or(&serde_json::Value::Null) != *value);
    match moved {
        None => Ok(()),
        Some((key, _)) => {
            let text = format!(
                "{key} of store {} was changed by somebody else meanwhile",
                record.name()
            );
            Err(Refusal::Precondition(text).into())
        }
    }
}

/// The first line of a commit's message.
pub(super) fn title(action: Action, name: &StoreName, step: u8) -> String {
    let what = if step > 1 { "remove" } else { action.as_str() };
    format!("{what} store {name}")
}

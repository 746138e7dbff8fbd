//! What the pinned chart says of a store's values: which are secrets, and what Helm would refuse.
//!
//! Both are asked before anything is accepted, and again when it is written. Must not know: how a schema is read.

use std::sync::Arc;

use serde_json::Value;

use super::core::{Core, lock};
use crate::domain::CommitId;
use crate::domain::policy::FleetPolicy;
use crate::domain::record::{Record, Spec};
use crate::domain::request::{Refusal, Violation};
use crate::domain::schema::{ChartSchema, lay_over};
use crate::domain::secrets::secrets;
use crate::domain::values::member;
use crate::git::GitError;
use crate::render::{chart_path, chart_values, yaml};

/// Refuses a record whose values hold a secret (the chart's schema marks it `writeOnly`), or that the chart does not
/// take. `old` is the spec before, `root` is where the spec lies in what was asked.
///
/// What a store has already is not held against a change of something else: the chart took it.
pub(super) fn check(
    core: &Core,
    policy: &FleetPolicy,
    old: Option<&Spec>,
    record: &Record,
    root: &str,
) -> Result<(), Refusal> {
    let spec = &record.spec;
    if old.is_some_and(|old| same_for_the_chart(old, spec)) {
        return Ok(());
    }
    let unavailable = |error: String| Refusal::Unavailable(error);
    let schema = schema(core, spec).map_err(|error| unavailable(error.to_string()))?;
    let Some(schema) = schema else { return Ok(()) };
    let mut found = kept_out(&schema, spec);
    if found.is_empty() {
        let values = chart_values(policy, record, schema.defaults());
        let values = values.map_err(|error| unavailable(error.to_string()))?;
        found = schema.violations(spec, &values);
    }
    if found.is_empty() {
        return Ok(());
    }
    for violation in &mut found {
        violation.pointer.insert_str(0, root);
    }
    Err(Refusal::Invalid(found))
}

/// Whether two specs give their chart the same to judge.
fn same_for_the_chart(old: &Spec, new: &Spec) -> bool {
    old.engine == new.engine
        && old.version == new.version
        && old.plan == new.plan
        && old.values == new.values
        && old.volumes == new.volumes
        && old.extra_hosts == new.extra_hosts
}

/// Secrets never reach Git.
fn kept_out(schema: &ChartSchema, spec: &Spec) -> Vec<Violation> {
    let detail = "is a secret, and nothing secret is kept in Git; let the chart make it, or name an existing Secret";
    let found = secrets(schema.text(), &spec.values);
    let told = found.into_iter();
    told.map(|at| Violation::new(format!("/values{at}"), detail))
        .collect()
}

/// The schema of a chart version, read and compiled once: a published version never changes.
fn schema(core: &Core, spec: &Spec) -> Result<Option<Arc<ChartSchema>>, GitError> {
    let (name, _) = chart_path(&spec.engine, &spec.version);
    if let Some(known) = lock(&core.schemas).get(&name) {
        return Ok(known.clone());
    }
    let commit = core.in_force().commit;
    let read = read(core, &commit, &spec.engine, &spec.version)?;
    let schema = match read {
        None => None,
        Some(Ok(schema)) => Some(Arc::new(schema)),
        Some(Err(why)) => {
            // Vouching refuses such a chart; one that was in force before that goes on as it did.
            tracing::warn!(
                chart = name,
                why,
                "the chart's schema cannot be used; values are not held against it"
            );
            None
        }
    };
    lock(&core.schemas).insert(name, schema.clone());
    Ok(schema)
}

/// The schema of a chart version at a commit; none where the chart has none, a sentence where it cannot be used.
fn read(
    core: &Core,
    commit: &CommitId,
    engine: &str,
    version: &str,
) -> Result<Option<Result<ChartSchema, String>>, GitError> {
    let (_, folder) = chart_path(engine, version);
    let path = format!("{folder}/values.schema.json");
    let Some(bytes) = core.repo.read(commit, &path)? else {
        return Ok(None);
    };
    let defaults = core.repo.read(commit, &format!("{folder}/values.yaml"))?;
    let defaults = String::from_utf8_lossy(&defaults.unwrap_or_default()).into_owned();
    let compiled = || -> Result<ChartSchema, String> {
        let text: Value =
            serde_json::from_slice(&bytes).map_err(|error| format!("{path}: {error}"))?;
        let defaults = yaml::read_all(&defaults)
            .map_err(|error| format!("{folder}/values.yaml: {error}"))?
            .into_iter()
            .next()
            .unwrap_or_default();
        ChartSchema::compile(text, defaults).map_err(|error| format!("{path}: {error}"))
    };
    Ok(Some(compiled()))
}

/// Everything that charts of a commit would refuse of what the commit's policy gives with its plans.
pub(super) fn offers_fit(
    core: &Core,
    commit: &CommitId,
    policy: &FleetPolicy,
) -> Result<Vec<Violation>, GitError> {
    let mut found = Vec::new();
    for (engine, offered) in &policy.engines {
        for version in &offered.versions {
            let schema = match read(core, commit, engine, version)? {
                None => continue,
                Some(Ok(schema)) => schema,
                Some(Err(why)) => {
                    found.push(Violation::new(member("/engines", engine), why));
                    continue;
                }
            };
            for (plan, gives) in &policy.plans {
                let Some(gives) = gives.engines.get(engine).filter(|_| !gives.withdrawn) else {
                    continue;
                };
                let mut values = schema.defaults().as_object().cloned().unwrap_or_default();
                lay_over(&mut values, gives.values.clone());
                let root = member(&format!("{}/engines", member("/plans", plan)), engine);
                for wrong in schema.errors(&Value::Object(values)) {
                    let place = format!("{root}/values{}", wrong.pointer);
                    let detail = format!("version {version}: {}", wrong.detail);
                    found.push(Violation::new(place, detail));
                }
            }
        }
    }
    Ok(found)
}

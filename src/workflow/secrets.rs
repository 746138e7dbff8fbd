//! Secrets are refused before they reach Git: the pinned chart's schema says which values are any.

use std::sync::Arc;

use serde_json::Value;

use super::core::{Core, lock};
use crate::domain::record::Spec;
use crate::domain::request::{Refusal, Violation};
use crate::domain::secrets::secrets;
use crate::git::GitError;
use crate::render::chart_path;

/// Refuses a spec whose values hold what its chart's schema marks `writeOnly`; `root` is where the spec lies.
pub(super) fn refuse(core: &Core, spec: &Spec, root: &str) -> Result<(), Refusal> {
    if spec.values.is_empty() {
        return Ok(());
    }
    let schema = schema(core, spec).map_err(|error| Refusal::Unavailable(error.to_string()))?;
    let Some(schema) = schema else { return Ok(()) };
    let detail = "is a secret, and nothing secret is kept in Git; let the chart make it, or name an existing Secret";
    let found = secrets(&schema, &spec.values);
    let found: Vec<Violation> = found
        .into_iter()
        .map(|at| Violation::new(format!("{root}/values{at}"), detail))
        .collect();
    if found.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Invalid(found))
    }
}

/// The schema of a chart version, read once: a published version never changes.
fn schema(core: &Core, spec: &Spec) -> Result<Option<Arc<Value>>, GitError> {
    let (name, folder) = chart_path(&spec.engine, &spec.version);
    if let Some(known) = lock(&core.schemas).get(&name) {
        return Ok(Some(known.clone()));
    }
    let commit = core.in_force().commit;
    let file = core
        .repo
        .read(&commit, &format!("{folder}/values.schema.json"))?;
    let schema = file
        .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
        .map(Arc::new);
    if let Some(schema) = &schema {
        lock(&core.schemas).insert(name, schema.clone());
    }
    Ok(schema)
}

//! The set of templates in use, embedded or the user's own, with its digest.

use std::collections::BTreeMap;
use std::sync::Arc;

use include_dir::{Dir, include_dir};
use minijinja::Environment;
use minijinja::value::{Serde, Value};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::memo::Memo;
use super::{RenderError, env};
use crate::domain::record::hex;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// The templates that every set must have.
const NEEDED: [&str; 9] = [
    "store/record.yaml.j2",
    "store/sync.yaml.j2",
    "store/tenant.yaml.j2",
    "store/release.yaml.j2",
    "cluster/bootstrap.yaml.j2",
    "cluster/root.yaml.j2",
    "cluster/shard.yaml.j2",
    "cluster/marker.yaml.j2",
    "cluster/chart.yaml.j2",
];

/// Why a set of templates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// One is missing.
    #[error("template {0} is missing; copy it from the templates/ folder of Fleetwright")]
    Missing(&'static str),
    /// One cannot be parsed.
    #[error("template {name} cannot be used: {detail}")]
    Syntax {
        /// Its path.
        name: String,
        /// minijinja's sentence, with the line.
        detail: String,
    },
}

/// A parsed set of templates. Cheap to clone.
#[derive(Clone)]
pub struct Templates {
    env: Arc<Environment<'static>>,
    memo: Arc<Memo>,
    digest: String,
}

impl Templates {
    /// The templates that Fleetwright was built with.
    pub fn embedded() -> Result<Self, TemplateError> {
        let mut sources = BTreeMap::new();
        collect(&EMBEDDED, &mut sources);
        Self::new(sources)
    }

    /// A set of the user's, by path below their folder (`store/sync.yaml.j2`).
    pub fn new(sources: BTreeMap<String, String>) -> Result<Self, TemplateError> {
        if let Some(name) = NEEDED.into_iter().find(|name| !sources.contains_key(*name)) {
            return Err(TemplateError::Missing(name));
        }
        let mut hash = Sha256::new();
        let mut env = env::environment();
        for (name, source) in sources {
            hash.update(format!("{name}\0{}\0", source.len()));
            hash.update(&source);
            let syntax = |error: minijinja::Error| TemplateError::Syntax {
                name: name.clone(),
                detail: error.to_string(),
            };
            env.add_template_owned(name.clone(), source)
                .map_err(syntax)?;
        }
        Ok(Self {
            env: Arc::new(env),
            memo: Arc::default(),
            digest: hex(&hash.finalize()),
        })
    }

    /// SHA-256 over all templates with their names.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What was rendered with this set for many stores.
    pub(super) fn memo(&self) -> &Memo {
        &self.memo
    }

    /// A context as templates see it, to be printed by any number of them.
    pub(super) fn context(context: &impl Serialize) -> Value {
        Value::from(Serde(context))
    }

    /// What a template prints for a context.
    pub(super) fn print(&self, name: &str, context: &Value) -> Result<String, RenderError> {
        let fail = |error: minijinja::Error| RenderError::Template {
            template: name.to_owned(),
            detail: error.to_string(),
        };
        let template = self.env.get_template(name).map_err(fail)?;
        template.render(context.clone()).map_err(fail)
    }
}

fn collect(dir: &Dir<'_>, sources: &mut BTreeMap<String, String>) {
    for file in dir.files() {
        let path = file.path().to_string_lossy().into_owned();
        if let Some(text) = file.contents_utf8().filter(|_| path.ends_with(".j2")) {
            sources.insert(path, text.to_owned());
        }
    }
    for folder in dir.dirs() {
        collect(folder, sources);
    }
}

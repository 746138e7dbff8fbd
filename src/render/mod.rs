//! Records become manifests: the same record, policy and templates give the same bytes.
//!
//! Templates are minijinja over a strict context; every value they print is a JSON scalar, so that no text of a
//! merchant can become YAML. What they print is parsed, checked and emitted again in one canonical form.
//! Must not know: Git, clusters, or which of two renderings is in force.

mod bootstrap;
mod check;
mod cluster;
mod context;
mod digests;
mod env;
mod memo;
mod store;
mod templates;
mod values;
pub mod yaml;

pub use bootstrap::{Bootstrap, Rendered, Trigger, bootstrap};
pub use check::CheckError;
pub use cluster::{chart_path, deploy_branch, root_files, store_folder};
pub use digests::PolicyDigests;
pub use store::{Files, StoreFiles, digest_in, render_record, render_store};
pub use templates::{TemplateError, Templates};
pub use values::chart_values;

/// Why something could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The policy in force does not offer what the record names.
    #[error(
        "{store} needs {what}, which fleetwright.yaml does not have; put it back, or change the store"
    )]
    Missing {
        /// The store.
        store: String,
        /// What is missing, as in `plan small`.
        what: String,
    },
    /// A template does not render.
    #[error("template {template} does not render: {detail}")]
    Template {
        /// The template's path below `templates/`.
        template: String,
        /// minijinja's sentence, with the line.
        detail: String,
    },
    /// What a template printed is not the objects it must be.
    #[error("template {template} renders something else than it must: {source}")]
    Check {
        /// The template's path.
        template: String,
        /// What is wrong.
        source: CheckError,
    },
    /// What a template printed is no YAML.
    #[error("template {template} renders no YAML: {source}")]
    Yaml {
        /// The template's path.
        template: String,
        /// Where it breaks.
        source: yaml::YamlError,
    },
}

//! The files of one store: its record, and what is rendered from it for its cluster.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::cluster::{self, store_folder};
use super::context::{Context, Parts};
use super::{RenderError, Templates, yaml};
use crate::domain::policy::FleetPolicy;
use crate::domain::record::{Record, record_path, sha256_hex, shard};

/// File contents by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The annotation that proves which rendering an object in a cluster is.
const SPEC_HASH: &str = "fleetwright.dev/spec-hash";

/// Everything a record renders to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFiles {
    /// The store's own files, by path on main and on its deploy branch. They are judged as a set.
    pub own: Files,
    /// Files that stores share, written only when absent, always with the same bytes.
    pub shared: Files,
    /// SHA-256 over all rendered bodies with the spec hash blank.
    pub spec_hash: String,
}

/// The record's file: its path on main and its bytes.
pub fn render_record(
    templates: &Templates,
    record: &Record,
) -> Result<(String, Vec<u8>), RenderError> {
    let name = "store/record.yaml.j2";
    let printed = templates.print(name, &json!({ "record": record }))?;
    let document = one(name, &printed)?;
    Ok((
        record_path(record.name()),
        emitted(name, &[document])?.into_bytes(),
    ))
}

/// Renders a record for its cluster.
pub fn render_store(
    templates: &Templates,
    policy: &FleetPolicy,
    record: &Record,
) -> Result<StoreFiles, RenderError> {
    let parts = Parts::find(policy, record)?;
    let context = Context::new(record, &parts);
    let folder = store_folder(&record.spec.cluster, record.name());
    let hh = shard(record.name());
    let sync = format!(
        "clusters/{}/shards/{hh}/sync/store-{}.yaml",
        record.spec.cluster,
        record.name()
    );
    let mut bodies = BTreeMap::new();
    bodies.insert(sync, context.objects(templates, "store/sync.yaml.j2")?);
    bodies.insert(
        format!("{folder}/tenant.yaml"),
        context.objects(templates, "store/tenant.yaml.j2")?,
    );
    if record.metadata.deletion.is_none() {
        bodies.insert(
            format!("{folder}/release.yaml"),
            context.objects(templates, "store/release.yaml.j2")?,
        );
    }
    let spec_hash = sha256_hex(joined(&bodies)?.as_bytes());
    let (record_path, record_bytes) = render_record(templates, record)?;
    let first = [
        ("record", sha256_hex(&record_bytes)),
        ("template", templates.digest().to_owned()),
        ("policy", parts.digest()),
    ];
    let mut own = Files::new();
    for (path, mut objects) in bodies {
        for object in &mut objects {
            set_spec_hash(object, &spec_hash);
        }
        let body = emitted(&path, &objects)?;
        own.insert(
            path,
            format!("{}{body}", header(&record_path, &spec_hash, &first, &body)).into_bytes(),
        );
    }
    let shared = cluster::shared_files(templates, policy, record)?;
    Ok(StoreFiles {
        own,
        shared,
        spec_hash,
    })
}

/// The comment line that opens a store's rendered file: its record, and the digests of all that made it.
fn header(record: &str, spec_hash: &str, digests: &[(&str, String)], body: &str) -> String {
    let mut line =
        format!("# Rendered by Fleetwright from {record}, do not edit: spec={spec_hash}");
    for (name, digest) in digests
        .iter()
        .cloned()
        .chain([("body", sha256_hex(body.as_bytes()))])
    {
        line.push_str(&format!(" {name}={}", &digest[..12.min(digest.len())]));
    }
    line.push('\n');
    line
}

/// One digest of a rendered file's first line (`spec`, `record`, `template`, `policy`, `body`).
pub fn digest_in<'a>(file: &'a [u8], name: &str) -> Option<&'a str> {
    let line = file.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line)
        .ok()?
        .strip_prefix("# Rendered by Fleetwright from ")?;
    line.split(' ')
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

fn set_spec_hash(object: &mut Value, hash: &str) {
    if let Some(blank) = object
        .pointer_mut("/metadata/annotations")
        .and_then(|it| it.get_mut(SPEC_HASH))
    {
        *blank = Value::String(hash.to_owned());
    }
}

fn joined(bodies: &BTreeMap<String, Vec<Value>>) -> Result<String, RenderError> {
    let mut text = String::new();
    for (path, objects) in bodies {
        text.push_str(&format!("{path}\n{}", emitted(path, objects)?));
    }
    Ok(text)
}

pub(super) fn emitted(template: &str, objects: &[Value]) -> Result<String, RenderError> {
    yaml::emit_all(objects).map_err(|source| RenderError::Yaml {
        template: template.to_owned(),
        source,
    })
}

pub(super) fn one(template: &str, printed: &str) -> Result<Value, RenderError> {
    yaml::read_value(printed).map_err(|source| RenderError::Yaml {
        template: template.to_owned(),
        source,
    })
}

//! The files of one store: its record, and what is rendered from it for its cluster.

use std::collections::BTreeMap;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::cluster::{self, store_folder};
use super::context::{Context, Parts};
use super::yaml::node::Node;
use super::{RenderError, Templates, yaml};
use crate::domain::policy::FleetPolicy;
use crate::domain::record::{Record, hex, record_path, sha256_hex, shard};

#[cfg(test)]
mod tests;

/// File contents by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The annotation that proves which rendering an object in a cluster is.
const SPEC_HASH: &str = "fleetwright.dev/spec-hash";

/// Characters of a digest in a file's first line.
const SHORT: usize = 12;

/// Everything a record renders to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFiles {
    /// The store's own files, by path on main and on its deploy branch. They are judged as a set.
    pub own: Files,
    /// Files that stores share, written only when absent, always with the same bytes.
    pub shared: Files,
    /// SHA-256 over all rendered bodies with the spec hash blank.
    pub spec_hash: String,
    /// The digest, cut short, of what the rendering read of the policy; each file carries it.
    pub policy: String,
    /// The record's file, as [`render_record`] gives it: its digest is in the others.
    pub record: (String, Vec<u8>),
}

/// The record's file: its path on main and its bytes.
pub fn render_record(
    templates: &Templates,
    record: &Record,
) -> Result<(String, Vec<u8>), RenderError> {
    let name = "store/record.yaml.j2";
    let printed = templates.print(name, &Templates::context(&json!({ "record": record })))?;
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
    let printed = printed(templates, record, &context)?;
    let mut bodies = BTreeMap::new();
    for (path, template, text) in &printed {
        let body = Body::new(path, context.objects(template, text)?)?;
        bodies.insert(path.as_str(), body);
    }
    let mut hash = Sha256::new();
    for (path, body) in &bodies {
        for part in [path, "\n", &body.blank] {
            hash.update(part);
        }
    }
    let spec_hash = hex(&hash.finalize());
    let (record_path, record_bytes) = render_record(templates, record)?;
    let policy = parts.digest(&record.spec.cluster)[..SHORT].to_owned();
    let first = [
        ("record", sha256_hex(&record_bytes)),
        ("template", templates.digest().to_owned()),
        ("policy", policy.clone()),
    ];
    let mut own = Files::new();
    for (path, body) in bodies {
        let body = body.filled(path, &spec_hash)?;
        let mut file = header(&record_path, &spec_hash, &first, &body);
        file.push_str(&body);
        own.insert(path.to_owned(), file.into_bytes());
    }
    let shared = cluster::shared_files(templates, parts.cluster, record)?;
    Ok(StoreFiles {
        own,
        shared,
        spec_hash,
        policy,
        record: (record_path, record_bytes),
    })
}

/// What the store's templates print: path, template and text.
fn printed(
    templates: &Templates,
    record: &Record,
    context: &Context,
) -> Result<Vec<(String, &'static str, String)>, RenderError> {
    let cluster = &record.spec.cluster;
    let (name, hh) = (record.name(), shard(record.name()));
    let folder = store_folder(cluster, name);
    let mut wanted = vec![
        (
            format!("clusters/{cluster}/shards/{hh}/sync/store-{name}.yaml"),
            "store/sync.yaml.j2",
        ),
        (format!("{folder}/tenant.yaml"), "store/tenant.yaml.j2"),
    ];
    if record.metadata.deletion.is_none() {
        wanted.push((format!("{folder}/release.yaml"), "store/release.yaml.j2"));
    }
    let context = Templates::context(context);
    let print = |(path, template)| Ok((path, template, templates.print(template, &context)?));
    wanted.into_iter().map(print).collect()
}

/// The comment line that opens a store's rendered file: its record, and the digests of all that made it.
fn header(record: &str, spec_hash: &str, digests: &[(&str, String)], body: &str) -> String {
    let mut line =
        format!("# Rendered by Fleetwright from {record}, do not edit: spec={spec_hash}");
    let body = ("body", sha256_hex(body.as_bytes()));
    for (name, digest) in digests.iter().chain([&body]) {
        line.push_str(&format!(" {name}={}", &digest[..SHORT.min(digest.len())]));
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

/// A file's objects, and their text with the spec hash blank.
struct Body<'a> {
    objects: Vec<Node<'a>>,
    blank: String,
}

impl<'a> Body<'a> {
    fn new(path: &str, objects: Vec<Node<'a>>) -> Result<Self, RenderError> {
        let blank = yaml::draft(&objects).map_err(no_yaml(path))?;
        Ok(Self { objects, blank })
    }

    /// The text with the spec hash in its places, read back.
    fn filled(mut self, path: &str, hash: &str) -> Result<String, RenderError> {
        let places = ["metadata", "annotations", SPEC_HASH];
        for object in &mut self.objects {
            if let Some(blank) = object.at_mut(&places) {
                *blank = Node::Text(hash.to_owned().into());
            }
        }
        // Cheaper than to emit all again. Were a blank elsewhere or the hash in need of quotes, it would not be the same.
        let blank = format!("\n    {SPEC_HASH}: \"\"\n");
        let text = self
            .blank
            .replace(&blank, &format!("\n    {SPEC_HASH}: {hash}\n"));
        if yaml::same(&text, &self.objects) {
            return Ok(text);
        }
        emitted(path, &self.objects)
    }
}

pub(super) fn emitted(template: &str, objects: &[Node<'_>]) -> Result<String, RenderError> {
    yaml::emit_nodes(objects).map_err(no_yaml(template))
}

fn no_yaml(template: &str) -> impl Fn(yaml::YamlError) -> RenderError {
    move |source| RenderError::Yaml {
        template: template.to_owned(),
        source,
    }
}

pub(super) fn one<'a>(template: &str, printed: &'a str) -> Result<Node<'a>, RenderError> {
    yaml::read_node(printed).map_err(no_yaml(template))
}

//! The objects of a fleet as a cluster has them once Flux has applied it: what our templates and the chart make, with the
//! statuses that controllers write.
//!
//! Must not know: how they get into a cluster.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use fleetwright::domain::record::{sha256_hex, shard};
use fleetwright::plan::Edit;
use fleetwright::render::Files;
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::fleet::{Fleet, StoreChange, name};
use crate::kinds::{NAMESPACE, collection};

mod flux;
mod workloads;

pub(crate) use flux::flipped;

/// Kinds of a store's files and of its chart that somebody watches.
const WATCHED: [&str; 7] = [
    "Namespace",
    "Kustomization",
    "HelmRelease",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "ResourceQuota",
];

/// One object on its way into the API server.
pub(crate) struct Write {
    /// Where its like are.
    pub(crate) collection: String,
    pub(crate) name: String,
    /// What is created; none where it is there.
    pub(crate) body: Option<Value>,
    /// The status that it gets then.
    pub(crate) status: Option<Value>,
}

/// Makes the objects of a fleet's stores.
pub(crate) struct Maker<'a> {
    fleet: &'a Fleet,
    /// What the chart makes of the first store, as JSON.
    chart: String,
    /// Name and uid of the first store, which others have another of.
    first: (String, String),
    /// The revision of the fleet's branch.
    revision: String,
    /// Shared objects that were written already.
    shared: BTreeSet<String>,
}

impl<'a> Maker<'a> {
    /// `commit` is the head of the cluster's branch; `helm` renders the chart once; `shared` is what an earlier maker
    /// of this fleet wrote for several stores.
    pub(crate) fn new(
        fleet: &'a Fleet,
        commit: &str,
        helm: &Path,
        shared: BTreeSet<String>,
    ) -> Result<Self> {
        let release = own(&fleet.created(0)?.0)?
            .into_iter()
            .find(|it| it["kind"] == "HelmRelease")
            .context("a store has a HelmRelease")?;
        let uid = release["metadata"]["labels"]["fleetwright.dev/uid"].as_str();
        let uid = uid.context("it has a uid")?.to_owned();
        Ok(Self {
            fleet,
            chart: chart(helm, &release["spec"]["values"])?,
            first: (name(0)?.to_string(), uid),
            revision: format!("deploy/{}@sha1:{commit}", crate::fleet::WATCHED),
            shared,
        })
    }

    /// The statuses of what the bootstrap made, and the artifact of the root.
    pub(crate) fn root(&self) -> Result<Vec<Write>> {
        let known = |kind: &str, name: &str, status: Value| -> Result<Write> {
            Ok(Write {
                collection: collection(kind, Some(NAMESPACE))?,
                name: name.to_owned(),
                body: None,
                status: Some(status),
            })
        };
        let digest = sha256_hex(b"root");
        Ok(vec![
            known("GitRepository", "fleet", flux::source(&self.revision))?,
            known("ArtifactGenerator", "root", flux::generator())?,
            known("ArtifactGenerator", "shards", flux::generator())?,
            known(
                "Kustomization",
                "root",
                flux::kustomization(&digest, &self.revision),
            )?,
            self.artifact("root", &digest)?,
        ])
    }

    /// What was written for several stores, for the next maker.
    pub(crate) fn into_shared(self) -> BTreeSet<String> {
        self.shared
    }

    /// Everything of one store, and what is there for its shard where no store of that came before.
    pub(crate) fn store(&mut self, number: usize) -> Result<Vec<Write>> {
        let store = name(number)?;
        let digest = sha256_hex(shard(&store).as_bytes());
        let (change, shared) = self.fleet.created(number)?;
        let mut writes = self.once(shared, &format!("shard-{}", shard(&store)), &digest)?;
        let mut objects = own(&change)?;
        let uid = objects
            .iter()
            .find_map(|it| it["metadata"]["labels"]["fleetwright.dev/uid"].as_str());
        let uid = uid.context("a store's objects carry its uid")?.to_owned();
        objects.extend(self.workloads(store.as_str(), &uid)?);
        objects.retain(|it| WATCHED.iter().any(|kind| it["kind"] == **kind));
        // The namespace comes first.
        objects.sort_by_key(|it| WATCHED.iter().position(|kind| it["kind"] == **kind));
        for object in objects {
            let pod = workloads::pod_of(&object, store.as_str());
            for object in std::iter::once(object).chain(pod) {
                writes.push(self.write(object, &digest)?);
            }
        }
        Ok(writes)
    }

    /// What is in a store's namespace, as Helm leaves it there.
    fn workloads(&self, store: &str, uid: &str) -> Result<Vec<Value>> {
        let text = self.chart.replace(&self.first.0, store);
        let objects: Vec<Value> = serde_json::from_str(&text.replace(&self.first.1, uid))?;
        let placed = objects.into_iter().map(|it| workloads::by_helm(it, store));
        Ok(placed.collect())
    }

    /// The shard's artifact and Kustomization, and charts, once.
    fn once(&mut self, files: Files, home: &str, digest: &str) -> Result<Vec<Write>> {
        let mut writes = Vec::new();
        for (path, bytes) in files {
            if !path.contains("/root/") || !self.shared.insert(path) {
                continue;
            }
            for object in documents(&bytes)? {
                writes.push(self.write(object, digest)?);
            }
        }
        if self.shared.insert(home.to_owned()) {
            writes.push(self.artifact(home, digest)?);
        }
        Ok(writes)
    }

    fn artifact(&self, home: &str, digest: &str) -> Result<Write> {
        let object = flux::artifact(home);
        let mut write = self.write(object, digest)?;
        write.status = Some(flux::artifact_status(home, digest, &self.revision));
        Ok(write)
    }

    /// An object with the status that it has when all is well.
    fn write(&self, object: Value, digest: &str) -> Result<Write> {
        let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
        let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
        let namespace = object["metadata"]["namespace"].as_str();
        let status = match kind.as_str() {
            "Kustomization" => Some(flux::kustomization(digest, &self.revision)),
            "HelmRelease" => Some(flux::release(&object)),
            "HelmChart" => Some(flux::chart()),
            _ => workloads::status(&object),
        };
        Ok(Write {
            collection: collection(&kind, namespace)?,
            name,
            body: Some(object),
            status,
        })
    }
}

/// The objects of a store's own files on its cluster's branch.
fn own(change: &StoreChange) -> Result<Vec<Value>> {
    let mut objects = Vec::new();
    for (_, edit) in change.deploy() {
        if let Edit::Put(bytes) = edit {
            objects.extend(documents(bytes)?);
        }
    }
    Ok(objects)
}

/// The objects of a file.
fn documents(bytes: &[u8]) -> Result<Vec<Value>> {
    let documents = serde_yaml::Deserializer::from_slice(bytes);
    let objects = documents.map(|it| Ok(Value::deserialize(it)?));
    let objects: Result<Vec<Value>> = objects.collect();
    Ok(objects?.into_iter().filter(Value::is_object).collect())
}

/// What the chart makes of some values, as JSON.
fn chart(helm: &Path, values: &Value) -> Result<String> {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/woocommerce");
    let file = tempfile::NamedTempFile::new()?;
    serde_json::to_writer(&file, values)?;
    let made = Command::new(helm)
        .args(["template", "store"])
        .arg(chart)
        .arg("--values")
        .arg(file.path())
        .output()?;
    let said = String::from_utf8_lossy(&made.stderr);
    ensure!(made.status.success(), "helm template failed: {said}");
    Ok(json!(documents(&made.stdout)?).to_string())
}

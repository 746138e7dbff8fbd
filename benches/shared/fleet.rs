//! The fleet that is measured: its policy, its stores, and what a change of a store writes.
//!
//! Contents come from the real templates, so that sizes and layouts are those of the product. Must not know: Git.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use fleetwright::domain::change::Action;
use fleetwright::domain::policy::FleetPolicy;
use fleetwright::domain::record::{Record, Spec};
use fleetwright::domain::trailers::{Trailers, message};
use fleetwright::domain::{ChangeId, ClusterName, StoreName, Uid};
use fleetwright::plan::{Edit, Edits};
use fleetwright::render::{Files, Templates, render_store, root_files, yaml};
use serde_json::{Value, json};

/// The skeleton's policy; its clusters and limits are replaced.
const POLICY: &str = include_str!("../../fleet/fleetwright.yaml");
/// The cluster that `dev --kubeconfig` stands for.
pub(crate) const WATCHED: &str = "local";
/// Stores that one cluster takes at most, as the design has it.
const MOST_PER_CLUSTER: usize = 3000;
/// When the fleet began, in seconds since the Unix epoch.
pub(crate) const BEGAN: i64 = 1_700_000_000;
/// Files that a change of a store writes.
pub(crate) const FILES: usize = 4;
/// The plans that a store goes through, edition by edition.
const PLANS: [&str; 3] = ["small", "medium", "large"];

/// How large a fleet is, and over how many clusters it is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) stores: usize,
    pub(crate) clusters: usize,
    /// Whether the one cluster is called as `dev --kubeconfig` wants it.
    pub(crate) watched: bool,
}

impl Shape {
    /// As many clusters as the limit per cluster asks for.
    pub(crate) fn spread(stores: usize) -> Self {
        let clusters = stores.div_ceil(MOST_PER_CLUSTER).max(1);
        Self {
            stores,
            clusters,
            watched: false,
        }
    }

    /// All stores in one cluster.
    pub(crate) fn heap(stores: usize) -> Self {
        Self {
            stores,
            clusters: 1,
            watched: false,
        }
    }

    /// All stores in one cluster, which `dev --kubeconfig` can watch.
    pub(crate) fn watched(stores: usize) -> Self {
        Self {
            watched: true,
            ..Self::heap(stores)
        }
    }

    /// What a cluster is called.
    fn cluster(self, number: usize) -> String {
        if self.watched {
            WATCHED.to_owned()
        } else {
            format!("c{number:02}")
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = if self.clusters == 1 { "" } else { "s" };
        let stores = crate::report::thousands(self.stores);
        write!(f, "{stores} stores, {} cluster{plural}", self.clusters)
    }
}

/// What one change of a store writes.
pub(crate) struct StoreChange {
    pub(crate) cluster: ClusterName,
    /// Record, sync, tenant and release, by path on main.
    pub(crate) main: Edits,
    /// The message of its commit on main.
    pub(crate) message: String,
}

impl StoreChange {
    /// The part that the cluster's deploy branch gets.
    pub(crate) fn deploy(&self) -> impl Iterator<Item = (&String, &Edit)> {
        self.main
            .iter()
            .filter(|(path, _)| path.starts_with("clusters/"))
    }
}

/// A fleet of a shape.
pub(crate) struct Fleet {
    pub(crate) shape: Shape,
    pub(crate) policy_text: String,
    policy: FleetPolicy,
    templates: Templates,
}

impl Fleet {
    pub(crate) fn new(shape: Shape) -> Result<Self> {
        let policy_text = policy_text(shape)?;
        let policy: FleetPolicy = yaml::read(&policy_text).context("the policy is no YAML")?;
        anyhow::ensure!(policy.check().is_empty(), "the policy is not valid");
        let templates = Templates::embedded()?;
        Ok(Self {
            shape,
            policy_text,
            policy,
            templates,
        })
    }

    /// What the contents depend on, for the name of a prepared fleet.
    pub(crate) fn digest(&self) -> &str {
        self.templates.digest()
    }

    pub(crate) fn clusters(&self) -> impl Iterator<Item = &ClusterName> {
        self.policy.clusters.keys()
    }

    /// The files that every cluster has before its first store.
    pub(crate) fn roots(&self) -> Result<Files> {
        let mut files = Files::new();
        for cluster in self.clusters() {
            files.extend(root_files(&self.templates, &self.policy, cluster)?);
        }
        Ok(files)
    }

    /// A store as its creation writes it, and the files that it shares with others.
    pub(crate) fn created(&self, store: usize) -> Result<(StoreChange, Files)> {
        self.rendered(store, 0)
    }

    /// A change of an existing store: another plan and another title. All of its four files change.
    pub(crate) fn changed(&self, store: usize, edition: usize) -> Result<StoreChange> {
        self.rendered(store, edition).map(|(change, _)| change)
    }

    /// The message of a store's first commit.
    pub(crate) fn created_message(&self, store: usize) -> Result<String> {
        self.message(store, 0)
    }

    fn rendered(&self, store: usize, edition: usize) -> Result<(StoreChange, Files)> {
        let record = self.record(store, edition)?;
        let rendered = render_store(&self.templates, &self.policy, &record)?;
        let mut main: Edits = rendered
            .own
            .into_iter()
            .map(|(path, bytes)| (path, Edit::Put(bytes)))
            .collect();
        let (path, bytes) = rendered.record;
        main.insert(path, Edit::Put(bytes));
        let change = StoreChange {
            cluster: record.spec.cluster.clone(),
            message: self.message(store, edition)?,
            main,
        };
        Ok((change, rendered.shared))
    }

    fn record(&self, store: usize, edition: usize) -> Result<Record> {
        let name = name(store)?;
        let place = store % self.shape.clusters;
        let (cluster, policy) = self
            .policy
            .clusters
            .get_index(place)
            .context("a cluster of the shape")?;
        let small = &self.policy.plans["small"].engines["woocommerce"];
        let values = json!({"title": title(store, edition), "currency": "EUR"});
        let spec = Spec {
            engine: "woocommerce".to_owned(),
            plan: plan(edition).to_owned(),
            owner: format!("owner-{}", store % 1000).parse()?,
            cluster: cluster.clone(),
            host: format!("{name}.{}", policy.base_domain).parse()?,
            extra_hosts: Vec::new(),
            version: "1.0.0".to_owned(),
            values: values.as_object().cloned().unwrap_or_default(),
            volumes: small.volumes.clone(),
            suspended: false,
            deletion_protection: false,
            retry: None,
        };
        Ok(Record::new(name, Uid::from(change_id(store, 0)?), spec))
    }

    fn message(&self, store: usize, edition: usize) -> Result<String> {
        let (action, verb) = if edition == 0 {
            (Action::Create, "create")
        } else {
            (Action::Update, "update")
        };
        let trailers = Trailers {
            change: change_id(store, edition)?,
            store: name(store)?,
            uid: Uid::from(change_id(store, 0)?),
            action,
            requester: format!("token:owner-{}", store % 1000),
            template: self.templates.digest()[..12].to_owned(),
            proposal: None,
            step: 1,
            adopts: None,
            approved_by: Vec::new(),
            reason: None,
        };
        let title = format!("{verb} store {}", trailers.store);
        Ok(message(&title, Some("4 files"), &trailers))
    }
}

/// The name of a store by its number.
pub(crate) fn name(store: usize) -> Result<StoreName> {
    Ok(format!("shop-{store:06}").parse()?)
}

/// What a request asks for so that a store gets an edition.
pub(crate) fn request(store: usize, edition: usize) -> Value {
    json!({"plan": plan(edition), "values": {"title": title(store, edition)}})
}

fn title(store: usize, edition: usize) -> String {
    format!("Shop {store}, edition {edition}")
}

/// The plan that a store has in an edition.
fn plan(edition: usize) -> &'static str {
    PLANS[edition % PLANS.len()]
}

fn change_id(store: usize, edition: usize) -> Result<ChangeId> {
    let millis = u64::try_from(BEGAN)? * 1000 + store as u64;
    let random = (edition as u128) << 32 | store as u128;
    Ok(ulid::Ulid::from_parts(millis, random).to_string().parse()?)
}

fn policy_text(shape: Shape) -> Result<String> {
    let (head, rest) = POLICY
        .split_once("\nclusters:\n")
        .context("the skeleton's policy has clusters")?;
    let (_, tail) = rest
        .split_once("\nengines:\n")
        .context("the skeleton's policy has engines")?;
    let head = head
        .replace("stores: 50", "stores: 1000000")
        .replace("storesPerOwner: 5", "storesPerOwner: 1000000");
    let most = shape.stores.max(MOST_PER_CLUSTER);
    let mut clusters = String::new();
    for number in 0..shape.clusters {
        let name = shape.cluster(number);
        // A cluster that is watched may be a testbed, which has no kinds of the Gateway API.
        let route = if shape.watched { "ingress" } else { "gateway" };
        clusters.push_str(&format!(
            "  {name}:\n    baseDomain: {name}.shops.example.com\n    route: {{type: {route}}}\n    maxStores: {most}\n"
        ));
    }
    Ok(format!("{head}\nclusters:\n{clusters}\nengines:\n{tail}"))
}

/// Changes that land together, with the edits that each touched cluster gets; made before any clock starts.
pub(crate) struct Batch {
    pub(crate) changes: Vec<StoreChange>,
    pub(crate) deploys: BTreeMap<ClusterName, Edits>,
}

impl Batch {
    pub(crate) fn new(changes: Vec<StoreChange>) -> Self {
        let mut deploys: BTreeMap<ClusterName, Edits> = BTreeMap::new();
        for change in &changes {
            let edits = deploys.entry(change.cluster.clone()).or_default();
            edits.extend(
                change
                    .deploy()
                    .map(|(path, edit)| (path.clone(), edit.clone())),
            );
        }
        Self { changes, deploys }
    }
}

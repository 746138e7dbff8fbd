//! What stores' renderings read of a policy, as digests: to tell which store was rendered from another one.
//!
//! Made once for a policy and asked for every store that is shown. Must not know: what stores there are.

use std::collections::BTreeMap;

use super::context::Parts;
use crate::domain::ClusterName;
use crate::domain::policy::FleetPolicy;
use crate::domain::record_text::Recorded;

/// The digest for every cluster, plan and engine that go together in a policy.
#[derive(Debug, Default)]
pub struct PolicyDigests(BTreeMap<ClusterName, BTreeMap<String, BTreeMap<String, String>>>);

impl PolicyDigests {
    /// Those of a policy.
    pub fn of(policy: &FleetPolicy) -> Self {
        let mut all = Self::default();
        for (cluster, slice) in &policy.clusters {
            for (name, plan) in &policy.plans {
                for (engine, offer) in &plan.engines {
                    let parts = Parts {
                        cluster: slice,
                        plan,
                        engine_values: &offer.values,
                    };
                    let plans = all.0.entry(cluster.clone()).or_default();
                    let engines = plans.entry(name.clone()).or_default();
                    engines.insert(engine.clone(), parts.digest(cluster));
                }
            }
        }
        all
    }

    /// Whether a record would be rendered from what has this digest, or from what is not in the policy at all. The
    /// digest may be cut short.
    pub fn fit(&self, record: &impl Recorded, digest: &str) -> bool {
        let plans = self.0.get(record.cluster());
        let engines = plans.and_then(|it| it.get(record.plan()));
        let current = engines.and_then(|it| it.get(record.engine()));
        current.is_none_or(|it| it.starts_with(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::Record;
    use crate::render::yaml;

    const POLICY: &str = include_str!("../../fleet/fleetwright.yaml");

    fn digests(policy: &str) -> PolicyDigests {
        let policy: FleetPolicy = yaml::read(policy).expect("a policy");
        PolicyDigests::of(&policy)
    }

    fn record(plan: &str) -> Record {
        let record = serde_json::json!({
            "apiVersion": "fleetwright.dev/v1", "kind": "Store",
            "metadata": {"name": "shop", "uid": "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
            "spec": {
                "engine": "woocommerce", "plan": plan, "owner": "ann", "cluster": "local",
                "host": "shop.localtest.me", "version": "1.0.0",
            },
        });
        serde_json::from_value(record).expect("a record")
    }

    #[test]
    fn what_is_rendered_counts_and_nothing_else() {
        let small = record("small");
        let before = digests(POLICY);
        let digest = before.0[&record("small").spec.cluster]["small"]["woocommerce"].clone();
        // A policy's edit, and whether a small store is rendered otherwise by it.
        let table = [
            ("", "", false),
            ("    price: 1\n", "    price: 2\n", false),
            ("readyDeadline: 15m", "readyDeadline: 16m", false),
            ("timeout: 10m", "timeout: 11m", true),
            ("pods: \"10\"", "pods: \"11\"", true),
        ];
        for (from, to, moves) in table {
            assert!(POLICY.contains(from), "{from}");
            let after = digests(&POLICY.replacen(from, to, 1));
            assert_eq!(after.fit(&small, &digest[..12]), !moves, "{to}");
        }
        assert!(before.fit(&record("gone"), &digest), "nothing to go by");
        assert!(!before.fit(&record("medium"), &digest), "another plan");
    }
}

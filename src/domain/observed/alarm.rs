//! What is wrong with a cluster as a whole: one trouble here holds up every store, though each still looks fine.

use super::{ClusterSeen, Condition, Conditions, KustomizationSeen, SourceSeen, Truth};

/// Something people must look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// One word for programs.
    pub reason: &'static str,
    /// What is wrong, with Flux's own words.
    pub message: String,
    /// What to do.
    pub next_step: &'static str,
}

const BOOTSTRAP: &str = "apply the cluster's bootstrap again: `fleetwright cluster bootstrap <cluster> | kubectl apply --server-side -f -`";
const RESUME: &str = "find out who suspended it and why, then set spec.suspend to false";

impl ClusterSeen {
    /// All that holds up the whole cluster, worst first. Empty while the first lists are not complete.
    pub fn alarms(&self) -> Vec<Alarm> {
        if !self.synced {
            return Vec::new();
        }
        let source = self.source_alarm();
        source
            .into_iter()
            .chain(self.generator_alarms())
            .chain(self.root_alarm())
            .chain(self.chart_alarms())
            .collect()
    }

    /// What keeps new commits from the cluster before any applier: the repository or the cutting into shards.
    pub fn source_trouble(&self) -> Option<Alarm> {
        self.source_alarm()
            .or_else(|| self.generator_alarms().into_iter().next())
    }

    fn source_alarm(&self) -> Option<Alarm> {
        let Some(source) = &self.source else {
            let message = "the cluster has no GitRepository for the fleet repository".to_owned();
            return Some(Alarm {
                reason: "SourceMissing",
                message,
                next_step: BOOTSTRAP,
            });
        };
        source.alarm()
    }

    fn generator_alarms(&self) -> Vec<Alarm> {
        let by_artifact = self
            .root
            .as_ref()
            .is_some_and(KustomizationSeen::reads_artifact);
        let missing = ["root", "shards"]
            .into_iter()
            .filter(|name| by_artifact && !self.generators.contains_key(*name));
        let missing = missing.map(|name| Alarm {
            reason: "GeneratorMissing",
            message: format!(
                "the ArtifactGenerator {name} is missing: no new commit reaches the stores"
            ),
            next_step: BOOTSTRAP,
        });
        let failing = self.generators.iter().filter_map(|(name, seen)| {
            let condition = failing(&seen.meta.conditions)?;
            let message = format!(
                "the ArtifactGenerator {name} fails, so no new commit reaches the stores: {}",
                condition.quoted()
            );
            let next_step =
                "look at clusters/<cluster>/ on the deploy branch and at the log of source-watcher";
            Some(Alarm {
                reason: "GeneratorFailed",
                message,
                next_step,
            })
        });
        missing.chain(failing).collect()
    }

    /// A chart that cannot be built keeps what pins it from being installed or moved to it; what runs runs on.
    fn chart_alarms(&self) -> impl Iterator<Item = Alarm> {
        self.charts.iter().filter_map(|(name, seen)| {
            let condition = failing(&seen.meta.conditions)?;
            let message = format!(
                "the HelmChart {name} cannot be built, so no store can be installed with it: {}",
                condition.quoted()
            );
            let next_step =
                "look at charts/ on the deploy branch; publish the chart as a new version where it is broken";
            Some(Alarm {
                reason: "ChartFailed",
                message,
                next_step,
            })
        })
    }

    fn root_alarm(&self) -> Option<Alarm> {
        let Some(root) = &self.root else {
            let message =
                "the cluster has no root Kustomization: shards and charts are not applied"
                    .to_owned();
            return Some(Alarm {
                reason: "RootMissing",
                message,
                next_step: BOOTSTRAP,
            });
        };
        if root.suspended {
            let message =
                "the root Kustomization is suspended: new shards and charts are not applied"
                    .to_owned();
            return Some(Alarm {
                reason: "RootSuspended",
                message,
                next_step: RESUME,
            });
        }
        let stalled = root.meta.conditions.with("Stalled", Truth::True);
        let condition = stalled.or_else(|| root.failure())?;
        let message = format!(
            "the root Kustomization fails, so new shards and charts are not applied: {}",
            condition.quoted()
        );
        let next_step = "look at clusters/<cluster>/root on the deploy branch and at the bootstrap's access rules";
        Some(Alarm {
            reason: "RootFailed",
            message,
            next_step,
        })
    }
}

impl SourceSeen {
    fn alarm(&self) -> Option<Alarm> {
        if self.suspended {
            let message =
                "the GitRepository is suspended: the cluster fetches no commits".to_owned();
            return Some(Alarm {
                reason: "SourceSuspended",
                message,
                next_step: RESUME,
            });
        }
        if let Some(condition) = self.meta.conditions.with("SourceVerified", Truth::False) {
            let message = format!(
                "Flux refuses the head of the deploy branch and keeps the last good one: {}",
                condition.quoted()
            );
            let next_step = "find out who pushed to the deploy branch; publish a signed commit on top, or correct the Secret with the deploy keys";
            return Some(Alarm {
                reason: "SourceNotVerified",
                message,
                next_step,
            });
        }
        if let Some(condition) = failing(&self.meta.conditions) {
            let message = format!(
                "Flux cannot fetch the fleet repository: {}",
                condition.quoted()
            );
            let next_step =
                "check the address, the network and the credentials of the GitRepository";
            return Some(Alarm {
                reason: "SourceFailed",
                message,
                next_step,
            });
        }
        if self.revision.is_none()
            && self
                .meta
                .conditions
                .get("Ready")
                .is_some_and(|ready| ready.status == Truth::True)
        {
            let message = "the GitRepository has no artifact: nothing can be applied".to_owned();
            let next_step = "request a fetch, and look at the storage of source-controller";
            return Some(Alarm {
                reason: "NoArtifact",
                message,
                next_step,
            });
        }
        None
    }
}

/// The condition that says why an object fails: Stalled, a failed fetch or build, or Ready=False.
fn failing(conditions: &Conditions) -> Option<&Condition> {
    let stalled = conditions.with("Stalled", Truth::True);
    let fetch = || conditions.with("FetchFailed", Truth::True);
    let build = || conditions.with("BuildFailed", Truth::True);
    let ready = || conditions.with("Ready", Truth::False);
    stalled.or_else(fetch).or_else(build).or_else(ready)
}

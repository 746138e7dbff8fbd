//! What is wrong with a cluster as a whole: one trouble here holds up every store, though each still looks fine.

use jiff::Timestamp;

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
const INSTALL: &str = "install source-watcher and its kinds, which come with Flux 2.7 and later, then apply the cluster's bootstrap again";
const RESUME: &str = "find out who suspended it and why, then set spec.suspend to false";

impl ClusterSeen {
    /// All that holds up the whole cluster, worst first. Empty while the first lists are not complete.
    pub fn alarms(&self, now: Timestamp) -> Vec<Alarm> {
        if !self.synced {
            return Vec::new();
        }
        let source = self.source_alarm(now);
        source
            .into_iter()
            .chain(self.generator_alarms())
            .chain(self.root_alarm())
            .chain(self.chart_alarms())
            .collect()
    }

    /// What keeps new commits from the cluster before any applier: the repository or the cutting into shards.
    pub fn source_trouble(&self, now: Timestamp) -> Option<Alarm> {
        self.source_alarm(now)
            .or_else(|| self.generator_alarms().into_iter().next())
    }

    fn source_alarm(&self, now: Timestamp) -> Option<Alarm> {
        let Some(source) = &self.source else {
            let message = "the cluster has no GitRepository for the fleet repository".to_owned();
            return Some(Alarm {
                reason: "SourceMissing",
                message,
                next_step: BOOTSTRAP,
            });
        };
        source.alarm(now)
    }

    fn generator_alarms(&self) -> Vec<Alarm> {
        let by_artifact = self
            .root
            .as_ref()
            .is_some_and(KustomizationSeen::reads_artifact);
        let missing = ["root", "shards"]
            .into_iter()
            .filter(|name| by_artifact && !self.generators.contains_key(*name))
            .filter(|_| self.unserved.is_empty());
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
        let unknown = self.unserved.iter().filter(|_| by_artifact);
        let unknown = unknown.map(|kind| Alarm {
            reason: "KindMissing",
            message: format!(
                "the cluster does not know the kind {kind}: no new commit reaches the stores"
            ),
            next_step: INSTALL,
        });
        unknown.chain(missing).chain(failing).collect()
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
    fn alarm(&self, now: Timestamp) -> Option<Alarm> {
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
        self.no_artifact(now)
    }

    /// Before the first fetch there is none for a while. Where nobody looks at the object, no condition tells that there
    /// will be none.
    fn no_artifact(&self, now: Timestamp) -> Option<Alarm> {
        let conditions = &self.meta.conditions;
        if self.revision.is_some() || !(conditions.ready() || self.starves(now)) {
            return None;
        }
        let (why, next_step) = if conditions.0.is_empty() {
            (
                "; no source-controller has looked at it",
                "check that source-controller runs and watches the fleet's namespace",
            )
        } else {
            (
                "",
                "request a fetch, and look at the log and the storage of source-controller",
            )
        };
        Some(Alarm {
            reason: "NoArtifact",
            message: format!("the GitRepository has no artifact: nothing can be applied{why}"),
            next_step,
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::observed::{ARTIFACT_WITHIN_SECONDS, GeneratorSeen, Meta, SourceRef};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a small number")
    }

    #[test]
    fn a_source_without_an_artifact_is_an_alarm_when_waiting_is_no_answer_any_more() {
        let ready = |status| Condition {
            kind: "Ready".into(),
            status,
            reason: "R".into(),
            message: String::new(),
            observed_generation: None,
        };
        let late = ARTIFACT_WITHIN_SECONDS;
        for (status, revision, second, told) in [
            // nobody has looked at it
            (None, None, 0, None),
            (None, None, late - 1, None),
            (None, None, late, Some("no source-controller")),
            // it is fetched for the first time
            (Some(Truth::Unknown), None, late - 1, None),
            (Some(Truth::Unknown), None, late, Some("no artifact")),
            // it was fetched, and what was fetched is lost
            (Some(Truth::True), None, 0, Some("no artifact")),
            (Some(Truth::True), Some("r"), late, None),
            (None, Some("r"), late, None),
        ] {
            let mut source = SourceSeen {
                meta: Meta {
                    conditions: Conditions(status.map(ready).into_iter().collect()),
                    ..Meta::default()
                },
                revision: revision.map(str::to_owned),
                ..SourceSeen::default()
            };
            source.remember(None, at(0));
            let alarm = source.alarm(at(second));
            let case = format!("{status:?} {revision:?} {second}: {alarm:?}");
            assert_eq!(alarm.is_some(), told.is_some(), "{case}");
            let said = alarm.map(|it| it.message).unwrap_or_default();
            assert!(said.contains(told.unwrap_or_default()), "{case}");
        }
    }

    #[test]
    fn a_kind_that_shards_need_and_the_cluster_does_not_know_is_named() {
        for (source, generators, unserved, told) in [
            (
                "ExternalArtifact",
                false,
                vec!["ExternalArtifact", "ArtifactGenerator"],
                2,
            ),
            ("ExternalArtifact", true, vec!["ExternalArtifact"], 1),
            ("ExternalArtifact", true, vec![], 0),
            // shards that read the repository itself need neither
            (
                "GitRepository",
                false,
                vec!["ExternalArtifact", "ArtifactGenerator"],
                0,
            ),
        ] {
            let generator = |name: &str| (name.to_owned(), GeneratorSeen::default());
            let root = KustomizationSeen {
                source: SourceRef {
                    kind: source.to_owned(),
                    ..SourceRef::default()
                },
                ..KustomizationSeen::default()
            };
            let cluster = ClusterSeen {
                synced: true,
                source: Some(SourceSeen {
                    revision: Some("r".to_owned()),
                    ..SourceSeen::default()
                }),
                generators: ["root", "shards"]
                    .into_iter()
                    .filter(|_| generators)
                    .map(generator)
                    .collect(),
                root: Some(root),
                unserved: unserved.clone(),
                ..ClusterSeen::default()
            };
            let alarms = cluster.alarms(at(0));
            assert_eq!(alarms.len(), told, "{alarms:?}");
            for (alarm, kind) in alarms.iter().zip(unserved) {
                assert!(
                    alarm.message.contains(&format!("the kind {kind}")),
                    "{alarm:?}"
                );
            }
            assert_eq!(cluster.source_trouble(at(0)).is_some(), told > 0);
        }
    }

    #[test]
    fn since_when_there_is_no_artifact_is_remembered_until_there_is_one() {
        let seen = |revision: Option<&str>, before: Option<&SourceSeen>, second| {
            let mut source = SourceSeen {
                revision: revision.map(str::to_owned),
                ..SourceSeen::default()
            };
            source.remember(before, at(second));
            source
        };
        let first = seen(None, None, 3);
        let second = seen(None, Some(&first), 50);
        assert_eq!(second.empty_since, Some(at(3)));
        let fetched = seen(Some("r"), Some(&second), 60);
        assert_eq!(fetched.empty_since, None);
        assert_eq!(seen(None, Some(&fetched), 70).empty_since, Some(at(70)));
    }
}

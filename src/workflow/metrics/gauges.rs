//! What is measured when it is asked for: how things stand, not how often something happened.

use std::time::Duration;

use jiff::Timestamp;
use prometheus::{GaugeVec, Opts, Registry};

use super::{float, process};
use crate::domain::CommitId;
use crate::domain::change::State;
use crate::domain::forge::{BudgetView, Quota};
use crate::domain::observed::SourceSeen;
use crate::git::GitError;
use crate::workflow::Fleet;
use crate::workflow::core::{Core, lock};
use crate::workflow::orphans;

/// Everything there is to know, in text format 0.0.4. Reads Git for the lag of clusters.
fn text(core: &Core) -> String {
    let now = Core::now();
    let registry = Registry::new();
    let gauge = |name: &str, help: &str, value: f64| {
        family(&registry, name, help, &[], |set| set(&[], value));
    };
    queue(core, &registry);
    gauge(
        "fleetwright_event_subscribers",
        "Open streams of events.",
        float(core.events.subscribers() as u64),
    );
    family(
        &registry,
        "fleetwright_build_info",
        "The program's version; always 1.",
        &["version"],
        |set| set(&[env!("CARGO_PKG_VERSION")], 1.0),
    );
    if let Ok(packs) = core.repo.packs() {
        gauge(
            "fleetwright_repository_packs",
            "Packs in the fleet repository on this machine.",
            float(packs as u64),
        );
    }
    stores(core, &registry);
    clusters(core, &registry, now);
    let budget = lock(&core.forge_status).budget.clone();
    if let Some(budget) = budget {
        forge(&registry, &budget, now);
    }
    for (name, help, value) in process::figures() {
        gauge(name, help, value);
    }
    core.metrics.text(&registry)
}

/// Makes a family and sets its gauges. It is registered even when it has none, and then it is not written.
fn family(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
    fill: impl FnOnce(&mut dyn FnMut(&[&str], f64)),
) {
    let made = GaugeVec::new(Opts::new(name, help), labels).expect(super::FINE);
    registry
        .register(Box::new(made.clone()))
        .expect(super::FINE);
    fill(&mut |values, value| made.with_label_values(values).set(value));
}

fn queue(core: &Core, registry: &Registry) {
    // Every state is there from the start, so that nothing has to be guessed of one that is missing.
    let states = [
        State::Queued,
        State::Proposed,
        State::Approved,
        State::Written,
    ];
    let mut counts = states.map(|state| (state, 0));
    for entry in core.desk().entries() {
        let count = counts.iter_mut().find(|it| it.0 == entry.change.state);
        if let Some((_, count)) = count {
            *count += 1;
        }
    }
    family(
        registry,
        "fleetwright_queue_changes",
        "Accepted changes that are not published yet, by state.",
        &["state"],
        |set| {
            for (state, count) in counts {
                set(&[state.as_str()], float(count));
            }
        },
    );
}

fn stores(core: &Core, registry: &Registry) {
    let fill = |set: &mut dyn FnMut(&[&str], f64)| {
        core.catalog.count(|cluster, phase, count| {
            set(&[cluster, phase.as_str()], float(count));
        });
    };
    family(
        registry,
        "fleetwright_stores",
        "Stores, by cluster and phase.",
        &["cluster", "phase"],
        fill,
    );
}

fn clusters(core: &Core, registry: &Registry, now: Timestamp) {
    let watched = &core.watched;
    family(
        registry,
        "fleetwright_cluster_synced",
        "Whether a watched cluster is seen as it is now.",
        &["cluster"],
        |set| {
            for (name, watched) in watched {
                let seen = watched.view.cluster();
                let synced = seen.synced && !seen.is_stale(now);
                set(&[name.as_str()], f64::from(u8::from(synced)));
            }
        },
    );
    family(
        registry,
        "fleetwright_cluster_orphans",
        "Objects without a record and records without objects in a watched cluster, as found last.",
        &["cluster"],
        |set| {
            for name in watched.keys() {
                set(&[name.as_str()], float(orphans::count(core, name) as u64));
            }
        },
    );
    family(
        registry,
        "fleetwright_flux_lag_seconds",
        "Age of the oldest published deploy commit that a watched cluster has not fetched; 0 when it has all.",
        &["cluster"],
        |set| {
            for (name, watched) in watched {
                let seen = watched.view.cluster();
                let head = core.published_deploy(name).ok().flatten();
                if let Ok(Some(lag)) = lag(core, seen.source.as_ref(), head, now) {
                    set(&[name.as_str()], lag);
                }
            }
        },
    );
}

/// A family's name and help, and what of a quota it shows.
type Figure = (&'static str, &'static str, fn(Quota) -> u32);

/// What the forge still takes of us. What it has not told yet is left out.
fn forge(registry: &Registry, budget: &BudgetView, now: Timestamp) {
    let seconds = |until: Timestamp| u64::try_from(until.as_second() - now.as_second());
    let quotas = [("rest", budget.rest), ("graphql", budget.graphql)];
    let figures: [Figure; 2] = [
        (
            "fleetwright_forge_calls_left",
            "What the forge takes of us until its window ends, by API.",
            |it| it.remaining,
        ),
        (
            "fleetwright_forge_calls_limit",
            "What the forge takes of us in a whole window, by API.",
            |it| it.limit,
        ),
    ];
    for (name, help, figure) in figures {
        family(registry, name, help, &["api"], |set| {
            for (api, quota) in quotas {
                if let Some(quota) = quota {
                    set(&[api], f64::from(figure(quota)));
                }
            }
        });
    }
    family(
        registry,
        "fleetwright_forge_content_left",
        "Calls that make content which may still be sent, within this minute and this hour.",
        &["within"],
        |set| {
            set(&["minute"], f64::from(budget.content_minute));
            set(&["hour"], f64::from(budget.content_hour));
        },
    );
    let paused = budget.paused.as_ref().map(|it| seconds(it.until));
    family(
        registry,
        "fleetwright_forge_paused_seconds",
        "Time for which nothing is sent to the forge; 0 while it takes calls.",
        &[],
        |set| set(&[], float(paused.and_then(Result::ok).unwrap_or(0))),
    );
    family(
        registry,
        "fleetwright_forge_calls_waiting",
        "Calls that wait for their turn at the forge, by priority.",
        &["priority"],
        |set| {
            for (priority, count) in &budget.waiting {
                set(&[priority.as_str()], float(*count as u64));
            }
        },
    );
}

/// Seconds that what a cluster has fetched is behind the published head of its branch; none where it shows no commit
/// that is known here.
pub(in crate::workflow) fn lag(
    core: &Core,
    source: Option<&SourceSeen>,
    head: Option<CommitId>,
    now: Timestamp,
) -> Result<Option<f64>, GitError> {
    let (Some(seen), Some(head)) = (source.and_then(SourceSeen::commit), head) else {
        return Ok(None);
    };
    if seen == head {
        return Ok(Some(0.0));
    }
    if !core.repo.contains(&seen)? {
        return Ok(None);
    }
    let Some(oldest) = core.repo.since(&head, Some(&seen))?.into_iter().next() else {
        return Ok(Some(0.0));
    };
    let made = core.repo.commit_info(&oldest)?.time;
    let seconds = u64::try_from(now.as_second() - made).unwrap_or(0);
    Ok(Some(float(seconds)))
}

impl Fleet {
    /// Everything there is to know, in text format 0.0.4. Blocks: it reads Git.
    pub fn metrics(&self) -> String {
        text(&self.0.core)
    }

    /// Counts an answered request. Labels are words of the program, never of a caller.
    pub fn answered(&self, route: &str, method: &str, status: &str, took: Duration) {
        self.0.core.metrics.answered(route, method, status, took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::forge::{Pause, Priority};

    #[test]
    fn a_budget_becomes_figures_and_what_is_not_known_none() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let budget = BudgetView {
            rest: Some(Quota {
                remaining: 4990,
                limit: 5000,
                resets_at: at(3600),
            }),
            graphql: None,
            content_minute: 80,
            content_hour: 500,
            waiting: vec![(Priority::Comment, 3)],
            paused: Some(Pause {
                until: at(1007),
                why: "slow down".to_owned(),
            }),
        };
        let registry = Registry::new();
        forge(&registry, &budget, at(1000));
        let text = crate::workflow::metrics::Metrics::new().text(&registry);
        for line in [
            "fleetwright_forge_calls_left{api=\"rest\"} 4990",
            "fleetwright_forge_calls_limit{api=\"rest\"} 5000",
            "fleetwright_forge_content_left{within=\"minute\"} 80",
            "fleetwright_forge_paused_seconds 7",
            "fleetwright_forge_calls_waiting{priority=\"comment\"} 3",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}: {text}");
        }
        assert!(!text.contains("graphql"), "{text}");
    }
}

//! The workflow's figures, for Prometheus.
//!
//! A registry of its own per fleet, nothing global: two fleets in one process do not count together. Labels are words
//! of ours, clusters of the policy, and nothing that a caller chooses.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, TextEncoder,
};

use super::events::is_over;
use super::query::provisioned_in;
use crate::domain::change::{Change, MilestoneName};
use crate::domain::request::Refusal;

pub(super) mod gauges;
mod process;

pub(super) use gauges::lag;

/// The media type of what [`Metrics::text`] gives: text format 0.0.4.
pub const TEXT_FORMAT: &str = prometheus::TEXT_FORMAT;

/// Seconds of work on our own machine: a group, a push.
const WORK: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];
/// Seconds of a request.
const REQUEST: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// Seconds from a request to a shop that runs.
const PROVISIONING: &[f64] = &[
    1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 900.0, 1800.0, 3600.0,
];
/// Seconds of one step of a change: some are taken by programs, some by people.
const STEPS: &[f64] = &[
    0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 3600.0,
    86400.0,
];
/// Changes in one group.
const SIZES: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2000.0,
];

/// Counters and histograms of one fleet.
pub(super) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    accepted: IntCounterVec,
    replayed: IntCounter,
    refused: IntCounterVec,
    changes: IntCounterVec,
    group_seconds: Histogram,
    group_changes: Histogram,
    pushes: IntCounterVec,
    push_seconds: Histogram,
    provisioning: Histogram,
    steps: HistogramVec,
    deliveries: IntCounterVec,
}

impl Metrics {
    /// All at zero.
    pub(super) fn new() -> Self {
        let registry = Registry::new();
        let r = &registry;
        Self {
            requests: counters(
                r,
                "fleetwright_http_requests_total",
                "Requests answered, by route template, method and class of status.",
                &["route", "method", "status"],
            ),
            durations: histograms(
                r,
                "fleetwright_http_request_duration_seconds",
                "Time from a request's headers to those of its answer, by route template.",
                &["route"],
                REQUEST,
            ),
            accepted: counters(
                r,
                "fleetwright_requests_accepted_total",
                "Requests for changes that were accepted, by action.",
                &["action"],
            ),
            replayed: counter(
                r,
                "fleetwright_requests_replayed_total",
                "Requests for changes that were answered with an earlier change.",
            ),
            refused: counters(
                r,
                "fleetwright_requests_refused_total",
                "Requests for changes that were refused, by class of reason.",
                &["reason"],
            ),
            changes: counters(
                r,
                "fleetwright_change_states_total",
                "States that changes reached, by action.",
                &["action", "state"],
            ),
            group_seconds: histogram(
                r,
                "fleetwright_group_duration_seconds",
                "Time in which a group of changes was written, committed and landed.",
                WORK,
            ),
            group_changes: histogram(
                r,
                "fleetwright_group_changes",
                "Changes in a group that landed.",
                SIZES,
            ),
            pushes: counters(
                r,
                "fleetwright_pushes_total",
                "Pushes to the fleet repository, by what came of them.",
                &["outcome"],
            ),
            push_seconds: histogram(
                r,
                "fleetwright_push_duration_seconds",
                "Time that a push to the fleet repository took.",
                WORK,
            ),
            provisioning: histogram(
                r,
                "fleetwright_provisioning_duration_seconds",
                "Time from the acceptance of a new store to its being ready.",
                PROVISIONING,
            ),
            steps: histograms(
                r,
                "fleetwright_change_step_duration_seconds",
                "Time that changes which got there took for a step since the one before: committed, pushed, proposed, approved, merged, fetched, applied, installed, workloadsReady, answering.",
                &["step"],
                STEPS,
            ),
            deliveries: counters(
                r,
                "fleetwright_forge_deliveries_total",
                "Deliveries of the forge's webhook, by what came of them.",
                &["outcome"],
            ),
            registry,
        }
    }

    /// A request was answered.
    pub(super) fn answered(&self, route: &str, method: &str, status: &str, took: Duration) {
        let labels = [route, method, status];
        self.requests.with_label_values(&labels).inc();
        let durations = self.durations.with_label_values(&[route]);
        durations.observe(took.as_secs_f64());
    }

    /// What became of a request for a change.
    pub(super) fn submitted(&self, answer: Result<(&Change, bool), &Refusal>) {
        match answer {
            Ok((_, true)) => self.replayed.inc(),
            Ok((change, false)) => {
                let action = change.action.as_str();
                self.accepted.with_label_values(&[action]).inc();
            }
            Err(refusal) => self.refused.with_label_values(&[refusal.class()]).inc(),
        }
    }

    /// A change reached a state.
    pub(super) fn moved(&self, change: &Change) {
        let labels = [change.action.as_str(), change.state.as_str()];
        self.changes.with_label_values(&labels).inc();
        if let Some(seconds) = provisioned_in(change) {
            self.provisioning.observe(seconds);
        }
        let got_there = change.state.is_merged() && is_over(change) && !change.noop;
        if got_there {
            for (step, seconds) in change.milestones.seconds() {
                self.step(step, seconds);
            }
        }
    }

    /// A shop answered when its change was ready already.
    pub(super) fn answering(&self, change: &Change) {
        let mut steps = change.milestones.seconds();
        if let Some((step, seconds)) = steps.find(|(it, _)| *it == MilestoneName::Answering) {
            self.step(step, seconds);
        }
    }

    fn step(&self, step: MilestoneName, seconds: f64) {
        let labels = [step.as_str()];
        self.steps.with_label_values(&labels).observe(seconds);
    }

    /// A group landed.
    pub(super) fn landed(&self, changes: usize, took: Duration) {
        self.group_seconds.observe(took.as_secs_f64());
        self.group_changes.observe(float(changes as u64));
    }

    /// A push ended; `outcome` is a word of ours.
    pub(super) fn pushed(&self, outcome: &str, took: Duration) {
        self.pushes.with_label_values(&[outcome]).inc();
        self.push_seconds.observe(took.as_secs_f64());
    }

    /// A delivery of the forge's webhook came; `outcome` is a word of ours.
    pub(super) fn delivered(&self, outcome: &str) {
        self.deliveries.with_label_values(&[outcome]).inc();
    }

    /// Everything counted so far, with `more` that was just measured, in text format 0.0.4.
    pub(super) fn text(&self, more: &Registry) -> String {
        let mut families = self.registry.gather();
        families.extend(more.gather());
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&families, &mut text) {
            tracing::warn!(%error, "the figures could not be written in full");
        }
        text
    }
}

/// A count as Prometheus has its figures.
#[expect(
    clippy::cast_precision_loss,
    reason = "no count of ours comes near 2^53"
)]
fn float(count: u64) -> f64 {
    count as f64
}

const FINE: &str = "the name is a constant of ours, well-formed and registered once";

fn register<C: Collector + Clone + 'static>(registry: &Registry, made: C) -> C {
    registry.register(Box::new(made.clone())).expect(FINE);
    made
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    register(registry, IntCounter::new(name, help).expect(FINE))
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    let made = IntCounterVec::new(Opts::new(name, help), labels);
    register(registry, made.expect(FINE))
}

fn histogram(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> Histogram {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    register(registry, Histogram::with_opts(options).expect(FINE))
}

fn histograms(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
    buckets: &[f64],
) -> HistogramVec {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    register(registry, HistogramVec::new(options, labels).expect(FINE))
}

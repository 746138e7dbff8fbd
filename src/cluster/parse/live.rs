//! Workloads, claims, quotas and warnings in a store's namespace.
//!
//! Must not know: what a number that is too low means for the store. Field meanings are those of apps/v1, batch/v1 and
//! core/v1 of Kubernetes 1.36.

use super::fields::cut;
use super::{LiveObject, Object};
use crate::cluster::kinds::Kind;
use crate::cluster::wire::{Head, LiveCondition, LiveSpec, LiveStatus, LiveWire};
use crate::domain::observed::{ClaimSeen, QuotaSeen, Warning, WorkloadKind, WorkloadSeen};

#[cfg(test)]
mod tests;

/// Bytes of a message that are kept.
pub(super) const MESSAGE: usize = 600;

impl Object {
    /// An object in a store's namespace.
    pub(in crate::cluster) fn live(kind: Kind, wire: LiveWire) -> Self {
        let LiveWire {
            metadata,
            spec,
            status,
            ..
        } = &wire;
        let head = &metadata.head;
        let live = match kind {
            Kind::StatefulSet => LiveObject::Workload(stateful_set(head, spec, status)),
            Kind::Job if head.is_made_by("CronJob") => LiveObject::Passing,
            Kind::Job => LiveObject::Workload(job(spec, status)),
            Kind::Pod => LiveObject::Pod(super::pod::ailment(head, status)),
            Kind::Claim => LiveObject::Claim(claim(spec, status)),
            Kind::Quota => LiveObject::Quota(quota(status)),
            Kind::Event => warning(&wire),
            // The kinds of Flux come as another type and never here.
            _ => LiveObject::Workload(deployment(head, spec, status)),
        };
        Self::Live(format!("{}/{}", head.namespace, head.name), live)
    }
}

fn deployment(head: &Head, spec: &LiveSpec, status: &LiveStatus) -> WorkloadSeen {
    let old = status.replicas.unwrap_or(0) - status.updated_replicas.unwrap_or(0);
    let stuck = status.condition("Progressing", "False");
    let failed = stuck.or_else(|| status.condition("ReplicaFailure", "True"));
    WorkloadSeen {
        kind: WorkloadKind::Deployment,
        wanted: spec.replicas.unwrap_or(1),
        ready: ready_and_new(status, old),
        observed: is_observed(head, status),
        failed: failed.map(quoted),
    }
}

fn stateful_set(head: &Head, spec: &LiveSpec, status: &LiveStatus) -> WorkloadSeen {
    let old = if status.current_revision == status.update_revision {
        0
    } else {
        status.replicas.unwrap_or(0) - status.updated_replicas.unwrap_or(0)
    };
    WorkloadSeen {
        kind: WorkloadKind::StatefulSet,
        wanted: spec.replicas.unwrap_or(1),
        ready: ready_and_new(status, old),
        observed: is_observed(head, status),
        failed: None,
    }
}

/// Ready replicas that are up to date. The status counts both kinds of readiness in one number, so while old replicas
/// are left, those are taken to be the ready ones: a rollout is never called done too early.
fn ready_and_new(status: &LiveStatus, old: i64) -> i64 {
    (status.ready_replicas.unwrap_or(0) - old.max(0)).max(0)
}

fn is_observed(head: &Head, status: &LiveStatus) -> bool {
    status.observed_generation >= head.generation
}

fn job(spec: &LiveSpec, status: &LiveStatus) -> WorkloadSeen {
    let wanted = match spec.suspend {
        Some(true) => 0,
        // A job without a number is done once one of its pods is.
        _ => spec.completions.unwrap_or(1),
    };
    let complete = status.condition("Complete", "True").is_some();
    let succeeded = status.succeeded.unwrap_or(0);
    let target = status.condition("FailureTarget", "True");
    let failed = status.condition("Failed", "True").or(target);
    WorkloadSeen {
        kind: WorkloadKind::Job,
        wanted,
        ready: if complete { wanted } else { succeeded },
        observed: true,
        failed: failed.map(quoted),
    }
}

fn claim(spec: &LiveSpec, status: &LiveStatus) -> ClaimSeen {
    let phase = status.phase.as_deref();
    ClaimSeen {
        bound: phase == Some("Bound"),
        lost: phase == Some("Lost"),
        volume: spec.volume_name.clone().filter(|name| !name.is_empty()),
    }
}

/// What of a quota is used up; none while everything has room. A limit of nothing forbids something on purpose.
fn quota(status: &LiveStatus) -> Option<QuotaSeen> {
    let used = status.used.as_ref();
    let limits = status.hard.iter().flatten();
    let full = limits.filter_map(|(resource, hard)| {
        let used = used?.get(resource)?;
        let (is, most) = (quantity(used)?, quantity(hard)?);
        (is >= most && most > 0).then(|| format!("{resource} {used} of {hard}"))
    });
    let full: Vec<String> = full.collect();
    (!full.is_empty()).then_some(QuotaSeen { full })
}

/// A quantity in thousandths; none for what is no quantity as an API server writes it.
fn quantity(text: &str) -> Option<i128> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (digits, suffix) = text.split_at(end.unwrap_or(text.len()));
    let factor: i128 = match suffix {
        "m" => 1,
        "" => 1000,
        "k" => 1000 * 1000,
        "M" => 1000 * 1000_i128.pow(2),
        "G" => 1000 * 1000_i128.pow(3),
        "T" => 1000 * 1000_i128.pow(4),
        "P" => 1000 * 1000_i128.pow(5),
        "Ki" => 1000 << 10,
        "Mi" => 1000 << 20,
        "Gi" => 1000 << 30,
        "Ti" => 1000 << 40,
        "Pi" => 1000 << 50,
        _ => return None,
    };
    digits.parse::<i128>().ok()?.checked_mul(factor)
}

fn warning(wire: &LiveWire) -> LiveObject {
    let about = wire.involved_object.as_ref();
    let about = about.map(|it| format!("{}/{}", it.kind, it.name));
    let series = wire.series.as_ref().and_then(|it| it.last_observed_time);
    // Reporters of the older sort fill the first, of the newer one the others.
    let at = wire.last_timestamp.max(series).or(wire.event_time);
    let warning = Warning {
        reason: wire.reason.clone().unwrap_or_default(),
        message: cut(wire.message.as_deref().unwrap_or_default(), MESSAGE),
        at: at.or(wire.metadata.head.creation_timestamp),
    };
    LiveObject::Warning(about.unwrap_or_default(), warning)
}

/// Reason and message as one text.
fn quoted(condition: &LiveCondition) -> String {
    let part = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let said = [part(&condition.reason), part(&condition.message)];
    let said: Vec<String> = said.into_iter().flatten().collect();
    cut(&said.join(": "), MESSAGE)
}

//! What ails a pod. Most pods are in order, and of those nothing is kept.

use super::fields::cut;
use super::live::MESSAGE;
use crate::cluster::wire::{Container, Head, LiveCondition, LiveStatus, Waiting};
use crate::domain::observed::PodSeen;

/// What a container waits for when nothing is wrong yet.
const STARTING: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// What is not in order with a pod; none where all is well, where it is being deleted, and where it was a Job's and
/// ended: the Job says what became of that.
pub(super) fn ailment(head: &Head, status: &LiveStatus) -> Option<PodSeen> {
    if head.deletion_timestamp.is_some() {
        return None;
    }
    match status.phase.as_deref() {
        Some("Succeeded") => return None,
        Some("Failed") if head.is_made_by("Job") => return None,
        Some("Failed") => return Some(failed(head, status)),
        _ => {}
    }
    if status.condition("Ready", "True").is_some() {
        return None;
    }
    let since = unready(status).and_then(|it| it.last_transition_time);
    let seen = PodSeen {
        reason: "NotReady".to_owned(),
        message: String::new(),
        container: None,
        restarts: 0,
        since: since.max(head.creation_timestamp),
    };
    let said = unschedulable(status, &seen)
        .or_else(|| containers(status).find_map(|it| waiting(it, &seen)))
        .or_else(|| containers(status).find_map(|it| ended(it, &seen)));
    Some(said.unwrap_or_else(|| not_ready(status, seen)))
}

/// Unknown is what Kubernetes says when a node is lost.
fn unready(status: &LiveStatus) -> Option<&LiveCondition> {
    let condition = |truth| status.condition("Ready", truth);
    condition("False").or_else(|| condition("Unknown"))
}

/// A pod that ended and should not have: evicted, or its node went.
fn failed(head: &Head, status: &LiveStatus) -> PodSeen {
    PodSeen {
        reason: status.reason.clone().unwrap_or_else(|| "Failed".to_owned()),
        message: cut(status.message.as_deref().unwrap_or_default(), MESSAGE),
        container: None,
        restarts: 0,
        since: head.creation_timestamp,
    }
}

fn unschedulable(status: &LiveStatus, seen: &PodSeen) -> Option<PodSeen> {
    let condition = status.condition("PodScheduled", "False")?;
    Some(PodSeen {
        reason: condition.reason.clone()?,
        message: cut(condition.message.as_deref().unwrap_or_default(), MESSAGE),
        ..seen.clone()
    })
}

/// Init containers first: nothing else runs before they are done.
fn containers(status: &LiveStatus) -> impl Iterator<Item = &Container> {
    let init = status.init_container_statuses.iter().flatten();
    init.chain(status.container_statuses.iter().flatten())
}

/// A container that cannot start, with how it ended the last time.
fn waiting(container: &Container, seen: &PodSeen) -> Option<PodSeen> {
    let Waiting { reason, message } = container.state.waiting.as_ref()?;
    let reason = reason
        .clone()
        .filter(|it| !STARTING.contains(&it.as_str()))?;
    let message = message.clone().unwrap_or_default();
    let last = container.last_state.terminated.as_ref().map(|it| {
        let why = it.reason.as_deref().unwrap_or("Error");
        format!("it last ended with {why} (exit code {})", it.exit_code)
    });
    let said = [Some(message).filter(|it| !it.is_empty()), last];
    let said: Vec<String> = said.into_iter().flatten().collect();
    Some(PodSeen {
        reason,
        message: cut(&said.join("; "), MESSAGE),
        container: Some(container.name.clone()),
        restarts: container.restart_count,
        ..seen.clone()
    })
}

/// A container that has just failed and is not started again yet.
fn ended(container: &Container, seen: &PodSeen) -> Option<PodSeen> {
    let ended = container.state.terminated.as_ref()?;
    (ended.exit_code != 0).then(|| PodSeen {
        reason: ended.reason.clone().unwrap_or_else(|| "Error".to_owned()),
        message: format!("it ended with exit code {}", ended.exit_code),
        container: Some(container.name.clone()),
        restarts: container.restart_count,
        ..seen.clone()
    })
}

/// A pod whose containers run or start, but do not serve yet.
fn not_ready(status: &LiveStatus, seen: PodSeen) -> PodSeen {
    let message = unready(status).and_then(|it| it.message.as_deref());
    let mut running = status.container_statuses.iter().flatten();
    let container = running.find(|it| !it.ready);
    PodSeen {
        message: cut(message.unwrap_or_default(), MESSAGE),
        container: container.map(|it| it.name.clone()),
        restarts: container.map_or(0, |it| it.restart_count),
        ..seen
    }
}

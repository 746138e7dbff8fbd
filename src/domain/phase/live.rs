//! Live health beyond Flux: what keeps a store's workloads from being ready, in Kubernetes' own words.
//!
//! A `HelmRelease` that is Ready was ready once. Only what leaves a workload short counts here: a pod that failed and
//! was replaced, or a warning about what is past, makes nobody look. Cluster times are not compared with ours; how
//! long something has been so is known from when its objects were last seen to change.
//! Must not know: which phase follows, except how sure it is that nothing will come right by itself.

use super::words::{live_step, one_line};
use crate::domain::observed::{ClaimSeen, Live, PodSeen, Warning, WorkloadKind, WorkloadSeen};

/// Characters of Kubernetes' words that are quoted.
const QUOTED: usize = 400;
/// Restarts after which a pod that is not ready counts as crashing: it is between two crashes.
const CRASHES: i64 = 2;

/// How likely it is that a trouble passes by itself, the least likely first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outlook {
    /// It does not.
    Broken,
    /// It may, within seconds: scheduling, volumes.
    Waiting,
    /// A rollout in progress looks like this.
    Starting,
}

/// What keeps a store's workloads from being ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) outlook: Outlook,
    /// One word for programs, Kubernetes' own where it has one.
    pub(super) reason: String,
    /// The object and what Kubernetes says of it.
    pub(super) sentence: String,
    pub(super) next_step: &'static str,
}

impl Trouble {
    fn new(outlook: Outlook, reason: &str, sentence: String) -> Self {
        Self {
            outlook,
            reason: reason.to_owned(),
            sentence,
            next_step: live_step(reason),
        }
    }
}

/// The worst of what is wrong; none where all workloads are ready, or none is seen.
pub(super) fn trouble(live: &Live) -> Option<Trouble> {
    let lost = live.claims.iter().filter(|(_, claim)| claim.lost);
    let lost = lost.map(|(name, claim)| claim_lost(name, claim)).next();
    let short = Short::of(live);
    lost.or_else(|| short.is_any().then(|| short.worst()))
}

/// The workloads that are not ready, with what else is seen.
struct Short<'a> {
    live: &'a Live,
    workloads: Vec<(&'a str, &'a WorkloadSeen)>,
}

impl<'a> Short<'a> {
    fn of(live: &'a Live) -> Self {
        let all = live.workloads.iter();
        let short = all.filter(|(name, it)| is_short(it) && !is_outdated_job(live, name, it));
        Self {
            live,
            workloads: short.map(|(name, it)| (bare(name), it)).collect(),
        }
    }

    /// Where no workload can be seen, pods alone tell.
    fn is_any(&self) -> bool {
        let broken = |pod: &PodSeen| pod_outlook(pod) == Outlook::Broken;
        let blind = self.live.workloads.is_empty();
        !self.workloads.is_empty() || (blind && self.live.pods.values().any(broken))
    }

    fn worst(&self) -> Trouble {
        let mut all: Vec<Trouble> = self
            .pods()
            .map(|(name, pod)| pod_trouble(name, pod))
            .collect();
        all.extend(self.refusals());
        all.extend(self.failures());
        all.extend(self.claims());
        let worst = all.into_iter().min_by_key(|it| it.outlook);
        worst.unwrap_or_else(|| self.not_ready())
    }

    fn is_of_short(&self, name: &str) -> bool {
        let mut short = self.workloads.iter();
        self.workloads.is_empty() || short.any(|(workload, _)| is_part(name, workload))
    }

    fn pods(&self) -> impl Iterator<Item = (&'a String, &'a PodSeen)> {
        let pods = self.live.pods.iter();
        pods.filter(|(name, _)| self.is_of_short(name))
    }

    /// Pods that the cluster refuses to make. Warnings outlive their cause, so one about a workload that has such pods
    /// by now is past.
    fn refusals(&self) -> impl Iterator<Item = Trouble> {
        let made = |name: &str| self.pods().any(|(pod, _)| is_part(pod, name));
        let warnings = self.live.warnings.iter();
        let refused = warnings.filter(|(_, it)| it.reason == "FailedCreate");
        let refused = refused.filter(move |(name, _)| {
            let name = bare(name);
            self.is_of_short(name) && !made(name)
        });
        refused.map(|(name, warning)| refusal(self.live, name, warning))
    }

    fn failures(&self) -> impl Iterator<Item = Trouble> {
        let failed = self.workloads.iter();
        failed.filter_map(|(name, it)| {
            let why = one_line(it.failed.as_deref()?, QUOTED);
            let reason = match it.kind {
                WorkloadKind::Job => "JobFailed",
                WorkloadKind::Deployment | WorkloadKind::StatefulSet => "Unhealthy",
            };
            let sentence = format!("{} {name} fails: {why}", kind(it.kind));
            Some(Trouble::new(Outlook::Broken, reason, sentence))
        })
    }

    fn claims(&self) -> impl Iterator<Item = Trouble> {
        let claims = self.live.claims.iter();
        claims.filter(|(_, it)| !it.bound).map(|(name, _)| {
            let key = format!("PersistentVolumeClaim/{name}");
            let said = self.live.warnings.get(&key).map(said).unwrap_or_default();
            let sentence = format!("claim {name} has no volume yet{said}");
            Trouble::new(Outlook::Waiting, "VolumePending", sentence)
        })
    }

    fn not_ready(&self) -> Trouble {
        let each = self.workloads.iter();
        let each = each.map(|(name, it)| {
            let (ready, wanted) = (it.ready, it.wanted);
            format!("{} {name} has {ready} of {wanted} ready", kind(it.kind))
        });
        let sentence = each.take(3).collect::<Vec<_>>().join(", ");
        Trouble::new(Outlook::Starting, "Unhealthy", sentence)
    }
}

fn is_short(workload: &WorkloadSeen) -> bool {
    match workload.kind {
        WorkloadKind::Job => workload.failed.is_some() && workload.ready < workload.wanted,
        WorkloadKind::Deployment | WorkloadKind::StatefulSet => {
            workload.wanted > 0 && (workload.ready < workload.wanted || !workload.observed)
        }
    }
}

/// A regular job is judged by its newest run: the ones before stay in the cluster as they ended, and their names differ
/// in a number that grows.
fn is_outdated_job(live: &Live, name: &str, workload: &WorkloadSeen) -> bool {
    let run = |name: &str| {
        let (series, number) = name.rsplit_once('-')?;
        Some((series.to_owned(), number.parse::<u64>().ok()?))
    };
    let Some((series, number)) = run(name).filter(|_| workload.kind == WorkloadKind::Job) else {
        return false;
    };
    let mut others = live.workloads.keys().filter_map(|it| run(it));
    others.any(|(other, later)| other == series && later > number)
}

fn kind(kind: WorkloadKind) -> &'static str {
    match kind {
        WorkloadKind::Deployment => "Deployment",
        WorkloadKind::StatefulSet => "StatefulSet",
        WorkloadKind::Job => "Job",
    }
}

/// The name in `<Kind>/<name>`.
fn bare(name: &str) -> &str {
    name.split_once('/').map_or(name, |(_, name)| name)
}

/// Whether an object was made by another, as their names tell: `shop-7d4b` is of `shop`.
fn is_part(name: &str, of: &str) -> bool {
    name.strip_prefix(of)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn pod_outlook(pod: &PodSeen) -> Outlook {
    match pod.reason.as_str() {
        "NotReady" if pod.restarts >= CRASHES => Outlook::Broken,
        "NotReady" | "ContainerCreating" | "PodInitializing" => Outlook::Starting,
        "Unschedulable" | "Evicted" => Outlook::Waiting,
        _ => Outlook::Broken,
    }
}

fn pod_trouble(name: &str, pod: &PodSeen) -> Trouble {
    let outlook = pod_outlook(pod);
    let reason = match (pod.reason.as_str(), outlook) {
        ("NotReady", Outlook::Broken) => "CrashLoopBackOff",
        ("NotReady", _) => "Unhealthy",
        (reason, _) => reason,
    };
    let container = pod.container.as_ref();
    let container = container.map_or(String::new(), |it| format!(", container {it}"));
    let restarts = match pod.restarts {
        0 => String::new(),
        1 => ", 1 restart".to_owned(),
        n => format!(", {n} restarts"),
    };
    let words = one_line(&pod.message, QUOTED);
    let colon = if words.is_empty() { "" } else { ": " };
    let seen = &pod.reason;
    let sentence = format!("pod {name} waits ({seen}{container}{restarts}){colon}{words}");
    Trouble::new(outlook, reason, sentence)
}

fn refusal(live: &Live, name: &str, warning: &Warning) -> Trouble {
    let quota = warning.message.contains("exceeded quota");
    let reason = if quota {
        "QuotaExceeded"
    } else {
        "FailedCreate"
    };
    let full: Vec<&str> = live
        .quotas
        .values()
        .flat_map(|quota| quota.full.iter().map(String::as_str))
        .collect();
    let full = if quota && !full.is_empty() {
        format!("; used up: {}", full.join(", "))
    } else {
        String::new()
    };
    let sentence = format!("{name} gets no pod{}{full}", said(warning));
    Trouble::new(Outlook::Broken, reason, sentence)
}

fn said(warning: &Warning) -> String {
    format!(": {}", one_line(&warning.message, QUOTED))
}

fn claim_lost(name: &str, claim: &ClaimSeen) -> Trouble {
    let volume = claim.volume.as_ref();
    let volume = volume.map_or(String::new(), |it| format!(" {it}"));
    let sentence = format!("the volume{volume} of claim {name} is gone");
    Trouble::new(Outlook::Broken, "VolumeLost", sentence)
}

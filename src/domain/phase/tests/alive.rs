//! Row 12 and beyond: Flux is content, and the store's namespace tells more.

use std::collections::BTreeMap;

use super::*;
use crate::domain::observed::{
    ClaimSeen, Live, PodSeen, ProbeSeen, QuotaSeen, Warning, WorkloadKind, WorkloadSeen,
};

fn workload(kind: WorkloadKind, wanted: i64, ready: i64) -> WorkloadSeen {
    WorkloadSeen {
        kind,
        wanted,
        ready,
        observed: true,
        failed: None,
    }
}

fn deployment(wanted: i64, ready: i64) -> BTreeMap<String, WorkloadSeen> {
    let web = workload(WorkloadKind::Deployment, wanted, ready);
    [("Deployment/store-web".to_owned(), web)].into()
}

fn pod(reason: &str, message: &str) -> PodSeen {
    PodSeen {
        reason: reason.into(),
        message: message.into(),
        container: Some("web".into()),
        restarts: 0,
        since: None,
    }
}

/// One web pod is not ready, and this is seen of it.
pub(super) fn with_pod(reason: &str, message: &str) -> Live {
    Live {
        workloads: deployment(1, 0),
        pods: [("store-web-7d4b-x2x".to_owned(), pod(reason, message))].into(),
        ..Live::default()
    }
}

fn with_warning(key: &str, reason: &str, message: &str) -> Live {
    let warning = Warning {
        reason: reason.into(),
        message: message.into(),
        at: None,
    };
    Live {
        workloads: deployment(1, 0),
        warnings: [(key.to_owned(), warning)].into(),
        ..Live::default()
    }
}

fn with_claim(bound: bool, lost: bool, ready: i64) -> Live {
    let claim = ClaimSeen {
        bound,
        lost,
        volume: Some("pvc-1".into()),
    };
    Live {
        workloads: deployment(1, ready),
        claims: [("data-store-db-0".to_owned(), claim)].into(),
        ..Live::default()
    }
}

fn live(live: Live) -> Scene {
    let mut scene = scene();
    scene.store.live = live;
    scene
}

#[test]
fn row_12_each_reason_names_the_object_kubernetes_words_and_what_to_do() {
    let quota = "pods \"store-web-1\" is forbidden: exceeded quota: store";
    let cases = [
        (
            with_pod("ImagePullBackOff", "Back-off pulling image \"x\""),
            "ImagePullBackOff",
            "store-web-7d4b-x2x",
            "registry",
        ),
        (
            with_pod("ErrImagePull", "not found"),
            "ErrImagePull",
            "not found",
            "registry",
        ),
        (
            with_pod("CrashLoopBackOff", "back-off 40s"),
            "CrashLoopBackOff",
            "container web",
            "--previous",
        ),
        (
            with_pod("CreateContainerConfigError", "secret \"a\" not found"),
            "CreateContainerConfigError",
            "secret \"a\"",
            "Secret",
        ),
        (
            with_pod("OOMKilled", ""),
            "OOMKilled",
            "OOMKilled",
            "memory",
        ),
        (
            with_pod("Unschedulable", "0/3 nodes are available"),
            "Unschedulable",
            "0/3 nodes",
            "no node",
        ),
        (
            with_pod("NotReady", "readiness probe failed"),
            "Unhealthy",
            "readiness probe",
            "pods and events",
        ),
        (
            with_warning("ReplicaSet/store-web-7d4b", "FailedCreate", quota),
            "QuotaExceeded",
            "exceeded quota",
            "larger plan",
        ),
        (
            with_warning(
                "ReplicaSet/store-web-7d4b",
                "FailedCreate",
                "violates PodSecurity",
            ),
            "FailedCreate",
            "PodSecurity",
            "refuses",
        ),
        (
            with_claim(false, false, 0),
            "VolumePending",
            "data-store-db-0",
            "storage class",
        ),
        (with_claim(true, true, 1), "VolumeLost", "pvc-1", "backup"),
        (
            Live {
                workloads: deployment(2, 1),
                ..Live::default()
            },
            "Unhealthy",
            "Deployment store-web has 1 of 2 ready",
            "pods and events",
        ),
    ];
    for (seen, reason, words, step) in cases {
        let scene = live(seen);
        let status = scene.shows(Phase::Degraded, reason);
        assert!(status.message.contains(words), "{}", status.message);
        assert!(status.next_step.contains(step), "{}", status.next_step);
        assert!(!goal_reached(&scene.desired, &status));
    }
}

#[test]
fn row_12_what_is_past_or_off_makes_nobody_look() {
    let old_pod = |reason| Live {
        workloads: deployment(1, 1),
        ..with_pod(reason, "")
    };
    let past = with_warning(
        "ReplicaSet/store-web-7d4b",
        "FailedCreate",
        "exceeded quota",
    );
    let cases = [
        Live::default(),
        Live {
            workloads: deployment(1, 1),
            ..Live::default()
        },
        old_pod("CrashLoopBackOff"),
        old_pod("Evicted"),
        Live {
            workloads: deployment(1, 1),
            ..past
        },
        Live {
            workloads: deployment(1, 1),
            ..with_claim(false, false, 1)
        },
        Live {
            workloads: deployment(0, 0),
            ..Live::default()
        },
        Live {
            workloads: [(
                "Job/store-setup".to_owned(),
                workload(WorkloadKind::Job, 1, 0),
            )]
            .into(),
            ..Live::default()
        },
    ];
    for (number, seen) in cases.into_iter().enumerate() {
        let status = live(seen).status();
        assert_eq!(
            status.phase,
            Phase::Ready,
            "case {number}: {}",
            status.message
        );
    }
    let mut off = live(with_pod("CrashLoopBackOff", ""));
    off.desired.suspended = true;
    off.shows(Phase::Suspended, words::SUSPENDED);
}

#[test]
fn a_rollout_is_not_ill_before_it_settles_and_never_green_meanwhile() {
    let cases = [
        ("CrashLoopBackOff", 0, Phase::Degraded),
        ("Unschedulable", 5, Phase::Applying),
        ("Unschedulable", 15, Phase::Degraded),
        ("NotReady", 15, Phase::Applying),
        ("NotReady", 60, Phase::Degraded),
    ];
    for (reason, seconds, phase) in cases {
        let mut scene = live(with_pod(reason, "m"));
        // Whether the release changed last, or a pod did.
        for (changed, short) in [(seconds, 600), (600, seconds)] {
            scene.store.changed_at = Some(ago(changed));
            scene.store.live.short_since = Some(ago(short));
            let status = scene.status();
            assert_eq!(status.phase, phase, "{reason} after {seconds} s");
            assert!(status.message.contains("store-web-7d4b-x2x"));
        }
    }
    // Between two crashes a container runs; that is no recovery.
    let mut scene = live(with_pod("NotReady", ""));
    scene.store.changed_at = Some(ago(0));
    for pod in scene.store.live.pods.values_mut() {
        pod.restarts = 4;
    }
    scene.shows(Phase::Degraded, "CrashLoopBackOff");
}

#[test]
fn a_deployment_that_gave_up_and_a_failed_job_are_degraded_and_a_later_run_counts_alone() {
    let failed = |kind, why: &str| WorkloadSeen {
        failed: Some(why.to_owned()),
        ..workload(kind, 1, 0)
    };
    let web = failed(
        WorkloadKind::Deployment,
        "ProgressDeadlineExceeded: store-web-7d4b",
    );
    let mut scene = live(Live {
        workloads: [("Deployment/store-web".to_owned(), web)].into(),
        ..Live::default()
    });
    scene.shows(Phase::Degraded, "Unhealthy");
    let backup = failed(WorkloadKind::Job, "BackoffLimitExceeded: x");
    scene.store.live.workloads = [("Job/store-backup-100".to_owned(), backup)].into();
    scene.shows(Phase::Degraded, "JobFailed");
    let later = workload(WorkloadKind::Job, 1, 1);
    let workloads = &mut scene.store.live.workloads;
    workloads.insert("Job/store-backup-101".to_owned(), later);
    scene.shows(Phase::Ready, "Ready");
}

#[test]
fn what_is_used_up_of_a_quota_is_told() {
    let mut scene = live(with_warning(
        "ReplicaSet/store-web-7d4b",
        "FailedCreate",
        "exceeded quota: store",
    ));
    let full = vec!["requests.memory 2Gi of 2Gi".to_owned()];
    scene.store.live.quotas = [("store".to_owned(), QuotaSeen { full })].into();
    let status = scene.shows(Phase::Degraded, "QuotaExceeded");
    assert!(
        status
            .message
            .contains("used up: requests.memory 2Gi of 2Gi")
    );
}

#[test]
fn what_flux_cannot_say_is_added_to_what_it_says() {
    let waits = with_pod("ImagePullBackOff", "Back-off pulling image \"x\"");
    let mut scene = live(waits);
    scene.release().history.clear();
    let running = is(
        "Ready",
        Truth::Unknown,
        "Progressing",
        "Running 'install' action",
    );
    scene.release().meta.conditions = Conditions(vec![running]);
    let status = scene.shows(Phase::Provisioning, "Installing");
    assert!(
        status.message.contains("Back-off pulling image") && status.next_step.contains("registry")
    );
    scene.release().meta.conditions = not_ready("InstallFailed", "context deadline exceeded");
    let status = scene.shows(Phase::Failed, "InstallFailed");
    assert!(
        status.message.contains("context deadline") && status.message.contains("pod store-web")
    );
}

#[test]
fn a_shop_that_does_not_answer_is_degraded_at_the_third_time() {
    for (well, times, phase) in [
        (false, 2, Phase::Ready),
        (false, 3, Phase::Degraded),
        (true, 9, Phase::Ready),
    ] {
        let mut scene = scene();
        scene.store.probe = Some(ProbeSeen {
            well,
            message: "it answered 502".into(),
            since: ago(90),
            times,
        });
        let status = scene.status();
        assert_eq!(status.phase, phase, "{well} {times}");
        assert_eq!(status.reason == "NotAnswering", phase == Phase::Degraded);
    }
}

#[test]
fn a_release_deployed_afresh_is_degraded_until_a_retry_forgets_the_one_before() {
    let mut scene = scene();
    scene.release().history[0].first_deployed = Some(ago(5000));
    assert_eq!(
        installed(&scene.desired, Some(&scene.store), &scene.status()),
        Some(ago(5000))
    );
    scene.desired.installed = Some(ago(5000));
    scene.shows(Phase::Ready, "Ready");
    scene.release().history[0].first_deployed = Some(ago(100));
    let status = scene.shows(Phase::Degraded, "Reinstalled");
    assert!(status.next_step.contains("retry"));
    assert_eq!(installed(&scene.desired, Some(&scene.store), &status), None);
    scene.desired.installed = None;
    scene.shows(Phase::Ready, "Ready");
}

#[test]
fn objects_that_were_removed_are_missed_and_the_store_is_not_green_before_that() {
    type Remove = fn(&mut StoreSeen);
    let namespace: Remove = |seen| seen.namespace = None;
    let applier: Remove = |seen| seen.kustomization = None;
    for (remove, phase, reason) in [
        (namespace, Phase::Failed, "NamespaceMissing"),
        (applier, Phase::Degraded, "KustomizationMissing"),
    ] {
        for off in [false, true] {
            let mut scene = scene();
            scene.desired.suspended = off;
            remove(&mut scene.store);
            scene.store.changed_at = Some(ago(1));
            let status = scene.shows(Phase::Applying, "Applying");
            assert!(!goal_reached(&scene.desired, &status));
            scene.store.changed_at = Some(ago(10));
            scene.shows(phase, reason);
        }
    }
}

#[test]
fn a_namespace_that_only_lost_its_label_is_told_by_what_runs_in_it() {
    let mut scene = live(Live {
        workloads: deployment(1, 1),
        ..Live::default()
    });
    scene.store.namespace = None;
    scene.shows(Phase::Ready, "Ready");
    // The namespace may be gone before its content is seen to be.
    scene.store.changed_at = Some(ago(1));
    scene.shows(Phase::Applying, "Applying");
}

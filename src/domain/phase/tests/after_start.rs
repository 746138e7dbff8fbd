//! What a start forgets, since when something is so, is made up for by what was found before it.

use super::*;

fn known(phase: Phase, reason: &str) -> LastKnown {
    LastKnown {
        phase,
        reason: reason.to_owned(),
        at: ago(5000),
    }
}

/// What is otherwise than in a store that is Ready.
type Change<'a> = &'a dyn Fn(&mut Scene);

/// As after a start: every moment of ours is now.
fn begun(change: Change<'_>) -> Scene {
    let mut scene = scene();
    change(&mut scene);
    scene.store.changed_at = Some(now());
    let live = &mut scene.store.live;
    live.short_since = live.is_short().then(now);
    scene
}

fn short(reason: &'static str) -> impl Fn(&mut Scene) {
    move |scene| scene.store.live = alive::with_pod(reason, "m")
}

fn without_namespace(scene: &mut Scene) {
    scene.store.namespace = None;
}

fn without_applier(scene: &mut Scene) {
    scene.store.kustomization = None;
}

fn without_release(scene: &mut Scene) {
    scene.store.release = None;
}

fn not_looked_at(scene: &mut Scene) {
    scene.release().meta.conditions = Conditions::default();
}

fn tried_again(scene: &mut Scene) {
    without_release(scene);
    let running = is("Ready", Truth::Unknown, "Progressing", "m");
    scene.applier().meta.conditions = Conditions(vec![running]);
}

#[test]
fn what_lasted_before_a_start_is_told_at_once_after_it() {
    use Phase::{Applying, Committed, Degraded, Failed};
    let (unready, homeless) = (short("NotReady"), short("Unschedulable"));
    let cases: [(Change<'_>, Phase, &str, &str); 8] = [
        (&unready, Degraded, "Unhealthy", "RollingOut"),
        (&homeless, Degraded, "Unschedulable", "RollingOut"),
        (&without_namespace, Failed, "NamespaceMissing", "Applying"),
        (
            &without_applier,
            Degraded,
            "KustomizationMissing",
            "Applying",
        ),
        (&without_release, Failed, "NotInSync", "Applying"),
        (&not_looked_at, Committed, "NotObserved", "Applying"),
        (&tried_again, Failed, "ReconciliationFailed", "Applying"),
        (&tried_again, Failed, "HealthCheckFailed", "Applying"),
    ];
    for (change, phase, reason, anew) in cases {
        let scene = begun(change);
        let told = |before: Option<&LastKnown>| {
            let status = scene.status_after(before);
            (status.phase, status.reason)
        };
        let at_first = (Applying, anew.to_owned());
        assert_eq!(told(None), at_first, "{reason}");
        let before = known(phase, reason);
        assert_eq!(told(Some(&before)), (phase, reason.to_owned()));
        // Nothing follows from what was otherwise before.
        for (phase, reason) in [(Phase::Ready, "Ready"), (Degraded, "Drifted"), (phase, "")] {
            let before = known(phase, reason);
            assert_eq!(told(Some(&before)), at_first, "{reason}");
        }
    }
}

#[test]
fn what_is_well_or_otherwise_now_is_told_as_it_is() {
    for reason in ["Unhealthy", "KustomizationMissing", "Unschedulable"] {
        let before = known(Phase::Degraded, reason);
        let well = begun(&|_| ()).status_after(Some(&before));
        assert_eq!(well.phase, Phase::Ready, "{reason}");
    }
    for reason in ["NamespaceMissing", "NotInSync", "ReconciliationFailed"] {
        let before = known(Phase::Failed, reason);
        let crashing = begun(&short("CrashLoopBackOff")).status_after(Some(&before));
        let told = (crashing.phase, crashing.reason.as_str());
        assert_eq!(told, (Phase::Degraded, "CrashLoopBackOff"));
    }
    // The next attempt is of another state than the one that failed.
    let mut later = begun(&tried_again);
    later.applier().last_attempted_revision = Some(OLD.to_owned());
    let before = known(Phase::Failed, "ReconciliationFailed");
    assert_eq!(later.status_after(Some(&before)).phase, Phase::Applying);
}

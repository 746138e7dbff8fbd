//! How far a merged change is, by what its cluster shows.
//!
//! Must not know: how that was seen, or where changes are kept.

use jiff::Timestamp;

use crate::domain::change::{Action, Change, ChangeError, MilestoneName, State};
use crate::domain::phase::{Desired, Phase, Status, goal_reached};

/// What one look found of the store that a change is about.
pub(super) struct Found<'a> {
    /// What Git wants of it.
    pub(super) desired: &'a Desired,
    /// Its phase.
    pub(super) status: &'a Status,
    /// Whether Flux has what Git wants.
    pub(super) applied: bool,
    /// Milestones in the cluster that are new.
    pub(super) reached: &'a [MilestoneName],
    /// When.
    pub(super) now: Timestamp,
}

/// Moves the change that led to what Git wants now on, and says what it waits for. A change before that one is over:
/// it was overtaken, and nothing that is seen now is told of it.
pub(super) fn progress(change: &mut Change, found: &Found<'_>) -> bool {
    if !change.state.is_merged() {
        return false;
    }
    let before = change.clone();
    if change.state.is_end() {
        late(change, found);
        return *change != before;
    }
    pass(change, found, &[MilestoneName::Fetched]);
    if found.applied {
        let detail = Some("the cluster has it".to_owned());
        change.go(State::Applied, found.now, detail);
    }
    if change.state == State::Applied {
        let rest = [
            MilestoneName::Installed,
            MilestoneName::WorkloadsReady,
            MilestoneName::Answering,
        ];
        pass(change, found, &rest);
    }
    advance(change, found);
    *change != before
}

fn pass(change: &mut Change, found: &Found<'_>, of: &[MilestoneName]) {
    for name in found.reached.iter().filter(|it| of.contains(it)) {
        change.milestones.reach(*name, found.now);
    }
}

fn advance(change: &mut Change, found: &Found<'_>) {
    let (status, now) = (found.status, found.now);
    let reached = goal_reached(found.desired, status)
        && (change.action != Action::Delete || status.phase == Phase::Deleted);
    let overdue = change.deadline.is_some_and(|it| it < now);
    if reached {
        change.go(State::Ready, now, Some(status.message.clone()));
    } else if change.action != Action::Delete && overdue {
        change.fail(too_late(status), now);
    } else {
        change.waiting_for = Some(waiting(status));
    }
}

/// A shop may answer for the first time when its change is ready already. What comes after the deadline has nothing to
/// do with the change any more.
fn late(change: &mut Change, found: &Found<'_>) {
    let in_time = change.deadline.is_some_and(|it| it >= found.now);
    let followed = change.milestones.at(MilestoneName::Installed).is_some();
    if change.state == State::Ready && in_time && followed {
        pass(change, found, &[MilestoneName::Answering]);
    }
}

/// A change past its deadline says what it was waiting for. A deletion goes on however long it takes.
fn too_late(status: &Status) -> ChangeError {
    ChangeError {
        reason: "DeadlineExceeded".to_owned(),
        message: format!(
            "it was not ready in time; it was waiting for {}",
            waiting(status)
        ),
        next_step: status.next_step.clone(),
    }
}

fn waiting(status: &Status) -> String {
    format!("{} ({}): {}", status.phase, status.reason, status.message)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::change::MilestoneName::{Answering, Applied, Fetched, Installed};
    use crate::domain::phase::DeletionStep;
    use crate::domain::{ChangeId, Uid};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn merged(action: Action) -> Change {
        let id: ChangeId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        let uid = Uid::from(id.clone());
        let store = "shop".parse().unwrap();
        let mut change = Change::queued(id, store, uid, action, "ann".into(), at(0));
        assert!(change.go(State::Merged, at(1), None));
        change.deadline = at(1).checked_add(SignedDuration::from_secs(60)).ok();
        change
    }

    fn wanted(change: &Change) -> Desired {
        let deletes = change.action == Action::Delete;
        Desired {
            name: change.store.clone(),
            uid: change.uid.clone(),
            spec_hash: String::new(),
            deploy_commit: None,
            deletion: deletes.then_some(DeletionStep::Second),
            suspended: false,
            installed: None,
        }
    }

    fn is(phase: Phase) -> Status {
        Status {
            phase,
            reason: "InstallFailed".to_owned(),
            message: "the pods do not start".to_owned(),
            next_step: "look at the image".to_owned(),
        }
    }

    fn look(change: &mut Change, phase: Phase, reached: &[MilestoneName], second: i64) -> bool {
        let found = Found {
            desired: &wanted(change),
            status: &is(phase),
            applied: reached.contains(&Applied),
            reached,
            now: at(second),
        };
        progress(change, &found)
    }

    #[test]
    fn a_change_goes_on_with_what_the_cluster_shows_and_ends_at_its_deadline() {
        for (action, phase, applied, second, state) in [
            (Action::Create, Phase::Applying, false, 5, State::Merged),
            (Action::Create, Phase::Failed, true, 5, State::Applied),
            (Action::Create, Phase::Ready, true, 5, State::Ready),
            (Action::Create, Phase::Ready, true, 500, State::Ready),
            (Action::Create, Phase::Failed, true, 500, State::Failed),
            (Action::Delete, Phase::Deleting, true, 500, State::Applied),
            (Action::Delete, Phase::Deleted, true, 500, State::Ready),
        ] {
            let mut change = merged(action);
            let reached: &[MilestoneName] = if applied { &[Applied] } else { &[] };
            assert!(look(&mut change, phase, reached, second));
            assert_eq!(change.state, state, "{action:?} {phase} {second}");
        }
        let mut change = merged(Action::Create);
        look(&mut change, Phase::Failed, &[Applied], 500);
        let error = change.error.unwrap();
        assert_eq!(error.reason, "DeadlineExceeded");
        assert!(
            error.message.contains("the pods do not start"),
            "{}",
            error.message
        );
    }

    #[test]
    fn the_way_through_the_cluster_is_told_step_by_step_and_again_only_when_it_moves() {
        let mut change = merged(Action::Create);
        assert!(look(&mut change, Phase::Applying, &[Fetched], 5));
        assert!(
            !look(&mut change, Phase::Applying, &[], 6),
            "nothing is new"
        );
        assert!(look(&mut change, Phase::Provisioning, &[Applied], 8));
        assert!(look(&mut change, Phase::Ready, &[Installed], 20));
        assert_eq!(change.state, State::Ready);
        for (name, second) in [(Fetched, 5), (Applied, 8), (Installed, 20)] {
            assert_eq!(change.milestones.at(name), Some(at(second)), "{name:?}");
        }
    }

    #[test]
    fn a_shop_may_answer_after_its_change_was_ready_and_before_its_deadline() {
        for (second, expected) in [(30, Some(at(30))), (90, None)] {
            let mut change = merged(Action::Create);
            look(&mut change, Phase::Ready, &[Applied, Installed], 20);
            assert_eq!(
                look(&mut change, Phase::Ready, &[Answering], second),
                expected.is_some()
            );
            assert_eq!(change.milestones.at(Answering), expected);
        }
    }

    #[test]
    fn a_change_that_was_overtaken_takes_nothing_from_what_came_after_it() {
        let mut change = merged(Action::Update);
        change.go(State::Superseded, at(3), None);
        let before = change.clone();
        assert!(!look(
            &mut change,
            Phase::Failed,
            &[Applied, Installed],
            500
        ));
        assert_eq!(change, before);
    }
}

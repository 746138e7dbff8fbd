//! What a published commit does to its change, to the one before it, and to what is remembered of its store.

use jiff::{SignedDuration, Timestamp};

use super::Ours;
use crate::domain::change::{Action, Change, MilestoneName, State};
use crate::domain::policy::ClusterPolicy;
use crate::domain::{ChangeId, ClusterName};
use crate::workflow::core::Core;
use crate::workflow::resume::OURSELVES;
use crate::workflow::settings::Mode;

/// Moves a change to merged. The second commit of a deletion leaves its state as it is.
pub(super) fn merged(
    core: &Core,
    change: &mut Change,
    commit: &Ours,
    cluster: Option<&ClusterName>,
) {
    let first = commit.trailers.step == 1;
    // One that is on the desk is published just now. Of others the commit tells when; its time has whole seconds, and a
    // timeline does not go back for that.
    let just_now = core.desk().entry(&change.id).is_some();
    let at = if just_now { Core::now() } else { commit.at };
    let at = at.max(change.updated_at);
    change.commit = Some(commit.id.clone());
    if first && just_now && matches!(core.settings.mode, Mode::Remote { .. }) {
        change.milestones.reach(MilestoneName::Pushed, at);
    }
    if !first || !change.go(State::Merged, at, Some(format!("commit {}", commit.id))) {
        return;
    }
    let watched = cluster.is_some_and(|it| core.watched.contains_key(it));
    if watched {
        let policy = core.in_force().policy;
        let seconds = cluster
            .and_then(|it| policy.clusters.get(it))
            .map_or(900, ClusterPolicy::deadline_seconds);
        change.deadline = at.checked_add(SignedDuration::from_secs(seconds)).ok();
    } else {
        change.waiting_for = Some(
            "nothing more: no cluster is watched, so this is as far as it can be followed"
                .to_owned(),
        );
    }
}

/// A merged change that a later one overtook before Flux had it.
pub(super) fn overtaken(change: &mut Change, by: &ChangeId, at: Timestamp) -> bool {
    // Where no cluster is watched merged is the end; only a followed change has a deadline.
    let followed = change.deadline.is_some() && change.state.is_merged();
    if !followed || change.action == Action::Delete {
        return false;
    }
    change.superseded_by = Some(by.clone());
    let at = at.max(change.updated_at);
    change.go(State::Superseded, at, Some(format!("overtaken by {by}")))
}

/// What is remembered of a store's first deployment after a change of it: a retry says that a release deployed afresh is
/// meant, and forgets the one before. A change that ended knows what it found then.
pub(super) fn installed_after(before: Option<Timestamp>, change: &Change) -> Option<Timestamp> {
    // A repair of our own says nothing about data.
    let meant = change.action == Action::Retry && change.requester != OURSELVES;
    let kept = before.filter(|_| !meant);
    change.first_deployed.or(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Uid;

    #[test]
    fn only_a_retry_forgets_when_a_store_was_first_deployed() {
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        for (action, found, expected) in [
            (Action::Create, None, at(1)),
            (Action::Upgrade, None, at(1)),
            (Action::Retry, None, None),
            (Action::Retry, at(9), at(9)),
            (Action::Upgrade, at(1), at(1)),
        ] {
            let id: ChangeId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
            let (store, uid) = ("shop".parse().unwrap(), Uid::from(id.clone()));
            let now = Timestamp::UNIX_EPOCH;
            let mut change = Change::queued(id, store, uid, action, "ann".into(), now);
            change.first_deployed = found;
            assert_eq!(installed_after(at(1), &change), expected, "{action:?}");
        }
    }
}

//! Merges of every kind, and those whose answer is lost.

use fleetwright::domain::forge::{MergeMethod, MergeOutcome, Pull, PullState, ReviewState};
use fleetwright::forge::ForgeError;

use crate::bench::{BRANCH, head, new_pull, script, start, started};
use crate::stand_in::faults::{Effect, Fault};
use crate::stand_in::{Options, Role, Rules};

#[test]
fn every_method_merges_the_head_that_was_decided_on_and_no_other() {
    for method in [MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase] {
        let github = start();
        script(&github, async |forge| {
            let number = forge.open(&new_pull()).await.unwrap().number;
            let other = head(&github, "main");
            let moved = forge.merge(number, &other, method, "t", "m").await.unwrap();
            assert_eq!(moved, MergeOutcome::HeadMoved, "{method:?}");
            let ours = head(&github, BRANCH);
            let merged = forge.merge(number, &ours, method, "t", "m").await.unwrap();
            let tip = head(&github, "main");
            assert_eq!(merged, MergeOutcome::Merged(tip.clone()), "{method:?}");
            let pull = forge.pull(number).await.unwrap();
            assert_eq!(
                (pull.state, pull.merge_commit),
                (PullState::Merged, Some(tip))
            );
            assert_eq!(pull.merged_by.map(|it| it.id), Some(github.app().bot));
        });
    }
}

#[test]
fn what_the_rules_forbid_is_an_outcome_until_people_approve() {
    let github = start();
    let rules = Rules {
        ruleset: true,
        pull_request: true,
        approvals: 1,
        ..Rules::default()
    };
    github.rules("main", rules);
    script(&github, async |forge| {
        let number = forge.open(&new_pull()).await.unwrap().number;
        let ours = head(&github, BRANCH);
        let held = forge
            .merge(number, &ours, MergeMethod::Merge, "t", "m")
            .await
            .unwrap();
        assert!(matches!(held, MergeOutcome::NotMergeable(_)), "{held:?}");
        let ann = github.user("ann", Role::Write);
        ann.requests_changes(number, "why?");
        ann.approves(number);
        let reviews = forge.reviews(number).await.unwrap();
        let said: Vec<ReviewState> = reviews.iter().map(|it| it.state).collect();
        assert_eq!(said, [ReviewState::ChangesRequested, ReviewState::Approved]);
        assert!(
            reviews
                .iter()
                .all(|it| it.by.id == ann.id() && it.commit.as_ref() == Some(&ours))
        );
        let merged = forge
            .merge(number, &ours, MergeMethod::Merge, "t", "m")
            .await
            .unwrap();
        assert!(matches!(merged, MergeOutcome::Merged(_)), "{merged:?}");
    });
}

#[test]
fn auto_merge_is_armed_disarmed_and_fires() {
    let github = start();
    let rules = Rules {
        ruleset: true,
        checks: vec!["build".to_owned()],
        ..Rules::default()
    };
    github.rules("main", rules);
    script(&github, async |forge| {
        let pull = forge.open(&new_pull()).await.unwrap();
        let stale = Pull {
            head: head(&github, "main"),
            ..pull.clone()
        };
        let moved = forge
            .arm_auto_merge(&stale, MergeMethod::Merge)
            .await
            .unwrap();
        assert_eq!(moved, MergeOutcome::HeadMoved);
        let armed = forge
            .arm_auto_merge(&pull, MergeMethod::Merge)
            .await
            .unwrap();
        assert_eq!(armed, MergeOutcome::Queued);
        assert!(forge.pull(pull.number).await.unwrap().auto_merge);
        forge.disarm_auto_merge(&pull).await.unwrap();
        assert!(!forge.pull(pull.number).await.unwrap().auto_merge);
        forge.disarm_auto_merge(&pull).await.unwrap();
        forge
            .arm_auto_merge(&pull, MergeMethod::Merge)
            .await
            .unwrap();
        github.checks(pull.head.as_str(), "build", "success");
        assert_eq!(
            forge.pull(pull.number).await.unwrap().state,
            PullState::Merged
        );
    });
}

#[test]
fn auto_merge_of_what_waits_for_nothing_is_a_merge() {
    let github = start();
    let check = Rules {
        ruleset: true,
        checks: vec!["build".to_owned()],
        ..Rules::default()
    };
    github.rules("main", check);
    script(&github, async |forge| {
        let pull = forge.open(&new_pull()).await.unwrap();
        github.checks(pull.head.as_str(), "build", "success");
        let armed = forge
            .arm_auto_merge(&pull, MergeMethod::Merge)
            .await
            .unwrap();
        assert_eq!(armed, MergeOutcome::MergeDirectly);
        github.settings(|it| it.allow_auto_merge = false);
        let armed = forge
            .arm_auto_merge(&pull, MergeMethod::Merge)
            .await
            .unwrap();
        assert!(matches!(armed, MergeOutcome::NotMergeable(_)), "{armed:?}");
    });
}

#[test]
fn the_merge_queue_takes_it_and_gives_it_back() {
    let github = start();
    let queue = Rules {
        ruleset: true,
        merge_queue: true,
        ..Rules::default()
    };
    github.rules("main", queue);
    script(&github, async |forge| {
        let pull = forge.open(&new_pull()).await.unwrap();
        assert_eq!(forge.enqueue(&pull).await.unwrap(), MergeOutcome::Queued);
        forge.dequeue(&pull).await.unwrap();
        assert_eq!(forge.enqueue(&pull).await.unwrap(), MergeOutcome::Queued);
        github.process_merge_queue();
        assert_eq!(
            forge.pull(pull.number).await.unwrap().state,
            PullState::Merged
        );
    });
}

#[test]
fn a_write_in_doubt_is_found_again_and_never_made_twice() {
    for effect in [
        Effect::StatusAfter(502),
        Effect::CloseAfter,
        Effect::HtmlAfter,
    ] {
        let github = start();
        script(&github, async |forge| {
            github.fault(Fault::next(
                "POST",
                "/repos/acme/fleet/pulls",
                effect.clone(),
            ));
            let doubt = forge.open(&new_pull()).await.unwrap_err();
            assert!(
                matches!(doubt, ForgeError::InDoubt(_)),
                "{effect:?}: {doubt}"
            );
            let found = forge.pulls_of(BRANCH).await.unwrap();
            assert_eq!(found.len(), 1, "{effect:?}");
            let number = found[0].number;
            let merge = format!("/repos/acme/fleet/pulls/{number}/merge");
            github.fault(Fault::next("PUT", &merge, effect.clone()));
            let doubt = forge
                .merge(number, &found[0].head, MergeMethod::Merge, "t", "m")
                .await
                .unwrap_err();
            assert!(
                matches!(doubt, ForgeError::InDoubt(_)),
                "{effect:?}: {doubt}"
            );
            assert_eq!(forge.pull(number).await.unwrap().state, PullState::Merged);
        });
        assert_eq!(github.pulls().len(), 1, "{effect:?}");
    }
}

#[test]
fn an_enterprise_server_is_asked_below_its_own_path() {
    let github = started(Options {
        ghes: true,
        ..Options::default()
    });
    let check = Rules {
        ruleset: true,
        checks: vec!["build".to_owned()],
        ..Rules::default()
    };
    github.rules("main", check);
    assert!(github.api_url().ends_with("/api/v3"));
    script(&github, async |forge| {
        let pull = forge.open(&new_pull()).await.unwrap();
        let armed = forge
            .arm_auto_merge(&pull, MergeMethod::Merge)
            .await
            .unwrap();
        assert_eq!(armed, MergeOutcome::Queued);
    });
}

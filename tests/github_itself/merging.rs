//! Reviews and merges.

use octocrab::params::pulls::MergeMethod;
use serde_json::{Value, json};

use crate::client::{
    approvals, as_installation, begin, get, http, installation_token, proposal, wait,
};
use crate::github::{GitHub, Method, Role, Rules};

/// `mergeable_state`, as it is once GitHub has found it out.
fn merge_state(github: &GitHub, number: u64) -> String {
    let token = installation_token(github);
    let path = format!("/pulls/{number}");
    get(github, &token, &path);
    let shown = get(github, &token, &path).body;
    shown["mergeable_state"].as_str().unwrap().to_owned()
}

#[test]
fn opened_reviewed_and_merged_in_three_methods() {
    for (method, parents, committer) in [
        (MergeMethod::Merge, 2, "GitHub"),
        (MergeMethod::Squash, 1, "GitHub"),
        (MergeMethod::Rebase, 1, "fleetwright-test[bot]"),
    ] {
        let github = begin();
        let ann = github.user("ann", Role::Write);
        github.rules("main", approvals(1));
        let pull = proposal(&github, "feature");
        let head = pull.head.sha.clone();
        assert_eq!(merge_state(&github, pull.number), "blocked");
        ann.approves(pull.number);
        assert_eq!(merge_state(&github, pull.number), "clean");

        let merged = wait(async {
            let octocrab = as_installation(&github);
            let pulls = octocrab.pulls("acme", "fleet");
            let merging = pulls.merge(pull.number).method(method).sha(head.clone());
            merging.send().await.unwrap()
        });

        let sha = merged.sha.unwrap();
        assert!(merged.merged);
        assert_eq!(github.head("main"), Some(sha.clone()));
        assert_eq!(github.file(&sha, "feature.txt").as_deref(), Some("new\n"));
        let token = installation_token(&github);
        let commit = get(&github, &token, &format!("/commits/{sha}")).body;
        assert_eq!(commit["parents"].as_array().unwrap().len(), parents);
        assert_eq!(commit["commit"]["committer"]["name"], committer);
        let shown = get(&github, &token, &format!("/pulls/{}", pull.number)).body;
        assert_eq!(shown["merged"], true);
        assert_eq!(shown["merge_commit_sha"], sha);
        assert_eq!(shown["merged_by"]["login"], "fleetwright-test[bot]");
        assert_eq!(
            http(
                &github,
                &token,
                "GET",
                &format!("/repos/acme/fleet/pulls/{}/merge", pull.number),
                None
            )
            .status,
            204
        );
    }
}

#[test]
fn a_squash_says_what_the_settings_say() {
    let cases = [
        (
            "COMMIT_OR_PR_TITLE",
            "COMMIT_MESSAGES",
            "Add feature (#1)\n\nBecause.",
        ),
        ("PR_TITLE", "PR_BODY", "Add feature (#1)\n\nPlease."),
        (
            "PR_TITLE",
            "BLANK",
            "Add feature (#1)\n\nCo-authored-by: robot",
        ),
    ];
    for (title, message, wanted) in cases {
        let github = begin();
        github.settings(|it| {
            title.clone_into(&mut it.squash_merge_commit_title);
            message.clone_into(&mut it.squash_merge_commit_message);
        });
        let pull = proposal(&github, "feature");
        let ann = github.user("ann", Role::Write);
        let sha = ann.merges(pull.number, Method::Squash).unwrap();
        let token = installation_token(&github);
        let commit = get(&github, &token, &format!("/commits/{sha}")).body;
        let said = commit["commit"]["message"].as_str().unwrap();
        assert!(said.starts_with(wanted), "{title} {message}: {said}");
        assert_eq!(commit["commit"]["verification"]["verified"], true);
    }
}

#[test]
fn a_merge_is_guarded_and_refused_with_reasons() {
    let github = begin();
    let pull = proposal(&github, "feature");
    let token = installation_token(&github);
    let path = format!("/repos/acme/fleet/pulls/{}/merge", pull.number);
    let merge = |body: Value| {
        let answer = http(&github, &token, "PUT", &path, Some(&body));
        let said = answer.body["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        (answer.status, said)
    };
    let moved = "Head branch was modified. Review and try the merge again.";
    assert_eq!(
        merge(json!({"sha": "0".repeat(40)})),
        (409, moved.to_owned())
    );

    github.settings(|it| it.allow_squash_merge = false);
    let not_allowed = "Squash merges are not allowed on this repository.";
    assert_eq!(
        merge(json!({"merge_method": "squash"})),
        (405, not_allowed.to_owned())
    );

    github.rules(
        "main",
        Rules {
            checks: vec!["build".to_owned()],
            ..approvals(1)
        },
    );
    let (status, said) = merge(json!({}));
    assert_eq!(status, 405);
    assert!(
        said.contains("At least 1 approving review is required"),
        "{said}"
    );
    assert!(
        said.contains(r#"Required status check "build" is expected."#),
        "{said}"
    );

    github.rules("main", Rules::default());
    let bob = github.user("bob", Role::Write);
    bob.pushes("main", "In the way", &[("feature.txt", "other\n")]);
    assert_eq!(merge_state(&github, pull.number), "dirty");
    assert_eq!(
        merge(json!({})),
        (405, "Pull Request is not mergeable".to_owned())
    );
}

#[test]
fn mergeable_is_found_out_after_the_first_look() {
    let github = begin();
    let pull = proposal(&github, "feature");
    let token = installation_token(&github);
    let path = format!("/pulls/{}", pull.number);
    let looked = |path: &str| get(&github, &token, path).body["mergeable"].clone();
    assert_eq!(looked(&path), Value::Null);
    assert_eq!(looked(&path), true);
    let robot = github.user("robot", Role::Write);
    robot.pushes("feature", "More", &[("more.txt", "more\n")]);
    assert_eq!(looked(&path), Value::Null);
    assert_eq!(looked(&path), true);
}

#[test]
fn approvals_are_dismissed_when_the_head_moves_and_the_rule_says_so() {
    let github = begin();
    let ann = github.user("ann", Role::Write);
    let dave = github.user("dave", Role::Read);
    github.rules(
        "main",
        Rules {
            dismiss_stale: true,
            ..approvals(1)
        },
    );
    let pull = proposal(&github, "feature");
    dave.approves(pull.number);
    assert_eq!(merge_state(&github, pull.number), "blocked");
    ann.approves(pull.number);
    assert_eq!(merge_state(&github, pull.number), "clean");
    let robot = github.user("robot", Role::Write);
    robot.pushes("feature", "More", &[("more.txt", "more\n")]);
    assert_eq!(merge_state(&github, pull.number), "blocked");
    let reviews = wait(async {
        let octocrab = as_installation(&github);
        octocrab
            .pulls("acme", "fleet")
            .list_reviews(pull.number)
            .send()
            .await
            .unwrap()
    });
    assert_eq!(format!("{:?}", reviews.items[1].state), "Some(Dismissed)");
}

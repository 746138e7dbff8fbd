//! How pull requests begin, and how they end unmerged.

use octocrab::params::State;
use serde_json::json;

use crate::client::{as_installation, begin, get, installation_token, post, proposal, wait};
use crate::github::{Method, Role};

#[test]
fn opening_is_refused_where_github_refuses_it() {
    let github = begin();
    let first = proposal(&github, "feature");
    let token = installation_token(&github);
    let open = |head: &str, base: &str| {
        let answer = post(
            &github,
            &token,
            "/pulls",
            &json!({"title": "x", "head": head, "base": base}),
        );
        (answer.status, answer.body["errors"].to_string())
    };
    let (status, errors) = open("feature", "main");
    assert_eq!(status, 422);
    assert!(
        errors.contains("A pull request already exists for acme:feature."),
        "{errors}"
    );
    assert!(
        open("nowhere", "main")
            .1
            .contains(r#""field":"head","code":"invalid""#)
    );
    assert!(
        open("feature", "nowhere")
            .1
            .contains(r#""field":"base","code":"invalid""#)
    );
    github
        .user("ann", Role::Write)
        .pushes("same", "Same", &[("a", "a\n")]);
    github
        .user("ann", Role::Write)
        .merges(first.number, Method::Merge)
        .unwrap();
    assert!(
        open("main", "main")
            .1
            .contains("No commits between main and main")
    );
    let strange = post(
        &github,
        &token,
        "/pulls",
        &json!({"title": "x", "head": "same", "base": "main", "colour": 1}),
    );
    assert_eq!(strange.status, 422);
    assert!(
        strange
            .text
            .contains(r#"\"colour\" is not a permitted key."#),
        "{}",
        strange.text
    );
    let missing = post(
        &github,
        &token,
        "/pulls",
        &json!({"title": "x", "head": "same"}),
    );
    assert!(
        missing.text.contains(r#"\"base\" wasn't supplied."#),
        "{}",
        missing.text
    );
    let reviewers = json!({"reviewers": ["nobody-here"]});
    let answer = post(
        &github,
        &token,
        &format!("/pulls/{}/requested_reviewers", first.number),
        &reviewers,
    );
    assert_eq!(answer.status, 422);
}

#[test]
fn an_own_pull_request_cannot_be_approved() {
    let github = begin();
    let pull = proposal(&github, "feature");
    let token = installation_token(&github);
    let path = format!("/pulls/{}/reviews", pull.number);
    let answer = post(&github, &token, &path, &json!({"event": "APPROVE"}));
    assert_eq!(answer.status, 422);
    assert_eq!(
        answer.body["errors"][0],
        "Review Can not approve your own pull request"
    );
}

#[test]
fn a_closed_one_is_reopened_unless_its_branch_went_elsewhere() {
    let github = begin();
    let ann = github.user("ann", Role::Write);
    let pull = proposal(&github, "feature").number;
    ann.closes(pull);
    ann.reopens(pull).unwrap();
    ann.closes(pull);
    let main = github.head("main").unwrap();
    ann.forces("feature", &main);
    assert_eq!(ann.reopens(pull).unwrap_err().status, 422);
    ann.deletes_branch("feature");
    assert_eq!(ann.reopens(pull).unwrap_err().status, 422);
    let open = wait(async {
        let octocrab = as_installation(&github);
        let pulls = octocrab.pulls("acme", "fleet");
        pulls
            .list()
            .state(State::All)
            .head("acme:feature")
            .send()
            .await
            .unwrap()
    });
    assert_eq!(open.items.len(), 1);
}

#[test]
fn a_pull_request_ends_with_its_branch_and_comes_from_forks_too() {
    let github = begin();
    let ann = github.user("ann", Role::Write);
    let pull = proposal(&github, "feature").number;
    ann.deletes_branch("feature");
    assert!(!github.pull(pull).open);
    let eve = github.user("eve", Role::Read);
    eve.pushes_to_fork("feature", &[("evil.txt", "evil\n")]);
    let forked = eve.opens("eve:feature", "main", "From afar").unwrap();
    let token = installation_token(&github);
    let shown = get(&github, &token, &format!("/pulls/{forked}")).body;
    assert_eq!(shown["head"]["label"], "eve:feature");
    assert_eq!(shown["head"]["repo"]["fork"], true);
    let own = get(&github, &token, "/pulls?head=acme:feature&state=all").body;
    assert_eq!(own.as_array().unwrap().len(), 1);
}

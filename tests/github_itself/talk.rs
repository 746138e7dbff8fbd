//! Issues, comments, reactions, labels, statuses and checks.

use octocrab::models::StatusState;
use octocrab::models::issues::Comment;
use octocrab::models::reactions::ReactionContent;
use octocrab::params::State;
use octocrab::params::checks::{CheckRunConclusion, CheckRunStatus};
use serde_json::json;

use crate::client::{as_installation, begin, get, http, installation_token, post, proposal, wait};
use crate::github::Role;

#[test]
fn octocrab_comments_reacts_labels_and_closes() {
    let github = begin();
    let ann = github.user("ann", Role::Write);
    let number = ann.opens_issue("A store", "### Name\n\nshop", &["store-request"]);
    wait(async {
        let octocrab = as_installation(&github);
        let issues = octocrab.issues("acme", "fleet");
        let label = ["store-request".to_owned()];
        let listed = issues.list().state(State::Open).labels(&label).send();
        assert_eq!(listed.await.unwrap().items[0].number, number);
        let comment = issues.create_comment(number, "Seen").await.unwrap();
        // octocrab's own way to change a comment is a POST, which GitHub's description does not know
        let path = format!("/repos/acme/fleet/issues/comments/{}", comment.id);
        let edited = json!({"body": "Done"});
        let edited: Comment = octocrab.patch(path, Some(&edited)).await.unwrap();
        assert_eq!(edited.body.as_deref(), Some("Done"));
        assert!(edited.updated_at.unwrap() > edited.created_at);
        let reaction = issues.create_comment_reaction(*comment.id, ReactionContent::Eyes);
        assert_eq!(reaction.await.unwrap().content, ReactionContent::Eyes);
        issues
            .add_labels(number, &["done".to_owned()])
            .await
            .unwrap();
        let closed = issues
            .update(number)
            .state(octocrab::models::IssueState::Closed)
            .send()
            .await
            .unwrap();
        assert_eq!(closed.labels.len(), 2);
    });
    assert!(!github.issue_is_open(number));
    assert_eq!(github.comments(number), ["Done"]);
}

#[test]
fn pull_requests_are_among_the_issues() {
    let github = begin();
    let pull = proposal(&github, "feature").number;
    let token = installation_token(&github);
    let listed = get(&github, &token, "/issues").body;
    assert_eq!(listed[0]["number"], pull);
    assert!(listed[0]["pull_request"]["url"].is_string());
    let long = json!({"body": "x".repeat(65_537)});
    let refused = post(&github, &token, &format!("/issues/{pull}/comments"), &long);
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("maximum is 65536 characters"));
}

#[test]
fn octocrab_writes_statuses_and_checks() {
    let github = begin();
    let sha = github.head("main").unwrap();
    wait(async {
        let octocrab = as_installation(&github);
        let repos = octocrab.repos("acme", "fleet");
        let status = repos
            .create_status(sha.clone(), StatusState::Pending)
            .context("a".into());
        status
            .description("soon".into())
            .target("https://example.com".into())
            .send()
            .await
            .unwrap();
        let checks = octocrab.checks("acme", "fleet");
        let run = checks
            .create_check_run("b", sha.clone())
            .status(CheckRunStatus::InProgress);
        let run = run.send().await.unwrap();
        let run = checks
            .update_check_run(run.id)
            .conclusion(CheckRunConclusion::Success);
        assert_eq!(
            run.send().await.unwrap().conclusion.as_deref(),
            Some("success")
        );
        let all =
            checks.list_check_runs_for_git_ref(octocrab::params::repos::Commitish(sha.clone()));
        assert_eq!(all.send().await.unwrap().total_count, 1);
    });
    let mut reports = github.reports(&sha);
    reports.sort();
    let wanted = [("a", "pending"), ("b", "success")];
    assert_eq!(
        reports,
        wanted.map(|(name, how)| (name.to_owned(), how.to_owned()))
    );
    let token = installation_token(&github);
    let combined = get(&github, &token, "/commits/main/status").body;
    assert_eq!(
        (&combined["state"], &combined["total_count"]),
        (&json!("pending"), &json!(1))
    );
}

#[test]
fn a_check_takes_fifty_annotations_a_call() {
    let github = begin();
    let token = installation_token(&github);
    let line = json!({"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "no"});
    let sha = github.head("main").unwrap();
    let output = |count: usize| json!({"title": "t", "summary": "s", "annotations": vec![line.clone(); count]});
    let new = |count| json!({"name": "x", "head_sha": sha, "conclusion": "failure", "output": output(count)});
    assert_eq!(post(&github, &token, "/check-runs", &new(51)).status, 422);
    let made = post(&github, &token, "/check-runs", &new(50)).body;
    assert_eq!(made["output"]["annotations_count"], 50);
    let path = format!("/repos/acme/fleet/check-runs/{}", made["id"]);
    let more = http(
        &github,
        &token,
        "PATCH",
        &path,
        Some(&json!({"output": output(3)})),
    );
    assert_eq!(more.body["output"]["annotations_count"], 53);
    let completed = json!({"name": "x", "head_sha": sha, "status": "completed"});
    assert_eq!(post(&github, &token, "/check-runs", &completed).status, 422);
}

#[test]
fn files_branches_and_differences_are_read() {
    let github = begin();
    let pull = proposal(&github, "feature");
    let token = installation_token(&github);
    let files = get(&github, &token, &format!("/pulls/{}/files", pull.number)).body;
    assert_eq!(files[0]["filename"], "feature.txt");
    assert_eq!(files[0]["patch"], "@@ -0,0 +1 @@\n+new");
    let commits = get(&github, &token, &format!("/pulls/{}/commits", pull.number)).body;
    assert_eq!(commits[0]["sha"], pull.head.sha);
    let compared = get(&github, &token, "/compare/main...feature").body;
    assert_eq!(
        (&compared["status"], &compared["ahead_by"]),
        (&json!("ahead"), &json!(1))
    );
    assert_eq!(
        get(&github, &token, "/git/ref/heads/feature").body["object"]["sha"],
        pull.head.sha
    );
    wait(async {
        let repos = as_installation(&github);
        let repos = repos.repos("acme", "fleet");
        let content = repos
            .get_content()
            .path("README.md")
            .r#ref("main")
            .send()
            .await
            .unwrap();
        assert_eq!(
            content.items[0].decoded_content().as_deref(),
            Some("A fleet.\n")
        );
    });
    let gone = http(
        &github,
        &token,
        "DELETE",
        "/repos/acme/fleet/git/refs/heads/feature",
        None,
    );
    assert_eq!((gone.status, github.head("feature")), (204, None));
    let again = http(
        &github,
        &token,
        "DELETE",
        "/repos/acme/fleet/git/refs/heads/feature",
        None,
    );
    assert_eq!(again.status, 422);
}

//! What only GraphQL can do: auto-merge and the merge queue.

use serde_json::{Value, json};

use crate::client::{approvals, as_installation, begin, http, installation_token, proposal, wait};
use crate::github::{Role, Rules};

#[test]
fn auto_merge_waits_for_the_rules_and_then_merges() {
    let github = begin();
    let ann = github.user("ann", Role::Write);
    let rules = Rules {
        checks: vec!["build".to_owned()],
        ..approvals(1)
    };
    let pull = proposal(&github, "feature");
    let arm = |oid: &str| {
        let query = "mutation($id: ID!, $oid: GitObjectID) { enablePullRequestAutoMerge(input: {pullRequestId: $id, \
                     mergeMethod: SQUASH, expectedHeadOid: $oid}) { pullRequest { number autoMergeRequest { mergeMethod } } } }";
        let id = pull.node_id.clone().unwrap();
        let asked = json!({"query": query, "variables": {"id": id, "oid": oid}});
        wait(async { as_installation(&github).graphql::<Value>(&asked).await })
    };
    let head = pull.head.sha.clone();
    let clean = format!("{:?}", arm(&head).unwrap_err());
    assert!(clean.contains("Pull request is in clean status"), "{clean}");

    github.rules("main", rules);
    github.settings(|it| it.allow_auto_merge = false);
    assert!(
        format!("{:?}", arm(&head).unwrap_err())
            .contains("Auto merge is not allowed for this repository")
    );
    github.settings(|it| it.allow_auto_merge = true);
    assert!(arm(&"0".repeat(40)).is_err());
    let armed = arm(&head).unwrap();
    let armed = &armed["enablePullRequestAutoMerge"]["pullRequest"];
    assert_eq!(armed["autoMergeRequest"]["mergeMethod"], "SQUASH");

    ann.approves(pull.number);
    assert!(github.pull(pull.number).merged.is_none());
    github.checks(&head, "build", "success");
    let merged = github.pull(pull.number).merged.unwrap();
    assert_eq!(github.head("main"), Some(merged.commit));
}

#[test]
fn the_merge_queue_takes_its_turn() {
    let github = begin();
    github.rules(
        "main",
        Rules {
            merge_queue: true,
            checks: vec!["build".to_owned()],
            ..Rules::default()
        },
    );
    let pull = proposal(&github, "feature");
    let head = pull.head.sha.clone();
    let token = installation_token(&github);
    github.checks(&head, "build", "success");
    let direct = http(
        &github,
        &token,
        "PUT",
        &format!("/repos/acme/fleet/pulls/{}/merge", pull.number),
        Some(&json!({})),
    );
    assert_eq!(direct.status, 405);

    let id = pull.node_id.unwrap();
    let ask = |query: &str| {
        let asked = json!({"query": query, "variables": {"id": id}});
        wait(async {
            as_installation(&github)
                .graphql::<Value>(&asked)
                .await
                .unwrap()
        })
    };
    let queued = ask(
        "mutation($id: ID!) { enqueuePullRequest(input: {pullRequestId: $id}) { mergeQueueEntry { position state headCommit { oid } } } }",
    );
    let entry = &queued["enqueuePullRequest"]["mergeQueueEntry"];
    assert_eq!(
        (&entry["position"], &entry["state"]),
        (&json!(1), &json!("AWAITING_CHECKS"))
    );
    let group = entry["headCommit"]["oid"].as_str().unwrap();
    github.process_merge_queue();
    assert!(github.pull(pull.number).open);

    github.checks(group, "build", "success");
    github.process_merge_queue();

    let seen = ask(
        "query($id: ID!) { node(id: $id) { ... on PullRequest { state mergeQueueEntry { state } mergeCommit { oid } } } }",
    );
    assert_eq!(
        seen["node"],
        json!({"state": "MERGED", "mergeQueueEntry": null, "mergeCommit": {"oid": group}})
    );
    assert_eq!(github.head("main").as_deref(), Some(group));
}

#[test]
fn graphql_refuses_what_it_does_not_know() {
    let github = begin();
    let token = installation_token(&github);
    for query in [
        "mutation { deleteEverything(input: {}) { ok } }",
        "{ repository(owner: \"acme\", name: \"fleet\") { colour } }",
        "{ repository(owner: \"acme\"",
    ] {
        let answer = http(
            &github,
            &token,
            "POST",
            "/graphql",
            Some(&json!({"query": query})),
        );
        assert_eq!(answer.status, 200);
        assert!(
            answer.body["errors"][0]["message"].is_string(),
            "{query}: {}",
            answer.text
        );
    }
    let query = "query Q { repo: repository(name: \"fleet\", owner: \"acme\") { autoMergeAllowed, mergeQueue(branch: \"main\") { id } } }";
    let answer = http(
        &github,
        &token,
        "POST",
        "/graphql",
        Some(&json!({"query": query})),
    );
    assert_eq!(
        answer.body,
        json!({"data": {"repo": {"autoMergeAllowed": true, "mergeQueue": null}}})
    );
}

//! Each event and what it hints at.

use serde_json::{Value, json};

use super::*;

const SHA: &str = "6dcb09b5b57875f334f61aebed695e2e4193db5e";

fn heard(event: &str, mut payload: Value) -> Result<Heard, Unreadable> {
    let ours = Ours {
        repository: "acme/fleet".to_owned(),
        app: Some(7),
    };
    if payload.get("repository").is_none() {
        payload["repository"] = json!({"id": 1, "full_name": "Acme/Fleet"});
    }
    hint(event, payload.to_string().as_bytes(), &ours)
}

fn commit_hint() -> Hint {
    let sha = SHA.parse().expect("an id");
    Hint::Commit { sha }
}

#[test]
fn events_hint_at_what_they_are_about() {
    let pull = |number, action: &str| Hint::Pull {
        number,
        action: action.to_owned(),
        head: (action == "closed").then(|| SHA.parse().expect("an id")),
    };
    let push = |reference: &str| Hint::Push {
        reference: reference.to_owned(),
    };
    let queue = format!("refs/heads/gh-readonly-queue/main/pr-104-{SHA}");
    let table = [
        (
            "pull_request",
            json!({"action": "closed", "number": 4, "pull_request": {"number": 4, "merged": true, "head": {"sha": SHA}}}),
            pull(4, "closed"),
        ),
        (
            "pull_request",
            json!({"action": "something_new", "pull_request": {"number": 4}}),
            pull(4, "something_new"),
        ),
        (
            "pull_request_review",
            json!({"action": "submitted", "review": {"id": 9}, "pull_request": {"number": 5}}),
            pull(5, "review"),
        ),
        (
            "check_suite",
            json!({"action": "completed", "check_suite": {"head_sha": SHA, "app": {"id": 8}}}),
            commit_hint(),
        ),
        (
            "check_run",
            json!({"action": "completed", "check_run": {"head_sha": SHA, "name": "test"}}),
            commit_hint(),
        ),
        (
            "check_run",
            json!({"action": "rerequested", "check_run": {"head_sha": SHA, "name": "fleetwright/render", "app": {"id": 7}}}),
            commit_hint(),
        ),
        (
            "status",
            json!({"sha": SHA, "context": "ci/test", "state": "success"}),
            commit_hint(),
        ),
        (
            "push",
            json!({"ref": "refs/heads/main", "after": SHA}),
            push("refs/heads/main"),
        ),
        (
            "merge_group",
            json!({"action": "checks_requested", "merge_group": {"head_sha": SHA, "head_ref": queue}}),
            Hint::Group {
                sha: SHA.parse().expect("an id"),
                number: 104,
            },
        ),
        (
            "merge_group",
            json!({"action": "destroyed", "reason": "merged", "merge_group": {"head_sha": SHA, "head_ref": queue}}),
            pull(104, "dequeued"),
        ),
        (
            "issue_comment",
            json!({"action": "created", "issue": {"number": 3}, "comment": {"id": 12, "body": "/fleetwright retry", "user": {"type": "User"}}}),
            Hint::Comment {
                number: 3,
                comment: 12,
                body: "/fleetwright retry".to_owned(),
            },
        ),
        (
            "issues",
            json!({"action": "opened", "issue": {"number": 6, "body": null}}),
            Hint::Issue {
                number: 6,
                body: String::new(),
            },
        ),
        (
            "installation_repositories",
            json!({"action": "removed", "repositories_removed": [], "repository": null}),
            Hint::Installation,
        ),
    ];
    for (event, payload, wanted) in table {
        let said = payload.to_string();
        let found = heard(event, payload).expect(event);
        assert_eq!(found, Heard::Hint(wanted), "{event} {said}");
    }
}

#[test]
fn what_says_nothing_to_us_is_let_pass() {
    let elsewhere = json!({"full_name": "acme/other"});
    let table = [
        ("ping", json!({"zen": "Keep it logically awesome."})),
        ("star", json!({"action": "created"})),
        ("", json!({})),
        (
            "pull_request",
            json!({"action": "labeled", "pull_request": {"number": 4}}),
        ),
        ("pull_request", json!({"action": "opened"})),
        (
            "pull_request",
            json!({"pull_request": {"number": 4}, "repository": elsewhere}),
        ),
        (
            "pull_request",
            json!({"pull_request": {"number": 4}, "repository": null}),
        ),
        ("push", json!({"ref": "refs/tags/v1"})),
        ("push", json!({})),
        ("status", json!({"sha": "main", "context": "x"})),
        (
            "status",
            json!({"sha": SHA, "context": "fleetwright/render"}),
        ),
        (
            "check_run",
            json!({"action": "completed", "check_run": {"head_sha": SHA, "name": "fleetwright/approval"}}),
        ),
        (
            "check_suite",
            json!({"action": "completed", "check_suite": {"head_sha": SHA, "app": {"id": 7}}}),
        ),
        (
            "issue_comment",
            json!({"action": "edited", "issue": {"number": 3}, "comment": {"id": 1, "body": "/fleetwright cancel"}}),
        ),
        (
            "issue_comment",
            json!({"action": "created", "issue": {"number": 3}, "comment": {"id": 1, "body": "well done"}}),
        ),
        (
            "issue_comment",
            json!({"action": "created", "issue": {"number": 3}, "comment": {"id": 1, "body": "/fleetwright retry", "user": {"type": "Bot"}}}),
        ),
        (
            "issues",
            json!({"action": "edited", "issue": {"number": 6, "body": "x"}}),
        ),
    ];
    for (event, payload) in table {
        let said = payload.to_string();
        let found = heard(event, payload).expect(event);
        assert!(
            matches!(found, Heard::Nothing(_)),
            "{event} {said}: {found:?}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    let ours = Ours {
        repository: "acme/fleet".to_owned(),
        app: None,
    };
    for body in ["", "nonsense", "7", "{\"pull_request\": 7}"] {
        assert!(
            hint("pull_request", body.as_bytes(), &ours).is_err(),
            "{body}"
        );
        assert!(hint("star", body.as_bytes(), &ours).is_ok(), "{body}");
    }
}

//! The fault plan: before the effect, after it, and the ways an answer can be lost.

use std::time::Duration;

use serde_json::json;

use crate::client::{begin, get, installation_token, post, try_http};
use crate::github::faults::{Effect, Fault};
use crate::github::{GitHub, Role};

fn issue(github: &GitHub) -> (u64, String) {
    let ann = github.user("ann", Role::Write);
    (ann.opens_issue("A", "", &[]), installation_token(github))
}

#[test]
fn a_fault_happens_before_or_after_the_effect() {
    let cases = [
        (Effect::Status(502), Some(502), 0),
        (Effect::StatusAfter(502), Some(502), 1),
        (Effect::Html, Some(502), 0),
        (Effect::HtmlAfter, Some(502), 1),
        (Effect::Close, None, 0),
        (Effect::CloseAfter, None, 1),
        (Effect::SecondaryLimit, Some(403), 0),
        (Effect::Slow(50), Some(201), 1),
    ];
    for (effect, status, written) in cases {
        let github = begin();
        let (number, token) = issue(&github);
        github.fault(Fault::next("POST", "/repos/*/comments", effect.clone()));
        let path = format!("/repos/acme/fleet/issues/{number}/comments");
        let sent = json!({"body": "x"});
        let answer = try_http(&github, &token, "POST", &path, Some(&sent), &[]);
        assert_eq!(answer.as_ref().map(|it| it.status), status, "{effect:?}");
        assert_eq!(github.comments(number).len(), written, "{effect:?}");
        let html = matches!(effect, Effect::Html | Effect::HtmlAfter);
        assert_eq!(answer.is_some_and(|it| it.text.starts_with("<html>")), html);
    }
}

#[test]
fn a_hanging_answer_may_have_been_done() {
    for (effect, written) in [(Effect::Hang, 0), (Effect::HangAfter, 1)] {
        let github = begin();
        let (number, token) = issue(&github);
        github.fault(Fault::next("POST", "/repos/*/comments", effect));
        let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_millis(700)));
        let agent: ureq::Agent = config.build().into();
        let asked = agent
            .post(format!(
                "{}/repos/acme/fleet/issues/{number}/comments",
                github.api_url()
            ))
            .header("authorization", format!("Bearer {token}"))
            .header("user-agent", "a test")
            .send(r#"{"body": "x"}"#);
        assert!(asked.is_err());
        assert_eq!(github.comments(number).len(), written);
    }
}

#[test]
fn a_plan_counts() {
    let github = begin();
    let (number, token) = issue(&github);
    github.fault(
        Fault::next("*", "/repos/*", Effect::Status(500))
            .after(1)
            .times(2),
    );
    let path = format!("/issues/{number}");
    let said: Vec<u16> = (0..4).map(|_| get(&github, &token, &path).status).collect();
    assert_eq!(said, [200, 500, 500, 200]);
}

#[test]
fn what_was_just_made_may_not_be_seen_yet() {
    let github = begin();
    let token = installation_token(&github);
    github
        .user("ann", Role::Write)
        .pushes("a", "A", &[("a", "a\n")]);
    github.fault(Fault::next(
        "POST",
        "/repos/acme/fleet/pulls",
        Effect::Unseen(2),
    ));
    let new = json!({"title": "A", "head": "a", "base": "main"});
    let made = post(&github, &token, "/pulls", &new);
    assert_eq!(made.status, 201);
    assert_eq!(get(&github, &token, "/pulls/1").status, 404);
    assert_eq!(get(&github, &token, "/pulls").body, json!([]));
    assert_eq!(get(&github, &token, "/pulls/1").status, 200);
}

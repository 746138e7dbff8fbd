//! Limits: counted, told in headers, enforced, and every breach remembered.

use std::time::Duration;

use serde_json::json;

use crate::client::{begin, begin_with, get, http, installation_token, post, try_http};
use crate::github::Options;
use crate::github::faults::{Effect, Fault};
use crate::github::limits::Secondary;

#[test]
fn an_unchanged_answer_costs_nothing() {
    let github = begin();
    let token = installation_token(&github);
    let first = get(&github, &token, "/pulls");
    let left: u32 = first.header("x-ratelimit-remaining").parse().unwrap();
    let path = "/repos/acme/fleet/pulls";
    let known = [("if-none-match", first.header("etag"))];
    let known = [(known[0].0, known[0].1.as_str())];
    let again = try_http(&github, &token, "GET", path, None, &known).unwrap();
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    assert_eq!(again.header("x-ratelimit-remaining"), left.to_string());

    github
        .user("ann", crate::github::Role::Write)
        .pushes("a", "A", &[("a", "a\n")]);
    post(
        &github,
        &token,
        "/pulls",
        &json!({"title": "A", "head": "a", "base": "main"}),
    );
    let changed = try_http(&github, &token, "GET", path, None, &known).unwrap();
    assert_eq!(changed.status, 200);
    assert_eq!(
        changed.header("x-ratelimit-remaining"),
        (left - 2).to_string()
    );
    assert!(github.breaches().is_empty());
}

#[test]
fn lists_come_in_pages() {
    let github = begin();
    let token = installation_token(&github);
    let ann = github.user("ann", crate::github::Role::Write);
    let number = ann.opens_issue("A", "", &[]);
    for round in 0..7 {
        ann.comments(number, &format!("{round}"));
    }
    let path = format!("/issues/{number}/comments?per_page=3&page=2");
    let page = get(&github, &token, &path);
    let bodies: Vec<&str> = page
        .body
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["body"].as_str().unwrap())
        .collect();
    assert_eq!(bodies, ["3", "4", "5"]);
    let links = page.header("link");
    for part in [
        "page=3>; rel=\"next\"",
        "page=3>; rel=\"last\"",
        "page=1>; rel=\"first\"",
        "page=1>; rel=\"prev\"",
    ] {
        assert!(links.contains(part), "{part}: {links}");
    }
    let whole = get(&github, &token, &format!("/issues/{number}/comments"));
    assert_eq!(whole.header("link"), "");
}

#[test]
fn the_hour_s_allowance_ends_and_comes_back() {
    let github = begin_with(Options {
        primary_limit: 3,
        ..Options::default()
    });
    let token = installation_token(&github);
    for _ in 0..3 {
        assert_eq!(get(&github, &token, "").status, 200);
    }
    let refused = get(&github, &token, "");
    assert_eq!(refused.status, 403);
    assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    assert!(
        refused
            .text
            .contains("API rate limit exceeded for installation ID")
    );
    assert_eq!(github.breaches().len(), 1);
    github.advance(Duration::from_secs(3601));
    let token = installation_token(&github);
    assert_eq!(get(&github, &token, "").status, 200);
}

#[test]
fn too_much_content_in_a_minute_is_a_breach_and_so_is_not_waiting() {
    let github = begin();
    github.limits(|it| it.content_a_minute = 3);
    let token = installation_token(&github);
    let ann = github.user("ann", crate::github::Role::Write);
    let number = ann.opens_issue("A", "", &[]);
    let path = format!("/issues/{number}/comments");
    let comment = || post(&github, &token, &path, &json!({"body": "x"}));
    for _ in 0..3 {
        assert_eq!(comment().status, 201);
    }
    let refused = comment();
    assert_eq!(
        (refused.status, refused.header("retry-after").as_str()),
        (403, "60")
    );
    assert_eq!(github.comments(number).len(), 3);
    assert_eq!(get(&github, &token, "").status, 403);
    let what: Vec<String> = github.breaches().into_iter().map(|it| it.what).collect();
    assert!(what[0].contains("content-creating"), "{what:?}");
    assert!(what[1].contains("had to wait"), "{what:?}");

    github.advance(Duration::from_secs(61));
    github.limits(|it| {
        it.secondary = Secondary {
            status: 429,
            retry_after: false,
        }
    });
    for _ in 0..3 {
        assert_eq!(comment().status, 201);
    }
    let refused = comment();
    assert_eq!(
        (refused.status, refused.header("retry-after").as_str()),
        (429, "")
    );
}

#[test]
fn a_seventh_push_in_a_minute_is_a_breach() {
    let github = begin();
    let dir = tempfile::tempdir().unwrap();
    let token = installation_token(&github);
    let (ok, said) = crate::client::git(
        dir.path(),
        &token,
        &["clone", "--quiet", &github.clone_url(), "clone"],
    );
    assert!(ok, "{said}");
    for round in 0..7 {
        assert_eq!(github.breaches().len(), 0);
        let refspec = format!("HEAD:refs/heads/b{round}");
        let clone = dir.path().join("clone");
        assert!(crate::client::git(&clone, &token, &["push", "--quiet", "origin", &refspec]).0);
    }
    assert_eq!(github.breaches()[0].what, "more than 6 pushes a minute");
}

#[test]
fn two_writes_at_once_are_a_breach_and_two_reads_are_none() {
    let github = begin();
    let token = installation_token(&github);
    let number = github
        .user("ann", crate::github::Role::Write)
        .opens_issue("A", "", &[]);
    let path = format!("/issues/{number}/comments");
    // each takes so long that the other one comes meanwhile
    github.fault(Fault::next("*", "/repos/*/comments", Effect::Slow(2000)).times(4));
    let together = |ask: &(dyn Fn() -> u16 + Sync)| {
        std::thread::scope(|scope| {
            let both = [scope.spawn(ask), scope.spawn(ask)];
            both.map(|it| it.join().unwrap())
        })
    };
    assert_eq!(together(&|| get(&github, &token, &path).status), [200, 200]);
    assert!(github.breaches().is_empty());
    let write = || post(&github, &token, &path, &json!({"body": "x"})).status;
    assert_eq!(together(&write), [201, 201]);
    assert!(github.breaches()[0].what.starts_with("two writes at once"));
}

#[test]
fn asking_for_the_limits_costs_nothing() {
    let github = begin();
    let token = installation_token(&github);
    get(&github, &token, "");
    for _ in 0..2 {
        let limits = http(&github, &token, "GET", "/rate_limit", None).body;
        assert_eq!(limits["resources"]["core"]["used"], 1);
    }
}

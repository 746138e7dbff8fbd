//! One row for each way in which a repository can be set up against the bot.

use serde_json::{Value, json};

use super::*;

/// Everything is on.
const ALL: Features = Features {
    comments: true,
    teams: true,
};

fn good() -> (Seen, Wanted) {
    let granted = needed(ALL).map(|it| (it.name.to_owned(), it.level.as_str().to_owned()));
    let settings = json!({
        "full_name": "shop/fleet", "archived": false, "disabled": false, "has_issues": true, "has_pull_requests": true,
        "allow_merge_commit": true, "allow_squash_merge": true, "allow_rebase_merge": true, "allow_auto_merge": true,
        "squash_merge_commit_message": "COMMIT_MESSAGES", "permissions": {"push": true},
    });
    let ours = |kind: &str| rule(kind, json!({}));
    let branch = |name: &str, rules| Branch {
        name: name.to_owned(),
        protected: true,
        rules,
    };
    let seen = Seen {
        repository: "shop/fleet".to_owned(),
        grants: Grants::App {
            permissions: granted.collect(),
            suspended: false,
        },
        settings: serde_json::from_value(settings).expect("settings"),
        base: branch("main", vec![ours("non_fast_forward")]),
        deploy: vec![branch(
            "deploy/local",
            vec![ours("non_fast_forward"), ours("deletion")],
        )],
        label: Some(true),
    };
    let wanted = Wanted {
        base: "main".to_owned(),
        deploy: vec!["deploy/local".to_owned()],
        method: Some(MergeMethod::Merge),
        auto_merge: false,
        forms: true,
    };
    (seen, wanted)
}

fn rule(kind: &str, parameters: Value) -> Rule {
    Rule {
        kind: kind.to_owned(),
        parameters,
        ruleset_id: None,
        bypass: Bypass::No,
    }
}

fn findings(change: impl FnOnce(&mut Seen, &mut Wanted)) -> Vec<Finding> {
    let (mut seen, mut wanted) = good();
    change(&mut seen, &mut wanted);
    examine(&seen, &wanted)
}

#[test]
fn nothing_is_said_where_all_is_well() {
    assert_eq!(findings(|_, _| ()), []);
}

type Change = fn(&mut Seen, &mut Wanted);

/// Each change of what is good is one finding, of that severity and with those words.
fn each(severity: Severity, cases: &[(Change, &str)]) {
    for (change, words) in cases {
        let found = findings(change);
        let [one] = found.as_slice() else {
            panic!("{words}: {found:#?}");
        };
        assert_eq!(one.severity, severity, "{}", one.sentence);
        assert!(one.sentence.contains(words), "{words}: {}", one.sentence);
    }
}

#[test]
fn a_missing_right_is_named_and_nothing_else_looked_at() {
    let cases: [(Change, &str); 4] = [
        (
            |it, _| grant(it, "checks", None),
            "Checks: write (it has none)",
        ),
        (
            |it, _| grant(it, "contents", Some("read")),
            "Contents: write (it has read)",
        ),
        (
            |it, _| grant(it, "members", None),
            "read of the organization",
        ),
        (|it, _| suspend(it), "suspended"),
    ];
    for (change, words) in cases {
        let (mut seen, mut wanted) = good();
        change(&mut seen, &mut wanted);
        let found = lacking(&seen.grants, ALL);
        let [lack, rest] = found.as_slice() else {
            panic!("{words}: {found:#?}");
        };
        assert_eq!(
            (lack.severity, rest.severity),
            (Severity::Stops, Severity::Note)
        );
        assert!(lack.sentence.contains(words), "{words}: {}", lack.sentence);
    }
    let (seen, _) = good();
    assert_eq!(lacking(&seen.grants, ALL), []);
}

#[test]
fn settings_that_stop_the_bot_are_named() {
    let cases: [(Change, &str); 6] = [
        (|it, _| it.settings.archived = true, "archived"),
        (
            |it, _| it.settings.full_name = "shop/new".to_owned(),
            "called shop/new now",
        ),
        (
            |it, _| it.settings.has_pull_requests = Some(false),
            "pull requests are turned off",
        ),
        (
            |it, _| it.settings.has_issues = Some(false),
            "issues are turned off",
        ),
        (
            |it, _| it.settings.allow_merge_commit = Some(false),
            "allow merge commits",
        ),
        (|it, wanted| no_auto_merge(it, wanted), "allow auto-merge"),
    ];
    each(Severity::Stops, &cases);
}

#[test]
fn rules_that_stop_the_bot_are_named() {
    let cases: [(Change, &str); 8] = [
        (|it, _| with(it, "update", json!({})), "may not be updated"),
        (
            |it, _| with(it, "required_linear_history", json!({})),
            "linear history",
        ),
        (
            |it, _| with(it, "required_signatures", json!({})),
            "an App has no key at GitHub",
        ),
        (|it, _| with(it, "merge_queue", json!({})), "merge queue"),
        (
            |it, _| with(it, "pull_request", json!({})),
            "by pull request only",
        ),
        (
            |it, _| with(it, "required_status_checks", json!({})),
            "does not have yet when it is pushed",
        ),
        (
            |it, _| it.deploy[0].rules.push(rule("pull_request", json!({}))),
            "deploy/local has the rule pull_request",
        ),
        (
            |it, _| bypassing(it, "pull_request", json!({}), Bypass::PullRequests),
            "by pull request only",
        ),
    ];
    each(Severity::Stops, &cases);
}

#[test]
fn surprises_are_warnings() {
    let cases: [(Change, &str); 9] = [
        (|it, _| squash(it, "BLANK"), "drops our trailers"),
        (|it, _| squash(it, "PR_BODY"), "drops our trailers"),
        (|it, _| it.label = Some(false), "no label store-request"),
        (|it, _| with(it, "workflows", json!({})), "rule workflows"),
        (
            |it, _| with(it, "commit_message_pattern", json!({})),
            "commit_message_pattern",
        ),
        (
            |it, _| it.base.rules.clear(),
            "main has branch protection of the older kind",
        ),
        (
            |it, _| it.deploy[0].rules.clear(),
            "deploy/local has branch protection of the older kind",
        ),
        (
            |it, wanted| nothing_to_wait_for(it, wanted),
            "nothing that auto-merge would wait for",
        ),
        (
            |it, _| it.base = unprotected_with(rule("max_file_size", json!({}))),
            "max_file_size",
        ),
    ];
    each(Severity::Warning, &cases);
}

#[test]
fn what_is_worth_knowing_is_a_note() {
    let reviews = |it: &mut Seen| {
        let one = json!({"required_approving_review_count": 1});
        bypassing(it, "pull_request", one, Bypass::Always);
    };
    let found = findings(|it, _| reviews(it));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].severity, Severity::Note);
    assert!(
        found[0].sentence.contains("own evaluation alone decides"),
        "{found:?}"
    );
    let cases: [(Change, &str); 2] = [
        (
            |it, _| bypassing(it, "merge_queue", json!({}), Bypass::Always),
            "bypass list of main (merge_queue)",
        ),
        (
            |it, _| it.deploy[0] = unprotected("deploy/local"),
            "no rule protects deploy/local",
        ),
    ];
    each(Severity::Note, &cases);
}

#[test]
fn a_rule_may_be_worth_two_sentences() {
    let strict = json!({"strict_required_status_checks_policy": true});
    let only_squash = json!({"allowed_merge_methods": ["squash"]});
    let resolved = json!({"required_review_thread_resolution": true});
    let by_squash = json!({"merge_method": "SQUASH"});
    for (kind, parameters, severity, words) in [
        (
            "required_status_checks",
            strict,
            Severity::Warning,
            "up to date",
        ),
        (
            "pull_request",
            only_squash,
            Severity::Stops,
            "the method merge",
        ),
        ("pull_request", resolved, Severity::Note, "conversation"),
        ("merge_queue", by_squash, Severity::Note, "merges by squash"),
    ] {
        let found = findings(|it, _| with(it, kind, parameters));
        assert_eq!(found.len(), 2, "{found:#?}");
        let named = |it: &&Finding| it.sentence.contains(words);
        assert_eq!(
            found.iter().find(named).map(|it| it.severity),
            Some(severity)
        );
    }
}

#[test]
fn a_rule_that_the_bot_bypasses_stops_nothing() {
    for kind in [
        "update",
        "pull_request",
        "required_signatures",
        "required_linear_history",
        "workflows",
    ] {
        let found = findings(|it, _| {
            bypassing(it, kind, json!({}), Bypass::Always);
            let rules = it.base.rules.clone();
            it.deploy[0].rules.extend(rules);
        });
        assert_eq!(found, [], "{kind}");
    }
    let words = [
        ("always", Bypass::Always),
        ("exempt", Bypass::Always),
        ("pull_requests_only", Bypass::PullRequests),
        ("never", Bypass::No),
        ("something new", Bypass::No),
    ];
    for (word, bypass) in words {
        assert_eq!(Bypass::parse(Some(word)), bypass, "{word}");
    }
}

#[test]
fn a_token_is_told_what_it_cannot_do() {
    let found = findings(|it, _| it.grants = Grants::Token);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].severity, Severity::Note);
    let found = findings(|it, _| {
        it.grants = Grants::Token;
        it.settings.permissions = Some(Permissions { push: false });
    });
    assert_eq!(
        found[0].severity,
        Severity::Stops,
        "the worst first: {found:?}"
    );
    let found = findings(|it, _| {
        it.grants = Grants::Token;
        with(it, "required_signatures", json!({}));
    });
    assert_eq!(found[0].severity, Severity::Warning, "{found:?}");
}

#[test]
fn what_is_off_needs_no_permission() {
    let (mut seen, mut wanted) = good();
    wanted.forms = false;
    grant(&mut seen, "issues", None);
    grant(&mut seen, "members", None);
    seen.settings.has_issues = Some(false);
    assert_eq!(lacking(&seen.grants, Features::default()), []);
    assert_eq!(examine(&seen, &wanted), []);
}

fn grant(seen: &mut Seen, name: &str, level: Option<&str>) {
    let Grants::App { permissions, .. } = &mut seen.grants else {
        panic!("an App");
    };
    permissions.remove(name);
    permissions.extend(level.map(|it| (name.to_owned(), it.to_owned())));
}

fn suspend(seen: &mut Seen) {
    if let Grants::App { suspended, .. } = &mut seen.grants {
        *suspended = true;
    }
}

fn with(seen: &mut Seen, kind: &str, parameters: Value) {
    seen.base.rules.push(rule(kind, parameters));
}

fn bypassing(seen: &mut Seen, kind: &str, parameters: Value, bypass: Bypass) {
    let rule = rule(kind, parameters);
    seen.base.rules.push(Rule { bypass, ..rule });
}

/// Auto-merge is wanted and allowed, and no rule holds a merge up.
fn nothing_to_wait_for(seen: &mut Seen, wanted: &mut Wanted) {
    wanted.auto_merge = true;
    seen.base.protected = false;
}

fn squash(seen: &mut Seen, message: &str) {
    seen.settings.squash_merge_commit_message = Some(message.to_owned());
}

fn unprotected(name: &str) -> Branch {
    Branch {
        name: name.to_owned(),
        ..Branch::default()
    }
}

fn unprotected_with(rule: Rule) -> Branch {
    Branch {
        rules: vec![rule],
        ..unprotected("main")
    }
}

fn no_auto_merge(seen: &mut Seen, wanted: &mut Wanted) {
    wanted.auto_merge = true;
    seen.settings.allow_auto_merge = Some(false);
}

//! Git over smart HTTP: who may fetch and push, and what rules say to a push.

use std::path::{Path, PathBuf};

use crate::client::{begin, git, installation_token};
use crate::github::{GitHub, Level, Role, Rules};

/// A clone with one commit more than main.
fn clone(github: &GitHub, dir: &Path, token: &str) -> PathBuf {
    let (ok, said) = git(
        dir,
        token,
        &["clone", "--quiet", &github.clone_url(), "clone"],
    );
    assert!(ok, "{said}");
    let clone = dir.join("clone");
    std::fs::write(clone.join("more.txt"), "more\n").unwrap();
    for args in [
        &["add", "--all"][..],
        &["commit", "--quiet", "--message", "More"],
    ] {
        assert!(git(&clone, token, args).0);
    }
    clone
}

#[test]
fn the_installation_fetches_and_pushes() {
    let github = begin();
    let dir = tempfile::tempdir().unwrap();
    let token = installation_token(&github);
    let clone = clone(&github, dir.path(), &token);
    let (ok, said) = git(
        &clone,
        &token,
        &["push", "--quiet", "origin", "HEAD:refs/heads/feature"],
    );
    assert!(ok, "{said}");
    let head = github.head("feature").unwrap();
    assert_eq!(github.file(&head, "more.txt").as_deref(), Some("more\n"));
    let pushed = github
        .calls()
        .into_iter()
        .rfind(|it| it.path.ends_with("git-receive-pack"));
    assert_eq!(
        pushed.unwrap().request["commands"][0]["ref"],
        "refs/heads/feature"
    );
}

#[test]
fn who_may_not_push_is_told_so() {
    let github = begin();
    let dir = tempfile::tempdir().unwrap();
    let good = installation_token(&github);
    let clone = clone(&github, dir.path(), &good);
    let reader = github.user("dave", Role::Read).token();
    let stranger = github.user("mallory", Role::None).token();
    github.grant(|permissions| {
        permissions.insert("contents".to_owned(), Level::Read);
    });
    let narrow = installation_token(&github);
    for (token, words) in [
        (reader.as_str(), "denied to dave"),
        (narrow.as_str(), "Write access to repository not granted"),
        (stranger.as_str(), "Repository not found"),
        ("ghs_wrong", "Authentication failed"),
    ] {
        let (ok, said) = git(
            &clone,
            token,
            &["push", "origin", "HEAD:refs/heads/feature"],
        );
        assert!(
            !ok && (said.contains(words) || said.contains("could not read")),
            "{words}: {said}"
        );
    }
    assert_eq!(github.head("feature"), None);
}

#[test]
fn rules_refuse_a_push_in_githubs_words() {
    let rules = [
        (
            Rules {
                pull_request: true,
                ..Rules::default()
            },
            "GH006",
            "Changes must be made through a pull request.",
            "protected branch hook declined",
        ),
        (
            Rules {
                pull_request: true,
                ruleset: true,
                ..Rules::default()
            },
            "GH013",
            "Changes must be made through a pull request.",
            "push declined due to repository rule violations",
        ),
        (
            Rules {
                checks: vec!["build".to_owned()],
                ..Rules::default()
            },
            "GH006",
            "Required status check \"build\" is expected.",
            "protected branch hook declined",
        ),
        (
            Rules {
                signatures: true,
                ruleset: true,
                ..Rules::default()
            },
            "GH013",
            "Commits must have verified signatures.",
            "push declined due to repository rule violations",
        ),
    ];
    for (rules, code, words, reason) in rules {
        let github = begin();
        let dir = tempfile::tempdir().unwrap();
        let token = installation_token(&github);
        let clone = clone(&github, dir.path(), &token);
        let before = github.head("main");
        github.rules("main", rules.clone());
        let push = [
            "push",
            "origin",
            "HEAD:refs/heads/main",
            "HEAD:refs/heads/side",
        ];
        let (ok, said) = git(&clone, &token, &push);
        assert!(!ok);
        for part in [code, words, reason] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert_eq!(github.head("main"), before);
        assert!(
            github.head("side").is_some(),
            "other branches are not held: {said}"
        );

        let bot = github.app().bot_login;
        github.rules(
            "main",
            Rules {
                bypass: vec![bot],
                ..rules
            },
        );
        let (ok, said) = git(&clone, &token, &push);
        assert!(ok, "{said}");
    }
}

#[test]
fn a_fixed_branch_takes_no_force_and_no_deletion() {
    let github = begin();
    let dir = tempfile::tempdir().unwrap();
    let token = installation_token(&github);
    let clone = clone(&github, dir.path(), &token);
    assert!(
        git(
            &clone,
            &token,
            &["push", "origin", "HEAD:refs/heads/feature"]
        )
        .0
    );
    github.rules(
        "feature",
        Rules {
            fixed: true,
            ruleset: true,
            ..Rules::default()
        },
    );
    for (refspec, words) in [
        (
            "+HEAD~1:refs/heads/feature",
            "Cannot force-push to this branch",
        ),
        (":refs/heads/feature", "Cannot delete this branch"),
    ] {
        let (ok, said) = git(&clone, &token, &["push", "origin", refspec]);
        assert!(!ok && said.contains(words), "{said}");
    }
}

#[test]
fn a_registered_key_satisfies_a_signature_rule() {
    let github = begin();
    let dir = tempfile::tempdir().unwrap();
    let ann = github.user("ann", Role::Write);
    let token = ann.token();
    let clone = clone(&github, dir.path(), &token);
    let key = dir.path().join("key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f", key.to_str().unwrap()])
        .status();
    assert!(made.unwrap().success());
    github.rules(
        "main",
        Rules {
            signatures: true,
            ..Rules::default()
        },
    );
    let signing = format!("user.signingkey={}", key.display());
    let amend = [
        "-c",
        "gpg.format=ssh",
        "-c",
        &signing,
        "commit",
        "--quiet",
        "--amend",
        "--no-edit",
        "-S",
    ];
    assert!(git(&clone, &token, &amend).0);
    assert!(!git(&clone, &token, &["push", "origin", "HEAD:main"]).0);
    ann.registers_signing_key(
        std::fs::read_to_string(key.with_extension("pub"))
            .unwrap()
            .trim(),
    );
    let (ok, said) = git(&clone, &token, &["push", "origin", "HEAD:main"]);
    assert!(ok, "{said}");
}

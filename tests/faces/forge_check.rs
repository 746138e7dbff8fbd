//! `serve --check` asks the forge whether it lets the server do its work, before anything is started.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::process::{PROGRAM, run};

/// What is answered, by the path of the question; everything else is 404.
type Answers = BTreeMap<String, Value>;

/// A repository in which all is well: an App with all it needs, and no rule that would be in its way.
fn well() -> Answers {
    let granted = json!({
        "metadata": "read", "contents": "write", "pull_requests": "write", "checks": "write", "statuses": "write",
        "issues": "write",
    });
    let settings = json!({
        "full_name": "acme/fleet", "archived": false, "has_issues": true, "allow_merge_commit": true,
        "allow_squash_merge": false, "permissions": {"push": true},
    });
    let token = json!({"token": "ghs_of_the_test", "expires_at": "2099-01-01T00:00:00Z"});
    let rules = json!([{"type": "non_fast_forward", "ruleset_id": 42}]);
    let answers = [
        (
            "/installation",
            json!({"id": 1, "permissions": granted, "suspended_at": null}),
        ),
        ("", settings),
        ("/labels/store-request", json!({"name": "store-request"})),
        ("/rules/branches/main", rules.clone()),
        ("/rules/branches/deploy%2Flocal", rules),
        ("/branches/main", json!({"protected": true})),
        (
            "/rulesets/42",
            json!({"id": 42, "current_user_can_bypass": "never"}),
        ),
    ];
    let mut all: Answers = answers.map(|(path, answer)| (at(path), answer)).into();
    all.insert("/app/installations/1/access_tokens".to_owned(), token);
    all
}

/// A path below the repository's.
fn at(path: &str) -> String {
    format!("/repos/acme/fleet{path}")
}

/// Answers at a free port until the test program ends.
fn forge(answers: Answers) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _gone = answer(&answers, stream);
        }
    });
    url
}

fn answer(answers: &Answers, stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_ascii_lowercase();
        if let Some(text) = line.strip_prefix("content-length:") {
            length = text.trim().parse().expect("a length");
        }
        if line.is_empty() {
            break;
        }
    }
    reader.take(length).read_to_end(&mut Vec::new())?;
    let path = first.split(' ').nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let (status, body) = match answers.get(path) {
        Some(body) => ("200 OK", body.clone()),
        None => ("404 Not Found", json!({"message": "Not Found"})),
    };
    let (body, mut stream) = (body.to_string(), stream);
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// What a check came to: whether it is well, and the sentences.
struct Checked {
    well: bool,
    said: String,
}

impl Checked {
    fn has(&self, severity: &str, words: &str) -> bool {
        let mut lines = self.said.lines();
        lines.any(|it| it.starts_with(&format!("{severity}: ")) && it.contains(words))
    }
}

/// Runs `serve --check` as an App.
fn check(api: &str) -> Checked {
    let folder = tempfile::tempdir().expect("a folder");
    check_in(folder.path(), api)
}

fn check_in(folder: &Path, api: &str) -> Checked {
    let (config, key) = (folder.join("config.yaml"), folder.join("app.pem"));
    std::fs::write(&key, pem()).expect("written");
    let settings = json!({
        "data": folder.join("data"), "git": {"url": "http://127.0.0.1:9/acme/fleet.git"},
        "clusters": [{"name": "local"}],
        "forge": {"github": {"appId": 7, "privateKey": key, "apiUrl": api}},
    });
    std::fs::write(&config, settings.to_string()).expect("written");
    let out = Command::new(PROGRAM)
        .args(["serve", "--check", "--config"])
        .arg(&config)
        .output()
        .expect("the program starts");
    let shown = String::from_utf8(out.stdout).expect("text");
    assert!(shown.contains("appId: 7"), "what is in force: {shown}");
    let said = String::from_utf8(out.stderr).expect("text");
    assert!(!said.contains("ghs_of_the_test"), "{said}");
    let well = out.status.success();
    Checked { well, said }
}

fn pem() -> String {
    let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der: Pkcs8V1Der<'_> = key.as_der().expect("PKCS #8");
    let text = STANDARD.encode(der.as_ref());
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n")
}

#[test]
fn a_repository_in_which_all_is_well_passes() {
    let checked = check(&forge(well()));
    assert!(checked.well, "{}", checked.said);
    assert!(
        checked.has("note", "policy was not read"),
        "no start has fetched it: {}",
        checked.said
    );
    assert_eq!(checked.said.lines().count(), 1, "{}", checked.said);
}

#[test]
fn a_missing_permission_is_named_and_fails_the_check() {
    let mut answers = well();
    let installation = answers.get_mut(&at("/installation")).expect("it is there");
    installation["permissions"]["checks"] = json!("read");
    // GitHub gives no token that could do more than the installation.
    answers.remove("/app/installations/1/access_tokens");
    let checked = check(&forge(answers));
    assert!(!checked.well);
    assert!(
        checked.has("stops", "Checks: write (it has read)"),
        "{}",
        checked.said
    );
    assert!(checked.has("error", "in 1 way;"), "{}", checked.said);
}

#[test]
fn rules_are_named_unless_the_bot_may_bypass_them() {
    let rules = json!([
        {"type": "pull_request", "ruleset_id": 42, "parameters": {"required_approving_review_count": 1}},
        {"type": "required_signatures", "ruleset_id": 42},
    ]);
    let mut answers = well();
    answers.insert(at("/rules/branches/main"), rules);
    let checked = check(&forge(answers.clone()));
    assert!(!checked.well);
    for words in ["by pull request only", "no key at GitHub"] {
        assert!(checked.has("stops", words), "{words}: {}", checked.said);
    }
    let bypass = json!({"id": 42, "current_user_can_bypass": "always"});
    answers.insert(at("/rulesets/42"), bypass);
    let checked = check(&forge(answers));
    assert!(checked.well, "{}", checked.said);
    assert!(
        checked.has("note", "own evaluation alone decides"),
        "{}",
        checked.said
    );
}

#[test]
fn settings_that_surprise_are_warnings_and_pass() {
    let mut answers = well();
    let settings = answers.get_mut(&at("")).expect("it is there");
    settings["allow_squash_merge"] = json!(true);
    settings["squash_merge_commit_message"] = json!("BLANK");
    answers.remove(&at("/labels/store-request"));
    let checked = check(&forge(answers));
    assert!(checked.well, "{}", checked.said);
    for words in ["drops our trailers", "no label store-request"] {
        assert!(checked.has("warning", words), "{words}: {}", checked.said);
    }
}

#[test]
fn what_the_policy_wants_is_held_against_the_repository() {
    // Given a server that has fetched a policy which leaves merging to GitHub and has a team review.
    let folder = tempfile::tempdir().expect("a folder");
    let mirror = folder.path().join("data/mirror.git");
    run(&["init", mirror.to_str().expect("a plain path")]);
    let rule = "approval: [{require: {approvals: 1, teams: [platform], merge: auto}}]\n";
    commit_policy(&mirror, rule);
    // When GitHub is set up for neither.
    let mut answers = well();
    let checked = check_in(folder.path(), &forge(answers.clone()));
    assert!(!checked.well);
    assert!(
        checked.has("stops", "Members (organization): read"),
        "{}",
        checked.said
    );
    let installation = answers.get_mut(&at("/installation")).expect("it is there");
    installation["permissions"]["members"] = json!("read");
    answers.get_mut(&at("")).expect("it is there")["allow_auto_merge"] = json!(false);
    // Then each is said.
    let checked = check_in(folder.path(), &forge(answers));
    assert!(
        checked.has("stops", "does not allow auto-merge"),
        "{}",
        checked.said
    );
    assert!(!checked.said.contains("policy was not read"));
}

/// Adds to the policy of a repository, and notes that it is in force.
fn commit_policy(repo: &Path, more: &str) {
    use crate::support::git::git;
    let work = tempfile::tempdir().expect("a folder");
    let at = work.path().join("fleet");
    let from = repo.to_str().expect("a plain path");
    git(work.path(), &["clone", "--quiet", from, "fleet"]);
    let file = at.join("fleetwright.yaml");
    let text = std::fs::read_to_string(&file).expect("a policy");
    let kept: Vec<&str> = text.split("\napproval:").collect();
    std::fs::write(&file, format!("{}\n{more}", kept[0])).expect("written");
    git(&at, &["commit", "--quiet", "-am", "More"]);
    git(
        &at,
        &["push", "--quiet", "origin", "HEAD:refs/fleetwright/policy"],
    );
}

#[test]
fn a_forge_that_is_not_there_is_a_sentence() {
    // Nothing listens at port 9.
    let checked = check("http://127.0.0.1:9");
    assert!(!checked.well);
    assert!(
        checked.has("stops", "GitHub cannot be reached"),
        "{}",
        checked.said
    );
}

//! Commands that need no server: the skeleton, renderings, the policy, a cluster's bootstrap.

use std::path::Path;
use std::process::{Command, Output};

use crate::git_server::GitServer;
use crate::support::git::git;
use crate::support::process::{PROGRAM, run};
use crate::wire::Dev;

const RECORD: &str = "apiVersion: fleetwright.dev/v1\nkind: Store\nmetadata: {name: shop}\nspec:\n  engine: woocommerce\n  \
                      plan: small\n  owner: ann\n  cluster: local\n  host: shop.localtest.me\n  version: 1.0.0\n";

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn program(args: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args(args)
        .output()
        .expect("the program starts")
}

#[test]
fn init_does_not_repeat_the_credential_of_a_url() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("fleet.git");
    git(
        folder.path(),
        &[
            "init",
            "--quiet",
            "--bare",
            "--initial-branch=main",
            text(&target),
        ],
    );
    let server = GitServer::start(&target, None);
    let url = server.url.replacen("http://", "http://ann:hunter2@", 1);
    let said = run(&["init", &url]);
    assert!(
        said.contains(&server.url) && !said.contains("hunter2"),
        "{said}"
    );
}

#[test]
fn init_writes_the_skeleton_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("fleet.git");
    let said = run(&["init", text(&target)]);
    assert!(said.contains("commit"), "{said}");
    let files = git(&target, &["ls-tree", "-r", "--name-only", "main"]);
    for file in [
        "fleetwright.yaml",
        "charts/woocommerce/1.0.0/Chart.yaml",
        ".github/ISSUE_TEMPLATE/store.yml",
    ] {
        assert!(files.lines().any(|it| it == file), "{file}: {files}");
    }
    git(&target, &["fsck", "--strict"]);
    let again = program(&["init", text(&target)]);
    let line = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(
        again.status.code() == Some(1) && line.lines().count() == 1,
        "{line}"
    );

    let policy = folder.path().join("fleetwright.yaml");
    std::fs::write(&policy, git(&target, &["show", "main:fleetwright.yaml"])).expect("written");
    assert!(run(&["policy", "check", text(&policy)]).contains("valid"));
}

#[test]
fn a_broken_policy_is_told_with_its_places() {
    let folder = tempfile::tempdir().expect("a folder");
    let policy = folder.path().join("fleetwright.yaml");
    std::fs::write(
        &policy,
        "apiVersion: v0\nkind: FleetPolicy\nclusters: {}\nengines: {}\nplans: {}\n",
    )
    .expect("written");
    let out = program(&["policy", "check", text(&policy)]);
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(out.status.code(), Some(1));
    for pointer in ["/apiVersion", "/clusters", "/engines", "/plans"] {
        assert!(said.contains(pointer), "{said}");
    }
    std::fs::write(
        &policy,
        "apiVersion: fleetwright.dev/v1\nkind: FleetPolicy\ncluster: {}\n",
    )
    .expect("written");
    let out = program(&["policy", "check", text(&policy)]);
    let line = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        line.contains("cluster") && line.lines().count() == 1,
        "{line}"
    );
}

#[test]
fn a_record_is_rendered_without_a_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let record = folder.path().join("shop.yaml");
    std::fs::write(&record, RECORD).expect("written");
    let said = run(&["render", text(&record)]);
    for part in [
        "kind: HelmRelease",
        "kind: Namespace",
        "kind: Kustomization",
        "/stores/shop/release.yaml",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(
        said,
        run(&["render", text(&record)]),
        "the same record renders to the same bytes"
    );
    std::fs::write(&record, RECORD.replace("plan: small", "plan: huge")).expect("written");
    let out = program(&["render", text(&record)]);
    let line = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        out.status.code() == Some(1) && line.contains("huge") && line.lines().count() == 1,
        "{line}"
    );
}

#[test]
fn a_cluster_s_bootstrap_follows_the_running_server() {
    let dev = Dev::start();
    let said = run(&["cluster", "bootstrap", "local", "--data", text(&dev.data)]);
    assert!(
        said.contains("kind: GitRepository") && said.contains(&dev.repository()),
        "{said}"
    );
    assert!(said.contains("kind: ValidatingAdmissionPolicy"), "{said}");
    let other = run(&[
        "cluster",
        "bootstrap",
        "local",
        "--data",
        text(&dev.data),
        "--url",
        "http://git.example/f.git",
    ]);
    assert!(
        other.contains("http://git.example/f.git") && !other.contains(&dev.repository()),
        "{other}"
    );
    let out = program(&["cluster", "bootstrap", "moon", "--data", text(&dev.data)]);
    let line = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        out.status.code() == Some(1) && line.contains("moon") && line.lines().count() == 1,
        "{line}"
    );
}

#[test]
fn charts_sync_adds_what_is_missing_and_changes_nothing_published() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("fleet.git");
    run(&["init", text(&target)]);
    assert!(run(&["charts", "sync", text(&target)]).contains("nothing was missing"));

    // A fleet of another time: its charts are older, and somebody patched what was published.
    let clone = folder.path().join("clone");
    git(folder.path(), &["clone", "--quiet", text(&target), "clone"]);
    let chart = "charts/woocommerce/1.0.0/Chart.yaml";
    git(
        &clone,
        &["mv", "charts/woocommerce/1.0.0", "charts/woocommerce/0.9.0"],
    );
    let push = |said: &str| {
        git(&clone, &["add", "--all"]);
        let who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"];
        git(
            &clone,
            &[&who[..], &["commit", "--quiet", "-m", said]].concat(),
        );
        git(&clone, &["push", "--quiet", "origin", "main"]);
    };
    push("An older chart");
    let said = run(&["charts", "sync", text(&target)]);
    assert!(said.contains("added charts/woocommerce/1.0.0"), "{said}");
    let files = git(&target, &["ls-tree", "-r", "--name-only", "main"]);
    assert!(
        files.contains(chart) && files.contains("charts/woocommerce/0.9.0/"),
        "{files}"
    );
    git(&target, &["fsck", "--strict"]);

    git(&clone, &["pull", "--quiet", "origin", "main"]);
    std::fs::write(clone.join(chart), "patched: true\n").expect("written");
    push("Patch it");
    let said = run(&["charts", "sync", text(&target)]);
    assert!(said.contains("kept charts/woocommerce/1.0.0"), "{said}");
    assert_eq!(
        git(&target, &["show", &format!("main:{chart}")]).trim(),
        "patched: true"
    );
    let none = program(&["charts", "sync", text(folder.path())]);
    assert_eq!(none.status.code(), Some(1));
}

#[test]
fn shells_complete_the_command_line() {
    for shell in ["bash", "zsh", "fish"] {
        let said = run(&["completion", shell]);
        assert!(
            said.contains("fleetwright") && said.contains("rollback"),
            "{shell}: {said}"
        );
    }
}

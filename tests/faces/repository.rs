//! The fleet repository as others see it: cloned over HTTP, signed, whole, and read-only.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::api::Api;
use crate::support::git::{git, try_git};
use crate::support::process::{Server, run};
use crate::wire::Dev;

#[test]
fn it_is_cloned_signed_and_whole() {
    let dev = Dev::start();
    let change = dev.create("shop");
    let folder = tempfile::tempdir().expect("a folder");
    git(
        folder.path(),
        &["clone", "--quiet", &dev.repository(), "fleet"],
    );
    let fleet = folder.path().join("fleet");
    assert_eq!(
        git(&fleet, &["rev-parse", "HEAD"]),
        change["commit"].as_str().unwrap_or("?")
    );
    let record = git(&fleet, &["ls-files", "stores"]);
    assert!(record.ends_with("/shop.yaml"), "{record}");
    let message = git(&fleet, &["log", "-1", "--format=%B"]);
    let id = change["id"].as_str().unwrap_or("?");
    for trailer in ["Fleetwright-Change: ", "Fleetwright-Uid: "] {
        assert!(message.contains(&format!("{trailer}{id}")), "{message}");
    }
    for trailer in [
        "Fleetwright-Store: shop",
        "Fleetwright-Action: create",
        "Requested-By: token:admin",
    ] {
        assert!(message.contains(trailer), "{message}");
    }

    let bare = dev.data.join("fleet.git");
    for branch in ["main", "deploy/local"] {
        assert_signed(&bare, branch, &dev.data.join("allowed_signers"));
    }
    let (whole, said) = try_git(&bare, &["fsck", "--strict", "--full"]);
    assert!(
        whole && !said.contains("error") && !said.contains("missing"),
        "{said}"
    );
}

/// Every commit of a branch carries a signature that git itself accepts.
fn assert_signed(bare: &Path, branch: &str, signers: &Path) {
    let setting = format!("gpg.ssh.allowedSignersFile={}", signers.display());
    let commits = git(bare, &["rev-list", branch]);
    assert!(!commits.is_empty(), "{branch}");
    for commit in commits.lines() {
        let (good, said) = try_git(bare, &["-c", &setting, "verify-commit", commit]);
        assert!(good, "{branch} {commit}: {said}");
    }
}

#[test]
fn it_takes_no_push() {
    let dev = Dev::start();
    let folder = tempfile::tempdir().expect("a folder");
    git(
        folder.path(),
        &["clone", "--quiet", &dev.repository(), "fleet"],
    );
    let fleet = folder.path().join("fleet");
    git(
        &fleet,
        &["commit", "--quiet", "--allow-empty", "--message", "mine"],
    );
    let (pushed, said) = try_git(&fleet, &["push", "origin", "HEAD:refs/heads/mine"]);
    assert!(!pushed, "{said}");
    assert_eq!(
        dev.anonymous("GET", "/git/fleet.git/config", &[], "")
            .status,
        404
    );
    assert_eq!(
        dev.anonymous("GET", "/git/other.git/info/refs", &[], "")
            .status,
        404
    );
}

#[test]
fn on_a_network_the_repository_asks_for_its_own_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let path = data.to_str().expect("a plain path");
    let server = Server::start(&["dev", "--listen", "0.0.0.0:0", "--data", path], &data);
    let address = std::fs::read_to_string(data.join("address")).expect("an address");
    let port = address
        .trim()
        .rsplit(':')
        .next()
        .expect("a port")
        .to_owned();
    let token_file = data.join("git.token");
    let token = std::fs::read_to_string(&token_file).expect("a token");
    let token = token.trim();
    let mode = std::fs::metadata(&token_file)
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    let listed = |login: &str| {
        let url = format!("http://{login}127.0.0.1:{port}/git/fleet.git");
        try_git(folder.path(), &["ls-remote", &url, "refs/heads/main"])
    };
    assert!(listed(&format!("flux:{token}@")).0, "the password opens it");
    for wrong in ["", "flux:wrong@"] {
        assert!(!listed(wrong).0, "{wrong:?} does not");
    }
    // the password opens nothing else
    let api = Api::new(&format!("http://127.0.0.1:{port}"), token);
    assert_eq!(api.get("/api/v1/stores").0, 401);
    // the bootstrap that is printed brings the password, the one on main does not
    let url = format!("http://192.0.2.1:{port}/git/fleet.git");
    let printed = run(&[
        "cluster",
        "bootstrap",
        "local",
        "--data",
        path,
        "--url",
        &url,
    ]);
    assert!(
        printed.contains("name: fleet-git") && printed.contains(&url),
        "{printed}"
    );
    assert!(printed.contains(token), "the Secret holds the password");
    let (_, committed) = try_git(
        &data.join("fleet.git"),
        &["show", "main:bootstrap/local.yaml"],
    );
    assert!(committed.contains("name: fleet-git") && !committed.contains(token));
    drop(server);
}

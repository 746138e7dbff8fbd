//! The fleet repository as others see it: cloned over HTTP, signed, whole, and read-only.

use std::path::Path;

use crate::support::git::{git, try_git};
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

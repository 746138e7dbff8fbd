//! Upkeep that fails: it is shown, and nobody waits for it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::eventually;
use crate::wire::Dev;

/// A `git` that fails as on a full disk wherever it would write into the repository, as long as there is `full` beside
/// it.
const GIT: &str = r#"#!/bin/sh
case "$1" in
pack-objects | commit-graph)
    if test -e "${0%/*}/full"; then
        echo "fatal: sha1 file '<stdout>' write error: No space left on device" >&2
        exit 128
    fi
    ;;
esac
"#;

/// Puts that git into a folder of its own.
fn install(folder: &Path) -> PathBuf {
    let search = std::env::var_os("PATH").expect("there is one");
    let real = std::env::split_paths(&search)
        .map(|folder| folder.join("git"))
        .find(|git| git.exists())
        .expect("git is installed");
    let git = folder.join("git");
    let script = format!("{GIT}exec '{}' \"$@\"\n", real.display());
    fs::write(&git, script).expect("a script");
    fs::set_permissions(&git, fs::Permissions::from_mode(0o755)).expect("a program");
    git
}

fn git_health(dev: &Dev) -> Value {
    dev.get("/api/health").json()["checks"]["git"].clone()
}

/// Waits until health says so, and gives what it says.
fn degraded(dev: &Dev, why: &str, mut meanwhile: impl FnMut()) -> String {
    eventually("upkeep's failure is shown", Duration::from_secs(50), || {
        meanwhile();
        let git = git_health(dev);
        let message = git["message"].as_str().unwrap_or_default();
        if git["status"] == "degraded" && message.contains(why) {
            Ok(message.to_owned())
        } else {
            Err(git.to_string())
        }
    })
}

#[test]
fn upkeep_that_fails_is_shown_and_holds_nobody_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let git = install(folder.path());
    let full = folder.path().join("full");
    fs::write(&full, "").expect("a file");
    let mut dev = Dev::start_with_path(Some(folder.path().into()));

    // The disk is full, for git.
    let message = degraded(&dev, "No space left on device", || {});
    assert!(
        message.starts_with("the repository was not tidied"),
        "{message}"
    );
    assert_eq!(dev.create("first")["state"], "merged");
    assert!(dev.server.said().contains("No space left on device"));

    // It has room again.
    fs::remove_file(&full).expect("it was there");
    dev.server.kill_and_restart();
    dev.find();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(git_health(&dev)["status"], "ok");

    // Git itself is gone: upkeep is due at the latest when there are 64 packs.
    fs::remove_file(git).expect("it was there");
    let mut plans = ["medium", "small"].into_iter().cycle();
    let mut write = || {
        let plan = json!({ "plan": plans.next() }).to_string();
        let headers = [("Content-Type", "application/json"), ("Prefer", "wait=30")];
        let reply = dev.send("PATCH", "/api/v1/stores/first", &headers, &plan);
        assert_eq!(reply.json()["state"], "merged", "{reply:?}");
    };
    degraded(&dev, "git program not found", &mut write);
    write();
}

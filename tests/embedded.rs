//! The embedded default without a cluster: what people push, what crashes leave, what waits, what is refused.
//!
//! Hermetic: the built binary, the git program, and nothing else.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected shall stop there"
)]

#[allow(dead_code, reason = "each test program uses its own part of it")]
mod support;

#[path = "embedded/approvals.rs"]
mod approvals;
#[path = "embedded/crashes.rs"]
mod crashes;
#[path = "embedded/holds.rs"]
mod holds;
#[path = "embedded/pushes.rs"]
mod pushes;
#[path = "embedded/values.rs"]
mod values;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use support::api::Api;
use support::eventually;
use support::git::{Person, git};
use support::process::Server;

/// How long the server gets for what it does at once.
const SOON: Duration = Duration::from_secs(20);

/// `fleetwright dev` on a data folder of its own.
struct Dev {
    server: Server,
    repo: PathBuf,
    dir: tempfile::TempDir,
}

impl Dev {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let text = data.to_str().unwrap().to_owned();
        let mut args = vec!["dev", "--data", &text, "--listen", "127.0.0.1:0"];
        args.extend(flags);
        let server = Server::start(&args, &data);
        let repo = data.join("fleet.git");
        let dev = Self { server, repo, dir };
        eventually("both deploy branches are there", SOON, || {
            let heads = git(&dev.repo, &["for-each-ref", "refs/heads/deploy/"]);
            if heads.lines().count() == 2 {
                Ok(())
            } else {
                Err(heads)
            }
        });
        dev
    }

    fn api(&self) -> Api {
        self.server.api()
    }

    /// Creates a store and waits until it is on main.
    fn made(&self, name: &str) -> Value {
        let api = self.api();
        let change = api.create(&json!({"name": name, "engine": "woocommerce"}));
        api.change_in(&change, "merged", SOON)
    }

    fn ann<'a>(&self, url: &'a str) -> Person<'a> {
        let _gone = std::fs::remove_dir_all(self.dir.path().join("ann"));
        Person::clones(url, self.dir.path())
    }

    fn url(&self) -> String {
        self.repo.to_str().unwrap().to_owned()
    }

    /// Pushes a change of main as a person does.
    fn push(&self, message: &str, change: &dyn Fn(&Path)) -> String {
        let url = self.url();
        self.ann(&url).pushes("main", message, change)
    }

    /// Changes the policy and has the admin vouch for it.
    fn policy(&self, change: &dyn Fn(&str) -> String) {
        let commit = self.push("Change the policy", &|clone| {
            let path = clone.join("fleetwright.yaml");
            let text = std::fs::read_to_string(&path).unwrap();
            let new = change(&text);
            assert_ne!(new, text, "the policy changes");
            std::fs::write(path, new).unwrap();
        });
        eventually("the policy is in force", SOON, || {
            let (status, body) = self.api().post("/api/v1/vouch", &json!({"commit": commit}));
            if status < 300 {
                Ok(())
            } else {
                Err(body.to_string())
            }
        });
    }

    /// main and the deploy branches agree, everything is sound and signed.
    fn audit(&self) {
        assert_eq!(git(&self.repo, &["fsck", "--strict", "--no-dangling"]), "");
        for cluster in ["local", "production"] {
            let tree = |branch: &str| {
                git(
                    &self.repo,
                    &["rev-parse", &format!("{branch}:clusters/{cluster}")],
                )
            };
            assert_eq!(
                tree("main"),
                tree(&format!("deploy/{cluster}")),
                "main and deploy/{cluster} agree"
            );
        }
        let signers = self.repo.with_file_name("allowed_signers");
        let signers = format!("gpg.ssh.allowedSignersFile={}", signers.display());
        for branch in ["deploy/local", "deploy/production"] {
            git(&self.repo, &["-c", &signers, "verify-commit", branch]);
        }
    }

    fn commits_of(&self, change: &str) -> usize {
        let grep = format!("--grep=^Fleetwright-Change: {change}$");
        git(&self.repo, &["log", "--format=%H", &grep, "main"])
            .lines()
            .count()
    }

    /// The path of a store's record.
    fn record(&self, name: &str) -> String {
        let files = git(
            &self.repo,
            &["ls-tree", "-r", "--name-only", "main", "stores"],
        );
        let found = files
            .lines()
            .find(|it| it.ends_with(&format!("/{name}.yaml")));
        found.expect("the record is on main").to_owned()
    }
}

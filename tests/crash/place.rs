//! Where a campaign happens: one data folder for all its kills, and in front of it a Git server or nothing.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::dice::tell;
use crate::git_server::GitServer;
use crate::support::git::{Person, git};
use crate::support::process::run;
use crate::victim::Victim;

/// The clusters of the policy that `init` writes.
pub(crate) const CLUSTERS: [&str; 2] = ["local", "production"];

/// Who publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `serve`, which pushes to a server that takes no forced push.
    Serve,
    /// `dev`, whose own repository is the published one.
    Dev,
}

/// A data folder and what is around it.
pub(crate) struct Place {
    pub(crate) mode: Mode,
    pub(crate) data: PathBuf,
    /// Our bare repository.
    pub(crate) ours: PathBuf,
    /// The published one.
    pub(crate) published: PathBuf,
    args: Vec<String>,
    dir: tempfile::TempDir,
    _server: Option<GitServer>,
}

impl Place {
    pub(crate) fn new(mode: Mode) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        match mode {
            Mode::Dev => {
                let text = data.to_str().unwrap();
                let args = [
                    "dev",
                    "--data",
                    text,
                    "--listen",
                    "127.0.0.1:0",
                    "--no-limits",
                ];
                let ours = data.join("fleet.git");
                Self {
                    mode,
                    published: ours.clone(),
                    ours,
                    args: args.map(str::to_owned).into(),
                    data,
                    dir,
                    _server: None,
                }
            }
            Mode::Serve => {
                let published = dir.path().join("fleet.git");
                let server = publish(dir.path(), &published);
                let config = dir.path().join("config.yaml");
                let settings = json!({
                    "listen": "127.0.0.1:0",
                    "data": data,
                    "git": {"url": server.url, "poll": "1s", "timeout": "20s"},
                    "push": {"pace": "0s"},
                    "telemetry": {"filter": "warn,fleetwright::workflow=debug"},
                });
                std::fs::write(&config, settings.to_string()).unwrap();
                let args = ["serve", "--config", config.to_str().unwrap()];
                Self {
                    mode,
                    ours: data.join("mirror.git"),
                    published,
                    args: args.map(str::to_owned).into(),
                    data,
                    dir,
                    _server: Some(server),
                }
            }
        }
    }

    /// How many pushes the Git server has taken, or nothing where there is none.
    pub(crate) fn pushes(&self) -> usize {
        let told = std::fs::read_to_string(self.published.join("pushes"));
        told.unwrap_or_default().lines().count()
    }

    pub(crate) fn victim(&self) -> Victim {
        Victim::new(self.args.clone(), &self.data)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // For a look at what is wrong in it.
            self.dir.disable_cleanup(true);
            tell(&format!("kept: {}", self.dir.path().display()));
        }
    }
}

/// A fleet repository behind a server that refuses forced pushes, checks every object, and takes its time.
fn publish(dir: &Path, repo: &Path) -> GitServer {
    let name = repo.to_str().unwrap();
    let init = ["init", "--quiet", "--bare", "--initial-branch=main", name];
    git(dir, &init);
    for setting in [
        "receive.denyNonFastForwards",
        "receive.denyDeletes",
        "receive.fsckObjects",
    ] {
        git(repo, &["config", setting, "true"]);
    }
    // in the background it would take packs away while the audit reads them
    git(repo, &["config", "receive.autogc", "false"]);
    let server = GitServer::start(repo, None);
    run(&["init", &server.url]);
    let ann = Person::clones(&server.url, dir);
    ann.pushes("main", "Lift the limits", &|clone| {
        let path = clone.join("fleetwright.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        let lifted = text
            .replace("stores: 50\n", "stores: 100000\n")
            .replace("storesPerOwner: 5\n", "storesPerOwner: 100000\n")
            .replace("provisionsAtOnce: 3\n", "provisionsAtOnce: 100000\n")
            .replace("massChangeShare: 0.2\n", "massChangeShare: 1.0\n")
            .replace(
                "readyDeadline: 15m\n",
                "readyDeadline: 15m\n    deletesAtOnce: 100\n",
            );
        assert_ne!(lifted, text);
        std::fs::write(path, lifted).unwrap();
    });
    std::fs::remove_dir_all(&ann.clone).unwrap();
    // Time for a kill before the branches move, and between that and the answer.
    for (hook, more) in [("pre-receive", ""), ("post-receive", "echo >> pushes")] {
        let path = repo.join("hooks").join(hook);
        std::fs::write(&path, format!("#!/bin/sh\nsleep 0.02\n{more}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    server
}

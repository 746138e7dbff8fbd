//! One world per scenario: a Git server that takes pushes, and `serve` in front of it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::git_server::GitServer;
use crate::support::api::Api;
use crate::support::eventually;
use crate::support::git::{Person, git, try_git};
use crate::support::process::{Server, run};

/// How long the server gets for what it does at once.
pub(crate) const SOON: Duration = Duration::from_secs(40);

/// Everything a scenario acts on.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) git: GitServer,
    /// The bare repository behind the Git server.
    pub(crate) remote: PathBuf,
    pub(crate) dir: tempfile::TempDir,
}

impl World {
    pub(crate) fn begin() -> Self {
        Self::with(&json!({}))
    }

    /// A world whose files lie in memory, where there is room for it: a rival's git does not wait for the disk as we do,
    /// and a slow disk is not what the race is about.
    pub(crate) fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        let mut builder = tempfile::Builder::new();
        builder.prefix("fleetwright-race-");
        let dir = if room(memory) >= 1 << 30 {
            builder.tempdir_in(memory)
        } else {
            builder.tempdir()
        };
        Self::below(dir.unwrap(), &json!({}))
    }

    /// A published fleet repository and a running server; `more` is laid over its configuration.
    pub(crate) fn with(more: &Value) -> Self {
        Self::below(tempfile::tempdir().unwrap(), more)
    }

    fn below(dir: tempfile::TempDir, more: &Value) -> Self {
        let remote = dir.path().join("fleet.git");
        let init = ["init", "--quiet", "--bare", "--initial-branch=main"];
        git(dir.path(), &[&init[..], &["fleet.git"]].concat());
        git(&remote, &["config", "receive.denyNonFastForwards", "true"]);
        git(&remote, &["config", "receive.denyDeletes", "true"]);
        git(&remote, &["config", "receive.fsckObjects", "true"]);
        // in the background it would take packs away while `audit` reads them
        git(&remote, &["config", "receive.autogc", "false"]);
        let server = GitServer::start(&remote, None);
        run(&["init", &server.url]);
        let ann = Person::clones(&server.url, dir.path());
        ann.pushes("main", "Lift the limits", &|clone| {
            let path = clone.join("fleetwright.yaml");
            let text = std::fs::read_to_string(&path).unwrap();
            let lifted = text
                .replace("stores: 50\n", "stores: 100000\n")
                .replace("storesPerOwner: 5\n", "storesPerOwner: 100000\n")
                .replace("provisionsAtOnce: 3\n", "provisionsAtOnce: 100000\n")
                .replace("    baseDomain:", "    maxStores: 100000\n    baseDomain:");
            assert_ne!(lifted, text);
            std::fs::write(path, lifted).unwrap();
        });
        std::fs::remove_dir_all(&ann.clone).unwrap();
        let data = dir.path().join("data");
        let config = dir.path().join("config.yaml");
        let mut settings = json!({
            "listen": "127.0.0.1:0",
            "data": data,
            "git": {"url": server.url, "poll": "1s", "timeout": "3s"},
            "push": {"pace": "0s"},
            "telemetry": {"filter": "warn,fleetwright::workflow=debug"},
        });
        for (key, value) in more.as_object().unwrap() {
            settings[key] = value.clone();
        }
        std::fs::write(&config, settings.to_string()).unwrap();
        let config = config.to_str().unwrap();
        let world = Self {
            server: Server::start(&["serve", "--config", config], &data),
            git: server,
            remote,
            dir,
        };
        eventually("both deploy branches are published", SOON, || {
            let heads = git(&world.remote, &["for-each-ref", "refs/heads/deploy/"]);
            if heads.lines().count() == 2 {
                Ok(())
            } else {
                Err(heads)
            }
        });
        world
    }

    pub(crate) fn api(&self) -> Api {
        self.server.api()
    }

    /// Asks for a store.
    pub(crate) fn ask(&self, name: &str) -> String {
        self.api().create(&shop(name, "alice"))
    }

    /// Asks for a store and waits until it is published.
    pub(crate) fn made(&self, name: &str) {
        let change = self.ask(name);
        self.api().change_in(&change, "merged", SOON);
    }

    /// Waits until `/api/health` says something about the remote that has these words in it.
    pub(crate) fn told(&self, words: &str) {
        eventually(&format!("health says {words:?}"), SOON, || {
            let (_, health) = self.api().try_get("/api/health")?;
            let message = health["checks"]["git"]["message"].as_str().unwrap_or("");
            if health["status"] == "degraded" && message.contains(words) {
                Ok(())
            } else {
                Err(health["checks"]["git"].to_string())
            }
        });
    }

    /// Waits until `/api/health` has nothing to say about the remote.
    pub(crate) fn well(&self) {
        eventually("health is well", SOON, || {
            let (_, health) = self.api().try_get("/api/health")?;
            if health["checks"]["git"]["status"] == "ok" {
                Ok(())
            } else {
                Err(health["checks"]["git"].to_string())
            }
        });
    }

    /// A hook of the repository behind the server, as the body of a shell script.
    pub(crate) fn hook(&self, name: &str, script: &str) {
        let path = self.remote.join("hooks").join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Takes a hook away.
    pub(crate) fn unhook(&self, name: &str) {
        std::fs::remove_file(self.remote.join("hooks").join(name)).unwrap();
    }

    /// Our changes on published main: how many commits each has, and the stores' changes in order.
    pub(crate) fn published(&self) -> (BTreeMap<String, usize>, BTreeMap<String, Vec<String>>) {
        let format = "%(trailers:key=Fleetwright-Change,valueonly,separator=) \
                      %(trailers:key=Fleetwright-Store,valueonly,separator=)";
        let format = format!("--format={format}");
        let log = git(
            &self.remote,
            &["log", "--reverse", "--first-parent", &format, "main"],
        );
        let (mut commits, mut stores) = (BTreeMap::new(), BTreeMap::new());
        for line in log.lines().filter(|line| !line.trim().is_empty()) {
            let (change, store) = line.split_once(' ').unwrap();
            *commits.entry(change.to_owned()).or_insert(0) += 1;
            let of: &mut Vec<String> = stores.entry(store.to_owned()).or_default();
            of.push(change.to_owned());
        }
        (commits, stores)
    }

    /// Each of these changes has one commit on published main.
    pub(crate) fn once(&self, changes: &[String]) {
        let (commits, _) = self.published();
        for change in changes {
            assert_eq!(commits.get(change), Some(&1), "{change}");
        }
    }

    /// The remote is sound, its branches are linear and in step, and every commit of ours is signed.
    ///
    /// It has to be at rest: git's fsck calls missing what is pushed while it reads.
    pub(crate) fn audit(&self) {
        let branches = || git(&self.remote, &["for-each-ref"]);
        eventually("nobody pushes during the audit", SOON, || {
            let before = branches();
            let found = self.examine();
            if branches() != before {
                return Err("branches moved meanwhile".to_owned());
            }
            found.unwrap_or_else(|found| panic!("{}: {found}", self.remote.display()));
            Ok(())
        });
    }

    fn examine(&self) -> Result<(), String> {
        let asked = |args: &[&str]| match try_git(&self.remote, args) {
            (true, said) => Ok(said),
            (false, said) => Err(format!("git {args:?}: {said}")),
        };
        let holds = |it: bool, what: &str| if it { Ok(()) } else { Err(what.to_owned()) };
        asked(&["fsck", "--strict", "--no-dangling"])?;
        let [main, local, production] = ["main", "deploy/local", "deploy/production"];
        let merges = asked(&["rev-list", "--min-parents=2", main, local, production])?;
        holds(merges.is_empty(), "branches are linear")?;
        let signers = self.dir.path().join("data/allowed_signers");
        let signers = format!("gpg.ssh.allowedSignersFile={}", signers.display());
        for (cluster, deploy) in [("local", local), ("production", production)] {
            let tree = |branch| asked(&["rev-parse", &format!("{branch}:clusters/{cluster}")]);
            holds(tree(main)? == tree(deploy)?, "main and deploy agree")?;
            asked(&["-c", &signers, "verify-commit", deploy])?;
        }
        Ok(())
    }
}

/// How many bytes are free in a folder; none where that cannot be told.
fn room(folder: &Path) -> u64 {
    let told = std::process::Command::new("df")
        .args(["-Pk", "--"])
        .arg(folder)
        .output();
    let text = told.map_or_else(|_| Vec::new(), |told| told.stdout);
    let text = String::from_utf8_lossy(&text).into_owned();
    let free = text
        .lines()
        .nth(1)
        .and_then(|it| it.split_whitespace().nth(3));
    free.and_then(|it| it.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// The body of a request for a store.
pub(crate) fn shop(name: &str, owner: &str) -> Value {
    json!({"name": name, "engine": "woocommerce", "owner": owner, "cluster": "local"})
}

/// Waits until a change is in one of some states and returns it.
pub(crate) fn state_of(api: &Api, change: &str) -> String {
    let (status, body) = api.get(&format!("/api/v1/changes/{change}"));
    assert_eq!(status, 200, "{body}");
    body["state"].as_str().unwrap().to_owned()
}

/// The path of a store's record in a clone.
pub(crate) fn record(clone: &Path, store: &str) -> PathBuf {
    let shard = fleetwright::domain::record::shard(&store.parse().unwrap());
    clone
        .join("stores")
        .join(shard)
        .join(format!("{store}.yaml"))
}

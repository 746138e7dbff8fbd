//! One world per scenario: a control plane with Flux, a Git server, and Fleetwright between them.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::git_server::GitServer;
use crate::launcher::{Options, Testbed};
use crate::support::api::Api;
use crate::support::eventually;
use crate::support::git::{Person, git};
use crate::support::process::{Server, run};

/// How long Flux gets for one step. A quiet machine needs a tenth of it.
pub(crate) const SOON: Duration = Duration::from_secs(90);

/// Where scenarios take turns: two control planes at once would only slow each other down.
static TURN: Mutex<()> = Mutex::new(());

/// Everything a scenario acts on.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) bed: Testbed,
    pub(crate) git: GitServer,
    /// The bare repository behind the Git server.
    pub(crate) remote: PathBuf,
    /// Fleetwright's data folder.
    pub(crate) data: PathBuf,
    pub(crate) dir: tempfile::TempDir,
    _turn: Option<MutexGuard<'static, ()>>,
}

impl World {
    /// A fleet repository with the tests' policy, a bootstrapped cluster, and a running server.
    pub(crate) fn begin() -> Self {
        Self::with_policy(&str::to_owned)
    }

    /// The same with a policy made of the tests' one.
    pub(crate) fn with_policy(policy: &dyn Fn(&str) -> String) -> Self {
        Self::with(
            Options::default(),
            policy,
            &|bed, _| json!([{"name": "local", "kubeconfig": bed.kubeconfig()}]),
        )
    }

    /// The same with a control plane of its own kind, and with the clusters that the server is told of; the folder is
    /// for files of theirs.
    pub(crate) fn with(
        options: Options,
        policy: &dyn Fn(&str) -> String,
        clusters: &dyn Fn(&Testbed, &Path) -> Value,
    ) -> Self {
        let turn = || TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = crate::TAKE_TURNS.then(turn);
        let dir = tempfile::tempdir().expect("a temporary folder");
        let bed = Testbed::start(options).expect("the testbed starts");
        let remote = dir.path().join("fleet.git");
        git(
            dir.path(),
            &[
                "init",
                "--quiet",
                "--bare",
                "--initial-branch=main",
                "fleet.git",
            ],
        );
        git(&remote, &["config", "receive.denyNonFastForwards", "true"]);
        let git_server = GitServer::start(&remote, None);
        run(&["init", &git_server.url]);
        let ann = Person::clones(&git_server.url, dir.path());
        ann.pushes("main", "Set the tests' policy", &|clone| {
            let text = policy(include_str!("policy.yaml"));
            std::fs::write(clone.join("fleetwright.yaml"), text).unwrap();
        });
        let data = dir.path().join("data");
        let config = dir.path().join("config.yaml");
        let clusters = clusters(&bed, dir.path());
        write_config(&config, &data, &git_server.url, &clusters);
        let server = Server::start(&["serve", "--config", &text(&config)], &data);
        let world = Self {
            server,
            bed,
            git: git_server,
            remote,
            data,
            dir,
            _turn: turn,
        };
        world.wait_for_deploy_branch();
        let bootstrap = run(&["cluster", "bootstrap", "local", "--config", &text(&config)]);
        world
            .bed
            .kubectl_apply(&bootstrap)
            .expect("the bootstrap applies");
        world
    }

    pub(crate) fn api(&self) -> Api {
        self.server.api()
    }

    /// A person with a clone.
    pub(crate) fn ann(&self) -> Person<'_> {
        let _gone = std::fs::remove_dir_all(self.dir.path().join("ann"));
        Person::clones(&self.git.url, self.dir.path())
    }

    /// An object of the cluster as JSON, if it is there.
    pub(crate) fn object(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let out = self.bed.kubectl_ok(&[
            "get",
            kind,
            "--namespace",
            namespace,
            name,
            "--ignore-not-found",
            "--output",
            "json",
        ]);
        serde_json::from_str(&out.expect("the API server answers")).ok()
    }

    /// Whether an object is in the cluster.
    pub(crate) fn has(&self, kind: &str, namespace: &str, name: &str) -> bool {
        self.object(kind, namespace, name).is_some()
    }

    /// Waits until the cluster's source has fetched and verified the head of its branch.
    pub(crate) fn synced(&self) {
        eventually("the cluster has the newest deploy commit", SOON, || {
            let head = git(&self.remote, &["rev-parse", "deploy/local"]);
            let source = self
                .object("gitrepository", "fleet", "fleet")
                .ok_or("there is no GitRepository")?;
            let seen = source["status"]["artifact"]["revision"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if seen.ends_with(&head) {
                Ok(())
            } else {
                Err(format!("{seen} and not {head}"))
            }
        });
    }

    /// Files of a branch below a path.
    pub(crate) fn files(&self, branch: &str, path: &str) -> Vec<String> {
        let mut args = vec!["ls-tree", "-r", "--name-only", branch, "--", path];
        args.truncate(if path.is_empty() { 4 } else { 6 });
        let out = git(&self.remote, &args);
        out.lines().map(str::to_owned).collect()
    }

    /// Commits on main that carry a change's trailer.
    pub(crate) fn commits_of(&self, change: &str) -> usize {
        let grep = format!("--grep=^Fleetwright-Change: {change}$");
        git(
            &self.remote,
            &["log", "--first-parent", "--format=%H", &grep, "main"],
        )
        .lines()
        .count()
    }

    /// Every branch is linear, signed where it must be, and the repository is sound.
    pub(crate) fn audit(&self) {
        assert_eq!(
            git(&self.remote, &["fsck", "--strict", "--no-dangling"]),
            ""
        );
        let signers = format!(
            "gpg.ssh.allowedSignersFile={}",
            text(&self.data.join("allowed_signers"))
        );
        let merges = git(
            &self.remote,
            &["rev-list", "--min-parents=2", "main", "deploy/local"],
        );
        assert_eq!(merges, "", "branches are linear");
        let ours = git(
            &self.remote,
            &["log", "--format=%H", "--grep=^Fleetwright-Change:", "main"],
        );
        let deploys = git(
            &self.remote,
            &[
                "log",
                "--format=%H",
                "--grep=^Fleetwright-Sequence:",
                "deploy/local",
            ],
        );
        for commit in ours.lines().chain(deploys.lines()) {
            git(&self.remote, &["-c", &signers, "verify-commit", commit]);
        }
    }

    fn wait_for_deploy_branch(&self) {
        eventually(
            "the deploy branch is published",
            Duration::from_secs(20),
            || {
                let heads = git(&self.remote, &["for-each-ref", "refs/heads/deploy/local"]);
                if heads.is_empty() {
                    Err("not yet".to_owned())
                } else {
                    Ok(())
                }
            },
        );
    }
}

fn write_config(config: &Path, data: &Path, url: &str, clusters: &Value) {
    let text = json!({
        "listen": "127.0.0.1:0",
        "data": data,
        "git": {"url": url, "poll": "1s"},
        "push": {"pace": "0s"},
        "telemetry": {"filter": "warn,fleetwright::workflow=info"},
        "clusters": clusters,
    });
    std::fs::write(config, text.to_string()).unwrap();
}

/// A path as text.
pub(crate) fn text(path: &Path) -> String {
    path.to_str()
        .expect("temporary folders have plain names")
        .to_owned()
}

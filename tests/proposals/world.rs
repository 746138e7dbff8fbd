//! One world per scenario: a GitHub that answers on the wire, and `serve` as its App.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::github::{GitHub, Options, Person, Pull, Role};
use crate::support::api::Api;
use crate::support::eventually;
use crate::support::git::git;
use crate::support::process::{Server, run};

/// How long the server gets for what it does at once.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Everything a scenario acts on.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) github: GitHub,
    pub(crate) dir: tempfile::TempDir,
}

/// How a scenario begins.
pub(crate) struct Given {
    /// What the policy has in place of its approval rules and proposals.
    pub(crate) policy: Value,
    /// Laid over `forge.github`.
    pub(crate) forge: Value,
    /// Laid over the configuration.
    pub(crate) config: Value,
    /// How GitHub begins.
    pub(crate) options: Options,
    /// Whether webhooks are delivered.
    pub(crate) webhooks: bool,
}

impl Default for Given {
    /// Every change needs one approval, and the bot merges it.
    fn default() -> Self {
        Self {
            policy: json!({"approval": [{"when": {}, "require": {"approvals": 1, "merge": "bot"}}]}),
            forge: json!({}),
            config: json!({}),
            options: Options::default(),
            webhooks: true,
        }
    }
}

impl Given {
    /// The same with other approval rules.
    pub(crate) fn rules(rules: &Value) -> Self {
        let policy = json!({"approval": rules});
        Self {
            policy,
            ..Self::default()
        }
    }
}

impl World {
    pub(crate) fn begin() -> Self {
        Self::with(Given::default())
    }

    pub(crate) fn with(given: Given) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let github = GitHub::start(given.options);
        // Paced pushes are what a scenario of its own is about.
        github.limits(|it| it.pushes_a_minute = 100_000);
        init(&github, &given.policy);
        let data = dir.path().join("data");
        let config = dir.path().join("config.yaml");
        let text = settings(&github, dir.path(), &data, &given.forge, &given.config);
        std::fs::write(&config, text.to_string()).unwrap();
        let config = config.to_str().unwrap();
        let server = Server::start(&["serve", "--config", config], &data);
        let world = Self {
            server,
            github,
            dir,
        };
        if given.webhooks {
            world.listens();
        }
        eventually("both deploy branches are published", SOON, || {
            match ["deploy/local", "deploy/production"].map(|it| world.github.head(it)) {
                [Some(_), Some(_)] => Ok(()),
                heads => Err(format!("{heads:?}")),
            }
        });
        world
    }

    /// Has webhooks delivered to where the server listens now.
    pub(crate) fn listens(&self) {
        let url = format!("{}/webhooks/github", self.api().base());
        self.github.webhooks_to(&url);
    }

    pub(crate) fn api(&self) -> Api {
        self.server.api()
    }

    /// Somebody who may write.
    pub(crate) fn person(&self, login: &str) -> Person<'_> {
        self.github.user(login, Role::Write)
    }

    /// Asks for a store; the change.
    pub(crate) fn ask(&self, name: &str) -> String {
        self.api().create(&shop(name))
    }

    /// Waits until a change is in a state.
    pub(crate) fn change_in(&self, change: &str, state: &str) -> Value {
        self.api().change_in(change, state, SOON)
    }

    /// Waits until a change has an open pull request that is dressed, and gives its number.
    pub(crate) fn proposed(&self, change: &str) -> u64 {
        let change = self.change_in(change, "proposed");
        let number = change["pullRequest"]["number"].as_u64().unwrap();
        eventually("the pull request is reported on", SOON, || {
            let head = self.github.pull(number).head;
            let reports = self.github.reports(&head);
            let named = reports
                .iter()
                .any(|(name, how)| name == "fleetwright/render" && how == "success");
            if named {
                Ok(())
            } else {
                Err(format!("{reports:?}"))
            }
        });
        number
    }

    /// Waits until a pull request is as it shall be.
    pub(crate) fn pull_when(&self, what: &str, number: u64, is: impl Fn(&Pull) -> bool) -> Pull {
        eventually(what, SOON, || {
            let pull = self.github.pull(number);
            if is(&pull) {
                Ok(pull)
            } else {
                Err(format!("{pull:?}"))
            }
        })
    }

    /// Main and deploy branches agree, and all is as it must be.
    pub(crate) fn audit(&self) {
        let remote = self.github.repository();
        eventually("main and deploy branches agree", SOON, || {
            let tree = |branch: &str, cluster: &str| {
                git(
                    &remote,
                    &["rev-parse", &format!("{branch}:clusters/{cluster}")],
                )
            };
            for cluster in ["local", "production"] {
                let (main, deploy) = (
                    tree("main", cluster),
                    tree(&format!("deploy/{cluster}"), cluster),
                );
                if main != deploy {
                    return Err(format!("{cluster}: {main} on main, {deploy} deployed"));
                }
            }
            Ok(())
        });
        self.audit_but_unapproved();
    }

    /// What is deployed is signed, the repository is whole, and GitHub's limits were kept.
    pub(crate) fn audit_but_unapproved(&self) {
        let remote = self.github.repository();
        let signers = self.dir.path().join("data/allowed_signers");
        let signers = format!("gpg.ssh.allowedSignersFile={}", signers.display());
        for branch in ["deploy/local", "deploy/production"] {
            git(&remote, &["-c", &signers, "verify-commit", branch]);
        }
        git(&remote, &["fsck", "--strict", "--no-dangling"]);
        let breaches = self.github.breaches();
        assert!(breaches.is_empty(), "{breaches:#?}");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.server.said());
            for call in self.github.calls() {
                println!(
                    "{} {} {} {} {}",
                    call.at, call.status, call.method, call.path, call.identity
                );
            }
        }
    }
}

/// A published fleet repository with a policy.
fn init(github: &GitHub, policy: &Value) {
    let admin = github.user("root", Role::Admin);
    let url = github.clone_url();
    let with_token = url.replacen("://", &format!("://x-access-token:{}@", admin.token()), 1);
    run(&["init", &with_token]);
    let main = github.head("main").unwrap();
    let text = github.file(&main, "fleetwright.yaml").unwrap();
    let text = text
        .replace("stores: 50\n", "stores: 100000\n")
        .replace("storesPerOwner: 5\n", "storesPerOwner: 100000\n")
        .replace("provisionsAtOnce: 3\n", "provisionsAtOnce: 100000\n");
    let end = text.find("# Every list given must match").unwrap();
    let mut text = text[..end].to_owned();
    for (key, value) in policy.as_object().unwrap() {
        if key == "owners" {
            text = text.replace("owners: {}", &format!("owners: {value}"));
        } else {
            text.push_str(&format!("{key}: {value}\n"));
        }
    }
    admin.pushes("main", "Ask for approvals", &[("fleetwright.yaml", &text)]);
}

fn settings(github: &GitHub, dir: &Path, data: &Path, forge: &Value, more: &Value) -> Value {
    let app = github.app();
    let secret = dir.join("webhook.secret");
    std::fs::write(&secret, &app.webhook_secret).unwrap();
    let mut at_github = json!({
        "appId": app.id, "privateKey": app.key_file, "webhookSecret": secret,
        "apiUrl": github.api_url(), "repository": "acme/fleet", "poll": "1h",
    });
    for (key, value) in forge.as_object().unwrap() {
        at_github[key] = value.clone();
    }
    let mut settings = json!({
        "listen": "127.0.0.1:0",
        "data": data,
        "git": {"url": github.clone_url(), "poll": "1s", "timeout": "10s"},
        "push": {"pace": "0s"},
        "forge": {"github": at_github},
        "telemetry": {"filter": "warn,fleetwright::workflow=debug"},
    });
    for (key, value) in more.as_object().unwrap() {
        settings[key] = value.clone();
    }
    settings
}

/// The body of a request for a store.
pub(crate) fn shop(name: &str) -> Value {
    json!({"name": name, "engine": "woocommerce", "owner": "alice", "cluster": "local"})
}

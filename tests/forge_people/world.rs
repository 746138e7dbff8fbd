//! One world per scenario: a GitHub, a published fleet repository there, and `serve` in front of it.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::github::{GitHub, Options, Person, Role};
use crate::support::api::Api;
use crate::support::eventually;
use crate::support::process::{Server, run};

/// How long the server gets for what it does at once.
pub(crate) const SOON: Duration = Duration::from_mins(1);

/// What the policy of every scenario wants approved.
const RULES: &str = "\napproval:\n  - when: {plans: [medium]}\n    require: {approvals: 1}\n";

/// Everything a scenario acts on.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) github: GitHub,
    _dir: tempfile::TempDir,
}

impl World {
    /// A fleet whose stores need one approval to be of plan medium.
    pub(crate) fn begin() -> Self {
        Self::polling("1s")
    }

    /// One that hears of everything by webhook, and asks for nothing for an hour.
    pub(crate) fn told() -> Self {
        let world = Self::polling("1h");
        let url = format!("{}/webhooks/github", world.api().base());
        world.github.webhooks_to(&url);
        world
    }

    fn polling(poll: &str) -> Self {
        let github = GitHub::start(Options::default());
        let dir = tempfile::tempdir().unwrap();
        let repository = github.repository();
        run(&["init", &format!("file://{}", repository.display())]);
        github.look_again();
        let head = github.head("main").unwrap();
        let policy = github.file(&head, "fleetwright.yaml").unwrap();
        let policy = without_rules(&policy) + RULES;
        github.seed("main", &[("fleetwright.yaml", &policy)]);
        let server = serve(&github, dir.path(), poll);
        let world = Self {
            server,
            github,
            _dir: dir,
        };
        eventually("the deploy branch is published", SOON, || {
            world
                .github
                .head("deploy/local")
                .ok_or("it is not there".to_owned())
        });
        world
    }

    pub(crate) fn api(&self) -> Api {
        self.server.api()
    }

    /// A person who may write to the repository.
    pub(crate) fn writer(&self, login: &str) -> Person<'_> {
        self.github.user(login, Role::Write)
    }

    /// Asks for a small store and waits until it is published.
    pub(crate) fn made(&self, name: &str) {
        let shop = json!({"name": name, "engine": "woocommerce", "plan": "small", "owner": "alice", "cluster": "local"});
        let change = self.api().create(&shop);
        self.api().change_in(&change, "merged", SOON);
    }

    /// A file of main as it is now.
    pub(crate) fn on_main(&self, path: &str) -> String {
        let head = self.github.head("main").unwrap();
        self.github.file(&head, path).unwrap()
    }

    /// A pull request of a person's that changes one text in one file of main.
    pub(crate) fn asks(
        &self,
        person: &Person<'_>,
        branch: &str,
        path: &str,
        from: &str,
        to: &str,
    ) -> u64 {
        let old = self.on_main(path);
        let new = old.replace(from, to);
        assert_ne!(old, new, "{from} is in {path}");
        person.pushes(branch, "Change it", &[(path, &new)]);
        person.opens(branch, "main", "Change it").unwrap()
    }

    /// Waits until `/api/v1/foreign` says something about a path that has these words in it.
    pub(crate) fn lies(&self, path: &str, words: &str) -> String {
        eventually(&format!("{path} lies there: {words}"), SOON, || {
            let (_, foreign) = self.api().try_get("/api/v1/foreign")?;
            let items = foreign["items"].as_array().cloned().unwrap_or_default();
            let item = items.iter().find(|it| it["path"] == path);
            let why = item.and_then(|it| it["why"].as_str()).unwrap_or_default();
            if why.contains(words) {
                Ok(why.to_owned())
            } else {
                Err(foreign.to_string())
            }
        })
    }

    /// Waits until a store has a plan.
    pub(crate) fn has_plan(&self, store: &str, plan: &str) {
        eventually(&format!("{store} has plan {plan}"), SOON, || {
            let (_, body) = self.api().try_get(&format!("/api/v1/stores/{store}"))?;
            if body["record"]["spec"]["plan"] == plan {
                Ok(())
            } else {
                Err(body.to_string())
            }
        });
    }

    /// The newest change of a store.
    pub(crate) fn newest(&self, store: &str) -> Value {
        let (_, changes) = self.api().get(&format!("/api/v1/stores/{store}/changes"));
        changes["items"][0].clone()
    }
}

/// The record of a store.
pub(crate) fn record(store: &str) -> String {
    let digest = Sha256::digest(store.as_bytes());
    format!("stores/{:02x}/{store}.yaml", digest[0])
}

fn without_rules(policy: &str) -> String {
    let mut inside = false;
    let kept = policy.lines().filter(|line| {
        if !line.starts_with([' ', '-', '#']) {
            inside = line.starts_with("approval:");
        }
        !inside
    });
    kept.collect::<Vec<_>>().join("\n")
}

fn serve(github: &GitHub, dir: &Path, poll: &str) -> Server {
    let (data, config) = (dir.join("data"), dir.join("config.yaml"));
    let app = github.app();
    let secret = dir.join("webhook.secret");
    std::fs::write(&secret, &app.webhook_secret).unwrap();
    let settings = json!({
        "listen": "127.0.0.1:0",
        "data": data,
        "git": {"url": github.clone_url(), "poll": "1s", "timeout": "10s"},
        "push": {"pace": "0s"},
        "telemetry": {"filter": "warn,fleetwright::workflow=debug"},
        "forge": {"github": {
            "appId": app.id,
            "privateKey": app.key_file,
            "apiUrl": github.api_url(),
            "repository": "acme/fleet",
            "webhookSecret": secret,
            "poll": poll,
        }},
    });
    std::fs::write(&config, settings.to_string()).unwrap();
    Server::start(&["serve", "--config", config.to_str().unwrap()], &data)
}

//! `serve` in front of a Git server, with systems that send signed messages, and merchants with tokens.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::git_server::GitServer;
use crate::support::git::git;
use crate::support::process::{Server, run};
use crate::wire::{Dev, Reply};

/// A running `serve` and the server that its fleet repository lies on.
pub(crate) struct Served {
    pub(crate) dev: Dev,
    _git: GitServer,
}

impl Served {
    /// A fresh fleet; `more` is laid over the configuration.
    pub(crate) fn start(more: &Value) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let init = ["init", "--quiet", "--bare", "--initial-branch=main"];
        git(folder.path(), &[&init[..], &["fleet.git"]].concat());
        let git = GitServer::start(&folder.path().join("fleet.git"), None);
        run(&["init", &git.url]);
        let data = folder.path().join("data");
        let mut settings = json!({
            "listen": "127.0.0.1:0", "data": data, "git": {"url": git.url}, "push": {"pace": "0s"},
        });
        for (key, value) in more.as_object().expect("an object") {
            settings[key] = value.clone();
        }
        let config = folder.path().join("config.yaml");
        std::fs::write(&config, settings.to_string()).expect("written");
        let config = config.to_str().expect("a plain path");
        let server = Server::start(&["serve", "--config", config], &data);
        let dev = Dev::of(server, data, folder);
        Self { dev, _git: git }
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.expect("after 1970").as_secs()).expect("a time of this century")
}

/// The headers of a message, signed now with the standard's own library.
pub(crate) fn signed(secret: &str, id: &str, body: &str) -> [(String, String); 3] {
    signed_at(secret, id, now(), body)
}

/// The same at another time.
pub(crate) fn signed_at(secret: &str, id: &str, time: i64, body: &str) -> [(String, String); 3] {
    let webhook = Webhook::new(secret).expect("a secret");
    let signature = webhook.sign(id, time, body.as_bytes()).expect("text");
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", time.to_string()),
        ("webhook-signature", signature),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

/// Sends a message with these headers.
pub(crate) fn post(dev: &Dev, headers: &[(String, String)], body: &str) -> Reply {
    let headers: Vec<_> = headers
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    let all: Vec<_> = headers
        .into_iter()
        .chain([("Content-Type", "application/json")])
        .collect();
    dev.anonymous("POST", "/webhooks/stores", &all, body)
}

/// Sends a signed message.
pub(crate) fn deliver(dev: &Dev, secret: &str, id: &str, message: &Value) -> Reply {
    let body = message.to_string();
    post(dev, &signed(secret, id, &body), &body)
}

/// Gives merchants tokens, named like them; the answers come back under their names.
pub(crate) fn merchants(dev: &mut Dev, names: &[&str]) {
    for name in names {
        let body = json!({"name": name, "role": "merchant", "owner": name});
        let (token, _) = dev.make_token(&body);
        dev.tokens.insert((*name).to_owned(), token);
    }
}

/// Sends JSON as a merchant, with further headers.
pub(crate) fn ask(
    dev: &Dev,
    merchant: &str,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &Value,
) -> Reply {
    let token = format!("Bearer {}", dev.tokens[merchant]);
    let own = [
        ("Authorization", token.as_str()),
        ("Content-Type", "application/json"),
    ];
    let all: Vec<_> = own.iter().chain(headers).copied().collect();
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    dev.anonymous(method, path, &all, &body)
}

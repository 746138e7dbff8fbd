//! Deliveries of a GitHub webhook: signed, told once, kept before they are answered.

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::description;
use crate::served::Served;
use crate::wire::{Dev, Reply};

const OLD: &str = "it was a secret";
const NEW: &str = "it is a secret";

/// A fleet at `acme/fleet` whose webhook has two secrets, as while one is being replaced.
fn fleet() -> (Served, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    let served = Served::start(&json!({"forge": {"github": {
        "tokenFile": file("token", "github_pat_of_nobody\n".to_owned()),
        "webhookSecret": file("secrets", format!("{NEW}\n{OLD}\n")),
        // Nobody listens there.
        "apiUrl": "http://127.0.0.1:9", "repository": "acme/fleet",
    }}}));
    (served, folder)
}

fn reviewed(number: u64) -> Value {
    json!({
        "action": "submitted", "review": {"id": 80, "state": "approved"}, "pull_request": {"number": number},
        "repository": {"id": 1_296_269, "full_name": "acme/fleet"},
    })
}

fn signature(secret: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, body.as_bytes());
    let digits = tag.as_ref().iter().map(|it| format!("{it:02x}"));
    format!("sha256={}", digits.collect::<String>())
}

fn post(dev: &Dev, headers: &[(&str, &str)], body: &str) -> Reply {
    let json = ("Content-Type", "application/json");
    let all: Vec<_> = headers.iter().copied().chain([json]).collect();
    dev.anonymous("POST", "/webhooks/github", &all, body)
}

/// Sends a delivery as GitHub does.
fn deliver(dev: &Dev, secret: &str, (event, id): (&str, &str), payload: &Value) -> Reply {
    let body = payload.to_string();
    let signature = signature(secret, &body);
    let headers = [
        ("X-Hub-Signature-256", signature.as_str()),
        ("X-GitHub-Event", event),
        ("X-GitHub-Delivery", id),
    ];
    post(dev, &headers, &body)
}

fn stored(reply: &Reply) -> bool {
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.json()["stored"] == true
}

/// How many deliveries came to this.
fn counted(dev: &Dev, outcome: &str) -> f64 {
    let name = format!("fleetwright_forge_deliveries_total{{outcome=\"{outcome}\"}} ");
    let text = dev.get("/metrics").text;
    let line = text.lines().find_map(|it| it.strip_prefix(name.as_str()));
    line.map_or(0.0, |it| it.parse().expect("a figure"))
}

/// Delivers a ping; the id of the operation that it is an example of.
pub(crate) fn a_ping() -> Option<String> {
    let (served, _folder) = fleet();
    let reply = deliver(&served.dev, NEW, ("ping", "d-1"), &json!({}));
    assert_eq!(reply.status, 202, "{reply:?}");
    description::of(&served.dev.base).check("POST", "/webhooks/github", &reply)
}

#[test]
fn a_delivery_counts_once_whatever_happens_in_between() {
    let (mut served, _folder) = fleet();
    let told = |dev: &Dev, secret, id| {
        let told = deliver(dev, secret, ("pull_request_review", id), &reviewed(4));
        stored(&told)
    };
    // Given one that was taken, under either secret.
    assert!(told(&served.dev, NEW, "72d3162e-1"));
    assert!(told(&served.dev, OLD, "72d3162e-2"));
    // When it is delivered again, before and after a kill, then nothing is done.
    assert!(!told(&served.dev, NEW, "72d3162e-1"));
    served.dev.server.kill_and_restart();
    served.dev.find();
    assert!(!told(&served.dev, OLD, "72d3162e-1"));
    assert!(!told(&served.dev, NEW, "72d3162e-2"));
    assert!(told(&served.dev, NEW, "72d3162e-3"));
    let near = |outcome: &str, count: f64| {
        let found = counted(&served.dev, outcome);
        assert!((found - count).abs() < 0.5, "{outcome}: {found}");
    };
    near("stored", 1.0);
    near("repeated", 2.0);
}

#[test]
fn only_what_our_secret_signed_is_read() {
    let (served, _folder) = fleet();
    let dev = &served.dev;
    let body = reviewed(4).to_string();
    let good = signature(NEW, &body);
    let names = [
        ("X-GitHub-Event", "pull_request_review"),
        ("X-GitHub-Delivery", "d-1"),
    ];
    let send = |signature: Option<&str>, body: &str| {
        let signature = signature.map(|it| ("X-Hub-Signature-256", it));
        let headers: Vec<_> = signature.into_iter().chain(names).collect();
        post(dev, &headers, body)
    };
    let strange = signature("another secret", &body);
    let sha1 = good.replace("sha256", "sha1");
    send(None, &body).assert_problem(401);
    for bad in [strange.as_str(), &sha1, &good[..40], "sha256="] {
        send(Some(bad), &body).assert_problem(401);
    }
    send(Some(&good), &body.replace('4', "5")).assert_problem(401);
    // Unsigned, nobody is told whether it could be read.
    send(Some(&strange), "nonsense").assert_problem(401);
    // Nothing of all that used up the id.
    assert!(stored(&send(Some(&good), &body)));
    // What is signed must be a delivery.
    let nonsense = signature(NEW, "nonsense");
    send(Some(&nonsense), "nonsense").assert_problem(400);
    let bare = [("X-Hub-Signature-256", good.as_str()), names[0]];
    post(dev, &bare, &body).assert_problem(400);
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let form = [&[("X-Hub-Signature-256", good.as_str()), form], &names[..]].concat();
    dev.anonymous("POST", "/webhooks/github", &form, &body)
        .assert_problem(415);
    dev.get("/webhooks/github").assert_problem(405);
}

#[test]
fn what_says_nothing_to_us_is_taken_and_not_kept() {
    let (served, _folder) = fleet();
    let dev = &served.dev;
    let mut elsewhere = reviewed(4);
    elsewhere["repository"]["full_name"] = json!("acme/other");
    for (event, payload) in [
        (
            "ping",
            json!({"zen": "Half measures are as bad as nothing at all."}),
        ),
        ("star", json!({"action": "created"})),
        ("pull_request_review", elsewhere),
        ("pull_request_review", json!({"action": "submitted"})),
    ] {
        let reply = deliver(dev, NEW, (event, "d-1"), &payload);
        assert!(!stored(&reply), "{event}: {reply:?}");
    }
    // The id is still free.
    assert!(stored(&deliver(
        dev,
        NEW,
        ("pull_request_review", "d-1"),
        &reviewed(4)
    )));
    let ignored = counted(dev, "ignored");
    assert!((ignored - 4.0).abs() < 0.5, "{ignored}");
}

#[test]
fn a_large_delivery_is_read_and_a_larger_one_is_not() {
    let (served, _folder) = fleet();
    let dev = &served.dev;
    let padded = |bytes: usize| {
        let mut payload = reviewed(4);
        payload["padding"] = json!("x".repeat(bytes));
        payload
    };
    let event = "pull_request_review";
    let large = deliver(dev, NEW, (event, "d-1"), &padded(20 << 20));
    assert!(stored(&large), "{large:?}");
    deliver(dev, NEW, (event, "d-2"), &padded(25 << 20)).assert_problem(413);
    // Without a signature the limit is that of everybody.
    let body = padded(300 << 10).to_string();
    post(dev, &[], &body).assert_problem(413);
}

#[test]
fn without_a_secret_there_is_no_route() {
    let dev = Dev::start();
    deliver(&dev, NEW, ("ping", "d-1"), &json!({})).assert_problem(404);
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    std::fs::write(&token, "github_pat_of_nobody").expect("written");
    let served = Served::start(&json!({"forge": {"github": {
        "tokenFile": token, "apiUrl": "http://127.0.0.1:9", "repository": "acme/fleet",
    }}}));
    deliver(&served.dev, NEW, ("ping", "d-1"), &json!({})).assert_problem(404);
}

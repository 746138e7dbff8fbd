//! Request limits over the wire: what merchants may send, what they are told, and what a kill does not give back.

use std::path::Path;

use serde_json::{Value, json};

use crate::served::{Served, ask, deliver, merchants};
use crate::support::process::Server;
use crate::wire::{Dev, Reply};

const CREATE: (&str, &str) = ("POST", "/api/v1/stores");

fn create(dev: &Dev, merchant: &str, name: &str) -> Reply {
    create_with(dev, merchant, name, &[])
}

fn create_with(dev: &Dev, merchant: &str, name: &str, headers: &[(&str, &str)]) -> Reply {
    let body = json!({"name": name, "engine": "woocommerce"});
    ask(dev, merchant, CREATE, headers, &body)
}

/// The limits of a merchant's requests by name: used and left.
fn used(dev: &Dev, merchant: &str) -> Vec<(String, u64, u64)> {
    let view = ask(dev, merchant, ("GET", "/api/v1/limits"), &[], &Value::Null).json();
    let requests = view["requests"].as_array().expect("a list").clone();
    let row = |it: &Value| {
        let number = |key: &str| it[key].as_u64().expect("a number");
        let name = it["name"].as_str().expect("a name").to_owned();
        (name, number("used"), number("left"))
    };
    requests.iter().map(row).collect()
}

fn row(name: &str, used: u64, left: u64) -> (String, u64, u64) {
    (name.to_owned(), used, left)
}

#[test]
fn a_merchant_is_told_what_is_left_and_when_there_is_more() {
    let mut dev = Dev::start();
    merchants(&mut dev, &["ann", "ben"]);
    let first = create_with(&dev, "ann", "ann-0", &[("Idempotency-Key", "k")]);
    assert_eq!(first.status, 202, "{first:?}");
    let policy = "\"writes\";q=100;w=900, \"creates\";q=5;w=3600, \"createsPerAddress\";q=5;w=60";
    assert_eq!(first.header("ratelimit-policy"), policy);
    let left = first.header("ratelimit").to_owned();
    assert!(left.starts_with("\"writes\";r=99;t="), "{left}");
    assert!(left.contains("\"creates\";r=4;t=36"), "{left}");

    // What changes nothing does not count: a dry run, a repeat.
    let body = json!({"name": "dry", "engine": "woocommerce"});
    let dry = ask(
        &dev,
        "ann",
        ("POST", "/api/v1/stores?dryRun=true"),
        &[],
        &body,
    );
    assert_eq!(dry.status, 200, "{dry:?}");
    let again = create_with(&dev, "ann", "ann-0", &[("Idempotency-Key", "k")]);
    assert_eq!(again.json()["id"], first.json()["id"]);
    assert!(
        again.header("ratelimit").starts_with("\"writes\";r=99;"),
        "{again:?}"
    );
    // A refused creation is a write, and no creation.
    create(&dev, "ann", "Not A Name").assert_problem(422);
    let one = [
        row("writes", 2, 98),
        row("creates", 1, 4),
        row("createsPerAddress", 1, 4),
    ];
    assert_eq!(used(&dev, "ann"), one);

    for number in 1..5 {
        let created = create(&dev, "ann", &format!("ann-{number}"));
        assert_eq!(created.status, 202, "{created:?}");
    }
    let over = create(&dev, "ann", "ann-5");
    over.assert_problem(429);
    let wait: u64 = over.header("retry-after").parse().expect("seconds");
    assert!((3500..=3600).contains(&wait), "{wait}");
    assert_eq!(over.header("ratelimit-policy"), policy);
    assert!(
        over.header("ratelimit")
            .starts_with(&format!("\"creates\";r=0;t={wait}")),
        "{over:?}"
    );
    // Other writes go on, and tell of the one limit that they meet.
    let patch = json!({"plan": "medium"});
    let patched = ask(&dev, "ann", ("PATCH", "/api/v1/stores/ann-0"), &[], &patch);
    assert_eq!(patched.status, 202, "{patched:?}");
    assert_eq!(patched.header("ratelimit-policy"), "\"writes\";q=100;w=900");
    // The address is full for another merchant too; the admin is not limited.
    let other = create(&dev, "ben", "ben-0");
    other.assert_problem(429);
    assert!(other.text.contains("createsPerAddress"), "{other:?}");
    let admin = dev.json(
        "POST",
        "/api/v1/stores",
        &json!({"name": "free", "engine": "woocommerce"}),
    );
    assert_eq!((admin.status, admin.header("ratelimit")), (202, ""));
}

#[test]
fn a_kill_gives_nothing_back() {
    let mut dev = Dev::start();
    merchants(&mut dev, &["ann"]);
    for number in 0..5 {
        assert_eq!(create(&dev, "ann", &format!("ann-{number}")).status, 202);
    }
    let change = ask(
        &dev,
        "ann",
        ("DELETE", "/api/v1/stores/ann-4"),
        &[],
        &Value::Null,
    );
    assert_eq!(change.status, 202, "{change:?}");
    let cancel = format!(
        "/api/v1/changes/{}/cancel",
        change.json()["id"].as_str().expect("an id")
    );
    // Whether it is in time or not: it was asked for.
    ask(&dev, "ann", ("POST", &cancel), &[], &Value::Null);
    dev.server.kill_and_restart();
    dev.find();
    let kept = [
        row("writes", 7, 93),
        row("creates", 5, 0),
        row("createsPerAddress", 5, 0),
    ];
    assert_eq!(used(&dev, "ann"), kept);
    create(&dev, "ann", "ann-5").assert_problem(429);
}

#[test]
fn of_many_at_once_exactly_the_limit_passes() {
    let mut dev = Dev::start();
    merchants(&mut dev, &["ann"]);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let dev = &dev;
        let one =
            |number: i32| scope.spawn(move || create(dev, "ann", &format!("ann-{number}")).status);
        let all: Vec<_> = (0..64).map(one).collect();
        all.into_iter()
            .map(|it| it.join().expect("an answer"))
            .collect()
    });
    let count = |status| statuses.iter().filter(|it| **it == status).count();
    assert_eq!((count(202), count(429)), (5, 59), "{statuses:?}");
}

#[test]
fn without_limits_nobody_is_limited() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let text = |path: &Path| path.to_str().expect("a plain path").to_owned();
    let args = [
        "dev",
        "--listen",
        "127.0.0.1:0",
        "--no-limits",
        "--data",
        &text(&data),
    ];
    let server = Server::start(&args, &data);
    let mut dev = Dev::of(server, data, folder);
    merchants(&mut dev, &["ann"]);
    for number in 0..8 {
        let created = create(&dev, "ann", &format!("ann-{number}"));
        assert_eq!((created.status, created.header("ratelimit")), (202, ""));
    }
    let view = ask(&dev, "ann", ("GET", "/api/v1/limits"), &[], &Value::Null).json();
    assert_eq!(view["requests"], json!([]));
    assert_eq!(
        view["mine"]["stores"],
        json!({"limit": null, "used": 8, "left": null})
    );
}

#[test]
fn limits_say_what_there_is_for_me_and_for_the_fleet() {
    let mut dev = Dev::start();
    merchants(&mut dev, &["ann"]);
    dev.create("other");
    assert_eq!(create(&dev, "ann", "shop").status, 202);
    let view = ask(&dev, "ann", ("GET", "/api/v1/limits"), &[], &Value::Null).json();
    assert_eq!(
        view["fleet"]["stores"],
        json!({"limit": 50, "used": 2, "left": 48})
    );
    assert_eq!(view["mine"]["owner"], "ann");
    assert_eq!(
        view["mine"]["stores"],
        json!({"limit": 5, "used": 1, "left": 4})
    );
    assert_eq!(
        view["mine"]["budget"],
        json!({"limit": null, "used": 1, "left": null})
    );
    assert_eq!(view["fleet"]["queue"]["limit"], 20_000);
    assert_eq!(view["mine"]["queue"]["limit"], 10_000);
    let engines = view["mine"]["engines"].as_array().expect("a list");
    assert!(engines.contains(&json!("woocommerce")), "{view}");
    let plans = view["mine"]["plans"].as_array().expect("a list");
    assert!(plans.contains(&json!("small")), "{view}");
    let writes = &view["requests"][0];
    assert_eq!(
        (&writes["name"], &writes["limit"]),
        (&json!("writes"), &json!(100))
    );
    assert!(writes["resetsAt"].is_string(), "{view}");
    let admin = dev.get("/api/v1/limits").json();
    assert_eq!(
        admin["requests"],
        json!([]),
        "an admin's requests are not limited"
    );
    dev.get("/api/v1/limits?x=1").assert_problem(422);
    dev.anonymous("GET", "/api/v1/limits", &[], "")
        .assert_problem(401);
}

#[test]
fn addresses_are_those_that_trusted_proxies_name() {
    let secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, secret).expect("written");
    let served = Served::start(&json!({
        "auth": {"trustedProxies": ["127.0.0.0/8"]},
        "requestLimits": {"createsPerAddress": {"count": 1, "per": "1h"}},
        "webhooks": [{"name": "shop", "secrets": [{"file": file}], "role": "merchant", "owners": ["ann"],
                      "actions": ["create"]}],
    }));
    let mut dev = served.dev;
    merchants(&mut dev, &["ben", "cat"]);
    let from = |merchant: &str, name: &str, address: &str| {
        create_with(&dev, merchant, name, &[("X-Forwarded-For", address)]).status
    };
    assert_eq!(from("ben", "one", "198.51.100.1"), 202);
    assert_eq!(from("cat", "two", "198.51.100.1"), 429, "whoever asks");
    assert_eq!(
        from("cat", "two", "203.0.113.9, 198.51.100.1"),
        429,
        "a forged entry"
    );
    assert_eq!(from("cat", "two", "198.51.100.2"), 202);
    assert_eq!(from("ben", "six", "2001:db8::1"), 202);
    assert_eq!(from("cat", "ten", "2001:db8::ffff"), 429, "the same /64");
    // A signed message of a merchant's system is limited as the merchant is, here by the proxy's own address.
    let message =
        |name: &str| json!({"action": "create", "store": {"name": name, "engine": "woocommerce"}});
    let first = deliver(&dev, secret, "msg_1", &message("hook"));
    assert_eq!(first.status, 202, "{first:?}");
    assert!(
        first
            .header("ratelimit")
            .contains("\"createsPerAddress\";r=0;t="),
        "{first:?}"
    );
    deliver(&dev, secret, "msg_2", &message("hook-2")).assert_problem(429);
}

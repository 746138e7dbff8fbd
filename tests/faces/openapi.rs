//! The description at `/openapi.json` against the server: every operation is asked, well and badly.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::description;
use crate::served::{deliver, now};
use crate::support::eventually;
use crate::support::git::Person;
use crate::webhooks_github;
use crate::wire::{Dev, Reply};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
const NOWHERE: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

/// Asks, and remembers which operations answered well.
struct Driver {
    dev: Dev,
    done: BTreeSet<String>,
}

impl Driver {
    fn ask(&mut self, method: &str, path: &str, body: &Value) -> Reply {
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let headers = [JSON, ("Prefer", "wait=30")];
        let headers = if body.is_null() {
            &headers[1..]
        } else {
            &headers[..]
        };
        let reply = self.dev.send(method, path, headers, &text);
        self.note(method, path, &reply);
        reply
    }

    fn note(&mut self, method: &str, path: &str, reply: &Reply) {
        let id = description::of(&self.dev.base).check(method, path, reply);
        if reply.status < 300 {
            self.done.extend(id);
        }
    }

    /// It answers well, with this.
    fn well(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let reply = self.ask(method, path, body);
        assert!(reply.status < 300, "{method} {path}: {reply:?}");
        let json = reply.header("content-type").ends_with("json");
        if json { reply.json() } else { Value::Null }
    }

    fn reads(&mut self, paths: &[&str]) {
        for path in paths {
            self.well("GET", path, &Value::Null);
        }
    }
}

/// Medium stores need approval from now on.
fn wants_approval(driver: &mut Driver) {
    let folder = tempfile::tempdir().expect("a folder");
    let bare = driver.dev.data.join("fleet.git");
    let ann = Person::clones(bare.to_str().expect("a plain path"), folder.path());
    ann.pushes("main", "Look at medium stores", &|clone: &Path| {
        let path = clone.join("fleetwright.yaml");
        let text = std::fs::read_to_string(&path).expect("the policy");
        let from = text.find("approval:\n").expect("a section");
        let length = text[from + 1..]
            .find("\n\n")
            .map_or(text.len() - from, |it| it + 1);
        let rule = "approval:\n  - when: {plans: [medium]}\n    require: {approvals: 1}\n";
        let text = [&text[..from], rule, &text[from + length..]].concat();
        std::fs::write(path, text).expect("written");
    });
    let tip = crate::support::git::git(&bare, &["rev-parse", "main"]);
    let seen = driver.well("GET", "/api/v1/foreign", &Value::Null);
    assert!(seen["items"].is_array());
    let vouched = driver.ask("POST", "/api/v1/vouch", &json!({"commit": tip.trim()}));
    assert_eq!(vouched.status, 204, "{vouched:?}");
}

fn a_life(driver: &mut Driver) {
    let create = json!({"name": "shop", "engine": "woocommerce", "extraHosts": ["www.shop.example"], "values": {}});
    driver.well("POST", "/api/v1/stores?dryRun=true", &create);
    driver.well("POST", "/api/v1/render", &create);
    let made = driver.well("POST", "/api/v1/stores", &create);
    driver.well(
        "PATCH",
        "/api/v1/stores/shop",
        &json!({"deletionProtection": false, "extraHosts": null}),
    );
    driver.well(
        "POST",
        "/api/v1/render",
        &json!({"name": "shop", "patch": {"deletionProtection": true}}),
    );
    let store = driver.well("GET", "/api/v1/stores/shop", &Value::Null);
    for (action, body) in [
        (
            "upgrade",
            json!({"version": store["record"]["spec"]["version"]}),
        ),
        ("suspend", json!({})),
        ("resume", Value::Null),
        ("retry", json!({"mode": "force"})),
        ("rollback", Value::Null),
    ] {
        driver.well("POST", &format!("/api/v1/stores/shop/{action}"), &body);
    }
    let id = made["id"].as_str().expect("an id");
    driver.reads(&[
        "/api/v1/stores?sort=-updatedAt&limit=1&owner=admin",
        "/api/v1/stores/shop/changes?state=merged&limit=2",
        "/api/v1/stores/shop/history?limit=1",
        "/api/v1/stores/shop/events",
        "/api/v1/stores/shop/manifests",
        "/api/v1/changes?action=create",
        &format!("/api/v1/changes/{id}"),
        &format!("/api/v1/changes/{id}/events"),
        "/api/v1/events",
    ]);
    driver.well("DELETE", "/api/v1/stores/shop", &Value::Null);
}

fn decisions(driver: &mut Driver) {
    let bob = driver
        .dev
        .make_token(&json!({"name": "bob", "role": "operator"}))
        .0;
    wants_approval(driver);
    for (name, action, body) in [
        ("one", "approve", ""),
        ("two", "reject", "{\"reason\": \"too dear\"}"),
        ("three", "cancel", ""),
    ] {
        let body_of = json!({"name": name, "engine": "woocommerce", "plan": "medium"});
        let change = driver.dev.json("POST", "/api/v1/stores", &body_of).json();
        let id = change["id"].as_str().expect("an id").to_owned();
        eventually("it is proposed", Duration::from_secs(20), || {
            let now = driver.dev.get(&format!("/api/v1/changes/{id}")).json();
            if now["state"] == "proposed" {
                Ok(())
            } else {
                Err(now.to_string())
            }
        });
        let path = format!("/api/v1/changes/{id}/{action}");
        let token = if action == "cancel" {
            driver.dev.token.clone()
        } else {
            bob.clone()
        };
        let reply = driver.dev.bearing(&token, "POST", &path, body);
        assert_eq!(reply.status, 200, "{reply:?}");
        driver.note("POST", &path, &reply);
    }
}

fn the_rest(driver: &mut Driver) {
    let made = driver.well(
        "POST",
        "/api/v1/tokens",
        &json!({"name": "ci", "role": "viewer", "expiresIn": "1h"}),
    );
    let token = format!("/api/v1/tokens/{}", made["id"].as_str().expect("an id"));
    driver.reads(&[&token]);
    driver.well("DELETE", &token, &Value::Null);
    driver
        .ask("POST", "/api/v1/stores", &json!({"engine": "none"}))
        .assert_problem(422);
    driver.reads(&[
        "/api/v1/tokens",
        "/api/v1/clusters",
        "/api/v1/plans",
        "/api/v1/engines",
        "/api/v1/foreign",
        "/api/v1/orphans",
        "/api/v1/limits",
        "/api/v1/audit?limit=2",
        "/api/v1/audit?kind=refusals",
        "/api/v1/audit?format=csv&limit=1",
        "/api/health",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/schemas/policy.json",
        "/schemas/store.json",
    ]);
}

fn a_delivery() -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, SECRET).expect("written");
    let dev = Dev::serve(&json!({"webhooks": [
        {"name": "erp", "secrets": [{"file": file}], "role": "operator", "actions": ["create"]},
    ]}));
    let message = json!({"action": "create", "store": {"name": "sent", "engine": "woocommerce", "owner": "ann"}});
    let reply = deliver(&dev, SECRET, &format!("msg_{}", now()), &message);
    assert_eq!(reply.status, 202, "{reply:?}");
    description::of(&dev.base).check("POST", "/webhooks/stores", &reply)
}

#[test]
fn every_operation_answers_as_it_is_described() {
    let mut driver = Driver {
        dev: Dev::start_with(&["--no-limits"]),
        done: BTreeSet::new(),
    };
    a_life(&mut driver);
    decisions(&mut driver);
    the_rest(&mut driver);
    driver.done.extend(a_delivery());
    driver.done.extend(webhooks_github::a_ping());
    let described = description::of(&driver.dev.base).operations().into_iter();
    let described: BTreeSet<String> = described
        .filter_map(|(_, _, it)| it["operationId"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(driver.done, described, "each answered well once at least");
}

/// An address of an operation that names nothing there is.
fn filled(path: &str) -> String {
    path.replace("{name}", "nowhere").replace("{id}", NOWHERE)
}

#[test]
fn every_operation_refuses_as_it_is_described() {
    let dev = Dev::start();
    let viewer = dev
        .make_token(&json!({"name": "viewer", "role": "viewer"}))
        .0;
    for (method, path, operation) in description::of(&dev.base).operations() {
        if path.starts_with("/webhooks/") {
            continue;
        }
        let target = filled(path);
        let at = format!("{method} {path}");
        let says = |status: u16| operation["responses"].get(status.to_string()).is_some();
        let public = operation["security"] == json!([]);
        let nobody = dev.anonymous(&method, &target, &[], "");
        assert_eq!(nobody.status == 401, !public, "{at}: {nobody:?}");
        let looks = dev.bearing(&viewer, &method, &target, "");
        let low = !public && operation["x-role"] != "viewer";
        assert_eq!(looks.status == 403, low, "{at}: {looks:?}");
        let strange = dev.send(&method, &format!("{target}?strange=1"), &[], "");
        assert!(says(strange.status), "{at}: {strange:?}");
        if operation.get("requestBody").is_some() {
            let media = [("Content-Type", "text/plain")];
            assert_eq!(dev.send(&method, &target, &media, "x").status, 415, "{at}");
            assert_eq!(dev.send(&method, &target, &[JSON], "{").status, 400, "{at}");
            let large = format!("\"{}\"", "x".repeat(300 * 1024));
            assert_eq!(
                dev.send(&method, &target, &[JSON], &large).status,
                413,
                "{at}"
            );
        }
        if path.starts_with("/api/v1/changes/{id}/") {
            let body = if operation["requestBody"].is_null() {
                ""
            } else {
                "{}"
            };
            let missing = dev.send(&method, &target, &[JSON], body);
            missing.assert_problem(404);
            assert!(missing.text.contains("there is no change"), "{missing:?}");
        }
        if path.contains('{') {
            let bad = dev.send(
                &method,
                &target.replace("nowhere", "%FF").replace(NOWHERE, "%FF"),
                &[],
                "",
            );
            assert_eq!(bad.status, 400, "{at}: {bad:?}");
        }
        let host = dev.anonymous(&method, &target, &[("Host", "evil.example")], "");
        assert_eq!(host.status, 421, "{at}: {host:?}");
    }
}

#[test]
fn the_page_tells_of_every_operation_without_scripts() {
    let dev = Dev::start();
    let page = dev.anonymous("GET", "/docs", &[("Accept", "text/html")], "");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    for (method, path, operation) in description::of(&dev.base).operations() {
        let id = operation["operationId"].as_str().expect("an id");
        for text in [
            format!("id=\"{id}\""),
            format!("<code>{method} {path}</code>"),
        ] {
            let escaped = text.replace('/', "&#x2f;").replace("<&#x2f;", "</");
            assert!(page.text.contains(&escaped), "{text}");
        }
    }
    for word in ["`", "<script", "http://", "https://", "onclick"] {
        assert!(!page.text.contains(word), "{word}");
    }
}

#[test]
fn an_undescribed_answer_would_be_found() {
    let dev = Dev::start();
    dev.create("shop");
    let description = description::of(&dev.base);
    let store = json!({"$ref": "#/components/schemas/StoreView"});
    let mut shown = dev.get("/api/v1/stores/shop").json();
    assert_eq!(description.errors(&store, &shown), Vec::<String>::new());
    shown["record"]["spec"]["colour"] = json!("red");
    assert_eq!(description.errors(&store, &shown).len(), 1);
    let mut page = dev.get("/api/v1/plans").json();
    page["items"][0]["secret"] = json!(1);
    let plans = json!({"$ref": "#/components/schemas/PlanPage"});
    assert_eq!(description.errors(&plans, &page).len(), 1);
}

//! What all writes share: dry runs, idempotency keys, preconditions, waiting.

use serde_json::{Value, json};

use crate::wire::{Dev, Reply};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const MERGE_PATCH: (&str, &str) = ("Content-Type", "application/merge-patch+json");

fn create(dev: &Dev, body: &Value, headers: &[(&str, &str)]) -> Reply {
    let all: Vec<_> = headers.iter().copied().chain([JSON]).collect();
    dev.send("POST", "/api/v1/stores", &all, &body.to_string())
}

#[test]
fn a_key_makes_repeating_harmless() {
    let dev = Dev::start();
    let (one, other) = (
        json!({"name": "one", "engine": "woocommerce"}),
        json!({"name": "other", "engine": "woocommerce"}),
    );
    let key = [("Idempotency-Key", "k")];
    let first = create(&dev, &one, &key);
    let second = create(&dev, &one, &key);
    assert_eq!((first.status, second.status), (202, 202));
    assert_eq!(first.json()["id"], second.json()["id"]);
    assert_eq!(
        (
            first.header("idempotency-replayed"),
            second.header("idempotency-replayed")
        ),
        ("", "true")
    );
    create(&dev, &other, &key).assert_problem(422);
    // A key is bound to its method and path, and a refusal is not kept.
    let patch = dev.send(
        "PATCH",
        "/api/v1/stores/one",
        &[JSON, key[0]],
        "{\"plan\": \"medium\"}",
    );
    assert_eq!(patch.status, 202, "{patch:?}");
    let refused = [("Idempotency-Key", "r")];
    create(
        &dev,
        &json!({"name": "Bad", "engine": "woocommerce"}),
        &refused,
    )
    .assert_problem(422);
    assert_eq!(create(&dev, &other, &refused).status, 202);
    create(&dev, &other, &[("Idempotency-Key", "two words")]).assert_problem(400);
}

#[test]
fn a_precondition_holds_or_nothing_happens() {
    let dev = Dev::start();
    dev.create("shop");
    let tag = dev.get("/api/v1/stores/shop").header("etag").to_owned();
    let patch = |tag: &str, plan: &str| {
        let body = json!({"plan": plan}).to_string();
        dev.send(
            "PATCH",
            "/api/v1/stores/shop",
            &[MERGE_PATCH, ("If-Match", tag)],
            &body,
        )
    };
    patch("\"other\"", "medium").assert_problem(412);
    patch(&format!("W/{tag}"), "medium").assert_problem(412);
    patch("unquoted", "medium").assert_problem(400);
    assert_eq!(patch(&format!("\"other\", {tag}"), "medium").status, 202);
    // The tag counts what is accepted, not only what is written.
    patch(&tag, "small").assert_problem(412);
    let tag = dev.get("/api/v1/stores/shop").header("etag").to_owned();
    let read = dev.send("GET", "/api/v1/stores/shop", &[("If-None-Match", &tag)], "");
    assert_eq!(
        read.status, 200,
        "never 304: the phase moves without the spec"
    );
    assert_eq!(patch("*", "small").status, 202);
}

#[test]
fn a_dry_run_shows_the_plan_and_accepts_nothing() {
    let dev = Dev::start();
    let body = json!({"name": "shop", "engine": "woocommerce"});
    for path in ["/api/v1/stores?dryRun=true", "/api/v1/render"] {
        let plan = dev.json("POST", path, &body);
        assert_eq!(plan.status, 200, "{plan:?}");
        let files = plan.json()["files"].clone();
        let names: Vec<_> = files.as_object().expect("files").keys().cloned().collect();
        assert!(
            names
                .iter()
                .any(|it| it.ends_with("/stores/shop/release.yaml")),
            "{names:?}"
        );
        let diff = plan.json()["diff"].as_str().unwrap_or("").to_owned();
        assert!(diff.contains("+kind: Store"), "{diff}");
    }
    dev.get("/api/v1/stores/shop").assert_problem(404);
    assert_eq!(dev.get("/api/v1/changes").json()["items"], json!([]));

    dev.create("shop");
    let patch = json!({"name": "shop", "patch": {"plan": "medium"}});
    let plan = dev.json("POST", "/api/v1/render", &patch).json();
    let diff = plan["diff"].as_str().unwrap_or("");
    assert!(
        diff.contains("-  plan: small") && diff.contains("+  plan: medium"),
        "{diff}"
    );
    let same = dev.json(
        "PATCH",
        "/api/v1/stores/shop?dryRun=true",
        &json!({"plan": "small"}),
    );
    assert_eq!(same.json()["noop"], true, "{same:?}");
    let stale = [MERGE_PATCH, ("If-Match", "\"stale\"")];
    let plan = "/api/v1/stores/shop?dryRun=true";
    let held = dev.send("PATCH", plan, &stale, "{\"plan\": \"medium\"}");
    held.assert_problem(412);
    let gone = dev.send("DELETE", plan, &[], "");
    assert_eq!(gone.status, 200, "{gone:?}");
    assert_eq!(
        dev.get("/api/v1/stores/shop").json()["pendingChanges"],
        json!([])
    );
    // Where the call would answer with what is under way already, so does its plan.
    let real = dev.send("DELETE", "/api/v1/stores/shop", &[], "");
    let again = dev.send("DELETE", plan, &[], "");
    assert_eq!(again.json()["noop"], true, "{again:?}");
    let id = real.json()["id"].as_str().expect("an id").to_owned();
    assert!(
        again.json()["warnings"].to_string().contains(&id),
        "{again:?}"
    );
}

#[test]
fn a_client_may_wait_for_the_commit() {
    let dev = Dev::start();
    let body = json!({"name": "shop", "engine": "woocommerce"});
    let merged = create(&dev, &body, &[("Prefer", "wait=30")]);
    assert_eq!(merged.status, 200, "{merged:?}");
    assert!(merged.json()["commit"].is_string());
    assert_eq!(merged.header("preference-applied"), "wait=30");
    let body = json!({"plan": "medium"}).to_string();
    let headers = [MERGE_PATCH, ("Prefer", "wait=1")];
    let ready = dev.send("PATCH", "/api/v1/stores/shop?until=ready", &headers, &body);
    assert_eq!(
        ready.status, 202,
        "nothing is watched, so it is never ready: {ready:?}"
    );
    let wrong = dev.send("PATCH", "/api/v1/stores/shop?until=queued", &headers, &body);
    wrong.assert_problem(422);
    assert_eq!(wrong.pointers(), ["/query/until"]);
}

#[test]
fn a_request_that_changes_nothing_ends_at_once() {
    let dev = Dev::start();
    dev.create("shop");
    let headers = [MERGE_PATCH, ("Prefer", "wait=30")];
    let body = json!({"plan": "small"}).to_string();
    let same = dev.send("PATCH", "/api/v1/stores/shop?until=ready", &headers, &body);
    assert_eq!(same.status, 200, "{same:?}");
    let change = same.json();
    assert_eq!(
        (&change["noop"], &change["commit"]),
        (&json!(true), &Value::Null)
    );
}

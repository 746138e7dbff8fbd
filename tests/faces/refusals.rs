//! Bad input: the right status, a problem that says what to do, and the pointer to what is wrong.

use serde_json::json;

use crate::wire::Dev;

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[test]
fn bodies_that_cannot_be_taken_are_refused_with_their_place() {
    let dev = Dev::start();
    let deep = format!(
        "{{\"engine\": \"woocommerce\", \"values\": {}1{}}}",
        "{\"a\":".repeat(40),
        "}".repeat(40)
    );
    let table: [(&str, u16, &[&str]); 15] = [
        ("{\"name\": ", 400, &[]),
        ("{'name': 1}", 400, &[]),
        ("{} {}", 400, &[]),
        ("[]", 422, &[""]),
        ("{\"name\": \"shop\"}", 422, &["/engine"]),
        ("{\"engine\": 1}", 422, &["/engine"]),
        (
            "{\"engine\": \"woocommerce\", \"colour\": 1}",
            422,
            &["/colour"],
        ),
        (
            "{\"engine\": \"woocommerce\", \"name\": \"a\", \"name\": \"b\"}",
            422,
            &["/name"],
        ),
        ("{\"engine\": \"nope\"}", 422, &["/engine"]),
        (
            "{\"engine\": \"woocommerce\", \"plan\": \"huge\"}",
            422,
            &["/plan"],
        ),
        (
            "{\"engine\": \"woocommerce\", \"cluster\": \"moon\"}",
            422,
            &["/cluster"],
        ),
        (
            "{\"engine\": \"woocommerce\", \"version\": \"9.9.9\"}",
            422,
            &["/version"],
        ),
        (
            "{\"engine\": \"woocommerce\", \"name\": \"Bad_Name\"}",
            422,
            &["/name"],
        ),
        (
            "{\"engine\": \"woocommerce\", \"host\": \"no host\"}",
            422,
            &["/host"],
        ),
        (&deep, 422, &["/values"]),
    ];
    for (body, status, pointers) in table {
        let reply = dev.send("POST", "/api/v1/stores", &[JSON], body);
        reply.assert_problem(status);
        let found = reply.pointers();
        let fits = pointers
            .iter()
            .all(|it| found.iter().any(|at| at.starts_with(it)));
        assert!(
            fits && found.is_empty() == pointers.is_empty(),
            "{body}: {reply:?}"
        );
    }
    assert_eq!(
        dev.get("/api/v1/changes").json()["items"],
        json!([]),
        "nothing was accepted"
    );
}

#[test]
fn what_the_store_does_not_allow_is_a_conflict() {
    let dev = Dev::start();
    dev.create("shop");
    let twin = json!({"name": "shop", "engine": "woocommerce"});
    dev.json("POST", "/api/v1/stores", &twin)
        .assert_problem(409);
    for (patch, pointer) in [
        (json!({"engine": "medusa"}), "/engine"),
        (json!({"cluster": "production"}), "/cluster"),
        (json!({"name": "other"}), "/name"),
    ] {
        let reply = dev.json("PATCH", "/api/v1/stores/shop", &patch);
        reply.assert_problem(422);
        assert!(reply.pointers().iter().all(|it| it == pointer), "{reply:?}");
    }
    let protect = dev.json(
        "PATCH",
        "/api/v1/stores/shop",
        &json!({"deletionProtection": true}),
    );
    assert_eq!(protect.status, 202, "{protect:?}");
    dev.send("DELETE", "/api/v1/stores/shop", &[], "")
        .assert_problem(409);
    dev.json("PATCH", "/api/v1/stores/shop", &json!([]))
        .assert_problem(422);
    dev.json("PATCH", "/api/v1/stores/none", &json!({"plan": "small"}))
        .assert_problem(404);
    dev.send("DELETE", "/api/v1/stores/Not-A-Name", &[], "")
        .assert_problem(404);
}

#[test]
fn a_delete_takes_no_body_that_says_something() {
    let dev = Dev::start();
    dev.create("shop");
    let (_, id) = dev.make_token(&json!({"name": "ci", "role": "viewer"}));
    for path in ["/api/v1/stores/shop", &format!("/api/v1/tokens/{id}")] {
        let delete = |body: &str| dev.send("DELETE", path, &[JSON], body);
        let refused = delete("{\"keepData\": true}");
        refused.assert_problem(422);
        assert_eq!(refused.pointers(), ["/keepData"], "{path}");
        delete("null").assert_problem(422);
        delete("{").assert_problem(400);
        let text = [("Content-Type", "text/plain")];
        dev.send("DELETE", path, &text, "x").assert_problem(415);
        let done = delete("{}");
        assert!((200..300).contains(&done.status), "{path}: {done:?}");
    }
}

#[test]
fn nothing_but_the_public_routes_goes_without_a_token() {
    let dev = Dev::start();
    for path in [
        "/healthz",
        "/readyz",
        "/schemas/policy.json",
        "/sign-in",
        "/static/style.css",
    ] {
        assert_eq!(dev.anonymous("GET", path, &[], "").status, 200, "{path}");
    }
    let id = "01JD0000000000000000000000";
    let change = format!("/api/v1/changes/{id}");
    let cancel = format!("/api/v1/changes/{id}/cancel");
    let closed = [
        ("GET", "/api/health"),
        ("GET", "/api/v1/stores"),
        ("POST", "/api/v1/stores"),
        ("GET", "/api/v1/stores/shop"),
        ("PATCH", "/api/v1/stores/shop"),
        ("DELETE", "/api/v1/stores/shop"),
        ("GET", "/api/v1/stores/shop/changes"),
        ("GET", "/api/v1/stores/shop/history"),
        ("GET", "/api/v1/changes"),
        ("GET", &change),
        ("POST", &cancel),
        ("POST", "/api/v1/render"),
        ("GET", "/api/v1/clusters"),
        ("GET", "/api/v1/plans"),
        ("GET", "/api/v1/engines"),
        ("GET", "/api/v1/foreign"),
        ("GET", "/api/v1/orphans"),
        ("GET", "/api/v1/audit"),
        ("POST", "/api/v1/vouch"),
    ];
    for (method, path) in closed {
        let reply = dev.anonymous(method, path, &[], "");
        reply.assert_problem(401);
        assert!(
            reply.header("www-authenticate").starts_with("Bearer"),
            "{reply:?}"
        );
        let wrong = [("Authorization", "Bearer fwt_wrong")];
        let reply = dev.anonymous(method, path, &wrong, "");
        reply.assert_problem(401);
        assert!(
            reply.header("www-authenticate").contains("invalid_token"),
            "{reply:?}"
        );
    }
    let basic = [("Authorization", "Basic YTpi")];
    dev.anonymous("GET", "/api/v1/stores", &basic, "")
        .assert_problem(401);
}

#[test]
fn requests_of_the_wrong_kind_are_refused() {
    let dev = Dev::start();
    let body = "{\"engine\": \"woocommerce\"}";
    dev.send(
        "POST",
        "/api/v1/stores",
        &[("Content-Type", "text/plain")],
        body,
    )
    .assert_problem(415);
    dev.send(
        "POST",
        "/api/v1/stores",
        &[("Content-Type", "application/merge-patch+json")],
        body,
    )
    .assert_problem(415);
    dev.send(
        "POST",
        "/api/v1/stores",
        &[JSON, ("Content-Encoding", "gzip")],
        body,
    )
    .assert_problem(415);
    dev.send(
        "POST",
        "/api/v1/stores",
        &[JSON],
        &"a".repeat(256 * 1024 + 1),
    )
    .assert_problem(413);
    dev.send(
        "POST",
        "/api/v1/stores",
        &[JSON],
        &"a".repeat(4 * 1024 * 1024),
    )
    .assert_problem(413);
    let method = dev.send("PUT", "/api/v1/stores", &[JSON], body);
    method.assert_problem(405);
    assert!(method.header("allow").contains("POST"), "{method:?}");
    dev.get("/api/v1/nothing").assert_problem(404);
    dev.get("/api/v1/changes/none").assert_problem(404);
    dev.get("/api/v1/stores/none").assert_problem(404);
    dev.get("/api/v1/stores/none/history").assert_problem(404);
    dev.get("/api/v1/stores/none/changes").assert_problem(404);
    dev.get("/api/v1/stores/%ff").assert_problem(400);
}

#[test]
fn queries_are_read_strictly() {
    let dev = Dev::start();
    let table = [
        (
            "/api/v1/stores?limit=0&colour=red",
            vec!["/query/limit", "/query/colour"],
        ),
        ("/api/v1/stores?limit=201", vec!["/query/limit"]),
        ("/api/v1/stores?phase=Happy", vec!["/query/phase"]),
        ("/api/v1/stores?plan=small&plan=large", vec!["/query/plan"]),
        ("/api/v1/changes?state=done", vec!["/query/state"]),
        ("/api/v1/plans?cursor=x", vec!["/query/cursor"]),
        ("/api/v1/stores/x?verbose", vec!["/query/verbose"]),
    ];
    for (path, pointers) in table {
        let reply = dev.get(path);
        reply.assert_problem(422);
        assert_eq!(reply.pointers(), pointers, "{path}");
    }
}

#[test]
fn lists_are_paged_without_gap_or_overlap() {
    let dev = Dev::start();
    for name in ["a", "b", "c", "d", "e"] {
        dev.create(name);
    }
    for (list, field) in [
        ("/api/v1/stores", "name"),
        ("/api/v1/changes", "store"),
        ("/api/v1/plans", "name"),
    ] {
        let whole = names(&dev.get(list).json()["items"], field);
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = dev.get(&format!("{list}?limit=2{cursor}")).json();
            found.extend(names(&page["items"], field));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found, whole, "{list}");
    }
}

fn names(items: &serde_json::Value, field: &str) -> Vec<String> {
    let items = items.as_array().expect("a list");
    items
        .iter()
        .map(|it| it[field].as_str().unwrap_or("?").to_owned())
        .collect()
}

#[test]
fn dev_answers_to_loopback_names_only() {
    let dev = Dev::start();
    for path in [
        "/healthz",
        "/api/v1/stores",
        "/",
        "/git/fleet.git/info/refs?service=git-upload-pack",
    ] {
        dev.send("GET", path, &[("Host", "shop.evil.example")], "")
            .assert_problem(421);
    }
    assert_eq!(
        dev.send("GET", "/healthz", &[("Host", "localhost:1")], "")
            .status,
        200
    );
}

#[test]
fn every_answer_names_its_request() {
    let dev = Dev::start();
    assert_eq!(dev.get("/healthz").header("x-request-id").len(), 26);
    let given = dev.send(
        "GET",
        "/api/health",
        &[("X-Request-Id", "from-a-proxy.1")],
        "",
    );
    assert_eq!(given.header("x-request-id"), "from-a-proxy.1");
    let strange = dev.send("GET", "/api/health", &[("X-Request-Id", "two words")], "");
    assert_eq!(strange.header("x-request-id").len(), 26, "{strange:?}");
}

#[test]
fn tokens_are_not_logged() {
    let dev = Dev::start();
    dev.get("/api/v1/stores?q=needle");
    let log = dev.server.said();
    let lines: Vec<_> = log
        .lines()
        .filter(|it| it.contains("/api/v1/stores\""))
        .collect();
    assert!(!lines.is_empty(), "{log}");
    assert!(
        lines
            .iter()
            .all(|it| !it.contains(&dev.token) && !it.contains("needle")),
        "{lines:?}"
    );
}

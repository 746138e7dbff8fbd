//! Who may what, over the wire: every route with every role, and nothing open to a network.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::json;

use crate::support::process::PROGRAM;
use crate::wire::{Dev, Reply};

/// How a request is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// Its handler was reached, whatever that said.
    In,
    /// 401 with a bearer challenge.
    Out,
    /// 403.
    Low,
    /// To the sign-in page.
    Away,
}
use Taken::{Away, In, Low, Out};

/// Method, route, and how nobody, a viewer, a merchant, an operator and an admin are taken.
#[rustfmt::skip]
const ROUTES: &[(&str, &str, [Taken; 5])] = &[
    ("GET",    "/api/v1/stores",                [Out, In, In, In, In]),
    ("POST",   "/api/v1/stores",                [Out, Low, In, In, In]),
    ("GET",    "/api/v1/stores/{name}",         [Out, In, In, In, In]),
    ("PATCH",  "/api/v1/stores/{name}",         [Out, Low, In, In, In]),
    ("DELETE", "/api/v1/stores/{name}",         [Out, Low, In, In, In]),
    ("POST",   "/api/v1/stores/{name}/upgrade", [Out, Low, In, In, In]),
    ("POST",   "/api/v1/stores/{name}/suspend", [Out, Low, In, In, In]),
    ("POST",   "/api/v1/stores/{name}/resume",  [Out, Low, In, In, In]),
    ("POST",   "/api/v1/stores/{name}/rollback", [Out, Low, In, In, In]),
    ("POST",   "/api/v1/stores/{name}/retry",   [Out, Low, In, In, In]),
    ("GET",    "/api/v1/stores/{name}/changes", [Out, In, In, In, In]),
    ("GET",    "/api/v1/stores/{name}/history", [Out, In, In, In, In]),
    ("GET",    "/api/v1/stores/{name}/events",  [Out, In, In, In, In]),
    ("GET",    "/api/v1/stores/{name}/manifests", [Out, In, In, In, In]),
    ("GET",    "/api/v1/changes",               [Out, In, In, In, In]),
    ("GET",    "/api/v1/changes/{id}",          [Out, In, In, In, In]),
    ("GET",    "/api/v1/changes/{id}/events",   [Out, In, In, In, In]),
    ("POST",   "/api/v1/changes/{id}/cancel",   [Out, Low, In, In, In]),
    ("POST",   "/api/v1/changes/{id}/approve",  [Out, Low, Low, In, In]),
    ("POST",   "/api/v1/changes/{id}/reject",   [Out, Low, Low, In, In]),
    ("POST",   "/api/v1/render",                [Out, Low, In, In, In]),
    ("GET",    "/api/v1/clusters",              [Out, In, In, In, In]),
    ("GET",    "/api/v1/plans",                 [Out, In, In, In, In]),
    ("GET",    "/api/v1/engines",               [Out, In, In, In, In]),
    ("GET",    "/api/v1/foreign",               [Out, In, Low, In, In]),
    ("GET",    "/api/v1/orphans",               [Out, In, Low, In, In]),
    ("POST",   "/api/v1/vouch",                 [Out, Low, Low, Low, In]),
    ("GET",    "/api/v1/audit",                 [Out, In, In, In, In]),
    ("GET",    "/api/v1/limits",                [Out, In, In, In, In]),
    ("GET",    "/api/v1/events",                [Out, In, In, In, In]),
    ("GET",    "/api/v1/tokens",                [Out, Low, Low, Low, In]),
    ("POST",   "/api/v1/tokens",                [Out, Low, Low, Low, In]),
    ("GET",    "/api/v1/tokens/{id}",           [Out, Low, Low, Low, In]),
    ("DELETE", "/api/v1/tokens/{id}",           [Out, Low, Low, Low, In]),
    ("GET",    "/api/health",                   [Out, In, In, In, In]),
    ("GET",    "/metrics",                      [Out, In, Low, In, In]),
    ("GET",    "/healthz",                      [In, In, In, In, In]),
    ("GET",    "/readyz",                       [In, In, In, In, In]),
    ("GET",    "/",                             [Away, In, In, In, In]),
    ("GET",    "/stores/{name}",                [Away, In, In, In, In]),
    ("GET",    "/sign-in",                      [In, In, In, In, In]),
    ("POST",   "/sign-in",                      [In, In, In, In, In]),
    ("POST",   "/sign-out",                     [Away, In, In, In, In]),
    ("GET",    "/openapi.json",                 [In, In, In, In, In]),
    ("GET",    "/docs",                         [In, In, In, In, In]),
    ("GET",    "/schemas/{name}",               [In, In, In, In, In]),
    ("GET",    "/static/style.css",             [In, In, In, In, In]),
    // On loopback; on a network another test asks for the password.
    ("GET",    "/git/fleet.git/{*rest}",        [In, In, In, In, In]),
    ("POST",   "/git/fleet.git/{*rest}",        [In, In, In, In, In]),
];

/// There are none without a secret; `webhooks.rs` and `webhooks_github.rs` knock at them.
const WEBHOOKS: [&str; 2] = ["/webhooks/stores", "/webhooks/github"];

const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

fn filled(method: &str, route: &str) -> String {
    let service = match method {
        "POST" => "git-upload-pack",
        _ => "info/refs?service=git-upload-pack",
    };
    route
        .replace("{name}", "shop")
        .replace("{id}", "01ARZ3NDEKTSV4RRFFQ69G5FAV")
        .replace("{*rest}", service)
}

fn taken(reply: &Reply) -> Taken {
    let challenge = reply.header("www-authenticate");
    match reply.status {
        401 if challenge.starts_with("Bearer") => Out,
        403 if challenge.contains("insufficient_scope") => Low,
        303 if reply.header("location") == "/sign-in" => Away,
        401 | 403 | 405 => panic!("{reply:?}"),
        404 if reply.text.contains("nothing at this address") => panic!("{reply:?}"),
        _ => In,
    }
}

#[test]
fn every_route_takes_every_role_as_it_should() {
    let dev = Dev::start();
    let mut tokens = vec![None];
    for role in ["viewer", "merchant", "operator"] {
        let body = json!({"name": role, "role": role, "owner": "alice"});
        tokens.push(Some(dev.make_token(&body).0));
    }
    tokens.push(Some(dev.token.clone()));
    for &(method, route, wanted) in ROUTES {
        let path = filled(method, route);
        let found: Vec<Taken> = tokens
            .iter()
            .map(|token| match token {
                None => taken(&dev.anonymous(method, &path, &[], "")),
                Some(token) => taken(&dev.bearing(token, method, &path, "")),
            })
            .collect();
        assert_eq!(found, wanted, "{method} {route}");
        let forged = dev.bearing("fwt_forged", method, &path, "");
        assert_eq!(
            taken(&forged),
            wanted[0],
            "{method} {route} with a token that is none"
        );
    }
}

#[test]
fn there_is_no_other_route_and_no_other_method() {
    let source = include_str!("../../src/http/mod.rs");
    let there: BTreeSet<&str> = source
        .split(".route(")
        .skip(1)
        .filter_map(|it| it.split('"').nth(1))
        .collect();
    let known: BTreeSet<&str> = ROUTES.iter().map(|(_, route, _)| *route).collect();
    let all = &known | &BTreeSet::from(WEBHOOKS);
    assert_eq!(there, all, "a new route is entered in ROUTES as well");

    let dev = Dev::start();
    for route in known {
        let methods = METHODS.iter().filter(|method| {
            !ROUTES
                .iter()
                .any(|(one, it, _)| one == *method && *it == route)
        });
        for method in methods {
            let reply = dev.send(method, &filled(method, route), &[], "");
            assert_eq!(reply.status, 405, "{method} {route}: {reply:?}");
            assert!(!reply.header("allow").is_empty(), "{method} {route}");
        }
    }
}

#[test]
fn a_merchant_is_told_that_another_owners_store_is_not_there() {
    let dev = Dev::start();
    let merchant = |name: &str| {
        let body = json!({"name": name, "role": "merchant", "owner": name});
        dev.make_token(&body).0
    };
    let (alice, bob) = (merchant("alice"), merchant("bob"));
    let body = json!({"name": "shop", "engine": "woocommerce"}).to_string();
    let made = dev.bearing(&alice, "POST", "/api/v1/stores", &body);
    assert_eq!(made.status, 202, "{made:?}");
    let change = made.json();
    assert_eq!(change["requester"], "token:alice");
    let id = change["id"].as_str().unwrap_or("?");
    let calls = [
        ("GET", "/api/v1/stores/shop".to_owned(), ""),
        ("GET", "/api/v1/stores/shop/changes".to_owned(), ""),
        ("GET", "/api/v1/stores/shop/history".to_owned(), ""),
        (
            "PATCH",
            "/api/v1/stores/shop".to_owned(),
            "{\"plan\": \"medium\"}",
        ),
        (
            "PATCH",
            "/api/v1/stores/shop?dryRun=true".to_owned(),
            "{\"plan\": \"medium\"}",
        ),
        ("DELETE", "/api/v1/stores/shop".to_owned(), ""),
        ("GET", format!("/api/v1/changes/{id}"), ""),
        ("POST", format!("/api/v1/changes/{id}/cancel"), ""),
        ("GET", "/stores/shop".to_owned(), ""),
    ];
    for (method, path, body) in &calls {
        dev.bearing(&bob, method, path, body).assert_problem(404);
    }
    for list in ["/api/v1/stores", "/api/v1/changes"] {
        let page = dev.bearing(&bob, "GET", list, "").json();
        assert_eq!(page["items"], json!([]), "{list}");
        let page = dev.bearing(&alice, "GET", list, "").json();
        assert_eq!(page["items"].as_array().map(Vec::len), Some(1), "{list}");
    }
    assert_eq!(
        dev.bearing(&alice, "GET", "/api/v1/stores/shop", "").status,
        200
    );
    let (viewer, _) = dev.make_token(&json!({"name": "watch", "role": "viewer"}));
    assert_eq!(
        dev.bearing(&viewer, "GET", "/api/v1/stores/shop", "")
            .status,
        200
    );
}

#[test]
fn on_a_network_serve_leaves_nothing_open() {
    let dev = Dev::serve(&json!({"listen": "0.0.0.0:0"}));
    for &(method, route, wanted) in ROUTES {
        let reply = dev.anonymous(method, &filled(method, route), &[], "");
        if route.starts_with("/git/") {
            reply.assert_problem(404);
        } else {
            assert_eq!(taken(&reply), wanted[0], "{method} {route}");
        }
    }
}

#[test]
fn serve_lets_no_network_in_over_a_token_that_is_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("a folder");
    let file = data.join("admin.token");
    let config = folder.path().join("config.yaml");
    let said = |listen: &str, token: &str, mode: u32| {
        std::fs::write(&file, token).expect("written");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).expect("set");
        // Nothing listens at port 1: a start that goes on fails there.
        let settings =
            json!({"listen": listen, "data": data, "git": {"url": "http://127.0.0.1:1/f.git"}});
        std::fs::write(&config, settings.to_string()).expect("written");
        let out = Command::new(PROGRAM)
            .arg("serve")
            .arg("--config")
            .arg(&config)
            .output();
        let out = out.expect("the program starts");
        assert_eq!(out.status.code(), Some(1), "{out:?}");
        String::from_utf8(out.stderr).expect("text")
    };
    let good = format!("fwt_{}", "a1".repeat(21));
    let network = "0.0.0.0:0";
    let open = said(network, &good, 0o644);
    assert!(
        open.contains("admin.token") && open.contains("chmod o="),
        "{open}"
    );
    let short = said(network, "fwt_secret", 0o600);
    assert!(
        short.contains("admin.token") && short.contains("guessed"),
        "{short}"
    );
    assert!(!short.contains("fwt_secret"), "{short}");
    for (listen, token, mode) in [(network, good.as_str(), 0o640), ("127.0.0.1:0", "x", 0o644)] {
        let further = said(listen, token, mode);
        assert!(further.contains("127.0.0.1:1"), "{further}");
    }
}

//! The dashboard without a browser: signing in, what its pages show, and what guards them.

use serde_json::json;

use crate::wire::{Dev, Reply};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn sign_in(dev: &Dev) -> String {
    let reply = dev.anonymous("POST", "/sign-in", &[FORM], &format!("token={}", dev.token));
    assert_eq!(
        (reply.status, reply.header("location")),
        (303, "/"),
        "{reply:?}"
    );
    let cookies: Vec<_> = reply
        .headers
        .get_all("set-cookie")
        .iter()
        .filter_map(|it| it.to_str().ok())
        .collect();
    let host = cookies
        .iter()
        .find(|it| it.starts_with("__Host-fleetwright="))
        .expect("the cookie");
    for word in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(host.contains(word), "{host}");
    }
    assert!(!host.contains(&dev.token), "the cookie holds no token");
    host.split(';').next().unwrap_or("").to_owned()
}

fn page(dev: &Dev, path: &str, cookie: &str) -> Reply {
    dev.anonymous(
        "GET",
        path,
        &[("Cookie", cookie), ("Accept", "text/html")],
        "",
    )
}

#[test]
fn pages_need_a_session_and_show_the_fleet() {
    let dev = Dev::start();
    let away = dev.anonymous("GET", "/", &[], "");
    assert_eq!((away.status, away.header("location")), (303, "/sign-in"));
    let cookie = sign_in(&dev);
    let empty = page(&dev, "/", &cookie);
    assert!(
        empty.text.contains("There is no store yet"),
        "{}",
        empty.text
    );

    let values =
        json!({"name": "shop", "engine": "woocommerce", "owner": "<script>alert(1)</script>"});
    let headers = [("Content-Type", "application/json"), ("Prefer", "wait=30")];
    assert_eq!(
        dev.send("POST", "/api/v1/stores", &headers, &values.to_string())
            .status,
        200
    );
    let list = page(&dev, "/", &cookie);
    assert_eq!(list.status, 200, "{list:?}");
    for part in [
        "href=\"/stores/shop\"",
        "Committed",
        "--kubeconfig",
        "Health: ok",
        "local",
    ] {
        assert!(list.text.contains(part), "{part}: {}", list.text);
    }
    let store = page(&dev, "/stores/shop", &cookie);
    for part in ["token:admin", "create", "merged", "store-shop"] {
        assert!(store.text.contains(part), "{part}: {}", store.text);
    }
    for reply in [&list, &store] {
        assert!(
            !reply.text.contains("<script"),
            "owners are text: {}",
            reply.text
        );
        let policy = reply.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(reply.header("cache-control"), "no-store");
    }
    let none = page(&dev, "/stores/none", &cookie);
    assert_eq!(
        (none.status, none.header("content-type")),
        (404, "text/html; charset=utf-8")
    );
    let filtered = page(&dev, "/?q=zzz&phase=", &cookie);
    assert!(filtered.text.contains("No store fits"), "{}", filtered.text);
}

#[test]
fn sessions_end_and_forms_of_others_are_refused() {
    let dev = Dev::start();
    let wrong = dev.anonymous("POST", "/sign-in", &[FORM], "token=fwt_wrong");
    assert_eq!(wrong.status, 403);
    assert!(
        wrong.text.contains("not known") && wrong.header("set-cookie").is_empty(),
        "{wrong:?}"
    );
    let foreign = [FORM, ("Origin", "http://evil.example")];
    let body = format!("token={}", dev.token);
    dev.anonymous("POST", "/sign-in", &foreign, &body)
        .assert_problem(403);

    let cookie = sign_in(&dev);
    let session = [("Cookie", cookie.as_str())];
    let out = |body: &str| dev.anonymous("POST", "/sign-out", &[session[0], FORM], body);
    out("csrf=wrong").assert_problem(403);
    assert_eq!(page(&dev, "/", &cookie).status, 200, "still signed in");
    let text = page(&dev, "/", &cookie).text;
    let field = text
        .split("name=\"csrf\" value=\"")
        .nth(1)
        .and_then(|it| it.split('"').next());
    let csrf = field.expect("the form carries it");
    assert_eq!(out(&format!("csrf={csrf}")).status, 303);
    assert_eq!(page(&dev, "/", &cookie).status, 303, "signed out");
    dev.anonymous("GET", "/api/v1/stores", &session, "")
        .assert_problem(401);
}

//! API tokens: made, shown once, listed, expired, revoked; by API and by command line.

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::process::PROGRAM;
use crate::wire::Dev;

fn status(dev: &Dev, token: &str) -> u16 {
    let reply = dev.bearing(token, "GET", "/api/v1/stores", "");
    if reply.status == 401 {
        reply.assert_problem(401);
        assert!(
            reply.header("www-authenticate").contains("invalid_token"),
            "{reply:?}"
        );
    }
    reply.status
}

#[test]
fn a_token_is_shown_once_and_is_good_until_it_is_revoked() {
    let mut dev = Dev::start();
    let body = json!({"name": "ci", "role": "operator", "expiresIn": "30d"});
    let made = dev.json("POST", "/api/v1/tokens", &body);
    assert_eq!(made.status, 201, "{made:?}");
    let about = made.json();
    let token = about["token"].as_str().expect("a token").to_owned();
    let id = about["id"].as_str().expect("an id").to_owned();
    assert!(token.starts_with("fwt_") && token.len() == 47, "{token}");
    assert_eq!(made.header("location"), format!("/api/v1/tokens/{id}"));
    assert_eq!(
        (&about["role"], &about["owner"], &about["createdBy"]),
        (&"operator".into(), &"ci".into(), &"token:admin".into())
    );
    assert_eq!(status(&dev, &token), 200);
    let (kept, _) = dev.make_token(&json!({"name": "keep", "role": "viewer"}));

    // Seen again it has all but its text.
    let mut bare = about.clone();
    bare.as_object_mut().expect("an object").remove("token");
    let place = format!("/api/v1/tokens/{id}");
    assert_eq!(dev.get(&place).json(), bare);
    let first = dev.get("/api/v1/tokens?limit=1").json();
    assert_eq!(first["items"], json!([bare]));
    let cursor = first["next"].as_str().expect("there is more");
    let second = dev
        .get(&format!("/api/v1/tokens?limit=1&cursor={cursor}"))
        .json();
    assert_eq!(
        (&second["items"][0]["name"], &second["next"]),
        (&"keep".into(), &Value::Null)
    );

    dev.server.kill_and_restart();
    dev.find();
    assert_eq!(
        (status(&dev, &token), status(&dev, &kept)),
        (200, 200),
        "a kill forgets none"
    );

    let gone = dev.send("DELETE", &place, &[], "");
    assert_eq!((gone.status, gone.text.as_str()), (204, ""), "{gone:?}");
    assert_eq!(
        (status(&dev, &token), status(&dev, &kept)),
        (401, 200),
        "at once"
    );
    dev.send("DELETE", &place, &[], "").assert_problem(404);
    dev.get(&place).assert_problem(404);
    dev.server.kill_and_restart();
    dev.find();
    assert_eq!(
        (status(&dev, &token), status(&dev, &kept)),
        (401, 200),
        "and for good"
    );

    let said = dev.server.said();
    assert!(
        said.contains("Token ci made") && said.contains("Token ci revoked"),
        "{said}"
    );
    let journal = std::fs::read(dev.data.join("journal.redb")).expect("the journal");
    for secret in [&token, &kept] {
        assert!(!said.contains(secret.as_str()), "no token is logged");
        let found = journal
            .windows(secret.len())
            .any(|it| it == secret.as_bytes());
        assert!(!found, "no token is kept");
    }
}

#[test]
fn what_cannot_be_a_token_is_refused() {
    let dev = Dev::start();
    let table: [(Value, &[&str]); 8] = [
        (json!({"name": "a"}), &["/role"]),
        (json!({"name": "a", "role": "root"}), &["/role"]),
        (json!({"name": "A b", "role": "viewer"}), &["/name"]),
        (json!({"name": "a", "role": "merchant"}), &["/owner"]),
        (
            json!({"name": "a", "role": "viewer", "expiresIn": "400d"}),
            &["/expiresIn"],
        ),
        (
            json!({"name": "a", "role": "viewer", "expiresAt": "2020-01-01T00:00:00Z"}),
            &["/expiresAt"],
        ),
        (
            json!({"name": "a", "role": "viewer", "expiresAt": "soon"}),
            &["/expiresAt"],
        ),
        (
            json!({"name": "a", "role": "viewer", "token": "fwt_mine"}),
            &["/token"],
        ),
    ];
    for (body, pointers) in table {
        let reply = dev.json("POST", "/api/v1/tokens", &body);
        reply.assert_problem(422);
        assert_eq!(reply.pointers(), pointers, "{body}");
    }
    let twin = json!({"name": "a", "role": "viewer"});
    let (_, id) = dev.make_token(&twin);
    dev.json("POST", "/api/v1/tokens", &twin)
        .assert_problem(409);
    let admin = json!({"name": "admin", "role": "viewer"});
    dev.json("POST", "/api/v1/tokens", &admin)
        .assert_problem(409);
    let headers = [
        ("Content-Type", "application/json"),
        ("Idempotency-Key", "k"),
    ];
    let other = json!({"name": "b", "role": "viewer"}).to_string();
    let keyed = dev.send("POST", "/api/v1/tokens", &headers, &other);
    keyed.assert_problem(400);
    assert!(
        keyed.text.contains("Idempotency-Key does not apply"),
        "{keyed:?}"
    );
    assert_eq!(
        dev.get("/api/v1/tokens").json()["items"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    dev.send("DELETE", "/api/v1/tokens/none", &[], "")
        .assert_problem(404);
    assert_eq!(
        dev.send("DELETE", &format!("/api/v1/tokens/{id}"), &[], "")
            .status,
        204
    );
    dev.make_token(&twin);
}

#[test]
fn a_token_ends_by_itself_and_takes_its_session_along() {
    let dev = Dev::start();
    let short = json!({"name": "short", "role": "viewer", "expiresIn": "5s"});
    let (token, _) = dev.make_token(&short);
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let entered = dev.anonymous("POST", "/sign-in", &form, &format!("token={token}"));
    let cookie = entered
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap_or("")
        .to_owned();
    let page = || dev.anonymous("GET", "/", &[("Cookie", &cookie)], "").status;
    assert_eq!((status(&dev, &token), page()), (200, 200));
    eventually("it runs out", Duration::from_secs(20), || {
        let reply = dev.bearing(&token, "GET", "/api/v1/stores", "");
        let over = reply.status == 401 && reply.text.contains("expired");
        over.then_some(()).ok_or(reply.text)
    });
    assert_eq!(page(), 303);
    assert_eq!(
        dev.get("/api/v1/tokens").json()["items"][0]["name"],
        "short",
        "still listed"
    );
    // Its name is free again.
    let (again, _) = dev.make_token(&json!({"name": "short", "role": "viewer"}));
    assert_eq!((status(&dev, &token), status(&dev, &again)), (401, 200));
    assert_eq!(
        dev.get("/api/v1/tokens").json()["items"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

#[test]
fn the_way_in_of_the_data_folder_stays_and_a_replaced_one_is_gone() {
    let mut dev = Dev::start();
    let (other, id) = dev.make_token(&json!({"name": "boss", "role": "admin"}));
    let gone = dev.bearing(&other, "DELETE", &format!("/api/v1/tokens/{id}"), "");
    assert_eq!(
        (gone.status, status(&dev, &other)),
        (204, 401),
        "an admin may revoke its own"
    );
    assert_eq!(dev.get("/api/v1/tokens").status, 200);
    let old = dev.token.clone();
    std::fs::remove_file(dev.data.join("admin.token")).expect("removed");
    dev.server.kill_and_restart();
    dev.find();
    assert_ne!(dev.token, old);
    assert_eq!((status(&dev, &dev.token), status(&dev, &old)), (200, 401));
}

fn client(dev: &Dev, token: &str, args: &[&str]) -> Output {
    Command::new(PROGRAM)
        .arg("token")
        .args(args)
        .env("FLEETWRIGHT_URL", &dev.base)
        .env("FLEETWRIGHT_TOKEN", token)
        .output()
        .expect("the program starts")
}

#[test]
fn the_command_line_makes_lists_and_revokes() {
    let dev = Dev::start();
    let done = |args: &[&str]| {
        let out = client(&dev, &dev.token, args);
        assert!(
            out.status.success() && out.stderr.is_empty(),
            "{args:?}: {out:?}"
        );
        String::from_utf8(out.stdout).expect("text")
    };
    let made = done(&[
        "create",
        "shop",
        "--role",
        "merchant",
        "--owner",
        "ann",
        "--expires-in",
        "2d",
    ]);
    let token = made.trim_end();
    assert!(
        token.starts_with("fwt_") && made.lines().count() == 1,
        "the token alone"
    );
    assert_eq!(status(&dev, token), 200);
    let whole: Value =
        serde_json::from_str(&done(&["create", "ci", "--role", "viewer", "-o", "json"]))
            .expect("JSON");
    assert_eq!(status(&dev, whole["token"].as_str().unwrap_or("?")), 200);
    let table = done(&["list"]);
    assert!(
        table.contains(" shop  merchant  ann ") && !table.contains("fwt_"),
        "{table}"
    );
    let ids = done(&["list", "-o", "name"]);
    let id = ids.lines().next().expect("two tokens");
    assert_eq!(done(&["revoke", id]), "");
    assert_eq!(status(&dev, token), 401);

    let fails = |token: &str, args: &[&str], code: i32| {
        let out = client(&dev, token, args);
        assert_eq!(out.status.code(), Some(code), "{args:?}: {out:?}");
        String::from_utf8(out.stderr).expect("text")
    };
    assert!(fails(&dev.token, &["revoke", id], 1).contains("HTTP 404"));
    assert!(fails(token, &["list"], 1).contains("HTTP 401"));
    assert!(fails(&dev.token, &["create", "x", "--role", "merchant"], 1).contains("owner"));
    fails(&dev.token, &["create", "x", "--role", "root"], 2);
    fails(&dev.token, &["revoke", "x"], 2);
}

//! The client commands against a running server, with their exit codes.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::process::PROGRAM;
use crate::wire::Dev;

fn client(dev: &Dev, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command
        .args(args)
        .env("FLEETWRIGHT_URL", &dev.base)
        .env("FLEETWRIGHT_TOKEN", &dev.token);
    command.output().expect("the program starts")
}

/// Standard output of a command that is done.
fn done(dev: &Dev, args: &[&str]) -> String {
    let out = client(dev, args);
    assert_eq!(out.status.code(), Some(0), "{args:?}: {out:?}");
    assert!(out.stderr.is_empty(), "progress is for terminals: {out:?}");
    String::from_utf8(out.stdout).expect("text")
}

/// The one line of a command that is not done.
fn fails(dev: &Dev, args: &[&str], code: i32) -> String {
    let out = client(dev, args);
    assert_eq!(out.status.code(), Some(code), "{args:?}: {out:?}");
    let said = String::from_utf8(out.stderr).expect("text");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("error: "), "{said}");
    said
}

#[test]
fn stores_are_created_shown_changed_and_deleted() {
    let dev = Dev::start();
    let create = [
        "store",
        "create",
        "shop",
        "--engine",
        "woocommerce",
        "--wait",
        "-o",
        "json",
    ];
    let change: Value = serde_json::from_str(&done(&dev, &create)).expect("JSON");
    assert_eq!(
        (&change["state"], &change["action"]),
        (&"merged".into(), &"create".into())
    );
    assert_eq!(done(&dev, &["store", "list", "-o", "name"]), "shop\n");
    let table = done(&dev, &["store", "list"]);
    assert!(
        table.starts_with("NAME") && table.contains("\nshop  Committed  woocommerce 1.0.0"),
        "{table}"
    );
    let yaml = done(&dev, &["store", "get", "shop", "-o", "yaml"]);
    assert!(yaml.contains("\nphase: Committed\n"), "{yaml}");
    let plan = done(
        &dev,
        &["store", "update", "shop", "--plan", "medium", "--dry-run"],
    );
    assert!(plan.contains("+  plan: medium"), "{plan}");
    done(
        &dev,
        &[
            "store", "update", "shop", "--plan", "medium", "--wait", "30",
        ],
    );
    assert!(done(&dev, &["store", "get", "shop"]).contains(" medium "));
    done(&dev, &["store", "delete", "shop", "--wait"]);
    let actions = done(&dev, &["change", "list", "--store", "shop"]);
    for action in ["create", "update", "delete"] {
        assert!(actions.contains(action), "{actions}");
    }
    let id = change["id"].as_str().unwrap_or("?");
    assert_eq!(
        done(&dev, &["change", "get", id, "-o", "name"]),
        format!("{id}\n")
    );
}

#[test]
fn failures_are_one_line_with_a_code() {
    let dev = Dev::start();
    let said = fails(
        &dev,
        &[
            "store", "create", "shop", "--engine", "nope", "--plan", "huge",
        ],
        1,
    );
    assert!(
        said.contains("/engine") && said.contains("HTTP 422"),
        "{said}"
    );
    assert!(fails(&dev, &["store", "get", "none"], 1).contains("\"none\""));
    fails(&dev, &["store", "update", "none"], 2);
    fails(
        &dev,
        &[
            "store",
            "create",
            "shop",
            "--engine",
            "woocommerce",
            "--set",
            "novalue",
        ],
        2,
    );
    done(
        &dev,
        &[
            "store",
            "create",
            "shop",
            "--engine",
            "woocommerce",
            "--wait",
        ],
    );
    let why = ["--reason", "Größer, Ticket 7", "--wait"];
    let update = ["store", "update", "shop", "--set", "title=Haus"];
    done(&dev, &[&update[..], &why[..]].concat());
    let audit = dev.get("/api/v1/audit?action=update").json();
    assert_eq!(audit["items"][0]["reason"], "Größer, Ticket 7", "{audit}");
    let id = done(&dev, &["change", "list", "-o", "name"]);
    let id = id.lines().next().unwrap_or_default();
    assert!(fails(&dev, &["change", "cancel", id.trim()], 1).contains("HTTP 409"));
    let tag = [
        "store",
        "update",
        "shop",
        "--plan",
        "medium",
        "--if-match",
        "old",
    ];
    assert!(fails(&dev, &tag, 1).contains("HTTP 412"));
    let wait = [
        "store", "update", "shop", "--plan", "medium", "--wait", "30", "--until", "ready",
    ];
    let said = client(&dev, &wait);
    let line = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(
        said.status.code() == Some(1) && line.contains("no cluster is watched"),
        "{line}"
    );
}

#[test]
fn without_server_or_token_it_says_what_to_set() {
    let run = |envs: &[(&str, &str)]| {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(PROGRAM);
        command.args(["store", "list"]).current_dir(folder.path());
        command
            .env_remove("FLEETWRIGHT_URL")
            .env_remove("FLEETWRIGHT_TOKEN")
            .envs(envs.iter().copied());
        let out = command.output().expect("the program starts");
        (
            out.status.code(),
            String::from_utf8(out.stderr).expect("text"),
        )
    };
    let (code, said) = run(&[]);
    assert!(
        code == Some(2) && said.contains("FLEETWRIGHT_TOKEN"),
        "{said}"
    );
    let nobody = [
        ("FLEETWRIGHT_URL", "http://127.0.0.1:1"),
        ("FLEETWRIGHT_TOKEN", "x"),
    ];
    let (code, said) = run(&nobody);
    assert!(
        code == Some(1) && said.contains("no server answers at http://127.0.0.1:1"),
        "{said}"
    );
    let (code, said) = run(&[("FLEETWRIGHT_URL", "nonsense"), ("FLEETWRIGHT_TOKEN", "x")]);
    assert!(code == Some(2) && said.lines().count() == 1, "{said}");
}

#[test]
fn the_doctor_names_what_is_not_well() {
    let mut dev = Dev::start();
    let well = client(&dev, &["doctor"]);
    let said = String::from_utf8_lossy(&well.stdout).into_owned();
    assert!(well.status.success(), "{said}");
    for part in [
        "ok   the program git",
        "ok   index",
        "ok   policy",
        "ok   cluster local",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    dev.server.kill();
    let ill = client(&dev, &["doctor"]);
    let said = String::from_utf8_lossy(&ill.stdout).into_owned();
    assert_eq!(ill.status.code(), Some(1), "{said}");
    assert!(said.contains("bad  the server"), "{said}");
}

#[test]
fn stores_are_acted_on_watched_and_looked_back_at() {
    let dev = Dev::start();
    dev.create("shop");
    for action in ["suspend", "resume", "retry"] {
        done(&dev, &["store", action, "shop", "--wait"]);
    }
    // The state before was the suspended one.
    done(&dev, &["store", "rollback", "shop", "--wait"]);
    let why = fails(&dev, &["store", "suspend", "shop"], 1);
    assert!(why.contains("suspended already"), "{why}");
    let history = done(&dev, &["store", "history", "shop", "-o", "wide"]);
    for action in ["create", "suspend", "resume", "retry", "rollback"] {
        assert!(history.contains(action), "{history}");
    }
    let watched = done(&dev, &["store", "watch", "shop", "--timeout", "20"]);
    assert!(watched.starts_with("shop: "), "{watched}");
    assert!(done(&dev, &["charts", "list"]).contains("woocommerce"));
    let id = done(&dev, &["change", "list", "--action", "retry", "-o", "name"]);
    done(&dev, &["change", "watch", id.trim(), "--until", "merged"]);
    fails(&dev, &["store", "upgrade", "shop", "99.0.0"], 1);
}

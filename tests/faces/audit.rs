//! The audit: Git is the record, people's commits are marked, and what Git never sees hangs on a chain.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use redb::{ReadableDatabase as _, ReadableTable as _, TableDefinition};
use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::git::{Person, git};
use crate::support::process::PROGRAM;
use crate::validation::merchant;
use crate::wire::Dev;

const SOON: Duration = Duration::from_secs(20);
const JSON: (&str, &str) = ("Content-Type", "application/json");

fn items(dev: &Dev, query: &str) -> Vec<Value> {
    let reply = dev.get(&format!("/api/v1/audit{query}"));
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["items"].as_array().expect("a list").clone()
}

fn index(dev: &Dev, what: &str) -> Output {
    let data = dev.data.to_str().expect("a plain path");
    Command::new(PROGRAM)
        .args(["index", what, "--data", data])
        .output()
        .expect("the program starts")
}

fn said(out: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    )
}

#[test]
fn git_is_the_record_of_who_did_what_and_why() {
    let mut dev = Dev::start();
    let reason = ("Fleetwright-Reason", "Ticket 7: =1+1, größer");
    let wait = ("Prefer", "wait=30");
    let body = json!({"name": "shop", "engine": "woocommerce"}).to_string();
    let made = dev.send("POST", "/api/v1/stores", &[JSON, wait, reason], &body);
    assert_eq!(made.status, 200, "{made:?}");
    let commit = made.json()["commit"].as_str().expect("merged").to_owned();
    let message = git(
        &dev.data.join("fleet.git"),
        &["show", "--no-patch", "--format=%B", &commit],
    );
    assert!(
        message.contains("\nFleetwright-Reason: Ticket 7: =1+1, größer"),
        "{message}"
    );
    dev.create("other");
    let remote = dev.data.join("fleet.git");
    let ann = Person::clones(
        remote.to_str().expect("a plain path"),
        dev.data.parent().expect("a folder"),
    );
    let theirs = ann.pushes("main", "Say hello", &|clone: &Path| {
        std::fs::write(clone.join("HELLO.md"), "hello\n").expect("written");
    });
    eventually("the person's commit is in the audit", SOON, || {
        let found = items(&dev, "?action=commit");
        found
            .iter()
            .any(|it| it["commit"] == theirs)
            .then_some(())
            .ok_or(format!("{found:?}"))
    });

    let all = items(&dev, "");
    let one = |commit: &str| {
        all.iter()
            .find(|it| it["commit"] == commit)
            .expect("is there")
            .clone()
    };
    let ours = one(&commit);
    assert_eq!(
        (
            &ours["actor"],
            &ours["action"],
            &ours["store"],
            &ours["foreign"],
            &ours["reason"]
        ),
        (
            &json!("token:admin"),
            &json!("create"),
            &json!("shop"),
            &json!(false),
            &json!("Ticket 7: =1+1, größer")
        )
    );
    let foreign = one(&theirs);
    assert_eq!(
        (&foreign["foreign"], &foreign["signer"], &foreign["store"]),
        (&json!(true), &Value::Null, &Value::Null)
    );
    assert!(
        foreign["author"].as_str().expect("a text").contains('@'),
        "{foreign}"
    );
    let commits = git(&remote, &["rev-list", "--count", "main"]);
    assert_eq!(
        all.len().to_string(),
        commits.trim(),
        "every commit of main is there once"
    );

    let bad = [JSON, ("Fleetwright-Reason", " ")];
    dev.send("POST", "/api/v1/stores", &bad, &body)
        .assert_problem(400);

    // A rebuilt index says the same.
    dev.server.kill();
    std::fs::remove_file(dev.data.join("index.redb")).expect("removed");
    dev.server.restart();
    dev.find();
    assert_eq!(items(&dev, ""), all);
}

#[test]
fn the_audit_is_filtered_paged_and_fit_for_a_spreadsheet() {
    let dev = Dev::start();
    dev.create("shop");
    dev.create("other");
    let all = items(&dev, "");
    let ours = all.iter().find(|it| it["store"] == "shop");
    let ours = ours.expect("the create is there");
    let count = |query: &str| items(&dev, query).len();
    assert_eq!(
        (
            count("?store=shop"),
            count("?actor=nobody"),
            count("?action=create&store=other")
        ),
        (1, 0, 1)
    );
    let at = ours["at"].as_str().expect("a time");
    assert!(items(&dev, &format!("?since={at}")).contains(ours));
    assert!(!items(&dev, &format!("?until={at}")).contains(ours));
    let commit = ours["commit"].as_str().expect("a commit");
    assert_eq!(
        items(&dev, &format!("?commit={commit}")),
        std::slice::from_ref(ours)
    );
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = dev.get(&format!("/api/v1/audit?limit=2{cursor}")).json();
        paged.extend(page["items"].as_array().expect("a list").clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, all);
    let csv = dev.get("/api/v1/audit?format=csv&store=shop");
    assert!(
        csv.header("content-type").starts_with("text/csv"),
        "{csv:?}"
    );
    assert!(
        csv.text.starts_with("at,actor,action,store,")
            && csv.text.contains("token:admin,create,shop,"),
        "{csv:?}"
    );
    let next = dev.get("/api/v1/audit?format=csv&limit=1");
    assert!(next.header("link").ends_with("rel=\"next\""), "{next:?}");
    for (query, pointer) in [
        ("?kind=all", "/query/kind"),
        ("?since=monday", "/query/since"),
        ("?format=xml", "/query/format"),
        ("?cursor=x", "/query/cursor"),
    ] {
        let reply = dev.get(&format!("/api/v1/audit{query}"));
        reply.assert_problem(422);
        assert_eq!(reply.pointers(), [pointer]);
    }
}

#[test]
fn merchants_read_what_was_done_to_their_own_stores() {
    let dev = Dev::start();
    dev.create("theirs");
    let ann = merchant(&dev.server, "ann");
    let change = ann.create(&json!({"name": "shop", "engine": "woocommerce"}));
    ann.change_in(&change, "merged", SOON);
    let (status, page) = ann.get("/api/v1/audit");
    let found = page["items"].as_array().expect("a list");
    assert_eq!((status, found.len()), (200, 1), "{page}");
    assert_eq!(
        (&found[0]["store"], &found[0]["actor"]),
        (&json!("shop"), &json!("token:ann"))
    );
    for kind in ["refusals", "sign-ins"] {
        let (status, problem) = ann.get(&format!("/api/v1/audit?kind={kind}"));
        assert_eq!(status, 403, "{problem}");
    }
    dev.anonymous("GET", "/api/v1/audit", &[], "")
        .assert_problem(401);
}

#[test]
fn what_git_never_sees_is_kept_and_no_change_of_it_goes_unseen() {
    let mut dev = Dev::start();
    let body = "{\"engine\": \"nope\"}";
    dev.send("POST", "/api/v1/stores", &[JSON], body)
        .assert_problem(422);
    dev.send("DELETE", "/api/v1/stores/none", &[], "")
        .assert_problem(404);
    dev.get("/api/v1/stores/none").assert_problem(404);
    let wrong = [("Authorization", "Bearer fwt_guessed-secret")];
    dev.anonymous("GET", "/api/v1/stores", &wrong, "")
        .assert_problem(401);
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let sign_in = |token: &str| {
        dev.anonymous("POST", "/sign-in", &form, &format!("token={token}"))
            .status
    };
    assert_eq!((sign_in("fwt_wrong-one"), sign_in(&dev.token)), (403, 303));

    let kept = |kind: &str, many: usize| {
        eventually("the rows are written", SOON, || {
            let rows = items(&dev, &format!("?kind={kind}"));
            if rows.len() >= many {
                Ok(rows)
            } else {
                Err(format!("{rows:?}"))
            }
        })
    };
    let refusals = kept("refusals", 2);
    let told: Vec<_> = refusals
        .iter()
        .map(|it| (&it["action"], &it["status"], &it["store"]))
        .collect();
    let wanted = [
        (
            &json!("DELETE /api/v1/stores/none"),
            &json!(404),
            &json!("none"),
        ),
        (&json!("POST /api/v1/stores"), &json!(422), &Value::Null),
    ];
    assert_eq!(told, wanted);
    assert!(
        refusals[1]["detail"]
            .as_str()
            .expect("a text")
            .contains("nope"),
        "{refusals:?}"
    );
    let sign_ins = kept("sign-ins", 3);
    let told: Vec<_> = sign_ins
        .iter()
        .map(|it| (&it["subject"], &it["status"]))
        .collect();
    let (unknown, admin) = (json!("unknown"), json!("token:admin"));
    assert_eq!(
        told,
        [
            (&admin, &json!(303)),
            (&unknown, &json!(403)),
            (&unknown, &json!(401))
        ]
    );
    let text = format!("{sign_ins:?}");
    assert!(
        !text.contains("guessed") && !text.contains("wrong-one"),
        "{text}"
    );

    // A kill leaves a chain that holds, and the next rows go on with it.
    for _ in 0..20 {
        dev.anonymous("GET", "/api/v1/stores", &wrong, "");
    }
    dev.server.kill_and_restart();
    dev.find();
    dev.send("DELETE", "/api/v1/stores/none", &[], "")
        .assert_problem(404);
    eventually("the row is written", SOON, || {
        let rows = items(&dev, "?kind=refusals");
        if rows.len() == 3 {
            Ok(())
        } else {
            Err(format!("{rows:?}"))
        }
    });
    let out = index(&dev, "check");
    assert_eq!(
        out.status.code(),
        Some(1),
        "the server has the folder: {}",
        said(&out)
    );
    dev.server.kill();
    let out = index(&dev, "check");
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    assert!(said(&out).contains("newest hash"), "{}", said(&out));

    let row = change_a_row(&dev.data.join("journal.redb"));
    let out = index(&dev, "check");
    assert_eq!(out.status.code(), Some(1));
    assert!(
        said(&out).contains(&format!("breaks at row {row}")),
        "{}",
        said(&out)
    );
}

#[test]
fn a_read_that_a_role_may_not_make_is_kept_and_one_of_nothing_is_not() {
    let dev = Dev::start();
    let (viewer, _) = dev.make_token(&json!({"name": "eve", "role": "viewer"}));
    let read = |path| dev.bearing(&viewer, "GET", path, "");
    read("/api/v1/stores/none").assert_problem(404);
    read("/api/v1/tokens").assert_problem(403);
    let rows = eventually("the row is written", SOON, || {
        let rows = items(&dev, "?kind=refusals");
        if rows.is_empty() {
            Err("nothing yet".to_owned())
        } else {
            Ok(rows)
        }
    });
    let told: Vec<_> = rows
        .iter()
        .map(|it| (&it["subject"], &it["action"]))
        .collect();
    let wanted = (&json!("token:eve"), &json!("GET /api/v1/tokens"));
    assert_eq!(told, [wanted]);
}

/// Makes a refusal look like something else, as somebody with the file could.
fn change_a_row(journal: &Path) -> u64 {
    let table: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("audit/v1");
    let database = redb::Database::open(journal).expect("the journal");
    let change = database.begin_write().expect("a transaction");
    let mut rows = change.open_table(table).expect("the table");
    let (place, text) = {
        let (place, row) = rows.first().expect("read").expect("there are rows");
        (
            place.value(),
            String::from_utf8(row.value().to_vec()).expect("JSON"),
        )
    };
    let text = text.replace("token:admin", "token:eve");
    rows.insert(place, text.as_bytes()).expect("written");
    drop(rows);
    change.commit().expect("written");
    drop(database.begin_read().expect("it can still be read"));
    place
}

#[test]
fn the_index_is_held_against_git_and_made_anew() {
    let mut dev = Dev::start();
    dev.create("shop");
    dev.server.kill();
    let out = index(&dev, "rebuild");
    assert!(
        out.status.success() && said(&out).contains("1 stores"),
        "{}",
        said(&out)
    );
    let out = index(&dev, "check");
    assert!(out.status.success(), "{}", said(&out));

    let table: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("stores/v1");
    let database = redb::Database::open(dev.data.join("index.redb")).expect("the index");
    let change = database.begin_write().expect("a transaction");
    change
        .open_table(table)
        .expect("the table")
        .remove("shop")
        .expect("removed");
    change.commit().expect("written");
    drop(database);
    let out = index(&dev, "check");
    assert_eq!(out.status.code(), Some(1));
    assert!(
        said(&out).contains("store shop is missing"),
        "{}",
        said(&out)
    );
    let out = index(&dev, "rebuild");
    assert!(out.status.success(), "{}", said(&out));
    assert!(index(&dev, "check").status.success());
    let none = tempfile::tempdir().expect("a folder");
    let path = none.path().to_str().expect("a plain path");
    let out = Command::new(PROGRAM)
        .args(["index", "check", "--data", path])
        .output()
        .expect("it starts");
    assert!(
        out.status.code() == Some(1) && said(&out).contains("no data folder"),
        "{}",
        said(&out)
    );
}

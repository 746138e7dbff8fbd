//! Signed messages from other systems, with the standard's published library as their sender.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::served::{Served, deliver, now, post, signed, signed_at};
use crate::support::eventually;
use crate::wire::{Dev, Reply};

const OLD: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
const NEW: &str = "whsec_enp6enp6enp6enp6enp6enp6enp6enp6";
const STRANGE: &str = "whsec_eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4";
const SHOP: &str = "whsec_YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh";

fn secret(folder: &Path, name: &str, text: &str) -> Value {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("written");
    json!({"file": path})
}

/// A fleet with two systems: `erp` for the stores of ann and ben, which may not delete, and `shop` for ann alone.
fn fleet() -> (Served, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| secret(folder.path(), name, text);
    let served = Served::start(&json!({"webhooks": [
        {"name": "erp", "secrets": [file("old", OLD), file("new", NEW)], "role": "operator", "owners": ["ann", "ben"],
         "actions": ["create", "update", "upgrade", "suspend", "resume"]},
        {"name": "shop", "secrets": [file("shop", SHOP)], "role": "merchant", "owners": ["ann"],
         "actions": ["create", "update", "delete"]},
    ]}));
    (served, folder)
}

fn create(name: &str, owner: &str) -> Value {
    json!({"action": "create", "store": {"name": name, "engine": "woocommerce", "owner": owner}})
}

fn accepted(reply: &Reply) -> Value {
    assert_eq!(reply.status, 202, "{reply:?}");
    let change = reply.json();
    let place = format!("/api/v1/changes/{}", change["id"].as_str().unwrap_or("?"));
    assert_eq!(reply.header("location"), place);
    change
}

#[test]
fn a_message_is_a_request_like_any_other() {
    let (served, _folder) = fleet();
    let dev = &served.dev;
    let made = accepted(&deliver(dev, OLD, "msg_1", &create("one", "ann")));
    assert_eq!(
        (&made["requester"], &made["action"]),
        (&json!("webhook:erp"), &json!("create"))
    );
    let store = dev.get("/api/v1/stores/one").json();
    assert_eq!(store["record"]["spec"]["owner"], "ann");

    let patch = json!({"action": "update", "store": {"name": "one", "plan": "medium"}});
    assert_eq!(
        accepted(&deliver(dev, NEW, "msg_2", &patch))["action"],
        "update"
    );
    let store = dev.get("/api/v1/stores/one").json();
    assert_eq!(store["record"]["spec"]["plan"], "medium");

    let act = |id: &str, action: &str, more: &Value| {
        let mut store = json!({"name": "one"});
        json_patch::merge(&mut store, more);
        deliver(dev, OLD, id, &json!({"action": action, "store": store}))
    };
    for (id, action) in [("msg_s", "suspend"), ("msg_r", "resume")] {
        assert_eq!(accepted(&act(id, action, &json!({})))["action"], action);
    }
    act("msg_r2", "resume", &json!({})).assert_problem(409);
    let unknown = act(
        "msg_u",
        "upgrade",
        &json!({"version": "9.9.9", "allowDowngrade": true}),
    );
    unknown.assert_problem(422);
    assert_eq!(unknown.pointers(), ["/store/version"]);

    // Whose secret signed it says what it may do.
    let delete = json!({"action": "delete", "store": {"name": "one"}});
    deliver(dev, OLD, "msg_3", &delete).assert_problem(403);
    let deleted = accepted(&deliver(dev, SHOP, "msg_3", &delete));
    assert_eq!(deleted["requester"], "webhook:shop");
    // Deleted already: the same change, for another delivery.
    let again = accepted(&deliver(dev, SHOP, "msg_4", &delete));
    assert_eq!(again["id"], deleted["id"]);
    assert_eq!(deliver(dev, SHOP, "msg_4", &delete).status, 200);

    // A merchant's system needs not name its one owner, and is limited as he is.
    let mine = json!({"action": "create", "store": {"name": "mine", "engine": "woocommerce"}});
    let made = deliver(dev, SHOP, "msg_5", &mine);
    assert!(
        made.header("ratelimit").contains("\"creates\";r=4;"),
        "{made:?}"
    );
    accepted(&made);
    let store = dev.get("/api/v1/stores/mine").json();
    assert_eq!(store["record"]["spec"]["owner"], "ann");
}

#[test]
fn a_message_may_say_why() {
    let (served, _folder) = fleet();
    let dev = &served.dev;
    let mut message = create("one", "ann");
    message["reason"] = json!("Order 7: größer, bitte");
    accepted(&deliver(dev, OLD, "msg_1", &message));
    let reason = eventually("it is in Git", Duration::from_secs(30), || {
        let rows = dev.get("/api/v1/audit?store=one").json();
        match rows["items"].as_array().and_then(|it| it.first()) {
            Some(row) => Ok(row["reason"].clone()),
            None => Err(rows.to_string()),
        }
    });
    assert_eq!(reason, "Order 7: größer, bitte");
    message["reason"] = json!("two\nlines");
    let refused = deliver(dev, OLD, "msg_2", &message);
    refused.assert_problem(422);
    assert_eq!(refused.pointers(), ["/reason"]);
}

#[test]
fn only_listed_owners_are_touched() {
    let (served, _folder) = fleet();
    let dev = &served.dev;
    let body = json!({"name": "theirs", "engine": "woocommerce", "owner": "cat"});
    assert_eq!(dev.json("POST", "/api/v1/stores", &body).status, 202);
    let patch =
        |name: &str, plan: &str| json!({"action": "update", "store": {"name": name, "plan": plan}});
    deliver(dev, OLD, "msg_1", &patch("theirs", "medium")).assert_problem(404);
    deliver(dev, SHOP, "msg_1", &patch("theirs", "medium")).assert_problem(404);
    deliver(dev, OLD, "msg_1", &patch("nowhere", "medium")).assert_problem(404);
    let refused = deliver(dev, OLD, "msg_1", &create("more", "cat"));
    refused.assert_problem(422);
    assert_eq!(refused.pointers(), ["/store/owner"]);
    let unnamed = json!({"action": "create", "store": {"name": "more", "engine": "woocommerce"}});
    assert_eq!(
        deliver(dev, OLD, "msg_1", &unnamed).pointers(),
        ["/store/owner"]
    );
    accepted(&deliver(dev, OLD, "msg_1", &create("bens", "ben")));
    let away = json!({"action": "update", "store": {"name": "bens", "owner": "cat"}});
    assert_eq!(
        deliver(dev, OLD, "msg_2", &away).pointers(),
        ["/store/owner"]
    );
    deliver(dev, SHOP, "msg_2", &patch("bens", "medium")).assert_problem(404);
    let unknown = json!({"action": "update", "store": {"name": "bens", "colour": 1}});
    assert_eq!(
        deliver(dev, OLD, "msg_2", &unknown).pointers(),
        ["/store/colour"]
    );
}

#[test]
fn only_signed_messages_of_now_are_read() {
    let (served, _folder) = fleet();
    let dev = &served.dev;
    let body = create("one", "ann").to_string();
    let good = signed(OLD, "msg_1", &body);

    post(dev, &signed(STRANGE, "msg_1", &body), &body).assert_problem(401);
    post(dev, &good, &body.replace("ann", "ben")).assert_problem(401);
    let mut other = good.clone();
    other[0].1 = "msg_2".to_owned();
    post(dev, &other, &body).assert_problem(401);
    for missing in 0..3 {
        let mut some = good.to_vec();
        some.remove(missing);
        post(dev, &some, &body).assert_problem(401);
    }
    post(dev, &[], &body).assert_problem(401);
    dev.send("POST", "/webhooks/stores", &[], &body)
        .assert_problem(401);
    for time in [now() - 400, now() + 400] {
        post(dev, &signed_at(OLD, "msg_1", time, &body), &body).assert_problem(400);
    }
    // Signed or not, there is a size; and what was signed must be a message.
    let large = format!("{{\"action\": \"{}\"}}", "a".repeat(256 * 1024));
    post(dev, &signed(OLD, "msg_1", &large), &large).assert_problem(413);
    for (body, status) in [
        ("nonsense", 400),
        ("{}", 422),
        (
            "{\"action\": \"create\", \"action\": \"delete\", \"store\": {}}",
            422,
        ),
        ("{\"action\": \"approve\", \"store\": {}}", 422),
        ("{\"action\": \"create\", \"store\": {}, \"more\": 1}", 422),
        (
            "{\"action\": \"update\", \"store\": {\"plan\": \"small\"}}",
            422,
        ),
    ] {
        post(dev, &signed(OLD, "msg_1", body), body).assert_problem(status);
    }
    // Nothing of all that was taken, nor was the id used up.
    assert_eq!(dev.get("/api/v1/changes").json()["items"], json!([]));
    accepted(&post(dev, &good, &body));
    dev.get("/webhooks/stores").assert_problem(405);
}

#[test]
fn secrets_are_rotated_without_a_gap() {
    let (served, _folder) = fleet();
    let dev = &served.dev;
    let body = create("one", "ann").to_string();
    // A sender in the middle of it signs with both.
    let mut both = signed(STRANGE, "msg_1", &body);
    let [_, _, (_, new)] = signed(NEW, "msg_1", &body);
    both[2].1 = format!("{} {new}", both[2].1);
    let first = accepted(&post(dev, &both, &body));
    // The repeat may come under the other secret.
    let again = post(dev, &signed(OLD, "msg_1", &body), &body);
    assert_eq!((again.status, &again.json()["id"]), (200, &first["id"]));
    // The ids of another system are its own.
    let patch = json!({"action": "update", "store": {"name": "one", "plan": "medium"}});
    accepted(&deliver(dev, SHOP, "msg_1", &patch));
}

#[test]
fn a_delivery_counts_once_whatever_happens_in_between() {
    let (mut served, _folder) = fleet();
    let message = create("one", "ann");
    let first = accepted(&deliver(&served.dev, OLD, "msg_1", &message));
    let repeat = |dev: &Dev, message: &Value| {
        let again = deliver(dev, OLD, "msg_1", message);
        assert_eq!(
            (again.status, &again.json()["id"]),
            (200, &first["id"]),
            "{again:?}"
        );
    };
    repeat(&served.dev, &message);
    served.dev.server.kill_and_restart();
    served.dev.find();
    repeat(&served.dev, &message);
    // The id says that it is the same delivery, whatever it says now.
    repeat(&served.dev, &create("two", "ann"));
    let changes = served.dev.get("/api/v1/changes").json();
    assert_eq!(
        changes["items"].as_array().map(Vec::len),
        Some(1),
        "{changes}"
    );
}

#[test]
fn of_one_delivery_many_times_at_once_one_is_accepted() {
    let (served, _folder) = fleet();
    let dev = &served.dev;
    let message = create("one", "ann");
    let replies: Vec<Reply> = std::thread::scope(|scope| {
        let one = |_| scope.spawn(|| deliver(dev, OLD, "msg_1", &message));
        let all: Vec<_> = (0..16).map(one).collect();
        let replies = all.into_iter().map(|it| it.join().expect("an answer"));
        replies.collect()
    });
    let count = |status| replies.iter().filter(|it| it.status == status).count();
    assert_eq!((count(202), count(200)), (1, 15), "{replies:?}");
    let id = replies[0].json()["id"].clone();
    assert!(
        replies.iter().all(|it| it.json()["id"] == id),
        "{replies:?}"
    );
}

#[test]
fn refused_messages_are_in_the_audit() {
    let (served, _folder) = fleet();
    let dev = &served.dev;
    let body = create("one", "ann").to_string();
    // Given one of a stranger, one that came late, one that is no message, and one that is good.
    post(dev, &signed(STRANGE, "msg_1", &body), &body).assert_problem(401);
    post(dev, &signed_at(OLD, "msg_1", now() - 400, &body), &body).assert_problem(400);
    post(dev, &signed(SHOP, "msg_1", "{}"), "{}").assert_problem(422);
    accepted(&deliver(dev, OLD, "msg_1", &create("two", "ann")));
    // Then the first three are in the audit, under the names that their signatures gave them.
    let told = eventually("the rows are written", Duration::from_secs(20), || {
        let rows = dev.get("/api/v1/audit?kind=refusals").json();
        let rows = rows["items"].as_array().cloned().unwrap_or_default();
        let told: Vec<_> = rows
            .iter()
            .map(|it| format!("{} {}", it["subject"], it["status"]))
            .collect();
        if told.len() >= 3 {
            Ok(told)
        } else {
            Err(format!("{rows:?}"))
        }
    });
    let wanted = [
        "\"webhook:shop\" 422",
        "\"webhook:erp\" 400",
        "\"unknown\" 401",
    ];
    assert_eq!(told, wanted);
}

#[test]
fn without_a_secret_there_is_no_route() {
    let body = create("one", "ann").to_string();
    let dev = Dev::start();
    post(&dev, &signed(OLD, "msg_1", &body), &body).assert_problem(404);
    let idle = json!({"name": "erp", "role": "operator", "actions": ["create"]});
    let served = Served::start(&json!({"webhooks": [idle]}));
    post(&served.dev, &signed(OLD, "msg_1", &body), &body).assert_problem(404);
}

//! Operators decide by API on what the policy wants approved.

use serde_json::{Value, json};

use crate::support::api::Api;
use crate::{Dev, SOON};

/// `dev` with a policy by which medium stores need approval, and a token for each of some operators.
fn begin(approvals: u32, operators: &[&str]) -> (Dev, Vec<Api>) {
    let dev = Dev::start();
    dev.policy(&|text| {
        let from = text.find("approval:\n").unwrap();
        let rule = format!(
            "approval:\n  - when: {{plans: [medium]}}\n    require: {{approvals: {approvals}}}\n"
        );
        let rest = text[from..]
            .find("\nproposals:")
            .map_or("", |at| &text[from + at..]);
        format!("{}{rule}{rest}", &text[..from])
    });
    let token = |name: &&str| {
        let body = json!({"name": name, "role": "operator"});
        let (status, made) = dev.api().post("/api/v1/tokens", &body);
        assert_eq!(status, 201, "{made}");
        dev.server.api_of(made["token"].as_str().unwrap())
    };
    let apis = operators.iter().map(token).collect();
    (dev, apis)
}

fn asked(api: &Api, body: &Value) -> String {
    let (status, change) = api.patch("/api/v1/stores/shop", body);
    assert_eq!(
        (status, &change["state"]),
        (202, &json!("proposed")),
        "{change}"
    );
    change["id"].as_str().unwrap().to_owned()
}

fn decide(api: &Api, id: &str, how: &str, body: &Value) -> (u16, Value) {
    api.post(&format!("/api/v1/changes/{id}/{how}"), body)
}

#[test]
fn nobody_approves_their_own_and_enough_others_do() {
    let (mut dev, people) = begin(2, &["ann", "bob", "cy"]);
    let [ann, bob, cy] = &people[..] else {
        panic!()
    };
    dev.made("shop");
    let id = asked(ann, &json!({"plan": "medium"}));

    let (status, refused) = decide(ann, &id, "approve", &json!({}));
    assert_eq!(status, 403, "the requester: {refused}");
    let (status, refused) = decide(&dev.api(), &id, "approve", &json!({}));
    assert_eq!(status, 403, "the owner: {refused}");
    for _ in 0..2 {
        let (status, once) = decide(bob, &id, "approve", &json!({}));
        assert_eq!(
            (status, &once["state"]),
            (200, &json!("proposed")),
            "{once}"
        );
        let waits = once["waitingFor"].as_str().unwrap();
        assert!(waits.starts_with("approval by 1 more person"), "{waits}");
    }
    assert_eq!(dev.commits_of(&id), 0);
    dev.server.kill_and_restart();
    let (bob, cy) = (dev.server.again(bob), dev.server.again(cy));
    let (status, twice) = decide(&cy, &id, "approve", &json!({}));
    assert_eq!(status, 200, "{twice}");
    let merged = dev.api().change_in(&id, "merged", SOON);
    let steps: Vec<_> = merged["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["state"].as_str().unwrap())
        .collect();
    assert_eq!(
        steps,
        ["queued", "proposed", "approved", "written", "merged"]
    );
    assert_eq!(merged["timeline"][2]["detail"], "by token:bob, token:cy");
    let (status, late) = decide(&bob, &id, "reject", &json!({}));
    assert_eq!(status, 409, "{late}");
    let (_, audit) = dev.api().get("/api/v1/audit?action=update");
    let agreed = &audit["items"][0]["approvedBy"];
    assert_eq!(agreed, &json!(["token:bob", "token:cy"]), "{audit}");
}

#[test]
fn a_rejected_change_leaves_nothing() {
    let (dev, people) = begin(1, &["ann", "bob"]);
    let [ann, bob] = &people[..] else { panic!() };
    dev.made("shop");
    let id = asked(ann, &json!({"plan": "medium"}));
    let (status, dry) = decide(bob, &id, "reject?dryRun=true", &json!({}));
    assert_eq!((status, &dry["state"]), (200, &json!("rejected")), "{dry}");
    let (status, wrong) = decide(bob, &id, "reject", &json!({"reason": "two\nlines"}));
    assert_eq!(status, 422, "{wrong}");
    let reason = json!({"reason": "too dear"});
    for _ in 0..2 {
        let (status, no) = decide(bob, &id, "reject", &reason);
        assert_eq!((status, &no["state"]), (200, &json!("rejected")), "{no}");
        assert_eq!(no["timeline"][2]["detail"], "by token:bob: too dear");
    }
    let (status, late) = decide(bob, &id, "approve", &json!({}));
    assert_eq!(status, 409, "{late}");
    let (_, store) = dev.api().get("/api/v1/stores/shop");
    assert_eq!(store["record"]["spec"]["plan"], "small");
    let (status, next) = ann.patch("/api/v1/stores/shop", &json!({"deletionProtection": true}));
    assert_eq!(status, 202, "nothing is in the way any more: {next}");
}

#[test]
fn an_approval_is_for_what_was_seen() {
    let (dev, people) = begin(1, &["ann", "bob"]);
    let [ann, bob] = &people[..] else { panic!() };
    dev.made("shop");
    let id = asked(ann, &json!({"plan": "medium"}));
    // Somebody edits the record by hand while people decide: what was asked for comes on top of that.
    let record = dev.record("shop");
    dev.push("Protect it", &|clone| {
        let path = clone.join(&record);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}  deletionProtection: true\n")).unwrap();
    });
    crate::support::eventually("the hand edit is taken in", SOON, || {
        let (_, store) = dev.api().get("/api/v1/stores/shop");
        if store["record"]["spec"]["deletionProtection"] == true {
            Ok(())
        } else {
            Err(store.to_string())
        }
    });
    decide(bob, &id, "approve", &json!({}));
    dev.api().change_in(&id, "merged", SOON);
    let (_, store) = dev.api().get("/api/v1/stores/shop");
    let spec = &store["record"]["spec"];
    assert_eq!(
        (&spec["plan"], &spec["deletionProtection"]),
        (&json!("medium"), &json!(true))
    );
}

#[test]
fn a_rule_that_comes_into_force_meanwhile_holds_for_what_waits() {
    let dev = Dev::start();
    dev.policy(&|text| text.replace("gracePeriod: 0s", "gracePeriod: 2s"));
    dev.made("shop");
    // Deletes are free until the rule comes; this one waits out its grace period.
    let id = dev.api().remove("shop");
    dev.policy(&|text| {
        text.replace(
            "{actions: [delete], plans: [large], clusters: [production]}",
            "{actions: [delete]}",
        )
    });
    let waiting = dev.api().change_in(&id, "proposed", SOON);
    let told = waiting["timeline"].as_array().unwrap().last().unwrap();
    assert!(
        told["detail"]
            .as_str()
            .unwrap()
            .starts_with("approval by 1 person"),
        "{waiting}"
    );
    assert!(waiting["deadline"].is_string(), "{waiting}");
    assert_eq!(dev.commits_of(&id), 0);
}

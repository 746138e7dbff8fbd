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
fn an_approval_of_what_it_was_before_is_not_one_of_what_it_is_now() {
    let (dev, people) = begin(2, &["ann", "bob", "cy", "di"]);
    let [ann, bob, cy, di] = &people[..] else {
        panic!()
    };
    dev.made("shop");
    let id = asked(ann, &json!({"plan": "medium"}));
    let path = format!("/api/v1/changes/{id}/approve");
    let look = |who: &Api| {
        let (etag, plan) = who.post_for_etag(&format!("{path}?dryRun=true"));
        (etag, plan["diff"].as_str().unwrap().to_owned())
    };
    let (first, diff) = look(bob);
    assert!(diff.contains("+  plan: medium"), "{diff}");
    let (status, once) = bob.post_if_match(&path, &first);
    assert_eq!(
        (status, &once["state"]),
        (200, &json!("proposed")),
        "{once}"
    );

    let record = dev.record("shop");
    dev.push("Protect it", &|clone| {
        let path = clone.join(&record);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}  deletionProtection: true\n")).unwrap();
    });
    let second = crate::support::eventually("the hand edit is taken in", SOON, || {
        let (tag, _) = look(cy);
        if tag == first { Err(tag) } else { Ok(tag) }
    });
    let (status, late) = cy.post_if_match(&path, &first);
    assert_eq!(status, 412, "cy has seen another change: {late}");
    let typed = |args: &[&str]| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_fleetwright"));
        program.args(["change", "approve", &id]).args(args);
        program.env("FLEETWRIGHT_URL", cy.base());
        let out = program
            .env("FLEETWRIGHT_TOKEN", cy.token())
            .output()
            .unwrap();
        let text = [out.stdout, out.stderr].concat();
        (out.status.success(), String::from_utf8(text).unwrap())
    };
    let (shown, plan) = typed(&["--dry-run"]);
    let wanted = format!("--if-match {}\n", second.trim_matches('"'));
    assert!(shown && plan.ends_with(&wanted), "{plan}");
    let (agreed, said) = typed(&["--if-match", &first]);
    assert!(!agreed && said.contains("HTTP 412"), "{said}");
    let (status, again) = cy.post_if_match(&path, &second);
    assert_eq!(
        (status, &again["state"]),
        (200, &json!("proposed")),
        "bob's was for another content: {again}"
    );
    let (status, two) = di.post_if_match(&path, &second);
    assert_eq!((status, &two["state"]), (200, &json!("approved")), "{two}");
    let merged = dev.api().change_in(&id, "merged", SOON);
    assert_eq!(merged["timeline"][2]["detail"], "by token:cy, token:di");
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

#[test]
fn what_is_asked_for_in_an_owner_s_name_the_owner_takes_back() {
    let (dev, people) = begin(1, &["ann"]);
    let merchant = |name: &str, owner: &str| {
        let body = json!({"name": name, "role": "merchant", "owner": owner});
        let (status, made) = dev.api().post("/api/v1/tokens", &body);
        assert_eq!(status, 201, "{made}");
        dev.server.api_of(made["token"].as_str().unwrap())
    };
    let [mia, max, eve] = [("mia", "shops"), ("max", "shops"), ("eve", "others")]
        .map(|(name, owner)| merchant(name, owner));
    let create =
        json!({"name": "shop", "engine": "woocommerce", "owner": "shops", "cluster": "local"});
    let made = dev.api().create(&create);
    dev.api().change_in(&made, "merged", SOON);

    let hers = asked(&mia, &json!({"plan": "medium"}));
    let (status, unseen) = decide(&eve, &hers, "cancel", &json!({}));
    assert_eq!(status, 404, "{unseen}");
    for (how, after) in [("cancel?dryRun=true", "proposed"), ("cancel", "cancelled")] {
        let (status, change) = decide(&max, &hers, how, &json!({}));
        assert_eq!(
            (status, &change["state"]),
            (200, &json!("cancelled")),
            "{change}"
        );
        let (_, change) = mia.get(&format!("/api/v1/changes/{hers}"));
        assert_eq!(change["state"], after, "after {how}: {change}");
    }
    // What an operator wants of the store is not the owner's to stop.
    let theirs = asked(&people[0], &json!({"plan": "medium"}));
    let (status, refused) = decide(&mia, &theirs, "cancel", &json!({}));
    assert_eq!(status, 403, "{refused}");
    let (status, unknown) = decide(&people[0], &theirs, "cancel", &json!({"why": "x"}));
    assert_eq!(status, 422, "{unknown}");
    let (status, gone) = decide(&people[0], &theirs, "cancel", &json!({}));
    assert_eq!(status, 200, "{gone}");
    let (status, late) = decide(&people[0], &made, "cancel?dryRun=true", &json!({}));
    assert_eq!(status, 409, "a dry run says what the call would: {late}");
}

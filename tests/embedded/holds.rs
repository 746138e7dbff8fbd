//! What waits, and for what: approval, grace, other deletions; and that nothing gets past a wait.

use serde_json::json;

use crate::support::eventually;
use crate::{Dev, SOON};

#[test]
fn a_change_that_needs_approval_waits_and_nothing_gets_past_it() {
    let mut dev = Dev::start();
    dev.policy(&|text| {
        text.replace(
            "{actions: [delete], plans: [large], clusters: [production]}",
            "{actions: [delete], plans: [small]}",
        )
    });
    dev.made("shop");
    let removed = dev.api().remove("shop");
    let waiting = dev.api().change_in(&removed, "proposed", SOON);
    assert!(
        waiting["waitingFor"]
            .as_str()
            .unwrap()
            .starts_with("approval by 1 person"),
        "{waiting}"
    );
    for _ in 0..2 {
        let api = dev.api();
        assert_eq!(
            api.remove("shop"),
            removed,
            "a repeated delete is the same change"
        );
        let (status, said) = api.patch("/api/v1/stores/shop", &json!({"plan": "medium"}));
        assert_eq!(status, 409, "nothing is written past people who decide");
        let said = said["detail"].as_str().unwrap_or_default();
        assert!(said.ends_with("(its phase is Committed)"), "{said}");
        let (status, _) = api.post(
            "/api/v1/stores",
            &json!({"name": "shop", "engine": "woocommerce", "owner": "bob"}),
        );
        assert_eq!(status, 409, "the name is taken");
        dev.server.kill_and_restart();
    }
    let api = dev.api();
    let (status, cancelled) = api.post(&format!("/api/v1/changes/{removed}/cancel"), &json!({}));
    assert_eq!(
        (status, &cancelled["state"]),
        (200, &json!("cancelled")),
        "{cancelled}"
    );
    let (status, changed) = api.patch("/api/v1/stores/shop", &json!({"plan": "medium"}));
    assert_eq!(status, 202, "{changed}");
    api.change_in(changed["id"].as_str().unwrap(), "merged", SOON);
    assert_eq!(dev.commits_of(&removed), 0);

    // by hand it is no different: what needs approval has no effect, and the record is put back
    dev.made("other");
    let record = dev.record("other");
    dev.push("Remove it", &|clone| {
        std::fs::remove_file(clone.join(&record)).unwrap();
    });
    eventually("it is refused and put back", SOON, || {
        let (_, failed) = api.get("/api/v1/changes?state=failed");
        let refused = failed["items"][0]["error"]["reason"] == "ApprovalRequired";
        let there = !crate::git(&dev.repo, &["ls-tree", "main", &record]).is_empty();
        if refused && there {
            Ok(())
        } else {
            Err(failed.to_string())
        }
    });
}

#[test]
fn a_delete_can_be_cancelled_while_its_grace_period_runs() {
    let dev = Dev::start();
    dev.policy(&|text| text.replace("gracePeriod: 0s", "gracePeriod: 1h"));
    dev.made("shop");
    let api = dev.api();
    let removed = api.remove("shop");
    eventually("it says what it waits for", SOON, || {
        let (_, change) = api.get(&format!("/api/v1/changes/{removed}"));
        let waits = change["waitingFor"]
            .as_str()
            .is_some_and(|it| it.contains("grace period"));
        if waits {
            Ok(())
        } else {
            Err(change.to_string())
        }
    });
    dev.made("other");
    let (status, body) = api.post(&format!("/api/v1/changes/{removed}/cancel"), &json!({}));
    assert_eq!(status, 200, "{body}");
    let (status, _) = api.patch("/api/v1/stores/shop", &json!({"plan": "medium"}));
    assert_eq!(status, 202, "the store goes on");
}

#[test]
fn a_cancelled_change_is_never_written() {
    let dev = Dev::start_with(&["--no-limits"]);
    let api = dev.api();
    let mut cancelled = Vec::new();
    for n in 0..60 {
        let change = api.create(&json!({"name": format!("s{n}"), "engine": "woocommerce"}));
        std::thread::sleep(std::time::Duration::from_millis(n % 20));
        let (status, body) = api.post(&format!("/api/v1/changes/{change}/cancel"), &json!({}));
        match status {
            200 => cancelled.push(change),
            409 => drop(api.change_in(&change, "merged", SOON)),
            other => panic!("{other} {body}"),
        }
    }
    dev.made("last");
    for change in cancelled {
        assert_eq!(
            api.change_in(&change, "cancelled", SOON)["commit"],
            json!(null)
        );
        assert_eq!(dev.commits_of(&change), 0);
    }
    dev.audit();
}

#[test]
fn a_protected_store_is_deleted_by_nobody() {
    let dev = Dev::start();
    dev.made("shop");
    let api = dev.api();
    let (_, changed) = api.patch("/api/v1/stores/shop", &json!({"deletionProtection": true}));
    api.change_in(changed["id"].as_str().unwrap(), "merged", SOON);
    assert_eq!(api.delete("/api/v1/stores/shop").0, 409);
    let record = dev.record("shop");
    dev.push("Remove it all the same", &|clone| {
        std::fs::remove_file(clone.join(&record)).unwrap();
    });
    eventually("the record is put back", SOON, || {
        let there = crate::git(&dev.repo, &["ls-tree", "main", &record]);
        if there.is_empty() {
            Err("it is gone".to_owned())
        } else {
            Ok(())
        }
    });
    assert_eq!(api.store("shop")["phase"], "Committed");
}

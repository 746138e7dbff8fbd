//! Which action follows on what, and what each makes of a record.

use serde_json::{Value, json};

use super::*;
use crate::domain::accept::{Intent, decide};
use crate::domain::book::Book;
use crate::domain::policy::FleetPolicy;
use crate::domain::record::Deletion;
use crate::domain::request::{Caller, Request, Role};
use crate::domain::{ChangeId, Uid};

const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

fn policy() -> FleetPolicy {
    let plan = json!({"price": 1, "quota": {}, "limitRange": {}, "engines": {"woocommerce": {}}});
    let policy = json!({
        "apiVersion": "fleetwright.dev/v1", "kind": "FleetPolicy",
        "clusters": {"local": {"baseDomain": "example.com"}},
        "engines": {"woocommerce": {"versions": ["1.0.0", "1.10.0", "1.9.0", "edge"], "default": "1.0.0"}},
        "plans": {"small": plan, "large": plan},
    });
    serde_json::from_value(policy).unwrap()
}

fn spec(fields: &Value) -> Spec {
    let mut spec = json!({
        "engine": "woocommerce", "plan": "small", "owner": "alice", "cluster": "local",
        "host": "shop.example.com", "version": "1.9.0",
    });
    json_patch::merge(&mut spec, fields);
    serde_json::from_value(spec).unwrap()
}

fn record(fields: &Value) -> Record {
    let uid = Uid::from(ID.parse::<ChangeId>().unwrap());
    Record::new("shop".parse().unwrap(), uid, spec(fields))
}

fn decided(
    role: Role,
    request: &Request,
    current: &Record,
    earlier: Option<Spec>,
) -> Result<Record, Refusal> {
    let caller = Caller {
        subject: "token:x".to_owned(),
        role,
        owner: "alice".parse().unwrap(),
    };
    let at = Circumstances {
        policy: &policy(),
        book: &Book::default(),
        caller: &caller,
        id: &ID.parse().unwrap(),
        proven: &[],
        now: jiff::Timestamp::UNIX_EPOCH,
        lifted: false,
    };
    let earlier = earlier.map(|spec| Earlier {
        commit: "1".repeat(40).parse().unwrap(),
        spec,
    });
    let decision = decide(&at, request, Some(current), earlier)?;
    if let Intent::Update(_) = decision.intent {
        assert!(matches!(request, Request::Update { .. }));
    }
    Ok(decision.record)
}

fn store() -> StoreName {
    "shop".parse().unwrap()
}

#[test]
fn versions_go_up_and_down_only_for_who_says_so() {
    let upgrade = |version: &str, allow_downgrade| Request::Upgrade {
        store: store(),
        version: version.to_owned(),
        allow_downgrade,
    };
    let patch = |version: &str| Request::Update {
        store: store(),
        patch: serde_json::from_value(json!({"version": version})).unwrap(),
    };
    for (request, passes) in [
        (upgrade("1.10.0", false), true),
        (upgrade("1.9.0", false), true),
        (upgrade("1.0.0", false), false),
        (upgrade("1.0.0", true), true),
        (upgrade("2.0.0", true), false),
        (upgrade("edge", false), false),
        (upgrade("edge", true), true),
        (patch("1.10.0"), true),
        (patch("1.0.0"), false),
    ] {
        let got = decided(Role::Merchant, &request, &record(&json!({})), None);
        assert_eq!(got.is_ok(), passes, "{request:?}: {got:?}");
        if let Err(refusal) = got {
            assert!(
                matches!(&refusal, Refusal::Invalid(all) if all[0].pointer == "/version"),
                "{refusal:?}"
            );
        }
    }
}

#[test]
fn actions_follow_on_some_states_only() {
    let suspend = || Request::Suspend { store: store() };
    let resume = || Request::Resume { store: store() };
    let retry = || Request::Retry {
        store: store(),
        mode: Some(RetryMode::Reset),
    };
    let delete = || Request::Delete { store: store() };
    let (on, off) = (json!({}), json!({"suspended": true}));
    let protected = json!({"deletionProtection": true});
    for (request, fields, passes) in [
        (suspend(), &on, true),
        (suspend(), &off, false),
        (resume(), &off, true),
        (resume(), &on, false),
        (retry(), &on, true),
        (retry(), &off, false),
        (delete(), &off, true),
        (delete(), &protected, false),
    ] {
        let got = decided(Role::Merchant, &request, &record(fields), None);
        assert_eq!(got.is_ok(), passes, "{request:?} on {fields}: {got:?}");
        if let Err(refusal) = got {
            assert!(matches!(refusal, Refusal::Illegal(_)), "{refusal:?}");
        }
    }
    let mut leaving = record(&on);
    leaving.metadata.deletion = Some(Deletion {
        change: ID.parse().unwrap(),
        at: jiff::Timestamp::UNIX_EPOCH,
        applied: true,
    });
    for request in [suspend(), resume(), retry()] {
        let got = decided(Role::Admin, &request, &leaving, None);
        assert!(
            matches!(got, Err(Refusal::Illegal(_))),
            "{request:?}: {got:?}"
        );
    }
}

#[test]
fn a_rollback_restores_all_but_owner_hosts_and_volumes_and_keeps_to_the_rules() {
    let request = Request::Rollback {
        store: store(),
        to: None,
    };
    let now = record(&json!({"plan": "large", "volumes": {"data": "8Gi"}, "version": "1.10.0"}));
    let then = spec(&json!({
        "owner": "bob", "host": "old.example.com", "volumes": {"data": "4Gi"}, "version": "1.0.0",
        "values": {"title": "Old"}, "suspended": true,
    }));
    let operator = decided(Role::Operator, &request, &now, Some(then.clone())).unwrap();
    let wanted = spec(&json!({
        "volumes": {"data": "8Gi"}, "version": "1.0.0", "values": {"title": "Old"}, "suspended": true,
    }));
    assert_eq!(operator.spec, wanted);
    // A merchant may not set that value, by a rollback neither.
    let merchant = decided(Role::Merchant, &request, &now, Some(then));
    assert!(matches!(merchant, Err(Refusal::Invalid(all)) if all[0].pointer == "/values/title"));
    let withdrawn = spec(&json!({"plan": "gone"}));
    assert!(decided(Role::Operator, &request, &now, Some(withdrawn)).is_err());
    let nothing = decided(Role::Operator, &request, &now, None);
    assert!(matches!(nothing, Err(Refusal::Illegal(_))));
}

#[test]
fn every_retry_is_another_one() {
    let request = Request::Retry {
        store: store(),
        mode: Some(RetryMode::Force),
    };
    let old = json!({"retry": {"token": "old", "mode": "reset"}});
    let new = decided(Role::Merchant, &request, &record(&old), None).unwrap();
    let retry = new.spec.retry.unwrap();
    assert_eq!((retry.token.as_str(), retry.mode), (ID, RetryMode::Force));
}

#[test]
fn what_is_not_patched_is_refused_with_the_way_to_do_it() {
    for (field, way) in [
        ("name", "create one with the new name"),
        ("cluster", "create one there"),
        ("suspended", "suspend and resume"),
        ("retry", "asked for by retry"),
        ("nonsense", "no field of a store"),
    ] {
        let value = if field == "cluster" { "mars" } else { "x" };
        let request = Request::Update {
            store: store(),
            patch: serde_json::from_value(json!({ field: value })).unwrap(),
        };
        let refusal = decided(Role::Admin, &request, &record(&json!({})), None).unwrap_err();
        assert!(refusal.to_string().contains(way), "{field}: {refusal}");
    }
}

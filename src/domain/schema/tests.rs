//! What charts refuse, told by its place; and the published schemas against what we ship.

use serde_json::json;

use super::*;
use crate::domain::{ClusterName, Host, Owner};

fn spec(values: &Value) -> Spec {
    let text = |it: &str| it.to_owned();
    Spec {
        engine: text("woocommerce"),
        plan: text("small"),
        owner: "ann".parse::<Owner>().expect("an owner"),
        cluster: "local".parse::<ClusterName>().expect("a cluster"),
        host: "shop.example.com".parse::<Host>().expect("a host"),
        extra_hosts: Vec::new(),
        version: text("1.0.0"),
        values: values.as_object().cloned().expect("an object"),
        volumes: [(text("disk.size"), text("1Gi"))].into(),
        suspended: false,
        deletion_protection: false,
        retry: None,
    }
}

fn chart() -> ChartSchema {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object", "additionalProperties": false, "required": ["title"],
        "properties": {
            "title": {"type": "string", "pattern": "^[a-z]*$"},
            "replicas": {"type": "integer", "maximum": 3},
            "web": {"type": "object", "additionalProperties": false, "required": ["a"], "properties": {"a": {"enum": [1, 2]}, "b": {}}},
            "disk": {"type": "object", "properties": {"size": {"type": "string", "maxLength": 3}}},
            "list": {"type": "array", "items": {"type": "string"}},
            "host": {"maxLength": 5}, "extraHosts": {"maxItems": 1}, "plan": {"const": "small"},
        },
    });
    ChartSchema::compile(schema, json!({"title": "shop", "replicas": 1})).expect("a schema")
}

#[test]
fn what_a_chart_refuses_is_told_with_its_place_in_the_request() {
    let chart = chart();
    let table = [
        (json!({"title": "UPPER"}), json!({}), "/values/title"),
        (json!({"colour/x": 1}), json!({}), "/values/colour~1x"),
        (json!({"web": {"a": 3}}), json!({}), "/values/web/a"),
        (json!({"web": {"b": 3}}), json!({}), "/values/web"),
        (json!({"web": {"a": 1, "c": 3}}), json!({}), "/values/web/c"),
        (json!({"list": ["a", 7]}), json!({}), "/values/list/1"),
        (json!({"title": null}), json!({}), "/values"),
        (json!({}), json!({"replicas": 9}), "/plan"),
        (json!({"title": "a"}), json!({"web": {"a": 5}}), "/values"),
        (
            json!({}),
            json!({"disk": {"size": "100Gi"}}),
            "/volumes/disk.size",
        ),
        (json!({}), json!({"host": "shop.example.com"}), "/host"),
        (
            json!({}),
            json!({"extraHosts": ["a.b", "c.d"]}),
            "/extraHosts",
        ),
        (json!({}), json!({"plan": "large"}), ""),
    ];
    for (values, others, pointer) in table {
        let spec = spec(&values);
        let mut all = chart.defaults().as_object().cloned().expect("an object");
        lay_over(&mut all, others.as_object().cloned().expect("an object"));
        lay_over(&mut all, spec.values.clone());
        let found = chart.violations(&spec, &Value::Object(all));
        let pointers: Vec<&str> = found.iter().map(|it| it.pointer.as_str()).collect();
        assert_eq!(pointers, [pointer], "{:?} {others}: {found:?}", spec.values);
        assert!(found[0].detail.len() > 10, "{found:?}");
    }
    let good = spec(&json!({"title": "abc", "web": {"a": 1}}));
    assert_eq!(
        chart.violations(&good, &Value::Object(good.values.clone())),
        []
    );
}

#[test]
fn values_are_laid_over_each_other_as_helm_does() {
    let mut into = json!({"a": {"b": 1, "c": 2}, "d": [1, 2], "e": 1})
        .as_object()
        .cloned()
        .expect("an object");
    let over = json!({"a": {"c": 3, "x": null}, "d": [3], "e": null, "f": {"g": null, "h": 1}});
    lay_over(&mut into, over.as_object().cloned().expect("an object"));
    assert_eq!(
        Value::Object(into),
        json!({"a": {"b": 1, "c": 3}, "d": [3], "f": {"h": 1}})
    );
}

#[test]
fn a_schema_reaches_for_nothing_outside_and_no_pattern_runs_away() {
    let outside = json!({"properties": {"a": {"$ref": "https://example.com/other.json"}}});
    assert!(ChartSchema::compile(outside, json!({})).is_err());
    let file = json!({"properties": {"a": {"$ref": "file:///etc/passwd"}}});
    assert!(ChartSchema::compile(file, json!({})).is_err());
    // A look-around takes the engine that goes back and forth.
    let slow = json!({"properties": {"a": {"pattern": "^(?=a)(a|a)*b$"}}});
    let chart = ChartSchema::compile(slow, json!({})).expect("a schema");
    let began = std::time::Instant::now();
    assert_eq!(chart.errors(&json!({"a": "a".repeat(60)})).len(), 1);
    assert!(
        began.elapsed().as_secs() < 5,
        "it took {:?}",
        began.elapsed()
    );
}

#[test]
fn what_we_ship_fits_the_published_schemas() {
    let policy: Value =
        serde_yaml::from_str(include_str!("../../../fleet/fleetwright.yaml")).expect("YAML");
    let schema = policy_schema();
    assert!(jsonschema::meta::is_valid(&schema), "{schema}");
    let check = jsonschema::validator_for(&schema).expect("a schema");
    let wrong: Vec<String> = check
        .iter_errors(&policy)
        .map(|it| format!("{}: {it}", it.instance_path()))
        .collect();
    assert_eq!(wrong, [""; 0]);
    for (pointer, value) in [
        ("/clusters/local/baseDomain", json!(7)),
        ("/clusters/local/colour", json!("red")),
        ("/limits/stores", json!("many")),
        ("/plans/small/price", json!(-1)),
        ("/kind", json!("Policy")),
        ("/approval/0/when/actions", json!(["explode"])),
    ] {
        let mut broken = policy.clone();
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        broken.pointer_mut(parent).expect("is there")[key] = value;
        assert!(!check.is_valid(&broken), "{pointer}");
    }
    for (name, text) in [("policy", schema), ("store", store_schema())] {
        assert!(jsonschema::meta::is_valid(&text), "{name}");
        assert_eq!(text["additionalProperties"], json!(false), "{name}");
    }
    let store = jsonschema::validator_for(&store_schema()).expect("a schema");
    let name: crate::domain::StoreName = "shop".parse().expect("a name");
    let uid = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().expect("a uid");
    let record = crate::domain::record::Record::new(name, uid, spec(&json!({"title": "a"})));
    let mut record = serde_json::to_value(record).expect("JSON");
    let wrong: Vec<String> = store
        .iter_errors(&record)
        .map(|it| format!("{}: {it}", it.instance_path()))
        .collect();
    assert_eq!(wrong, [""; 0]);
    record["spec"]["host"] = json!("NO HOST");
    assert!(!store.is_valid(&record));
}

//! Merge patches do what RFC 7396 says: its own examples, and the laws that follow from it.

use proptest::prelude::*;
use serde_json::{Value, json};

fn merged(target: &Value, patch: &Value) -> Value {
    let mut target = target.clone();
    json_patch::merge(&mut target, patch);
    target
}

#[test]
fn the_examples_of_the_rfc_hold() {
    // RFC 7396, Appendix A: original, patch, result.
    let table = [
        (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
        (
            json!({"a": "b"}),
            json!({"b": "c"}),
            json!({"a": "b", "b": "c"}),
        ),
        (json!({"a": "b"}), json!({"a": null}), json!({})),
        (
            json!({"a": "b", "b": "c"}),
            json!({"a": null}),
            json!({"b": "c"}),
        ),
        (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
        (
            json!({"a": {"b": "c"}}),
            json!({"a": {"b": "d", "c": null}}),
            json!({"a": {"b": "d"}}),
        ),
        (
            json!({"a": [{"b": "c"}]}),
            json!({"a": [1]}),
            json!({"a": [1]}),
        ),
        (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
        (json!({"a": "b"}), json!(["c"]), json!(["c"])),
        (json!({"a": "foo"}), json!(null), json!(null)),
        (json!({"a": "foo"}), json!("bar"), json!("bar")),
        (
            json!({"e": null}),
            json!({"a": 1}),
            json!({"e": null, "a": 1}),
        ),
        (
            json!([1, 2]),
            json!({"a": "b", "c": null}),
            json!({"a": "b"}),
        ),
        (
            json!({}),
            json!({"a": {"bb": {"ccc": null}}}),
            json!({"a": {"bb": {}}}),
        ),
    ];
    for (target, patch, result) in table {
        assert_eq!(merged(&target, &patch), result, "{target} {patch}");
    }
}

/// JSON with few keys, so that targets and patches meet.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3).prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[abc]", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Whether a patch's words hold in what came of it.
fn holds(patch: &Value, result: &Value) -> bool {
    match patch {
        Value::Object(members) => {
            members
                .iter()
                .all(|(key, value)| match (value, result.get(key)) {
                    (Value::Null, there) => there.is_none(),
                    (value, Some(there)) => holds(value, there),
                    (_, None) => false,
                })
        }
        other => other == result,
    }
}

proptest! {
    #[test]
    fn what_a_patch_says_holds_afterwards(target in json(), patch in json()) {
        prop_assert!(holds(&patch, &merged(&target, &patch)));
    }

    #[test]
    fn a_patch_said_twice_is_said_once(target in json(), patch in json()) {
        let once = merged(&target, &patch);
        prop_assert_eq!(merged(&once, &patch), once);
    }

    #[test]
    fn what_a_patch_does_not_name_stays(target in json(), patch in json()) {
        if let (Value::Object(before), Value::Object(named)) = (&target, &patch) {
            let after = merged(&target, &patch);
            for (key, value) in before.iter().filter(|(key, _)| !named.contains_key(*key)) {
                prop_assert_eq!(after.get(key), Some(value));
            }
        }
    }
}

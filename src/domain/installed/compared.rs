//! What of a cluster's bootstrap is not in the cluster as it was rendered.
//!
//! Each field of ours must be there with the same value. What the API server and controllers add does not count, except
//! in lists: one entry more in a role is one right more. Values are never told: a name leads people to them.
//! Must not know: how objects are read, or which rights that takes.

use serde_json::Value;

/// Fields, missing objects and objects that were not read that one sentence names at most, each.
const SHOWN: usize = 10;

/// An object of the bootstrap, as it was found in a cluster.
#[derive(Debug, Clone, PartialEq)]
pub enum Live {
    /// It is there.
    Found(Value),
    /// There is none of this kind and name.
    Missing,
    /// It was not read: this account may not, or it is a Secret.
    Unread,
}

/// What a comparison of a bootstrap with a cluster came to; the default is: all is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    differing: Vec<Difference>,
    unread: Vec<String>,
}

/// An object that is not there as it was rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Difference {
    /// Kind and name.
    object: String,
    /// The paths of the fields that differ; none: the object is missing.
    fields: Vec<String>,
}

impl Compared {
    /// Holds each rendered object against what was found in its place.
    pub fn of(rendered: &[Value], found: &[Live]) -> Self {
        let mut compared = Self::default();
        for (object, live) in rendered.iter().zip(found) {
            let fields = match live {
                Live::Unread => {
                    compared.unread.push(title(object));
                    continue;
                }
                Live::Missing => Vec::new(),
                Live::Found(live) => {
                    let fields = differing(object, live);
                    if fields.is_empty() {
                        continue;
                    }
                    fields
                }
            };
            let object = title(object);
            compared.differing.push(Difference { object, fields });
        }
        compared
    }

    /// Whether nothing that was read differs.
    pub fn is_same(&self) -> bool {
        self.differing.is_empty()
    }

    /// What differs and what was not read, as part of a sentence.
    pub(super) fn told(&self) -> String {
        let mut text = if self.is_same() {
            "nothing that was read differs".to_owned()
        } else {
            self.differences()
        };
        if !self.unread.is_empty() {
            let (shown, more) = some(&self.unread, SHOWN);
            text = format!("{text}; not read: {}{}", shown.join(", "), and(more));
        }
        text
    }

    /// Such as `GitRepository fleet (spec.interval), Role fleetwright-reader (missing) and 2 more`.
    fn differences(&self) -> String {
        let (mut room, mut more, mut parts) = (SHOWN, 0, Vec::new());
        for Difference { object, fields } in &self.differing {
            if room == 0 {
                more += fields.len().max(1);
            } else if fields.is_empty() {
                room -= 1;
                parts.push(format!("{object} (missing)"));
            } else {
                let (shown, left) = some(fields, room);
                room -= shown.len();
                more += left;
                parts.push(format!("{object} ({})", shown.join(", ")));
            }
        }
        format!("{}{}", parts.join(", "), and(more))
    }
}

/// The first of them, and how many are left.
fn some<T>(all: &[T], room: usize) -> (&[T], usize) {
    let shown = all.len().min(room);
    (&all[..shown], all.len() - shown)
}

fn and(more: usize) -> String {
    match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    }
}

/// Kind and name of a rendered object.
fn title(object: &Value) -> String {
    let text = |pointer| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or("")
    };
    format!("{} {}", text("/kind"), text("/metadata/name"))
}

/// The paths of fields of ours that are not in the live object with the same value.
fn differing(ours: &Value, live: &Value) -> Vec<String> {
    let mut fields = Vec::new();
    walk(ours, Some(live), "", &mut fields);
    fields
}

fn walk(ours: &Value, live: Option<&Value>, path: &str, fields: &mut Vec<String>) {
    match (ours, live) {
        (Value::Object(ours), Some(Value::Object(live))) => {
            for (key, ours) in ours {
                walk(ours, live.get(key), &below(path, key), fields);
            }
        }
        (Value::Array(ours), Some(Value::Array(live))) if ours.len() == live.len() => {
            for (place, (ours, live)) in ours.iter().zip(live).enumerate() {
                walk(ours, Some(live), &format!("{path}[{place}]"), fields);
            }
        }
        (ours, Some(live)) if ours == live => {}
        _ => fields.push(path.to_owned()),
    }
}

/// A path as people write it. Keys of labels and annotations have dots of their own.
fn below(path: &str, key: &str) -> String {
    let plain = key.chars().all(|it| it.is_alphanumeric() || it == '-');
    match (path, plain) {
        ("", true) => key.to_owned(),
        (path, true) => format!("{path}.{key}"),
        (path, false) => format!("{path}[\"{key}\"]"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_of_ours_count_and_additions_do_not() {
        let labels =
            json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "fleetwright"}}});
        let rules = json!({"rules": [{"resources": ["pods"], "verbs": ["get", "list"]}]});
        let sources = json!({"spec": {"interval": "1m", "suspend": false}});
        for (ours, live, fields) in [
            (&sources, sources.clone(), &[][..]),
            // defaults, what controllers note, and their labels
            (
                &sources,
                json!({"spec": {"interval": "1m", "suspend": false, "timeout": "60s"}, "status": {}}),
                &[],
            ),
            (
                &labels,
                json!({"metadata": {"uid": "x", "labels": {"app.kubernetes.io/managed-by": "fleetwright", "a": "b"}}}),
                &[],
            ),
            (
                &rules,
                json!({"rules": [{"resources": ["pods"], "verbs": ["get", "list"], "scope": "*"}]}),
                &[],
            ),
            // changed, gone, of another type
            (
                &sources,
                json!({"spec": {"interval": "1h", "suspend": true}}),
                &["spec.interval", "spec.suspend"],
            ),
            (
                &sources,
                json!({"spec": {"interval": "1m"}}),
                &["spec.suspend"],
            ),
            (&sources, json!({"spec": "1m"}), &["spec"]),
            (&sources, json!({}), &["spec"]),
            (
                &labels,
                json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "helm"}}}),
                &["metadata.labels[\"app.kubernetes.io/managed-by\"]"],
            ),
            // in a list an addition is a difference
            (
                &rules,
                json!({"rules": [{"resources": ["pods"], "verbs": ["get", "list", "patch"]}]}),
                &["rules[0].verbs"],
            ),
            (
                &rules,
                json!({"rules": [{"resources": ["secrets"], "verbs": ["get", "watch"]}]}),
                &["rules[0].resources[0]", "rules[0].verbs[1]"],
            ),
            (
                &rules,
                json!({"rules": [{"resources": ["pods"], "verbs": ["get", "list"]}, {}]}),
                &["rules"],
            ),
        ] {
            assert_eq!(differing(ours, &live), fields, "{ours} in {live}");
        }
    }

    fn role(name: &str, rules: Value) -> Value {
        let mut role = json!({"kind": "Role", "metadata": {"name": name}});
        role["rules"] = rules;
        role
    }

    #[test]
    fn what_differs_is_told_by_kind_name_and_path() {
        let ours = [
            role("a", json!([1])),
            role("b", json!([2])),
            role("c", json!([3])),
            role("d", json!([4])),
        ];
        let same = ours.clone().map(Live::Found);
        assert!(Compared::of(&ours, &same).is_same());
        let found = [
            Live::Found(role("a", json!([1]))),
            Live::Found(role("b", json!([7]))),
            Live::Missing,
            Live::Unread,
        ];
        let compared = Compared::of(&ours, &found);
        assert!(!compared.is_same());
        assert_eq!(
            compared.told(),
            "Role b (rules[0]), Role c (missing); not read: Role d"
        );
        // what may not be read is no difference
        let compared = Compared::of(&ours[..1], &[Live::Unread]);
        assert!(compared.is_same());
        assert_eq!(
            compared.told(),
            "nothing that was read differs; not read: Role a"
        );
    }

    #[test]
    fn ten_fields_are_named_and_the_rest_is_counted() {
        let many = |first: u32| (first..first + 6).collect::<Vec<u32>>();
        let ours = [
            role("a", json!(many(0))),
            role("b", json!(many(0))),
            role("c", json!([])),
            role("d", json!(many(0))),
        ];
        let other = |name| Live::Found(role(name, json!(many(10))));
        let found = [other("a"), other("b"), Live::Missing, other("d")];
        let told = Compared::of(&ours, &found).told();
        assert_eq!(told.matches("rules[").count(), SHOWN, "{told}");
        assert!(told.ends_with("rules[3]) and 9 more"), "{told}");
        let unread: Vec<Value> = (0..12).map(|it| role(&it.to_string(), json!([]))).collect();
        let told = Compared::of(&unread, &vec![Live::Unread; 12]).told();
        assert!(told.ends_with("Role 9 and 2 more"), "{told}");
    }
}

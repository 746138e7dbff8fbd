//! The Helm values of a store's release: the plan's, then the merchant's, then what is the platform's to say.

use serde_json::{Value, json};

use super::RenderError;
use super::context::Parts;
use crate::domain::policy::FleetPolicy;
use crate::domain::record::Record;
use crate::domain::schema::lay_over;

/// What a chart sees of a store: the values of its release over those that the chart brings, as Helm puts them together.
pub fn chart_values(
    policy: &FleetPolicy,
    record: &Record,
    defaults: &Value,
) -> Result<Value, RenderError> {
    let parts = Parts::find(policy, record)?;
    let mut all = defaults.as_object().cloned().unwrap_or_default();
    if let Value::Object(release) = release_values(record, &parts) {
        lay_over(&mut all, release);
    }
    Ok(Value::Object(all))
}

/// The Helm values of a store's release: the plan's, then the merchant's, then what is the platform's to say.
pub(super) fn release_values(record: &Record, parts: &Parts<'_>) -> Value {
    let spec = &record.spec;
    let mut values = Value::Object(parts.engine_values.clone());
    merge(&mut values, &Value::Object(spec.values.clone()));
    for (place, size) in &spec.volumes {
        set(&mut values, place, Value::String(size.clone()));
    }
    let platform = json!({
        "store": { "id": record.name(), "uid": record.metadata.uid, "owner": spec.owner, "engine": spec.engine },
        "plan": spec.plan,
        "host": spec.host,
        "extraHosts": spec.extra_hosts,
        "scheme": parts.cluster.scheme,
        "storageClass": parts.cluster.storage_class,
        "route": parts.cluster.route,
        "suspended": spec.suspended,
    });
    merge_top(&mut values, platform);
    values
}

/// Merges objects deeply; anything else is replaced.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// Replaces top-level keys: what the platform says is never mixed with what a merchant said.
fn merge_top(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

/// Sets a value at a dotted place (`database.persistence.size`), making objects on the way.
fn set(values: &mut Value, place: &str, value: Value) {
    let mut at = values;
    for key in place.split('.') {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[key];
    }
    *at = value;
}

//! A store's record as it is kept: shown again as the text it is, without being taken apart and put together.
//!
//! Reading a store is what the API is asked most, and most of a record is nothing but shown. Must not know: who keeps it.

use serde::de::{DeserializeOwned, Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::accept::etag;
use super::record::{Record, sha256_hex};
use super::{ClusterName, Owner, StoreName, Uid};

/// What answers need to know of a record, in whatever form it is.
pub trait Recorded: DeserializeOwned + for<'a> From<&'a Record> {
    /// The store's name.
    fn name(&self) -> &StoreName;
    /// The identity; none in a record that a person has just added by hand.
    fn uid(&self) -> Option<&Uid>;
    /// Whether its deletion has begun.
    fn is_being_deleted(&self) -> bool;
    /// The engine.
    fn engine(&self) -> &str;
    /// The plan.
    fn plan(&self) -> &str;
    /// Who owns the store.
    fn owner(&self) -> &Owner;
    /// The cluster it runs on.
    fn cluster(&self) -> &ClusterName;
    /// The host it answers at.
    fn host(&self) -> &str;
    /// Whether the shop is switched off.
    fn is_suspended(&self) -> bool;
    /// The hash of its spec: see [`etag`].
    fn etag(&self) -> String;
}

impl From<&Record> for Record {
    fn from(record: &Record) -> Self {
        record.clone()
    }
}

impl Recorded for Record {
    fn name(&self) -> &StoreName {
        &self.metadata.name
    }
    fn uid(&self) -> Option<&Uid> {
        self.metadata.uid.as_ref()
    }
    fn is_being_deleted(&self) -> bool {
        self.metadata.deletion.is_some()
    }
    fn engine(&self) -> &str {
        &self.spec.engine
    }
    fn plan(&self) -> &str {
        &self.spec.plan
    }
    fn owner(&self) -> &Owner {
        &self.spec.owner
    }
    fn cluster(&self) -> &ClusterName {
        &self.spec.cluster
    }
    fn host(&self) -> &str {
        self.spec.host.as_str()
    }
    fn is_suspended(&self) -> bool {
        self.spec.suspended
    }
    fn etag(&self) -> String {
        etag(&self.spec)
    }
}

/// A record as JSON text, and what is asked of it.
#[derive(Debug, Clone)]
pub struct RecordText {
    text: Box<RawValue>,
    metadata: Metadata,
    spec: Spec,
    etag: String,
}

#[derive(Deserialize)]
struct Parts<'a> {
    metadata: Metadata,
    #[serde(borrow)]
    spec: &'a RawValue,
}

#[derive(Debug, Clone, Deserialize)]
struct Metadata {
    name: StoreName,
    uid: Option<Uid>,
    deletion: Option<IgnoredAny>,
}

#[derive(Debug, Clone, Deserialize)]
struct Spec {
    engine: String,
    plan: String,
    owner: Owner,
    cluster: ClusterName,
    host: String,
    #[serde(default)]
    suspended: bool,
}

impl RecordText {
    fn read(text: Box<RawValue>) -> Result<Self, serde_json::Error> {
        let parts: Parts<'_> = serde_json::from_str(text.get())?;
        let (metadata, spec) = (parts.metadata, serde_json::from_str(parts.spec.get())?);
        // The text is what `serde_json` makes of a spec, so this is `etag` of it.
        let etag = sha256_hex(parts.spec.get().as_bytes())[..32].to_owned();
        Ok(Self {
            text,
            metadata,
            spec,
            etag,
        })
    }
}

impl<'de> Deserialize<'de> for RecordText {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        Self::read(Box::deserialize(reader)?).map_err(D::Error::custom)
    }
}

impl Serialize for RecordText {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(writer)
    }
}

impl From<&Record> for RecordText {
    fn from(record: &Record) -> Self {
        let text = serde_json::value::to_raw_value(record);
        let read = text.and_then(Self::read);
        read.expect("a record has string keys, and its own text has its fields")
    }
}

impl Recorded for RecordText {
    fn name(&self) -> &StoreName {
        &self.metadata.name
    }
    fn uid(&self) -> Option<&Uid> {
        self.metadata.uid.as_ref()
    }
    fn is_being_deleted(&self) -> bool {
        self.metadata.deletion.is_some()
    }
    fn engine(&self) -> &str {
        &self.spec.engine
    }
    fn plan(&self) -> &str {
        &self.spec.plan
    }
    fn owner(&self) -> &Owner {
        &self.spec.owner
    }
    fn cluster(&self) -> &ClusterName {
        &self.spec.cluster
    }
    fn host(&self) -> &str {
        &self.spec.host
    }
    fn is_suspended(&self) -> bool {
        self.spec.suspended
    }
    fn etag(&self) -> String {
        self.etag.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn record(spec: &Value) -> Record {
        let mut all = json!({
            "apiVersion": "fleetwright.dev/v1", "kind": "Store",
            "metadata": {"name": "shop", "uid": "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
            "spec": {
                "engine": "woocommerce", "plan": "small", "owner": "ann", "cluster": "local",
                "host": "shop.example.com", "version": "1.0.0",
            },
        });
        let fields = spec.as_object().unwrap().clone();
        all["spec"].as_object_mut().unwrap().extend(fields);
        serde_json::from_value(all).unwrap()
    }

    fn facts<R: Recorded>(it: &R) -> Value {
        json!([
            it.name(),
            it.uid(),
            it.is_being_deleted(),
            it.engine(),
            it.owner(),
            it.cluster(),
            it.host(),
            it.is_suspended()
        ])
    }

    #[test]
    fn a_record_and_its_text_say_the_same() {
        for spec in [
            json!({}),
            json!({"suspended": true, "extraHosts": ["a.b"], "deletionProtection": true}),
            json!({"values": {"z": 1.1e-7, "a": "\"é\"\n", "big": u64::MAX, "f": 0.300_000_000_000_000_04}}),
            // Readers that are only nearly exact make another number of these.
            json!({"values": {"x": 8.988_465_674_311_58e307, "y": 1.797_693_134_862_315_7e-300}}),
            json!({"volumes": {"b": "1Gi", "a": "2Gi"}, "retry": {"token": "x", "mode": "force"}}),
        ] {
            let record = record(&spec);
            let kept = serde_json::to_string(&record).unwrap();
            let text: RecordText = serde_json::from_str(&kept).unwrap();
            let again: Record = serde_json::from_str(&kept).unwrap();
            assert_eq!(serde_json::to_string(&text).unwrap(), kept);
            assert_eq!(Recorded::etag(&text), Recorded::etag(&again), "{spec}");
            assert_eq!(Recorded::etag(&text), etag(&record.spec), "{spec}");
            assert_eq!(facts(&text), facts(&record));
            assert_eq!(facts(&RecordText::from(&record)), facts(&record));
        }
    }

    #[test]
    fn a_deletion_shows() {
        let mut record = record(&json!({}));
        record.metadata.deletion = serde_json::from_value(json!({
            "change": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "at": "2026-01-01T00:00:00Z",
        }))
        .unwrap();
        assert!(RecordText::from(&record).is_being_deleted());
    }
}

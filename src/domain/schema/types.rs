//! The JSON Schemas of what people write: the fleet policy and a store's record, for editors and other programs.
//!
//! Made from the types, so they cannot differ from what is read. They say less than
//! [`FleetPolicy::check`](crate::domain::policy::FleetPolicy::check) and the rules: `fleetwright policy check` decides.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::domain::policy::FleetPolicy;
use crate::domain::record::{API_VERSION, Record};

/// The schema of `fleetwright.yaml` at the root of the fleet repository.
pub fn policy_schema() -> Value {
    schema::<FleetPolicy>("FleetPolicy", "The fleet policy, fleetwright.yaml")
}

/// The schema of `stores/<hh>/<store>.yaml`.
pub fn store_schema() -> Value {
    schema::<Record>("Store", "A store's record, stores/<hh>/<store>.yaml")
}

fn schema<T: JsonSchema>(kind: &str, title: &str) -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    let mut value = schema.to_value();
    // Texts to the reader of the types; to this program only these two are right.
    value["properties"]["apiVersion"]["const"] = json!(API_VERSION);
    value["properties"]["kind"]["const"] = json!(kind);
    value
}

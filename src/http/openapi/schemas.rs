//! The JSON Schemas of what goes over the wire, made from the types that read and write it.
//!
//! What is read and what is written differ: a field with a default need not be sent, and is always answered. So there
//! are two generators, and a type that goes both ways has to look the same in both.

use schemars::JsonSchema;
use schemars::generate::{Contract, SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value};

/// Where the document keeps them.
const PLACE: &str = "/components/schemas";

/// Gathers the schemas that operations name.
pub(super) struct Schemas {
    asked: SchemaGenerator,
    told: SchemaGenerator,
}

impl Schemas {
    /// Nothing gathered yet.
    pub(super) fn new() -> Self {
        Self {
            asked: generator(Contract::Deserialize),
            told: generator(Contract::Serialize),
        }
    }

    /// The schema of what clients send.
    pub(super) fn asked<T: JsonSchema>(&mut self) -> Value {
        self.asked.subschema_for::<T>().to_value()
    }

    /// The schema of what the server answers.
    pub(super) fn told<T: JsonSchema>(&mut self) -> Value {
        self.told.subschema_for::<T>().to_value()
    }

    /// Everything gathered, by name.
    pub(super) fn definitions(mut self) -> Map<String, Value> {
        let mut all = self.told.take_definitions(true);
        for (name, schema) in self.asked.take_definitions(true) {
            let told = all.get(&name).unwrap_or(&schema);
            assert_eq!(*told, schema, "{name} is read as it is written");
            all.insert(name, schema);
        }
        all.sort_keys();
        for schema in all.values_mut() {
            plain(schema);
        }
        all
    }
}

fn generator(contract: Contract) -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|it| {
        it.definitions_path = PLACE.into();
        it.contract = contract;
        it.meta_schema = None;
    });
    settings.into_generator()
}

/// Descriptions come from comments in the source, whose links lead nowhere here.
fn plain(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "description" => {
                        *text = text
                            .replace("[`", "`")
                            .replace("`]", "`")
                            .replace('\n', " ");
                    }
                    other => plain(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

//! Chart values from `--values FILE` and `--set key=json`.

use std::path::Path;

use serde_json::{Map, Value};

use super::failure::Failure;
use super::offline::read_file;
use crate::render::yaml;

/// The file's values, with every `--set` over them.
pub(super) fn gather(file: Option<&Path>, set: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut values = match file {
        Some(path) => from_file(path)?,
        None => Map::new(),
    };
    for pair in set {
        let (key, text) = pair
            .split_once('=')
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| {
                Failure::usage(format!(
                    "--set {pair:?} has no key; write it like title=\"My shop\""
                ))
            })?;
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        insert(&mut values, key, value)
            .map_err(|why| Failure::usage(format!("--set {key}: {why}")))?;
    }
    Ok(values)
}

fn from_file(path: &Path) -> Result<Map<String, Value>, Failure> {
    let name = path.display();
    // JSON is YAML, so one reader does for both.
    match yaml::read_value(&read_file(path)?) {
        Ok(Value::Object(values)) => Ok(values),
        Ok(_) => Err(Failure::new(format!("{name} holds no map of values"))),
        Err(error) => Err(Failure::new(format!("{name} is no YAML: {error}"))),
    }
}

fn insert(values: &mut Map<String, Value>, key: &str, value: Value) -> Result<(), String> {
    let Some((first, rest)) = key.split_once('.') else {
        values.insert(key.to_owned(), value);
        return Ok(());
    };
    let below = values
        .entry(first)
        .or_insert_with(|| Value::Object(Map::new()));
    let below = below
        .as_object_mut()
        .ok_or_else(|| format!("{first} is set to something else than a map"))?;
    insert(below, rest, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(pairs: &[&str]) -> Result<Value, Failure> {
        let pairs: Vec<_> = pairs.iter().map(|it| (*it).to_owned()).collect();
        gather(None, &pairs).map(Value::Object)
    }

    #[test]
    fn values_are_json_where_they_can_be_and_text_else() {
        let values = set(&[
            "title=My shop",
            "size=3",
            "on=true",
            "tax={\"rate\": 0.2}",
            "site.lang=\"de\"",
            "site.tz=UTC",
        ]);
        let expected = json!({
            "title": "My shop", "size": 3, "on": true, "tax": {"rate": 0.2}, "site": {"lang": "de", "tz": "UTC"},
        });
        assert_eq!(values.ok(), Some(expected));
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        for bad in [&["title"][..], &["=x"], &["a=1", "a.b=2"]] {
            assert!(set(bad).is_err(), "{bad:?}");
        }
    }
}

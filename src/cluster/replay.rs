//! Recorded sequences: what an API server once sent, fed to a [`State`] again line by line.
//!
//! A recording has one JSON object a line, `{"type": …, "object": …}`. `ADDED`, `MODIFIED` and `DELETED` are the lines
//! of a watch, as the API server writes them. `RELIST` has a whole list as its object (`HelmReleaseList`), as a list
//! request answers it. `BOOKMARK` says nothing; empty lines and those that begin with `#` are passed over. Kinds may be
//! mixed in one file, in the order in which they came.
//! Must not know: where recordings are kept, nor what they are to show.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::kinds::Kind;
use super::parse::Object;
use super::state::{Changes, State};

/// Why a recording cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the recording cannot be used: {why}")]
pub struct BadLine {
    /// The line, from 1.
    pub line: usize,
    /// Why.
    pub why: String,
}

/// One line of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The line in the recording, from 1.
    pub line: usize,
    /// The kind it is about.
    pub kind: Kind,
    event: Event,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    Apply(Box<Object>),
    Delete(String),
    Reset(Vec<Object>),
}

impl Step {
    /// Does to the state what the watch of this kind would have done.
    pub fn feed(&self, state: &mut State, now: Timestamp) -> Changes {
        match &self.event {
            Event::Apply(object) => state.apply(object.as_ref().clone(), now),
            Event::Delete(name) => state.delete(self.kind, name, now),
            Event::Reset(objects) => state.reset(self.kind, objects.clone(), now),
        }
    }
}

/// Reads a recording. Objects of kinds that are not watched are an error: a recording has no need of them.
pub fn read(text: &str) -> Result<Vec<Step>, BadLine> {
    let lines = (1..).zip(text.lines().map(str::trim));
    let steps = lines
        .filter(|(_, text)| !text.is_empty() && !text.starts_with('#'))
        .map(|(line, text)| step(line, text).map_err(|why| BadLine { line, why }));
    steps.filter_map(Result::transpose).collect()
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    what: String,
    object: Value,
}

fn step(line: usize, text: &str) -> Result<Option<Step>, String> {
    let Line { what, object } = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let (kind, event) = match what.as_str() {
        "BOOKMARK" => return Ok(None),
        "RELIST" => relist(object)?,
        "DELETED" => {
            let (kind, object) = parse(object)?;
            (kind, Event::Delete(object.name().to_owned()))
        }
        "ADDED" | "MODIFIED" => {
            let (kind, object) = parse(object)?;
            (kind, Event::Apply(Box::new(object)))
        }
        other => {
            return Err(format!(
                "{other:?} is no type of a line; write ADDED, MODIFIED, DELETED, RELIST or BOOKMARK"
            ));
        }
    };
    Ok(Some(Step { line, kind, event }))
}

fn parse(object: Value) -> Result<(Kind, Object), String> {
    let kind = kind_of(&object, "")?;
    Ok((kind, Object::from_json(kind, object)?))
}

fn relist(mut list: Value) -> Result<(Kind, Event), String> {
    let kind = kind_of(&list, "List")?;
    let items = match list["items"].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    let objects = items.into_iter().map(|item| Object::from_json(kind, item));
    Ok((kind, Event::Reset(objects.collect::<Result<_, _>>()?)))
}

/// The kind that an object says it is; `suffix` is what follows the kind's name.
fn kind_of(object: &Value, suffix: &str) -> Result<Kind, String> {
    let said = |key: &str| object[key].as_str().unwrap_or_default();
    let (version, name) = (said("apiVersion"), said("kind"));
    name.strip_suffix(suffix)
        .and_then(|name| Kind::named(version, name))
        .ok_or_else(|| format!("{version:?} {name:?} is no kind that is watched"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::StoreName;

    /// A release that is installed while its watch breaks off once.
    const EXAMPLE: &str = include_str!("../../tests/data/flux/example.jsonl");

    #[test]
    fn a_recording_is_what_the_watch_would_have_seen() {
        let shop: StoreName = "shop".parse().expect("a store name");
        let mut state = State::new("store-");
        let mut looks = Vec::new();
        for step in read(EXAMPLE).expect("it is well formed") {
            let now = Timestamp::from_second(i64::try_from(step.line).expect("a small number"));
            step.feed(&mut state, now.expect("a small number"));
            let seen = state.store(&shop);
            let release = seen.as_ref().and_then(|seen| seen.release.as_ref());
            looks.push(release.map(|it| (it.meta.observed(), it.meta.conditions.ready())));
        }
        let (waiting, running, ready) = (
            Some((false, false)),
            Some((true, false)),
            Some((true, true)),
        );
        assert_eq!(
            looks,
            [None, waiting, running, running, ready, None],
            "a list in between takes nothing away"
        );
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, why) in [
            ("\n{", "line 2 "),
            (r#"{"type":"PATCHED","object":{}}"#, "PATCHED"),
            (
                r#"{"type":"ADDED","object":{"apiVersion":"v1","kind":"Secret"}}"#,
                "no kind that is watched",
            ),
            (
                r#"{"type":"RELIST","object":{"apiVersion":"v1","kind":"Namespace"}}"#,
                "no kind that is watched",
            ),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}

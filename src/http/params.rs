//! Query parameters: each known, each at most once, each of its type; all that is wrong in one answer.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::problem::Problem;
use crate::domain::BadId;
use crate::domain::request::Violation;

/// Items of a page when none are asked for, and the most there can be.
const PAGE: (usize, usize) = (50, 200);

/// The query of a request. Take what is known, then call [`finish`](Params::finish).
pub(super) struct Params {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
    found: Vec<Violation>,
}

/// Which part of a list is asked for.
pub(super) struct Paging {
    /// Items at most.
    pub(super) limit: usize,
    /// Where to go on.
    pub(super) cursor: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(pairs) = Query::try_from_uri(&parts.uri)
            .map_err(|error| Problem::invalid_field("/query", error.body_text()))?;
        Ok(Self {
            pairs,
            known: Vec::new(),
            found: Vec::new(),
        })
    }
}

impl Params {
    /// A parameter's text.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let mut values = self
            .pairs
            .extract_if(.., |(key, _)| key == name)
            .map(|(_, value)| value);
        let first = values.next();
        if values.count() > 0 {
            self.wrong(name, "is there twice; leave one of them out");
        }
        first
    }

    /// Leaves out parameters without a value.
    pub(super) fn drop_empty(&mut self) {
        self.pairs.retain(|(_, value)| !value.is_empty());
    }

    /// A parameter that is a name or an identity.
    pub(super) fn id<T: TryFrom<String, Error = BadId>>(
        &mut self,
        name: &'static str,
    ) -> Option<T> {
        let text = self.text(name)?;
        T::try_from(text)
            .map_err(|error| self.wrong(name, error.to_string()))
            .ok()
    }

    /// A parameter that is one of an enum's words.
    pub(super) fn word<T: DeserializeOwned>(&mut self, name: &'static str) -> Option<T> {
        let text = self.text(name)?;
        serde_json::from_value(Value::String(text))
            .map_err(|error| self.wrong(name, error.to_string()))
            .ok()
    }

    /// A parameter that is `true` or `false`; absent is false.
    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        match self.text(name).as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                self.wrong(name, "must be true or false");
                false
            }
        }
    }

    /// `limit` and `cursor`.
    pub(super) fn paging(&mut self) -> Paging {
        let cursor = self.text("cursor");
        let limit = match self.text("limit").map(|text| text.parse::<usize>()) {
            None => PAGE.0,
            Some(Ok(limit)) if (1..=PAGE.1).contains(&limit) => limit,
            Some(_) => {
                self.wrong(
                    "limit",
                    format!("must be a whole number from 1 to {}", PAGE.1),
                );
                PAGE.0
            }
        };
        Paging { limit, cursor }
    }

    /// Notes that a parameter is wrong.
    pub(super) fn wrong(&mut self, name: &str, detail: impl Into<String>) {
        self.found
            .push(Violation::new(format!("/query/{name}"), detail));
    }

    /// Whatever is left is unknown.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        let known = if self.known.is_empty() {
            "none".to_owned()
        } else {
            self.known.join(", ")
        };
        for (name, _) in std::mem::take(&mut self.pairs) {
            let name: String = name.chars().take(60).collect();
            self.wrong(
                &name,
                format!("is no parameter of this call; known: {known}"),
            );
        }
        if self.found.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(self.found))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::change::State;

    fn params(pairs: &[(&str, &str)]) -> Params {
        let pairs = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Params {
            pairs,
            known: Vec::new(),
            found: Vec::new(),
        }
    }

    #[test]
    fn all_that_is_wrong_is_found_at_once() {
        let mut query = params(&[
            ("limit", "0"),
            ("state", "done"),
            ("dryRun", "1"),
            ("x", "1"),
            ("q", "a"),
            ("q", "b"),
        ]);
        assert_eq!(query.paging().limit, 50);
        assert_eq!(query.word::<State>("state"), None);
        assert!(!query.flag("dryRun"));
        assert_eq!(query.text("q").as_deref(), Some("a"));
        assert_eq!(query.found.len(), 4);
        assert!(query.finish().is_err());
    }

    #[test]
    fn a_good_query_passes() {
        let mut query = params(&[
            ("limit", "200"),
            ("cursor", "abc"),
            ("state", "queued"),
            ("dryRun", "true"),
        ]);
        let paging = query.paging();
        assert_eq!((paging.limit, paging.cursor.as_deref()), (200, Some("abc")));
        assert_eq!(query.word::<State>("state"), Some(State::Queued));
        assert!(query.flag("dryRun"));
        assert!(query.finish().is_ok());
    }
}

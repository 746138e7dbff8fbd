//! Lists: page after page, and only when something changed.
//!
//! Every page's `ETag` is kept: an item that leaves a later page does not change the first. A question that is answered
//! by 304 does not count against the primary limit. Must not know: what is listed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::StatusCode;
use serde::de::DeserializeOwned;

use super::ForgeError;
use super::answer::Answer;
use super::call::{Call, Line};
use crate::domain::forge::Priority;

/// The items of a page: GitHub's most.
const PER_PAGE: usize = 100;
/// The pages of one list: GitHub shows 3,000 files of a pull request, and 1,000 open ones of a branch are advised.
const PAGES: usize = 30;

/// The tags of the pages that were read last, by list.
#[derive(Debug, Default)]
pub(super) struct Tags(Mutex<BTreeMap<String, Vec<String>>>);

impl Tags {
    /// Lets go of all: every list counts as changed.
    pub(super) fn clear(&self) {
        self.kept().clear();
    }

    fn of(&self, list: &str) -> Option<Vec<String>> {
        self.kept().get(list).cloned()
    }

    /// Keeps the tags of a list, if every page has one.
    fn keep(&self, list: &str, tags: Vec<Option<String>>) {
        match tags.into_iter().collect::<Option<Vec<String>>>() {
            Some(tags) => self.kept().insert(list.to_owned(), tags),
            None => self.kept().remove(list),
        };
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<String, Vec<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// All items of a list. `list` is its path with its query; `items` takes them out of a page's body.
    pub(super) async fn list<P: DeserializeOwned, T>(
        &self,
        priority: Priority,
        list: &str,
        items: impl Fn(P) -> Vec<T>,
    ) -> Result<Vec<T>, ForgeError> {
        self.pages(priority, list, items).await.map(|it| it.0)
    }

    /// All items of a list, or none where no page changed since the last time.
    pub(super) async fn changed<P: DeserializeOwned, T>(
        &self,
        tags: &Tags,
        priority: Priority,
        list: &str,
        items: impl Fn(P) -> Vec<T>,
    ) -> Result<Option<Vec<T>>, ForgeError> {
        if let Some(known) = tags.of(list)
            && self.is_unchanged(priority, list, &known).await?
        {
            return Ok(None);
        }
        let (found, read) = self.pages(priority, list, items).await?;
        tags.keep(list, read);
        Ok(Some(found))
    }

    async fn pages<P: DeserializeOwned, T>(
        &self,
        priority: Priority,
        list: &str,
        items: impl Fn(P) -> Vec<T>,
    ) -> Result<(Vec<T>, Vec<Option<String>>), ForgeError> {
        let (mut found, mut tags) = (Vec::new(), Vec::new());
        for number in 1..=PAGES {
            let call = page(priority, list, number);
            let answer = self.call(&call).await?.good(&call.name())?;
            found.extend(items(answer.parsed(&call.name(), false)?));
            tags.push(answer.etag());
            if !answer.has_next() {
                return Ok((found, tags));
            }
        }
        let most = PAGES * PER_PAGE;
        let why = format!(
            "{} holds more than {most} items",
            page(priority, list, 1).name()
        );
        Err(ForgeError::Unreadable(why))
    }

    async fn is_unchanged(
        &self,
        priority: Priority,
        list: &str,
        known: &[String],
    ) -> Result<bool, ForgeError> {
        for (index, tag) in known.iter().enumerate() {
            let mut call = page(priority, list, index + 1);
            call.request.unless = Some(tag.clone());
            let answer: Answer = self.call(&call).await?;
            if answer.status != StatusCode::NOT_MODIFIED {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn page(priority: Priority, list: &str, number: usize) -> Call {
    let sign = if list.contains('?') { '&' } else { '?' };
    Call::get(
        priority,
        format!("{list}{sign}per_page={PER_PAGE}&page={number}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_numbered_behind_the_query() {
        let path = |list, number| page(Priority::Poll, list, number).request.path;
        assert_eq!(path("/a", 1), "/a?per_page=100&page=1");
        assert_eq!(path("/a?b=c", 2), "/a?b=c&per_page=100&page=2");
    }

    #[test]
    fn a_list_with_a_page_without_a_tag_is_never_unchanged() {
        let tags = Tags::default();
        tags.keep("/a", vec![Some("1".to_owned()), Some("2".to_owned())]);
        assert_eq!(tags.of("/a"), Some(vec!["1".to_owned(), "2".to_owned()]));
        tags.keep("/a", vec![Some("3".to_owned()), None]);
        assert_eq!(tags.of("/a"), None);
        tags.keep("/b", vec![Some("4".to_owned())]);
        tags.clear();
        assert_eq!(tags.of("/b"), None);
    }
}

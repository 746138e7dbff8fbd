//! The audit's part of the index: every commit of published main, ours or not, in the order of their time.

use redb::ReadableTable;

use super::tables::{AUDIT, HISTORY, decode};
use super::{Index, IndexError};
use crate::domain::audit::AuditItem;
use crate::domain::view::HistoryItem;

impl Index {
    /// Commits from the newest down, before the place of an earlier page, as long as `each` wants more.
    pub fn audit(
        &self,
        before: Option<&(i64, String)>,
        each: &mut dyn FnMut(AuditItem) -> bool,
    ) -> Result<(), IndexError> {
        self.read(|txn| {
            let table = txn.open_table(AUDIT)?;
            let rows = match before {
                Some((at, tie)) => table.range(..(*at, tie.as_str()))?,
                None => table.range::<(i64, &str)>(..)?,
            };
            for row in rows.rev() {
                let (_, item) = row?;
                if decode(item.value()).is_some_and(|it| !each(it)) {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Every store's commits, each with its store's uid.
    pub fn histories(&self, each: &mut dyn FnMut(&str, HistoryItem)) -> Result<(), IndexError> {
        self.read(|txn| {
            for row in txn.open_table(HISTORY)?.iter()? {
                let (key, item) = row?;
                if let Some(item) = decode(item.value()) {
                    each(key.value().0, item);
                }
            }
            Ok(())
        })
    }
}

//! The index's tables. A changed shape gets a new version in its name; old rows are rebuilt from Git.

use redb::{TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::ClusterName;

/// Store name → row.
pub(super) const STORES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("stores/v1");
/// Change id → change.
pub(super) const CHANGES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("changes/v1");
/// Change id → store, of changes that have not ended.
pub(super) const OPEN: TableDefinition<'_, &str, &str> = TableDefinition::new("open/v1");
/// Uid and place in the order of main → history item.
pub(super) const HISTORY: TableDefinition<'_, (&str, u64), &[u8]> =
    TableDefinition::new("history/v3");
/// Time in seconds and a tie of every commit of main → audit item.
pub(super) const AUDIT: TableDefinition<'_, (i64, &str), &[u8]> = TableDefinition::new("audit/v1");
/// Name → fact.
pub(super) const META: TableDefinition<'_, &str, &str> = TableDefinition::new("meta/v1");
/// The fact: newest commit in the index. An index without all of today's tables has it under another name, and is
/// rebuilt.
pub(super) const TIP: &str = "tip/v4";

/// The fact: the last place given in the order of main.
pub(super) const LAST: &str = "last";

/// The fact: how far a cluster's deploy branch was looked at.
pub(super) fn landed(cluster: &ClusterName) -> String {
    format!("landed/{cluster}")
}

/// Makes every table, so that reading one never fails for its absence.
pub(super) fn create(txn: &WriteTransaction) -> Result<(), redb::Error> {
    txn.open_table(STORES)?;
    txn.open_table(CHANGES)?;
    txn.open_table(OPEN)?;
    txn.open_table(HISTORY)?;
    txn.open_table(AUDIT)?;
    txn.open_table(META)?;
    Ok(())
}

/// Drops every table and makes it again.
pub(super) fn clear(txn: &WriteTransaction) -> Result<(), redb::Error> {
    txn.delete_table(STORES)?;
    txn.delete_table(CHANGES)?;
    txn.delete_table(OPEN)?;
    txn.delete_table(HISTORY)?;
    txn.delete_table(AUDIT)?;
    txn.delete_table(META)?;
    create(txn)
}

/// Rows are JSON: they tolerate added fields and can be looked at.
pub(super) fn encode(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("index types have string keys and no failing serialiser")
}

/// The row, unless it is of a shape that this version does not know.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

//! The journal's tables. Names carry a version: a changed shape gets a new name and a migration.

use redb::{ReadableTable, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Change id → entry.
pub(super) const ENTRIES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("entries/v1");
/// Change id → change as it ended.
pub(super) const ENDED: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("ended/v1");
/// Idempotency key → first answer.
pub(super) const KEPT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("kept/v1");
/// Token id → token with its hash.
pub(super) const TOKENS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("tokens/v2");
/// Every hash that the file `admin.token` ever had: a token that was replaced there stayed good.
const REPLACED_TOKENS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("tokens/v1");
/// Change id → what a request limit counts of it.
pub(super) const HITS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("hits/v1");
/// Branch → proposal.
pub(super) const PROPOSALS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("proposals/v1");
/// Issue number → what was asked in it.
pub(super) const ASKED: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("asked/v1");
/// Name → fact.
pub(super) const META: TableDefinition<'_, &str, &str> = TableDefinition::new("meta/v1");

/// Makes every table, so that reading one never fails for its absence.
pub(super) fn create(txn: &WriteTransaction) -> Result<(), redb::Error> {
    txn.open_table(ENTRIES)?;
    txn.open_table(ENDED)?;
    txn.open_table(KEPT)?;
    txn.open_table(TOKENS)?;
    txn.open_table(HITS)?;
    txn.open_table(PROPOSALS)?;
    txn.open_table(ASKED)?;
    txn.open_table(META)?;
    txn.delete_table(REPLACED_TOKENS)?;
    super::audit::create(txn)?;
    super::deliveries::create(txn)?;
    Ok(())
}

/// Values are JSON: small enough here, readable with a hex viewer, and tolerant of added fields.
pub(super) fn encode(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("journal types have string keys and no failing serialiser")
}

/// The value, unless it is of a shape that this version does not know.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

/// Every value that this version knows the shape of.
pub(super) fn decode_all<T: serde::de::DeserializeOwned>(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
) -> Result<Vec<T>, redb::Error> {
    let mut all = Vec::new();
    for row in table.iter()? {
        let (_, value) = row?;
        all.extend(decode(value.value()));
    }
    Ok(all)
}

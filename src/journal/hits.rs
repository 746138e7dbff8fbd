//! What request limits count: one row per accepted request of a limited caller, written with the acceptance itself.
//!
//! Must not know: what the limits are.

use jiff::Timestamp;
use redb::WriteTransaction;

use super::tables::{HITS, encode};
use super::{Journal, JournalError, decode_all};
use crate::domain::ChangeId;
use crate::domain::limits::{Hit, LONGEST};

impl Journal {
    /// Every hit that is kept.
    pub fn hits(&self) -> Result<Vec<Hit>, JournalError> {
        self.read(|txn| decode_all(&txn.open_table(HITS)?))
    }

    /// Keeps a hit of a write that is no request for a store, under an id of its own.
    pub fn keep_hit(&self, id: &ChangeId, hit: &Hit) -> Result<(), JournalError> {
        self.write(|txn| insert(txn, &[(id, hit)]))
    }
}

/// Inserts hits, and drops those that no window can hold any more. Ids begin with their time, so these come first.
pub(super) fn insert(
    txn: &WriteTransaction,
    hits: &[(&ChangeId, &Hit)],
) -> Result<(), redb::Error> {
    let Some((_, newest)) = hits.last() else {
        return Ok(());
    };
    let mut table = txn.open_table(HITS)?;
    for (id, hit) in hits {
        table.insert(id.as_str(), encode(hit).as_slice())?;
    }
    let limit = newest.at.checked_sub(LONGEST).unwrap_or(Timestamp::MIN);
    let limit = u64::try_from(limit.as_millisecond()).unwrap_or(0);
    let first = ulid::Ulid::from_parts(limit, 0).to_string();
    table.retain_in(..first.as_str(), |_, _| false)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_kept_for_as_long_as_a_window_may_be() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.redb");
        let hour = |hour: i64| Timestamp::from_second(1_700_000_000 + hour * 3600).unwrap();
        let keep = |journal: &Journal, at: Timestamp| {
            let millis = u64::try_from(at.as_millisecond()).unwrap();
            let id = ulid::Ulid::from_parts(millis, 7).to_string();
            let hit = Hit {
                merchant: "ann".parse().unwrap(),
                at,
                create: true,
                address: Some(core::net::IpAddr::from([192, 0, 2, 1]).into()),
            };
            journal.keep_hit(&id.parse().unwrap(), &hit).unwrap();
        };
        let journal = Journal::open(&path).unwrap();
        for at in [0, 1, 23] {
            keep(&journal, hour(at));
        }
        drop(journal);
        let journal = Journal::open(&path).unwrap();
        let kept = |journal: &Journal| -> Vec<Timestamp> {
            journal.hits().unwrap().iter().map(|it| it.at).collect()
        };
        assert_eq!(kept(&journal), [hour(0), hour(1), hour(23)]);
        keep(&journal, hour(25));
        assert_eq!(kept(&journal), [hour(1), hour(23), hour(25)]);
    }
}

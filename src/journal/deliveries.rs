//! What a forge told by webhook: which deliveries came, so that a repeat counts once, and what of it is still to be
//! worked off.
//!
//! Must not know: how a delivery is signed, or what follows from a hint.

use jiff::{Timestamp, ToSpan};
use redb::{ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::tables::{decode, encode};
use super::{Journal, JournalError};
use crate::domain::forge::Hint;

/// Delivery id → place.
const DELIVERIES: TableDefinition<'_, &str, u64> = TableDefinition::new("deliveries/v1");
/// Place → delivery id, and when it came.
const ARRIVALS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("arrivals/v1");
/// Place → hint that is not worked off.
const HINTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("hints/v1");
/// How long a delivery id is known. GitHub keeps deliveries for three days, and sends one again when a person asks
/// (<https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks>).
const KEEP_HOURS: i64 = 4 * 24;
/// How many ids are known at most: some 30 MB. Beyond that the oldest go before their time, and a repeat of one of them
/// is a hint again, which changes nothing.
const KEEP: u64 = 200_000;
/// Hints that are open at most. Beyond that the oldest go: the periodic pass finds what they hinted at.
const OPEN: u64 = 50_000;

/// A delivery to be kept.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The id that the forge gave it.
    pub id: String,
    /// When it came.
    pub at: Timestamp,
    /// What it hints at.
    pub hint: Hint,
}

/// Which delivery has a place, and since when.
#[derive(Serialize, Deserialize)]
struct Arrival {
    id: String,
    at: Timestamp,
}

/// Makes the tables.
pub(super) fn create(txn: &WriteTransaction) -> Result<(), redb::Error> {
    txn.open_table(DELIVERIES)?;
    txn.open_table(ARRIVALS)?;
    txn.open_table(HINTS)?;
    Ok(())
}

impl Journal {
    /// Keeps deliveries that came together, in one transaction with one fsync, and says which of them are new. Those
    /// that are not leave nothing behind.
    pub fn deliver(&self, deliveries: &[Delivery]) -> Result<Vec<bool>, JournalError> {
        self.write(|txn| {
            let mut known = txn.open_table(DELIVERIES)?;
            let mut arrivals = txn.open_table(ARRIVALS)?;
            let mut hints = txn.open_table(HINTS)?;
            let mut place = last(&arrivals)?.max(last(&hints)?);
            let mut new = Vec::with_capacity(deliveries.len());
            for Delivery { id, at, hint } in deliveries {
                let first = known.get(id.as_str())?.is_none();
                new.push(first);
                if first {
                    place += 1;
                    let (id, at) = (id.clone(), *at);
                    known.insert(id.as_str(), place)?;
                    arrivals.insert(place, encode(&Arrival { id, at }).as_slice())?;
                    hints.insert(place, encode(hint).as_slice())?;
                }
            }
            while hints.len()? > OPEN {
                hints.pop_first()?;
            }
            let newest = deliveries.iter().map(|it| it.at).max();
            let oldest = newest.and_then(|it| it.checked_sub(KEEP_HOURS.hours()).ok());
            forget(
                &mut known,
                &mut arrivals,
                oldest.unwrap_or(Timestamp::MIN),
                KEEP,
            )?;
            Ok(new)
        })
    }

    /// Hints that are not worked off, with their places, in the order in which they came. They stay until they are
    /// [`delivered`](Self::delivered), however old.
    pub fn hints(&self) -> Result<Vec<(u64, Hint)>, JournalError> {
        self.read(|txn| {
            let mut open = Vec::new();
            for row in txn.open_table(HINTS)?.iter()? {
                let (place, hint) = row?;
                open.extend(decode(hint.value()).map(|it| (place.value(), it)));
            }
            Ok(open)
        })
    }

    /// Lets hints go that were worked off; their deliveries stay known. This is not synced: after a kill some come
    /// again, and a hint may come twice.
    pub fn delivered(&self, places: &[u64]) -> Result<(), JournalError> {
        if places.is_empty() {
            return Ok(());
        }
        self.write_with(redb::Durability::None, |txn| {
            let mut hints = txn.open_table(HINTS)?;
            for place in places {
                hints.remove(place)?;
            }
            Ok(())
        })
    }
}

/// The newest place of a table; 0 where it is empty.
fn last(table: &impl ReadableTable<u64, &'static [u8]>) -> Result<u64, redb::Error> {
    Ok(table.last()?.map_or(0, |(place, _)| place.value()))
}

/// Lets go of ids that are older than that, and of the oldest beyond a number.
fn forget(
    known: &mut Table<'_, &'static str, u64>,
    arrivals: &mut Table<'_, u64, &'static [u8]>,
    oldest: Timestamp,
    keep: u64,
) -> Result<(), redb::Error> {
    loop {
        let too_many = arrivals.len()? > keep;
        let Some((place, arrival)) = arrivals.first()?.map(|(place, arrival)| {
            let arrival = decode::<Arrival>(arrival.value());
            (place.value(), arrival)
        }) else {
            return Ok(());
        };
        if !too_many && arrival.as_ref().is_some_and(|it| it.at >= oldest) {
            return Ok(());
        }
        arrivals.remove(place)?;
        if let Some(arrival) = arrival {
            known.remove(arrival.id.as_str())?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + hour * 3600).unwrap()
    }

    fn pull(number: u64) -> Hint {
        Hint::Pull {
            number,
            action: String::new(),
            head: None,
        }
    }

    fn delivery(id: &str, at: i64, number: u64) -> Delivery {
        Delivery {
            id: id.to_owned(),
            at: hour(at),
            hint: pull(number),
        }
    }

    fn open(journal: &Journal) -> Vec<Hint> {
        let open = journal.hints().unwrap();
        open.into_iter().map(|(_, hint)| hint).collect()
    }

    #[test]
    fn a_hint_is_open_until_it_is_worked_off_whatever_happens_in_between() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.redb");
        let journal = Journal::open(&path).unwrap();
        // Given two deliveries, one of them twice in one group.
        let three = [
            delivery("a", 0, 1),
            delivery("b", 0, 2),
            delivery("a", 0, 1),
        ];
        assert_eq!(journal.deliver(&three).unwrap(), [true, true, false]);
        // When the process is killed and comes back, then both are open, in their order.
        drop(journal);
        let journal = Journal::open(&path).unwrap();
        assert_eq!(open(&journal), [pull(1), pull(2)]);
        // When the first is worked off, then the other stays, and a repeat of neither is new.
        let first = journal.hints().unwrap()[0].0;
        journal.delivered(&[first]).unwrap();
        let again = [delivery("a", 1, 1), delivery("b", 1, 2)];
        assert_eq!(journal.deliver(&again).unwrap(), [false, false]);
        assert_eq!(open(&journal), [pull(2)]);
    }

    #[test]
    fn ids_are_known_for_three_days_and_more_and_open_hints_stay() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(&dir.path().join("journal.redb")).unwrap();
        let new = |one: Delivery| journal.deliver(&[one]).unwrap()[0];
        assert!(new(delivery("old", 0, 1)));
        assert!(!new(delivery("old", 73, 1)), "three days later");
        assert!(new(delivery("young", KEEP_HOURS + 1, 2)));
        assert_eq!(open(&journal), [pull(1), pull(2)], "nobody worked it off");
        assert!(new(delivery("old", KEEP_HOURS + 1, 3)), "forgotten by then");
        assert_eq!(open(&journal), [pull(1), pull(2), pull(3)]);
    }

    #[test]
    fn places_go_on_where_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(&dir.path().join("journal.redb")).unwrap();
        journal.deliver(&[delivery("a", 0, 1)]).unwrap();
        // The arrivals are all forgotten in one go, the hint of the first is still open.
        let clear = |txn: &WriteTransaction| {
            let mut known = txn.open_table(DELIVERIES)?;
            let mut arrivals = txn.open_table(ARRIVALS)?;
            forget(&mut known, &mut arrivals, Timestamp::MIN, 0)?;
            assert_eq!((known.len()?, arrivals.len()?), (0, 0));
            Ok(())
        };
        journal.write(clear).unwrap();
        journal.deliver(&[delivery("b", 0, 2)]).unwrap();
        assert_eq!(open(&journal), [pull(1), pull(2)]);
    }
}

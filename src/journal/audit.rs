//! Refusals and sign-ins: rows that are only ever added, each chained to the one before it by its hash.
//!
//! The chain shows that a row was changed, moved or taken out. It cannot show that somebody with this file made all of
//! it anew: keep the newest hash, which `index check` prints, elsewhere. Must not know: what is worth a row.

use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};

use super::tables::{decode, encode};
use super::{Journal, JournalError};
use crate::domain::audit::{Link, Noted, Row};

/// Place → row.
const ROWS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("audit/v1");
/// Name → link.
const LINKS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("audit-links/v1");
/// The link that the oldest row is chained to: that of the newest row which was let go.
const ANCHOR: &str = "anchor";
/// The link of the newest row, so that a chain cut short at its end is seen.
const HEAD: &str = "head";

/// What a check of the chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chain {
    /// Every row follows the one before it; the newest is this.
    Whole {
        /// How many rows there are.
        rows: u64,
        /// The newest.
        head: Link,
    },
    /// It breaks at this place.
    Broken {
        /// The first place that is wrong.
        seq: u64,
        /// What is wrong there.
        why: &'static str,
    },
}

/// Makes the tables.
pub(super) fn create(txn: &WriteTransaction) -> Result<(), redb::Error> {
    txn.open_table(ROWS)?;
    txn.open_table(LINKS)?;
    Ok(())
}

impl Journal {
    /// Adds rows to the chain and lets the oldest beyond `keep` go: one transaction, one fsync.
    pub fn note(&self, notes: Vec<Noted>, keep: u64) -> Result<(), JournalError> {
        self.write(|txn| {
            let mut rows = txn.open_table(ROWS)?;
            let mut links = txn.open_table(LINKS)?;
            let mut head = link(&links, HEAD)?;
            for noted in notes {
                let row = Row::after(&head, noted);
                rows.insert(row.seq, encode(&row).as_slice())?;
                head = row.link();
            }
            links.insert(HEAD, encode(&head).as_slice())?;
            let mut anchor = None;
            while rows.len()? > keep {
                let Some((_, oldest)) = rows.pop_first()? else {
                    break;
                };
                anchor = decode::<Row>(oldest.value())
                    .map(|row| row.link())
                    .or(anchor);
            }
            if let Some(anchor) = anchor {
                links.insert(ANCHOR, encode(&anchor).as_slice())?;
            }
            Ok(())
        })
    }

    /// Rows from the newest down, before a place, as long as `each` wants more.
    pub fn notes(
        &self,
        before: Option<u64>,
        each: &mut dyn FnMut(Row) -> bool,
    ) -> Result<(), JournalError> {
        self.read(|txn| {
            let table = txn.open_table(ROWS)?;
            for row in table.range(..before.unwrap_or(u64::MAX))?.rev() {
                let (_, row) = row?;
                if decode(row.value()).is_some_and(|it| !each(it)) {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Follows the chain from its anchor to its head.
    pub fn check_notes(&self) -> Result<Chain, JournalError> {
        self.read(|txn| {
            let links = txn.open_table(LINKS)?;
            let table = txn.open_table(ROWS)?;
            let mut last = link(&links, ANCHOR)?;
            for row in table.iter()? {
                let (seq, row) = row?;
                let broken = |seq, why| Ok(Chain::Broken { seq, why });
                if seq.value() != last.seq + 1 {
                    return broken(last.seq + 1, "the row is missing");
                }
                match decode::<Row>(row.value()) {
                    Some(row) if row.follows(&last) => last = row.link(),
                    Some(_) => return broken(seq.value(), "the row is not what its hash says"),
                    None => return broken(seq.value(), "the row cannot be read"),
                }
            }
            let head = link(&links, HEAD)?;
            if head == last {
                return Ok(Chain::Whole {
                    rows: table.len()?,
                    head,
                });
            }
            Ok(Chain::Broken {
                seq: last.seq + 1,
                why: "the newest rows are missing",
            })
        })
    }
}

fn link(
    links: &impl ReadableTable<&'static str, &'static [u8]>,
    name: &str,
) -> Result<Link, redb::Error> {
    let kept = links.get(name)?;
    Ok(kept.and_then(|it| decode(it.value())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::audit::Kind;

    fn noted(detail: &str) -> Noted {
        Noted {
            at: Timestamp::UNIX_EPOCH,
            kind: Kind::SignIn,
            subject: "unknown".to_owned(),
            action: "GET /api/v1/stores".to_owned(),
            store: None,
            status: 401,
            detail: detail.to_owned(),
        }
    }

    fn broken_at(journal: &Journal) -> Option<u64> {
        match journal.check_notes().unwrap() {
            Chain::Broken { seq, .. } => Some(seq),
            Chain::Whole { .. } => None,
        }
    }

    #[test]
    fn what_is_let_go_leaves_a_chain_that_still_holds() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(&dir.path().join("journal.redb")).unwrap();
        assert_eq!(broken_at(&journal), None, "an empty chain is whole");
        for n in 0..5 {
            let two = vec![noted(&format!("{n}a")), noted(&format!("{n}b"))];
            journal.note(two, 4).unwrap();
            assert_eq!(broken_at(&journal), None, "{n}");
        }
        let mut seen = Vec::new();
        let mut each = |row: Row| {
            seen.push((row.seq, row.noted.detail));
            true
        };
        journal.notes(Some(10), &mut each).unwrap();
        let wanted = [(9, "4a"), (8, "3b"), (7, "3a")].map(|(seq, it)| (seq, it.to_owned()));
        assert_eq!(seen, wanted);
        drop(journal);
        let again = Journal::open(&dir.path().join("journal.redb")).unwrap();
        assert_eq!(broken_at(&again), None, "it goes on after a start");
    }

    #[test]
    fn every_meddling_is_found_where_it_is() {
        type Meddle = fn(&WriteTransaction);
        let cases: [(Meddle, u64); 4] = [
            (
                |txn| {
                    let mut rows = txn.open_table(ROWS).unwrap();
                    let text = String::from_utf8(rows.get(3).unwrap().unwrap().value().to_vec());
                    let text = text.unwrap().replace(":401", ":200");
                    rows.insert(3, text.as_bytes()).unwrap();
                },
                3,
            ),
            (
                |txn| {
                    txn.open_table(ROWS).unwrap().remove(2).unwrap();
                },
                2,
            ),
            (
                |txn| {
                    txn.open_table(ROWS).unwrap().remove(5).unwrap();
                },
                5,
            ),
            (
                |txn| {
                    txn.open_table(ROWS).unwrap().insert(4, &b"{"[..]).unwrap();
                },
                4,
            ),
        ];
        for (meddle, at) in cases {
            let dir = tempfile::tempdir().unwrap();
            let journal = Journal::open(&dir.path().join("journal.redb")).unwrap();
            let notes = (0..5).map(|n| noted(&n.to_string())).collect();
            journal.note(notes, 100).unwrap();
            let change = |txn: &WriteTransaction| {
                meddle(txn);
                Ok(())
            };
            journal.write(change).unwrap();
            assert_eq!(broken_at(&journal), Some(at));
        }
    }
}

//! Proposals at a forge: which changes each carries, and which of its steps were begun.

use redb::ReadableTable;

use super::tables::{ASKED, ENTRIES, PROPOSALS, decode, decode_all, encode};
use super::{Journal, JournalError};
use crate::domain::entry::Entry;
use crate::domain::proposal::life::{Asked, Proposal};

impl Journal {
    /// Every proposal that is not over.
    pub fn proposals(&self) -> Result<Vec<Proposal>, JournalError> {
        self.read(|txn| decode_all(&txn.open_table(PROPOSALS)?))
    }

    /// Keeps a proposal as it is now, and with it how far entries have come.
    pub fn propose(&self, proposal: &Proposal, changed: &[Entry]) -> Result<(), JournalError> {
        self.write(|txn| {
            let mut proposals = txn.open_table(PROPOSALS)?;
            proposals.insert(proposal.branch.as_str(), encode(proposal).as_slice())?;
            let mut entries = txn.open_table(ENTRIES)?;
            for entry in changed {
                entries.insert(entry.change.id.as_str(), encode(entry).as_slice())?;
            }
            Ok(())
        })
    }

    /// Keeps what was asked in an issue, and how far it was told.
    pub fn ask(&self, asked: &Asked) -> Result<(), JournalError> {
        self.write(|txn| {
            let mut table = txn.open_table(ASKED)?;
            table.insert(asked.number, encode(asked).as_slice())?;
            Ok(())
        })
    }

    /// Every issue that was taken in.
    pub fn asked(&self) -> Result<Vec<Asked>, JournalError> {
        self.read(|txn| {
            let mut all = Vec::new();
            for row in txn.open_table(ASKED)?.iter()? {
                all.extend(decode(row?.1.value()));
            }
            Ok(all)
        })
    }

    /// Forgets a proposal that is over.
    pub fn end_proposal(&self, branch: &str) -> Result<(), JournalError> {
        self.write(|txn| {
            txn.open_table(PROPOSALS)?.remove(branch)?;
            Ok(())
        })
    }
}

//! What a person did to a record on main: judged like a request, and rendered if it may be.
//!
//! The same judgement holds for a record on main and for one in a pull request that is not merged yet. Must not know:
//! where the text came from.

use super::{Tree, Underivable, read_record};
use crate::domain::accept::{Circumstances, adopt};
use crate::domain::approval::Needed;
use crate::domain::change::ChangeError;
use crate::domain::entry::Entry;
use crate::domain::record::{Deletion, Record, record_path};
use crate::domain::request::{Adopted, Refusal};
use crate::domain::{CommitId, StoreName};

/// What is wrong with a hand edit.
pub(in crate::workflow) enum Fault {
    /// The file cannot be read, or may not be removed.
    Broken(ChangeError),
    /// Policy or limits do not allow what it says.
    Refused(Refusal),
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Fault> for Underivable {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Broken(error) => Self::Failed(error),
            Fault::Refused(refusal) => refusal.into(),
        }
    }
}

/// A hand edit is held to the approval rules like a request; who approved it cannot be seen without a forge.
pub(in crate::workflow) fn unapproved(store: &StoreName, needed: &Needed) -> ChangeError {
    ChangeError {
        reason: "ApprovalRequired".to_owned(),
        message: format!(
            "the hand edit of {} needs {}; it has no effect",
            record_path(store),
            needed.sentence()
        ),
        next_step: "ask for the change by the API, so that it can be approved".to_owned(),
    }
}

/// The record that a person's edit leaves at a commit.
pub(super) fn adopted(
    tree: &impl Tree,
    tip: Option<&CommitId>,
    at: &Circumstances<'_>,
    entry: &Entry,
    kind: Adopted,
    accepted: Option<&Record>,
) -> Result<Record, Underivable> {
    let name = &entry.change.store;
    let text = match tip {
        Some(tip) => tree.file(tip, &record_path(name))?,
        None => None,
    };
    Ok(left_by_hand(at, name, kind, text.as_deref(), accepted)?)
}

/// The record that a person's edit leaves, with a removal turned into the first step of a deletion. `text` is the file as
/// they left it.
pub(in crate::workflow) fn left_by_hand(
    at: &Circumstances<'_>,
    name: &StoreName,
    kind: Adopted,
    text: Option<&[u8]>,
    accepted: Option<&Record>,
) -> Result<Record, Fault> {
    match (kind, text, accepted) {
        (Adopted::Removed, None, Some(record)) if record.spec.deletion_protection => Err(broken(
            "Protected",
            format!(
                "the record of {name} was removed by hand, but the store is protected; the record is put back"
            ),
            "set deletionProtection to false first",
        )),
        (Adopted::Removed, None, Some(record)) => {
            let mut record = record.clone();
            let mark = Deletion {
                change: at.id.clone(),
                at: at.now,
                applied: true,
            };
            record.metadata.deletion.get_or_insert(mark);
            Ok(record)
        }
        (_, Some(text), accepted) => {
            let new = read_record(name, text).map_err(Fault::Broken)?;
            Ok(adopt(at, name, accepted, &new)?)
        }
        (_, None, _) => Err(broken(
            "Overtaken",
            format!("the record of {name} is not on main any more"),
            "look at the store's history",
        )),
    }
}

fn broken(reason: &str, message: String, next_step: &str) -> Fault {
    Fault::Broken(ChangeError {
        reason: reason.to_owned(),
        message,
        next_step: next_step.to_owned(),
    })
}

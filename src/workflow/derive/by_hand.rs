//! What a person did to a record on main: judged like a request, and rendered if it may be.

use super::{Tree, Underivable, read_record};
use crate::domain::CommitId;
use crate::domain::accept::{Circumstances, adopt};
use crate::domain::approval::needed;
use crate::domain::entry::Entry;
use crate::domain::record::{Deletion, Record, record_path};
use crate::domain::request::Adopted;

/// A hand edit is held to the approval rules like a request; who approved it cannot be seen without a forge.
pub(super) fn unapproved(
    at: &Circumstances<'_>,
    entry: &Entry,
    old: Option<&Record>,
    new: &Record,
) -> Result<(), Underivable> {
    let old = old.map(|it| &it.spec);
    match needed(at.policy, entry.change.action, old, &new.spec) {
        None => Ok(()),
        Some(needed) => Err(Underivable::failed(
            "ApprovalRequired",
            &format!(
                "the hand edit of {} needs {}; it has no effect",
                record_path(new.name()),
                needed.sentence()
            ),
            "ask for the change by the API, so that it can be approved",
        )),
    }
}

/// The record that a person's edit leaves, with a removal turned into the first step of a deletion.
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
    match (kind, text, accepted) {
        (Adopted::Removed, None, Some(record)) if record.spec.deletion_protection => {
            Err(Underivable::failed(
                "Protected",
                &format!(
                    "the record of {name} was removed by hand, but the store is protected; the record is put back"
                ),
                "set deletionProtection to false first",
            ))
        }
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
            let new = read_record(name, &text)?;
            Ok(adopt(at, name, accepted, &new)?)
        }
        (_, None, _) => Err(Underivable::failed(
            "Overtaken",
            &format!("the record of {name} is not on main any more"),
            "look at the store's history",
        )),
    }
}

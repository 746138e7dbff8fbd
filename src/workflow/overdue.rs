//! What waited too long for people, or for a slot: it fails and says what it was waiting for.
//!
//! The deadline to ready, from merged on, is `observe`'s. Must not know: who sets a deadline.

use super::core::Core;
use super::project::ProjectError;
use crate::domain::change::{Change, ChangeError, State};

/// Ends what is past its deadline and not written.
pub(super) fn expire(core: &Core) -> Result<(), ProjectError> {
    let now = Core::now();
    let late: Vec<Change> = {
        let mut desk = core.desk();
        let waits = |it: &Change| matches!(it.state, State::Proposed | State::Queued);
        let late = desk
            .entries()
            .map(|entry| &entry.change)
            .filter(|it| waits(it) && it.deadline.is_some_and(|deadline| deadline < now))
            .filter(|it| !desk.is_taken(&it.id));
        let late: Vec<Change> = late.cloned().collect();
        for change in &late {
            desk.remove(&change.id);
        }
        late
    };
    let ended: Vec<Change> = late
        .into_iter()
        .map(|mut change| {
            let error = too_late(&change);
            change.fail(error, now);
            change
        })
        .collect();
    core.end(&ended)
}

fn too_late(change: &Change) -> ChangeError {
    let waited = change.waiting_for.as_deref().unwrap_or("the writer");
    ChangeError {
        reason: "DeadlineExceeded".to_owned(),
        message: format!("it was not written in time; it was waiting for {waited}"),
        next_step: "ask again when what it waited for is there".to_owned(),
    }
}

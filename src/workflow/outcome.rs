//! What became of a group's entries: noted in journal, index and desk, and told to those who wait.

use super::approve::propose;
use super::core::{Core, RemoteStatus, lock};
use super::derive::Made;
use super::desk::Unpublished;
use super::group::{Fate, Report};
use super::project::ProjectError;
use super::proposals;
use super::reserve;
use super::settings::Mode;
use super::suspects::Guilty;
use crate::domain::CommitId;
use crate::domain::accept::Intent;
use crate::domain::change::{Change, ChangeError, State};
use crate::domain::entry::{Entry, Projection};
use crate::domain::record::record_path;
use crate::domain::request::Adopted;

/// Why people are asked once more.
const ASKED_AGAIN: &str = "what would be written, or the policy, has changed since it was approved";

/// Notes in journal and desk what became of a group's entries.
pub(super) fn record(core: &Core, report: Report) -> Result<(), ProjectError> {
    let now = Core::now();
    let mut written: Vec<Entry> = Vec::new();
    let mut proposed: Vec<Entry> = Vec::new();
    let mut ended: Vec<Change> = Vec::new();
    for (mut entry, fate) in report.fates {
        match fate {
            Fate::Written(commit, made) => {
                entry
                    .change
                    .go(State::Written, now, Some(format!("commit {commit}")));
                entry.commit = Some(commit.clone());
                // What it waited for before had a deadline of its own.
                entry.change.deadline = None;
                core.desk().note_written(
                    entry.change.store.clone(),
                    commit,
                    Unpublished::Store(made),
                );
                written.push(entry);
            }
            Fate::Landed {
                commit,
                deployed,
                made,
            } => {
                landed(core, &mut entry, commit, deployed, made);
                written.push(entry);
            }
            Fate::Proposed(needed) => {
                if entry.is_by_hand() {
                    proposals::look_up(&mut entry, &needed, now);
                } else if core.forge.is_some() {
                    proposals::wait_for_one(&mut entry, &needed);
                } else {
                    let why = entry.approvals.first().map(|_| ASKED_AGAIN);
                    propose(&mut entry.change, &needed, now, why);
                }
                entry.approvals.clear();
                proposed.push(entry);
            }
            Fate::Nothing => {
                entry.change.noop = true;
                entry.change.go(
                    State::Ready,
                    now,
                    Some("there was nothing to change".to_owned()),
                );
                ended.push(entry.change);
            }
            Fate::Failed(error) => {
                tracing::warn!(change = %entry.change.id, store = %entry.change.store, error.message, "a change failed");
                ended.push(failed(core, entry, error));
            }
        }
    }
    for (store, commit) in report.removed {
        core.desk()
            .note_written(store, commit, Unpublished::Removed);
    }
    for (store, commit, made) in report.repeated {
        core.desk()
            .note_written(store, commit, Unpublished::Store(made));
    }
    let remote = matches!(core.settings.mode, Mode::Remote { .. });
    if remote && !written.is_empty() {
        core.journal.update(&written)?;
    }
    if !proposed.is_empty() {
        core.journal.update(&proposed)?;
    }
    {
        if core.forge.is_some() && !proposed.is_empty() {
            core.propose.notify_one();
        }
        let mut desk = core.desk();
        for entry in written.into_iter().chain(proposed) {
            core.ring(&entry.change);
            desk.update(entry);
        }
    }
    core.end(&ended)?;
    Ok(())
}

/// A deploy commit carries what people merged; when it is published the change is merged.
fn landed(core: &Core, entry: &mut Entry, commit: CommitId, deployed: CommitId, made: Box<Made>) {
    if let Some(carried) = &mut entry.carried {
        carried.deployed = Some(deployed);
    }
    entry.change.waiting_for = Some("the push of its deploy commit".to_owned());
    let store = entry.change.store.clone();
    core.desk()
        .note_written(store, commit, Unpublished::Store(made));
}

/// Fails the one change that the remote refuses while others pass.
pub(super) fn refused_by_remote(core: &Core, guilty: &Guilty) -> Result<(), ProjectError> {
    let Some(entry) = core.desk().entry(&guilty.change).cloned() else {
        return Ok(());
    };
    let error = ChangeError {
        reason: "RefusedByRemote".to_owned(),
        message: format!(
            "the fleet repository's server refuses the commit of this change, and takes others: {}",
            guilty.said
        ),
        next_step: "change the request so that the server's rule is kept, or have the rule changed, then ask again"
            .to_owned(),
    };
    core.end(&[failed(core, entry, error)])
}

/// Ends a hand edit that has no effect, and says why.
pub(super) fn let_lie(core: &Core, entry: Entry, error: ChangeError) -> Result<(), ProjectError> {
    core.end(&[failed(core, entry, error)])?;
    // What is put back is.
    core.wake.notify_one();
    Ok(())
}

/// Ends an entry that failed, alone.
fn failed(core: &Core, mut entry: Entry, error: ChangeError) -> Change {
    refused_by_hand(core, &entry, &error.message);
    entry.change.fail(error, Core::now());
    entry.change
}

/// A hand edit that is refused stays without effect and is shown; a record that is gone is put back.
pub(super) fn refused_by_hand(core: &Core, entry: &Entry, why: &str) {
    let Intent::Adopt { kind, .. } = &entry.intent else {
        return;
    };
    let store = &entry.change.store;
    lock(&core.foreign).insert(record_path(store), why.to_owned());
    if *kind == Adopted::Removed {
        lock(&core.put_back).insert(store.clone());
    }
}

impl Core {
    /// Ends changes that left no commit: kept in the journal, shown by the index, off the desk.
    pub(super) fn end(&self, ended: &[Change]) -> Result<(), ProjectError> {
        if ended.is_empty() {
            return Ok(());
        }
        self.journal.settle(ended)?;
        self.index.apply(&Projection {
            changes: ended.to_vec(),
            ..Default::default()
        })?;
        let mut desk = self.desk();
        for change in ended {
            desk.remove(&change.id);
            let row = self.index.store(&change.store)?;
            reserve::settle(self, &mut desk, &change.store, row.as_ref());
        }
        drop(desk);
        for change in ended {
            self.ring(change);
        }
        Ok(())
    }

    pub(super) fn agreed(&self) {
        *lock(&self.remote) = RemoteStatus {
            problem: None,
            agreed_at: Some(Core::now()),
        };
    }

    pub(super) fn trouble(&self, problem: String) {
        lock(&self.remote).problem = Some(problem);
    }
}

//! The commits of a deletion after its first: the second, and the first once more.
//!
//! All of them belong to the change that deletes the store. Must not know: when either is due.

use super::commits::text;
use super::{GroupError, Work, blocked_path};
use crate::domain::StoreName;
use crate::domain::change::{Action, Change, State};
use crate::domain::phase::DeletionStep;
use crate::domain::record::{Deletion, Record, Retry, RetryMode};
use crate::domain::trailers::Trailers;
use crate::workflow::core::Core;
use crate::workflow::derive::{Made, Underivable, plan_put, plan_removal};
use crate::workflow::intake::new_id;

/// Why the first commit is there once more.
const AGAIN: &str = "somebody suspended the store's Kustomization in the cluster";

impl Work<'_> {
    /// Writes what is due of a deletion; nothing where the store is not being deleted any more.
    pub(super) fn go_on_deleting(
        &mut self,
        store: &StoreName,
        step: DeletionStep,
    ) -> Result<(), GroupError> {
        let Some(record) = self.accepted(store) else {
            return Ok(());
        };
        let Some(deletion) = record.metadata.deletion.clone() else {
            return Ok(());
        };
        match step {
            DeletionStep::First => self.begin_again(record, deletion),
            DeletionStep::Second => self.remove(&record, deletion),
        }
    }

    /// The first commit once more, with a fresh token: the content of the store's shard moves, so Flux applies all that
    /// Git holds of the store, `suspend: false` included.
    fn begin_again(&mut self, mut record: Record, deletion: Deletion) -> Result<(), GroupError> {
        let token = new_id(&self.core.desk(), None, Core::now());
        record.spec.retry = Some(Retry {
            token: token.to_string(),
            mode: RetryMode::Reconcile,
        });
        let (policy, templates) = (&self.in_force.policy, &self.core.templates);
        let planned = plan_put(&self.group, self.tip.as_ref(), templates, policy, &record);
        let (plan, marks) = match planned {
            Ok(planned) => planned,
            Err(Underivable::Git(error)) => return Err(error.into()),
            Err(Underivable::Failed(error)) => {
                tracing::warn!(store = %record.name(), error.message, "the first step of a deletion was not written again");
                return Ok(());
            }
        };
        let trailers = Trailers {
            reason: Some(AGAIN.to_owned()),
            ..self.of_deletion(&record, deletion, 1)
        };
        let message = text(&plan, &trailers);
        let commit = match self.commit(&plan.main, &message) {
            Err(GroupError::Git(error)) => {
                let error = blocked_path(error)?;
                tracing::warn!(store = %record.name(), error.message, "the first step of a deletion was not written again");
                None
            }
            written => written?,
        };
        if let Some(commit) = commit {
            self.carry(&plan);
            let store = record.name().clone();
            self.records.insert(store.clone(), Some(record.clone()));
            let made = Box::new(Made { record, marks });
            self.report.repeated.push((store, commit, made));
        }
        Ok(())
    }

    /// The second commit: what is left of the store goes.
    fn remove(&mut self, record: &Record, deletion: Deletion) -> Result<(), GroupError> {
        let Some(tip) = self.tip.clone() else {
            return Ok(());
        };
        let plan = plan_removal(&self.group, &tip, record)?;
        let message = text(&plan, &self.of_deletion(record, deletion, 2));
        if let Some(commit) = self.commit(&plan.main, &message)? {
            self.carry(&plan);
            let store = record.name().clone();
            self.records.insert(store.clone(), None);
            self.report.removed.push((store, commit));
        }
        Ok(())
    }

    /// What a commit of an accepted deletion says about it.
    fn of_deletion(&self, record: &Record, deletion: Deletion, step: u8) -> Trailers {
        let requester = self.core.index.change(&deletion.change).ok().flatten();
        let requester = requester.map_or_else(|| "fleetwright".to_owned(), |it| it.requester);
        let uid = record.metadata.uid.clone();
        let uid = uid.unwrap_or_else(|| deletion.change.clone().into());
        let mut change = Change::queued(
            deletion.change,
            record.name().clone(),
            uid,
            Action::Delete,
            requester,
            deletion.at,
        );
        change.state = State::Written;
        Trailers::of(&change, self.template(), step)
    }
}

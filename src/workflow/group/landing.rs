//! Changes that people merged at a forge: main has them already, and their clusters get them with this group.
//!
//! Must not know: who approved them. An entry comes here only after that was found right.

use super::{Fate, GroupError, Work};
use crate::domain::accept::{Circumstances, Intent};
use crate::domain::book::Book;
use crate::domain::entry::Entry;
use crate::domain::record::Record;
use crate::domain::trailers::Landed;
use crate::domain::{ClusterName, CommitId};
use crate::plan::{Edits, Plan};
use crate::render::deploy_branch;
use crate::workflow::derive::{Made, Underivable, left_by, plan_put};

impl Work<'_> {
    /// Deploys one change that main has already.
    pub(super) fn deploy_merged(
        &mut self,
        entry: Entry,
        merged: &CommitId,
    ) -> Result<(), GroupError> {
        let accepted = self.accepted(&entry.change.store);
        match self.derive_merged(&entry, accepted.as_ref()) {
            Ok(Some((plans, made))) => self.carry_merged(entry, merged, plans, made)?,
            Ok(None) => self.report.fates.push((entry, Fate::Nothing)),
            Err(Underivable::Failed(error)) => self.report.fates.push((entry, Fate::Failed(error))),
            Err(Underivable::Git(error)) => return Err(error.into()),
        }
        Ok(())
    }

    /// What is still to be written on main, and what on the deploy branch.
    fn derive_merged(
        &self,
        entry: &Entry,
        accepted: Option<&Record>,
    ) -> Result<Option<([Plan; 2], Made)>, Underivable> {
        let nothing_taken = Book::default();
        let at = Circumstances::again(&self.in_force.policy, &nothing_taken, entry);
        let never_released = self.never_released(&entry.change.store, accepted);
        let Some(record) = left_by(&at, entry, accepted, never_released)? else {
            return Ok(None);
        };
        let templates = &self.core.templates;
        let head = self
            .core
            .repo
            .branch(&deploy_branch(&record.spec.cluster))?;
        let (on_main, marks) = plan_put(
            &self.group,
            self.tip.as_ref(),
            templates,
            at.policy,
            &record,
        )?;
        let (deployed, _) = plan_put(&self.group, head.as_ref(), templates, at.policy, &record)?;
        Ok(Some(([on_main, deployed], Made { record, marks })))
    }

    fn carry_merged(
        &mut self,
        entry: Entry,
        merged: &CommitId,
        [on_main, deployed]: [Plan; 2],
        made: Made,
    ) -> Result<(), GroupError> {
        let change = &entry.change;
        // Templates or policy may have moved between the approval and the merge.
        let title = format!("render store {} as it is now", change.store);
        let text = format!("{title}\n\n    merged as {merged}\n\nFleetwright-Action: repair\n");
        self.commit(&on_main.main, &text)?;
        self.forget_carried(change.store.as_str(), &deployed.cluster);
        self.carry(&deployed);
        let landed = Landed::of(change, merged.clone(), self.template(), &entry);
        let of_cluster = self.landed.entry(deployed.cluster.clone()).or_default();
        of_cluster.push(landed);
        if let (Intent::Create(_), Some(slots)) = (&entry.intent, &mut self.slots) {
            slots.take(&deployed.cluster);
        }
        if made.record.metadata.deletion.is_some() {
            *self.begun.entry(deployed.cluster.clone()).or_default() += 1;
        }
        let record = Some(made.record.clone());
        self.records.insert(change.store.clone(), record);
        self.merged
            .push((entry, merged.clone(), deployed.cluster, made));
        Ok(())
    }

    /// A later change of the same store is derived from what its deploy branch holds, not from what an earlier one of
    /// this group does to it.
    fn forget_carried(&mut self, store: &str, cluster: &ClusterName) {
        let Some(edits) = self.deploys.get_mut(cluster) else {
            return;
        };
        let folder = format!("/stores/{store}/");
        let object = format!("/sync/store-{store}.yaml");
        let others = std::mem::take(edits).into_iter();
        let others = others.filter(|(path, _)| !path.contains(&folder) && !path.ends_with(&object));
        *edits = others.collect::<Edits>();
    }

    /// After the deploy commits are made: what was merged is carried by them.
    pub(super) fn tell_merged(&mut self) -> Result<(), GroupError> {
        for (entry, commit, cluster, made) in std::mem::take(&mut self.merged) {
            let head = match self.heads.get(&cluster) {
                Some(head) => Some(head.clone()),
                None => self.core.repo.branch(&deploy_branch(&cluster))?,
            };
            let Some(deployed) = head else { continue };
            let made = Box::new(made);
            let fate = Fate::Landed {
                commit,
                deployed,
                made,
            };
            self.report.fates.push((entry, fate));
        }
        Ok(())
    }
}

//! One group: what is pending becomes commits on main and one deploy commit per touched cluster, all landed at once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::core::{Core, InForce};
use super::deploy::Dropped;
use super::derive::{Derived, Made, Underivable, derive, unapproved};
use super::holds::{hold, no_slot};
use super::provisioning::{self, Slots};
use super::steady::Moment;
use super::{adopt, approve, prepare, repair, schemas};
use crate::domain::accept::{Circumstances, Intent};
use crate::domain::approval::Needed;
use crate::domain::book::{Book, Held};
use crate::domain::change::State;
use crate::domain::entry::Entry;
use crate::domain::phase::DeletionStep;
use crate::domain::record::Record;
use crate::domain::trailers::Landed;
use crate::domain::{ChangeId, ClusterName, CommitId, StoreName};
use crate::git::Group;
use crate::plan::Edits;

mod commits;
mod deletion;
mod landing;
mod report;

use report::blocked_path;
pub(super) use report::{Fate, GroupError, Report};

/// Stores whose deletion has a commit due, and of which of its steps.
pub(super) type Removals = BTreeMap<StoreName, DeletionStep>;

/// One group while it is written.
struct Work<'a> {
    core: &'a Core,
    in_force: InForce,
    group: Group<'a>,
    /// How things were when the group began.
    moment: Moment,
    /// Whether nothing but our own groups moved anything since all was found right.
    steady: bool,
    main: Option<CommitId>,
    /// main with everything put right, before the first change.
    base: Option<CommitId>,
    tip: Option<CommitId>,
    deploys: BTreeMap<ClusterName, Edits>,
    dropped: BTreeMap<ClusterName, Dropped>,
    records: BTreeMap<StoreName, Option<Record>>,
    /// Deletions that this group begins, by cluster.
    begun: BTreeMap<ClusterName, u32>,
    /// Provisioning slots that are taken; counted when the first create comes.
    slots: Option<Slots>,
    /// What people merged at a forge, by cluster, for the deploy commits to name.
    landed: BTreeMap<ClusterName, Vec<Landed>>,
    /// The same, with what it made of stores.
    merged: Vec<(Entry, CommitId, ClusterName, Made)>,
    /// The deploy commits of this group.
    heads: BTreeMap<ClusterName, CommitId>,
    report: Report,
}

/// Writes and lands a group; what is not written when the time is over is left. On any error nothing has moved.
pub(super) fn write(
    core: &Core,
    moment: Moment,
    (ids, bound): (&[ChangeId], Duration),
    removals: &Removals,
) -> Result<Report, GroupError> {
    let main = moment.reference("refs/heads/main").cloned();
    let mut work = Work {
        core,
        in_force: core.in_force(),
        group: core.repo.group()?,
        steady: moment.is_steady(core),
        moment,
        tip: main.clone(),
        base: None,
        main,
        deploys: BTreeMap::new(),
        dropped: BTreeMap::new(),
        records: BTreeMap::new(),
        begun: BTreeMap::new(),
        slots: None,
        landed: BTreeMap::new(),
        merged: Vec::new(),
        heads: BTreeMap::new(),
        report: Report::default(),
    };
    work.prepare()?;
    work.put_right()?;
    work.base.clone_from(&work.tip);
    let began = Instant::now();
    for (position, id) in ids.iter().enumerate() {
        if began.elapsed() > bound && position > 0 {
            work.report.left = ids[position..].to_vec();
            break;
        }
        work.one(id)?;
    }
    for (store, step) in removals {
        work.go_on_deleting(store, *step)?;
    }
    work.land()
}

impl Work<'_> {
    /// Every cluster has its bootstrap on main, for a person to apply, and a root that is not empty.
    fn prepare(&mut self) -> Result<(), GroupError> {
        let Some(tip) = self.tip.clone() else {
            return Ok(());
        };
        let edits = prepare::files(self.core, &self.in_force, &tip)?;
        if !edits.is_empty() {
            self.commit(
                &edits,
                "prepare the clusters\n\nFleetwright-Action: prepare\n",
            )?;
        }
        Ok(())
    }

    /// Rendered files on main that are not what the deploy branches hold are put right first.
    fn put_right(&mut self) -> Result<(), GroupError> {
        let Some(tip) = self.tip.clone() else {
            return Ok(());
        };
        let clusters: Vec<ClusterName> = self.in_force.policy.clusters.keys().cloned().collect();
        let astray = if self.steady {
            Vec::new()
        } else {
            repair::astray(self.core, &self.group, &tip, &clusters)?
        };
        let mut edits = Edits::new();
        repair::records(self.core, &self.group, &tip, &mut edits)?;
        let spared = repair::spared(self.core, &self.group, &tip, &astray)?;
        if astray.is_empty() && edits.is_empty() {
            return Ok(());
        }
        let grafts: Vec<(String, CommitId)> = astray
            .iter()
            .map(|it| (it.folder.clone(), it.right.clone()))
            .collect();
        let touched = astray.into_iter().flat_map(|it| it.paths);
        let touched = touched.filter(|path| !spared.contains_key(path));
        let paths: Vec<String> = touched.chain(edits.keys().cloned()).collect();
        edits.extend(spared);
        self.commit_with(&grafts, &edits, &repair::message(&paths))?;
        Ok(())
    }

    fn one(&mut self, id: &ChangeId) -> Result<(), GroupError> {
        let Some(entry) = self.core.desk().entry(id).cloned() else {
            return Ok(());
        };
        if let Some(merged) = entry.merged().cloned() {
            return self.deploy_merged(entry, &merged);
        }
        let accepted = self.accepted(&entry.change.store);
        if let Some(reason) = self.hold(&entry, accepted.as_ref())? {
            self.report.held.push((id.clone(), reason));
            return Ok(());
        }
        let derived = self.derive(&entry, accepted.as_ref());
        let fate = match derived.and_then(|it| self.fits_its_chart(&entry, accepted.as_ref(), it)) {
            Ok(Derived::Nothing) => Fate::Nothing,
            Ok(Derived::Plan(_, made))
                if let Some(needed) = self.unapproved(&entry, accepted.as_ref(), &made.record) =>
            {
                self.undecided(&entry, needed)
            }
            Ok(Derived::Plan(plan, made)) => {
                let text = commits::text(&plan, &self.trailers(&entry));
                match self.commit(&plan.main, &text) {
                    Err(GroupError::Git(error)) => Fate::Failed(blocked_path(error)?),
                    Err(other) => return Err(other),
                    Ok(None) => Fate::Nothing,
                    Ok(Some(commit)) => {
                        self.carry(&plan);
                        if entry.is_by_hand() {
                            // What the next hand edit is held against; put back if the group does not land.
                            let held = Held::of(&made.record, entry.change.uid.clone());
                            self.core.desk().book.put(entry.change.store.clone(), held);
                        }
                        if let (Intent::Create(_), Some(slots)) = (&entry.intent, &mut self.slots) {
                            slots.take(&plan.cluster);
                        }
                        if made.record.metadata.deletion.is_some() {
                            *self.begun.entry(plan.cluster.clone()).or_default() += 1;
                        }
                        self.records
                            .insert(entry.change.store.clone(), Some(made.record.clone()));
                        Fate::Written(commit, made)
                    }
                }
            }
            Err(Underivable::Failed(error)) => Fate::Failed(error),
            Err(Underivable::Git(error)) => Fate::Failed(blocked_path(error)?),
        };
        self.report.fates.push((entry, fate));
        Ok(())
    }

    /// A hand edit was seen by nobody yet, and policy and charts may have moved since a request was accepted.
    fn fits_its_chart(
        &self,
        entry: &Entry,
        accepted: Option<&Record>,
        derived: Derived,
    ) -> Result<Derived, Underivable> {
        if let Derived::Plan(_, made) = &derived {
            let by_hand = entry.is_by_hand();
            let root = if by_hand { "/spec" } else { "" };
            let old = accepted.map(|it| &it.spec);
            schemas::check(self.core, &self.in_force.policy, old, &made.record, root)?;
        }
        Ok(derived)
    }

    /// What people have to agree to.
    fn unapproved(&self, entry: &Entry, accepted: Option<&Record>, new: &Record) -> Option<Needed> {
        let old = accepted.map(|it| &it.spec);
        approve::unapproved(&self.in_force.policy, entry, old, new)
    }

    /// What becomes of an entry that too few people agreed to. Who agreed to a hand edit only a forge can tell.
    fn undecided(&self, entry: &Entry, needed: Needed) -> Fate {
        if entry.is_by_hand() && self.core.forge.is_none() {
            return Fate::Failed(unapproved(&entry.change.store, &needed));
        }
        Fate::Proposed(needed)
    }

    /// What an entry waits for although the writer is free.
    fn hold(
        &mut self,
        entry: &Entry,
        accepted: Option<&Record>,
    ) -> Result<Option<String>, GroupError> {
        let before = self.held_before(entry);
        if let Some(before) = before.or_else(|| self.undecided_by_hand(entry)) {
            return Ok(Some(format!("change {before} of the same store")));
        }
        let policy = &self.in_force.policy;
        // A record added by hand is on main already.
        if let Intent::Create(record) = &entry.intent {
            let cluster = &record.spec.cluster;
            if !provisioning::counts(self.core, cluster) {
                return Ok(None);
            }
            let slots = match self.slots.take() {
                Some(slots) => slots,
                None => Slots::now(self.core)?,
            };
            return Ok(no_slot(policy, cluster, self.slots.insert(slots)));
        }
        let begun = accepted.and_then(|it| self.begun.get(&it.spec.cluster));
        let begun = begun.copied().unwrap_or(0);
        Ok(hold(self.core, policy, entry, accepted, begun))
    }

    /// An earlier change of the same store that waits: what was asked for after it is written after it.
    fn held_before(&self, entry: &Entry) -> Option<ChangeId> {
        if entry.is_by_hand() || entry.restores() {
            return None;
        }
        let desk = self.core.desk();
        let changes = desk.changes_of(&entry.change.store).iter();
        let mut before = changes.take_while(|it| **it != entry.change.id);
        let here = |id: &ChangeId| self.report.held.iter().any(|(held, _)| held == id);
        before.find(|it| here(it) || desk.is_held(it)).cloned()
    }

    /// A hand edit of the same store whose approval is looked up: what lies on main is not written over meanwhile.
    fn undecided_by_hand(&self, entry: &Entry) -> Option<ChangeId> {
        let desk = self.core.desk();
        let others = desk.changes_of(&entry.change.store).iter();
        let mut others = others.filter(|it| **it != entry.change.id);
        let undecided = |it: &Entry| it.is_by_hand() && it.change.state == State::Proposed;
        others
            .find(|it| desk.entry(it).is_some_and(undecided))
            .cloned()
    }

    /// Derives an entry at the tip. What intake reserved is not counted again; a hand edit is counted here first.
    fn derive(&self, entry: &Entry, accepted: Option<&Record>) -> Result<Derived, Underivable> {
        let never_released = self.never_released(&entry.change.store, accepted);
        let by_hand = entry.is_by_hand();
        let nothing_taken = Book::default();
        let desk = by_hand.then(|| self.core.desk());
        let at = Circumstances {
            policy: &self.in_force.policy,
            book: desk.as_ref().map_or(&nothing_taken, |desk| &desk.book),
            caller: &entry.caller,
            id: &entry.change.id,
            proven: &entry.proven,
            now: entry.change.created_at,
            lifted: !by_hand || self.core.settings.lift_limits,
        };
        let tip = self.tip.as_ref();
        derive(
            &self.group,
            tip,
            &self.core.templates,
            &at,
            entry,
            accepted,
            never_released,
        )
    }

    /// A store's record as our commits up to the tip made it.
    fn accepted(&self, store: &StoreName) -> Option<Record> {
        if let Some(record) = self.records.get(store) {
            return record.clone();
        }
        adopt::accepted(self.core, store).ok().flatten()
    }

    /// Whether the cluster is known never to have made the store's release.
    fn never_released(&self, store: &StoreName, record: Option<&Record>) -> bool {
        let watched = record.and_then(|it| self.core.watched.get(&it.spec.cluster));
        let Some(watched) = watched else { return false };
        if !watched.view.cluster().synced {
            return false;
        }
        watched
            .view
            .store(store)
            .is_none_or(|seen| seen.release.is_none())
    }
}

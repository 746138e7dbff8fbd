//! The commits of a group, on main and on the deploy branches, and their landing.

use std::sync::atomic::Ordering;

use super::{GroupError, Report, Work};
use crate::domain::CommitId;
use crate::domain::accept::Intent;
use crate::domain::entry::Entry;
use crate::domain::trailers::{Trailers, message};
use crate::git::{CommitSpec, Graft, Landed, RefUpdate};
use crate::plan::{Edits, Plan};
use crate::render::deploy_branch;
use crate::workflow::alarm;
use crate::workflow::core::Core;
use crate::workflow::deploy::{self, Order};
use crate::workflow::derive::title;
use crate::workflow::settings::Mode;

impl Work<'_> {
    /// What the commit of an entry says about it.
    pub(super) fn trailers(&self, entry: &Entry) -> Trailers {
        Trailers {
            adopts: adopts(entry),
            approved_by: approvers(entry),
            reason: entry.reason.clone(),
            ..Trailers::of(&entry.change, self.template(), 1)
        }
    }

    /// The digest of the templates, as trailers have it.
    pub(super) fn template(&self) -> String {
        self.core.templates.digest()[..12].to_owned()
    }

    pub(super) fn commit(
        &mut self,
        edits: &Edits,
        text: &str,
    ) -> Result<Option<CommitId>, GroupError> {
        self.commit_with(&[], edits, text)
    }

    /// A commit on main; each graft is a folder that becomes what it is in a commit.
    pub(super) fn commit_with(
        &mut self,
        folders: &[(String, CommitId)],
        edits: &Edits,
        text: &str,
    ) -> Result<Option<CommitId>, GroupError> {
        let grafts: Vec<Graft<'_>> = folders
            .iter()
            .map(|(folder, commit)| Graft {
                folder,
                commit,
                path: folder,
            })
            .collect();
        let commit = self.group.commit(&CommitSpec {
            parent: self.tip.as_ref(),
            grafts: &grafts,
            edits,
            even_if_same: false,
            message: text,
            author: &self.core.settings.author,
            committer: &self.core.settings.author,
            time_seconds: Core::now().as_second(),
            key: &self.core.keys.main,
        })?;
        if let Some(commit) = &commit {
            self.tip = Some(commit.clone());
        }
        Ok(commit)
    }

    /// Adds a plan to what its cluster's deploy commit carries.
    pub(super) fn carry(&mut self, plan: &Plan) {
        self.deploys
            .entry(plan.cluster.clone())
            .or_default()
            .extend(plan.deploy());
        if plan.drops_store {
            self.dropped
                .entry(plan.cluster.clone())
                .or_default()
                .insert(plan.store.clone());
        }
    }

    pub(super) fn land(mut self) -> Result<Report, GroupError> {
        let mut updates = self.deploy()?;
        self.tell_merged()?;
        if let Some(tip) = self.tip.take_if(|tip| Some(&*tip) != self.main.as_ref()) {
            updates.push(RefUpdate::branch("main", self.main.take(), tip));
        }
        if !updates.is_empty() {
            match self.group.land(&updates)? {
                Landed::Yes => self.report.landed = true,
                Landed::Moved { reference } => return Err(GroupError::Moved(reference)),
            }
        }
        self.core.prepared.store(true, Ordering::Relaxed);
        self.moment.was_right(self.core, &updates);
        Ok(self.report)
    }

    /// The deploy commits, as moves of their branches.
    fn deploy(&mut self) -> Result<Vec<RefUpdate>, GroupError> {
        let Some(source) = self.tip.clone() else {
            return Ok(Vec::new());
        };
        let mut updates = Vec::new();
        for cluster in self.in_force.policy.clusters.keys() {
            let edits = self.deploys.remove(cluster).unwrap_or_default();
            let landed = self.landed.remove(cluster).unwrap_or_default();
            if self.steady && edits.is_empty() && landed.is_empty() {
                continue;
            }
            let order = Order {
                cluster,
                edits: &edits,
                dropped: &self.dropped.remove(cluster).unwrap_or_default(),
                base: self.base.as_ref(),
                source: &source,
                landed: &landed,
            };
            let made = deploy::commit(self.core, &mut self.group, &self.in_force, &order)?;
            let Some((old, new)) = made else { continue };
            self.heads.insert(cluster.clone(), new.clone());
            if matches!(self.core.settings.mode, Mode::Embedded) {
                // What lands is published: that it is our newest one moves along.
                let mark = alarm::mark(cluster);
                updates.push(RefUpdate {
                    old: self.moment.reference(&mark).cloned(),
                    reference: mark,
                    new: new.clone(),
                });
            }
            updates.push(RefUpdate::branch(&deploy_branch(cluster), old, new));
        }
        Ok(updates)
    }
}

/// What a commit with a plan says of itself.
pub(super) fn text(plan: &Plan, trailers: &Trailers) -> String {
    let files = plan.main.len();
    let text = format!(
        "{files} file{} for cluster {}",
        if files == 1 { "" } else { "s" },
        plan.cluster
    );
    message(
        &title(trailers.action, &trailers.store, trailers.step),
        Some(&text),
        trailers,
    )
}

/// The person's commit that an entry takes over.
fn adopts(entry: &Entry) -> Option<String> {
    match &entry.intent {
        Intent::Adopt { commit, .. } => Some(commit.to_string()),
        _ => None,
    }
}

/// Who agreed to what is written: other approvals are void by then.
fn approvers(entry: &Entry) -> Vec<String> {
    entry.approvals.iter().map(|it| it.by.clone()).collect()
}

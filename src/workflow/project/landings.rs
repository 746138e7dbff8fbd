//! Changes that people merged at a forge, as deploy commits tell of them.
//!
//! Each deploy commit that carries some names the one before that did, so that all of them are found without reading the
//! branch. Only what our deploy key signed is believed.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::{Ours, ProjectError};
use crate::domain::audit::AuditItem;
use crate::domain::trailers::{self, Landed};
use crate::domain::{ClusterName, CommitId};
use crate::git::KeyRole;
use crate::workflow::core::Core;
use crate::workflow::deploy::{landed_before, sequence_in};
use crate::workflow::derive::title;

/// What published deploy branches tell that is not in the index yet.
#[derive(Default)]
pub(super) struct Landings {
    /// By the commit of main that brought them, in the order in which they were deployed.
    by_commit: HashMap<CommitId, Vec<Landed>>,
    /// How far each branch was looked at, by the sequence of its deploy commits.
    pub(super) seen: BTreeMap<ClusterName, u64>,
}

impl Landings {
    /// Everything that is told since the index was last brought up to date; all there is, for a rebuild.
    pub(super) fn news(core: &Core, rebuild: bool) -> Result<Self, ProjectError> {
        let mut news = Self::default();
        if !rebuild && core.forge.is_none() {
            return Ok(news);
        }
        for cluster in core.in_force().policy.clusters.keys() {
            let known = if rebuild {
                0
            } else {
                core.index.landed(cluster)?
            };
            news.read(core, cluster, known)?;
        }
        Ok(news)
    }

    fn read(&mut self, core: &Core, cluster: &ClusterName, known: u64) -> Result<(), ProjectError> {
        let mut next = core.published_deploy(cluster)?;
        let mut newest = None;
        let mut told = Vec::new();
        while let Some(commit) = next.take() {
            let message = core.repo.commit_info(&commit)?.message;
            let sequence = sequence_in(&message);
            newest.get_or_insert(sequence);
            if sequence <= known {
                break;
            }
            next = landed_before(&message);
            let landed = Landed::read(&message);
            if !landed.is_empty()
                && core.repo.verified(&commit, &core.keys.ring)? == Some(KeyRole::Deploy)
            {
                told.push(landed);
            }
        }
        if let Some(newest) = newest.filter(|it| *it > known) {
            self.seen.insert(cluster.clone(), newest);
        }
        for one in told.into_iter().rev().flatten() {
            let of_commit = self.by_commit.entry(one.commit.clone()).or_default();
            of_commit.push(one);
        }
        Ok(())
    }

    /// Whether there is nothing to take in.
    pub(super) fn is_empty(&self) -> bool {
        self.by_commit.is_empty()
    }

    /// What came with commits that the index has already, taken out.
    pub(super) fn of_earlier(
        &mut self,
        core: &Core,
        later: &[CommitId],
    ) -> Result<(Vec<AuditItem>, Vec<Ours>), ProjectError> {
        let later: std::collections::HashSet<&CommitId> = later.iter().collect();
        let commits: Vec<CommitId> = self.by_commit.keys().cloned().collect();
        let mut found = (Vec::new(), Vec::new());
        for commit in commits.into_iter().filter(|it| !later.contains(it)) {
            let (audit, ours) = self.of(core, &commit)?;
            found.0.extend(audit);
            found.1.extend(ours);
            self.by_commit.remove(&commit);
        }
        found
            .1
            .sort_by(|one, other| one.trailers.change.cmp(&other.trailers.change));
        Ok(found)
    }

    /// What came with a commit.
    pub(super) fn of(
        &self,
        core: &Core,
        commit: &CommitId,
    ) -> Result<(Vec<AuditItem>, Vec<Ours>), ProjectError> {
        let Some(landed) = self.by_commit.get(commit) else {
            return Ok((Vec::new(), Vec::new()));
        };
        let info = core.repo.commit_info(commit)?;
        let at = Timestamp::from_second(info.time).unwrap_or_default();
        let author = format!("{} <{}>", info.author.name, info.author.email);
        let parent = info.parents.into_iter().next();
        let ours = landed.iter().map(|it| Ours {
            id: commit.clone(),
            parent: parent.clone(),
            at,
            title: title(it.trailers.action, &it.trailers.store, 1),
            author: author.clone(),
            named: trailers::named(&trailers::message("", None, &it.trailers)),
            trailers: it.trailers.clone(),
        });
        let ours: Vec<Ours> = ours.collect();
        let audit = ours
            .iter()
            .map(|it| AuditItem::landed(&it.id, it.at, &it.title, &it.author, &it.trailers));
        Ok((audit.collect(), ours))
    }
}

//! Our side as a library: batches become groups of signed commits that land.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use fleetwright::domain::CommitId;
use fleetwright::git::{CommitSpec, FleetRepo, Group, Landed, Person, RefUpdate, SigningKey};
use fleetwright::plan::Edits;

use crate::fleet::Batch;

/// A repository with the keys that write it.
pub(crate) struct Ours {
    pub(crate) repo: FleetRepo,
    main: SigningKey,
    deploy: SigningKey,
    author: Person,
    heads: BTreeMap<String, CommitId>,
}

impl Ours {
    /// Opens a copy of a prepared fleet.
    pub(crate) fn open(repo: &Path, keys: &Path) -> Result<Self> {
        let repo = FleetRepo::open(repo)?;
        let heads: BTreeMap<String, CommitId> = repo
            .references("refs/heads/")?
            .into_iter()
            .filter_map(|(name, head)| Some((name.strip_prefix("refs/heads/")?.to_owned(), head)))
            .collect();
        // As the program does at its start. Git's side has loaded its branches by its first turn, which does not count.
        if let Some(main) = heads.get("main") {
            repo.load_folders(main)?;
        }
        Ok(Self {
            repo,
            main: SigningKey::load(&keys.join("main"))?,
            deploy: SigningKey::load(&keys.join("deploy"))?,
            author: Person::new("Fleetwright", "fleetwright@localhost"),
            heads,
        })
    }

    /// Where a branch is.
    pub(crate) fn head(&self, branch: &str) -> Result<&CommitId> {
        self.heads
            .get(branch)
            .with_context(|| format!("no branch {branch}"))
    }

    /// One group: a commit per change on main, one per touched cluster on its deploy branch, landed together.
    pub(crate) fn land(&mut self, batch: &Batch, seconds: i64) -> Result<()> {
        let mut group = self.repo.group()?;
        let before = self.head("main")?.clone();
        let mut tip = before.clone();
        for change in &batch.changes {
            tip = self.commit(&mut group, &tip, &change.main, &change.message, seconds)?;
        }
        let mut updates = Vec::new();
        for (cluster, edits) in &batch.deploys {
            let branch = format!("deploy/{cluster}");
            let text = format!(
                "deploy to {cluster}\n\nFleetwright-Source: {tip}\nFleetwright-Sequence: {seconds}\n"
            );
            let head = self.head(&branch)?;
            let made = self.signed(&mut group, head, edits, &text, seconds, &self.deploy)?;
            updates.push(RefUpdate::branch(&branch, Some(head.clone()), made));
        }
        updates.push(RefUpdate::branch("main", Some(before), tip));
        ensure!(group.land(&updates)? == Landed::Yes, "a group did not land");
        for update in updates {
            let branch = update.reference.trim_start_matches("refs/heads/");
            self.heads.insert(branch.to_owned(), update.new);
        }
        Ok(())
    }

    fn commit(
        &self,
        group: &mut Group<'_>,
        parent: &CommitId,
        edits: &Edits,
        message: &str,
        seconds: i64,
    ) -> Result<CommitId> {
        self.signed(group, parent, edits, message, seconds, &self.main)
    }

    fn signed(
        &self,
        group: &mut Group<'_>,
        parent: &CommitId,
        edits: &Edits,
        message: &str,
        seconds: i64,
        key: &SigningKey,
    ) -> Result<CommitId> {
        let made = group.commit(&CommitSpec {
            parent: Some(parent),
            grafts: &[],
            edits,
            even_if_same: false,
            message,
            author: &self.author,
            committer: &self.author,
            time_seconds: seconds,
            key,
        })?;
        made.context("a change changed nothing")
    }
}

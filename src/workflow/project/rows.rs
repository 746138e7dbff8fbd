//! Stores' rows before and after some commits of ours: from the desk where it knows what a commit made, else from Git.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use jiff::Timestamp;

use super::{Ours, ProjectError};
use crate::domain::entry::StoreRow;
use crate::domain::record::{Record, record_path, sha256_hex};
use crate::domain::trailers::Trailers;
use crate::domain::{ClusterName, CommitId, StoreName, Uid};
use crate::git::GitError;
use crate::render::{digest_in, store_folder};
use crate::workflow::core::{Core, lock};
use crate::workflow::derive::{Made, Marks, read_record};
use crate::workflow::desk::Unpublished;

/// Rows of the stores that some commits are about.
pub(super) struct Rows<'a> {
    core: &'a Core,
    tip: &'a CommitId,
    /// Rows as the index has them. Looked up when they are asked for: not before earlier commits are in it.
    before: HashMap<StoreName, Option<StoreRow>>,
    /// Stores as they are now, by their lives.
    current: HashMap<Uid, Made>,
    heads: &'a Heads,
}

/// Published heads of deploy branches, each looked up once.
#[derive(Default)]
pub(super) struct Heads(Mutex<HashMap<ClusterName, Option<CommitId>>>);

impl Heads {
    fn of(&self, core: &Core, cluster: &ClusterName) -> Result<Option<CommitId>, GitError> {
        let mut heads = lock(&self.0);
        if let Some(known) = heads.get(cluster) {
            return Ok(known.clone());
        }
        let head = core.published_deploy(cluster)?;
        heads.insert(cluster.clone(), head.clone());
        Ok(head)
    }
}

impl<'a> Rows<'a> {
    /// Rows around some commits that `tip`, the published head of main, has. Reads what Git knows, nothing of the index.
    pub(super) fn around(
        core: &'a Core,
        tip: &'a CommitId,
        heads: &'a Heads,
        commits: &[Ours],
    ) -> Result<Self, GitError> {
        let mut rows = Self {
            core,
            tip,
            before: HashMap::new(),
            current: HashMap::new(),
            heads,
        };
        rows.current = rows.read_current(commits)?;
        Ok(rows)
    }

    /// What the desk does not know is read from Git, every life of a store once.
    fn read_current(&self, commits: &[Ours]) -> Result<HashMap<Uid, Made>, GitError> {
        let lives: BTreeMap<&Uid, &Trailers> = {
            let desk = self.core.desk();
            let unknown = |it: &&Ours| desk.made_by(&it.id, &it.trailers.store).is_none();
            let trailers = commits.iter().filter(unknown).map(|it| &it.trailers);
            trailers.map(|it| (&it.uid, it)).collect()
        };
        let mut current = HashMap::new();
        for (uid, trailers) in lives {
            if let Some(made) = self.at_the_tip(trailers)? {
                current.insert(uid.clone(), made);
            }
        }
        Ok(current)
    }

    /// The row that the index has of a store.
    pub(super) fn before(&mut self, name: &StoreName) -> Result<Option<&StoreRow>, ProjectError> {
        if !self.before.contains_key(name) {
            let row = self.core.index.store(name)?;
            self.before.insert(name.clone(), row);
        }
        Ok(self.before.get(name).and_then(Option::as_ref))
    }

    /// What the index remembers of the first deployment in the life that a commit is about.
    pub(super) fn installed(
        &mut self,
        trailers: &Trailers,
    ) -> Result<Option<Timestamp>, ProjectError> {
        let row = self.before(&trailers.store)?;
        let row = row.filter(|row| row.uid == trailers.uid);
        Ok(row.and_then(|row| row.installed))
    }

    /// The cluster of the store that a commit is about.
    pub(super) fn cluster(&mut self, commit: &Ours) -> Result<Option<ClusterName>, ProjectError> {
        let trailers = &commit.trailers;
        let row = self.before(&trailers.store)?;
        if let Some(row) = row.filter(|row| row.uid == trailers.uid) {
            return Ok(Some(row.record.spec.cluster.clone()));
        }
        let made = self.made(commit)?;
        Ok(made.map(|made| made.record.spec.cluster.clone()))
    }

    /// A store's row as its newest commit of ours left it; `reached`: the commit's change has reached its goal;
    /// `installed`: the first deployment that is remembered after it.
    pub(super) fn after(
        &mut self,
        commit: &Ours,
        reached: bool,
        installed: Option<Timestamp>,
    ) -> Result<Option<StoreRow>, ProjectError> {
        let trailers = &commit.trailers;
        let here = self.made(commit)?.map(Cow::into_owned);
        let removed_at = here.is_none().then_some(commit.at);
        let made = match (here, &commit.parent) {
            (Some(made), _) => Some(made),
            (None, Some(parent)) => self.read(&trailers.store, parent)?,
            (None, None) => None,
        };
        let Some(Made { record, marks }) = made else {
            return Ok(None);
        };
        let before = self.before(&trailers.store)?;
        let before = before.filter(|row| row.uid == trailers.uid);
        let applied = if reached {
            Some(commit.id.clone())
        } else {
            before.and_then(|row| row.applied.clone())
        };
        let memory = before.map(StoreRow::memory).unwrap_or_default();
        let created_at = moment(trailers.uid.as_str()).unwrap_or(commit.at);
        // A commit's time has whole seconds; lists by time keep the order of acceptance within one.
        let accepted = moment(trailers.change.as_str()).unwrap_or(commit.at);
        let watched = self.core.watched.contains_key(&record.spec.cluster);
        Ok(Some(StoreRow {
            uid: trailers.uid.clone(),
            desired: commit.id.clone(),
            deploy: self.heads.of(self.core, &record.spec.cluster)?,
            spec_hash: marks.spec_hash,
            policy: marks.policy,
            change: trailers.change.clone(),
            applied,
            created_at,
            updated_at: commit.at.max(created_at).max(accepted),
            gone: removed_at.is_some() && (reached || !watched),
            removed_at,
            template: trailers.template.clone(),
            installed,
            known: memory.known,
            held: memory.held,
            record,
        }))
    }

    /// What a commit made of its store; none where it took the store away.
    fn made(&self, commit: &Ours) -> Result<Option<Cow<'_, Made>>, GitError> {
        let name = &commit.trailers.store;
        match self.core.desk().made_by(&commit.id, name) {
            Some(Unpublished::Store(made)) => return Ok(Some(Cow::Owned((**made).clone()))),
            Some(Unpublished::Removed) => return Ok(None),
            None => {}
        }
        match self.current.get(&commit.trailers.uid) {
            Some(made) => Ok(Some(Cow::Borrowed(made))),
            None => Ok(self.read(name, &commit.id)?.map(Cow::Owned)),
        }
    }

    /// A store as it is now, where its deploy branch says that its record on main is the accepted one: its rendered
    /// files carry the record's digest. Old commits are dear to read.
    fn at_the_tip(&self, trailers: &Trailers) -> Result<Option<Made>, GitError> {
        let name = &trailers.store;
        let Some(bytes) = self.core.repo.read(self.tip, &record_path(name))? else {
            return Ok(None);
        };
        let record = read_record(name, &bytes).ok();
        let same_life = |it: &Record| it.metadata.uid.as_ref() == Some(&trailers.uid);
        let Some(record) = record.filter(same_life) else {
            return Ok(None);
        };
        let Some(head) = self.heads.of(self.core, &record.spec.cluster)? else {
            return Ok(None);
        };
        let tenant = self.core.repo.read(&head, &tenant_path(&record))?;
        let tenant = tenant.unwrap_or_default();
        let digest = sha256_hex(&bytes);
        let marks = marks_in(&tenant);
        match digest_in(&tenant, "record") {
            Some(of) if digest.starts_with(of) && !marks.spec_hash.is_empty() => {
                Ok(Some(Made { record, marks }))
            }
            _ => Ok(None),
        }
    }

    fn read(&self, name: &StoreName, commit: &CommitId) -> Result<Option<Made>, GitError> {
        let repo = &self.core.repo;
        let bytes = repo.read(commit, &record_path(name))?;
        let Some(record) = bytes.and_then(|bytes| read_record(name, &bytes).ok()) else {
            return Ok(None);
        };
        let tenant = repo
            .read(commit, &tenant_path(&record))?
            .unwrap_or_default();
        let marks = marks_in(&tenant);
        Ok(Some(Made { record, marks }))
    }
}

fn marks_in(tenant: &[u8]) -> Marks {
    let text = |name| digest_in(tenant, name).unwrap_or_default().to_owned();
    Marks {
        spec_hash: text("spec"),
        policy: text("policy"),
    }
}

fn tenant_path(record: &Record) -> String {
    let folder = store_folder(&record.spec.cluster, record.name());
    format!("{folder}/tenant.yaml")
}

/// When a ULID was given: a uid says when its store's first request was accepted, a change's id when that was.
fn moment(id: &str) -> Option<Timestamp> {
    let id = ulid::Ulid::from_string(id).ok()?;
    Timestamp::from_millisecond(i64::try_from(id.timestamp_ms()).ok()?).ok()
}

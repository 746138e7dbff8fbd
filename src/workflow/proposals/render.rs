//! A proposal's commits: each of its changes on published main, one after the other, signed with the key that no cluster
//! trusts.
//!
//! The same derivation as the writer's. Must not know: the forge, or how a branch is pushed.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::domain::accept::Circumstances;
use crate::domain::approval::digest;
use crate::domain::book::Book;
use crate::domain::change::ChangeError;
use crate::domain::entry::Entry;
use crate::domain::proposal::life::Head;
use crate::domain::record::{Record, hex};
use crate::domain::trailers::{Trailers, message};
use crate::domain::{ChangeId, CommitId, StoreName};
use crate::git::{CommitSpec, GitError, Group, Landed, RefUpdate};
use crate::plan::{Before, Edit, Edits, Plan};
use crate::workflow::core::{Core, InForce};
use crate::workflow::derive::{Derived, Made, Underivable, derive, left_by, title};
use crate::workflow::project::ProjectError;
use crate::workflow::schemas;

/// One change as a proposal shows it.
pub(super) struct Shown {
    pub(super) entry: Entry,
    /// The record before; none of a new store.
    pub(super) old: Option<Record>,
    pub(super) made: Made,
    pub(super) plan: Plan,
    pub(super) before: Before,
}

/// What rendering came to.
#[derive(Default)]
pub(super) struct Rendered {
    /// The new head; none where nothing is left to propose.
    pub(super) head: Option<Head>,
    /// Every change that is inside.
    pub(super) shown: Vec<Shown>,
    /// Changes that cannot be written, each with the reason.
    pub(super) failed: Vec<(Entry, ChangeError)>,
    /// Changes that change nothing by now.
    pub(super) nothing: Vec<Entry>,
}

/// Derives a proposal's changes on published main. `keep`: the commits are made and kept under its branch.
pub(super) fn render(
    core: &Core,
    branch: &str,
    entries: Vec<Entry>,
    keep: bool,
) -> Result<Rendered, ProjectError> {
    let Some(base) = core.published("main")? else {
        return Ok(Rendered::default());
    };
    let mut work = Work {
        core,
        in_force: core.in_force(),
        group: core.repo.group()?,
        tip: base.clone(),
        records: BTreeMap::new(),
        files: Edits::new(),
        branch,
        rendered: Rendered::default(),
    };
    for entry in entries {
        work.one(entry)?;
    }
    let Work {
        group,
        tip,
        records,
        files,
        mut rendered,
        ..
    } = work;
    if tip == base {
        return Ok(rendered);
    }
    let digests = records
        .iter()
        .map(|(store, it)| (store.clone(), digest(it)));
    rendered.head = Some(Head {
        commit: tip.clone(),
        base,
        records: digests.collect(),
        files: digest_of(&files),
    });
    if keep {
        let reference = local(branch);
        let old = core.repo.reference(&reference)?;
        let new = tip;
        let update = RefUpdate {
            reference,
            old,
            new,
        };
        if let Landed::Moved { reference } = group.land(&[update])? {
            tracing::warn!(
                reference,
                "the branch of a proposal was moved here by somebody else"
            );
        }
    }
    Ok(rendered)
}

/// Where the commits of a proposal are kept until it is over.
pub(super) fn local(branch: &str) -> String {
    format!("refs/fleetwright/proposals/{branch}")
}

struct Work<'a> {
    core: &'a Core,
    in_force: InForce,
    group: Group<'a>,
    tip: CommitId,
    records: BTreeMap<StoreName, Record>,
    files: Edits,
    branch: &'a str,
    rendered: Rendered,
}

impl Work<'_> {
    fn one(&mut self, entry: Entry) -> Result<(), ProjectError> {
        let old = self.accepted(&entry.change.store)?;
        let derived = self.derive(&entry, old.as_ref());
        match derived {
            Ok(Derived::Plan(plan, made)) => self.commit(entry, old, *plan, *made)?,
            Ok(Derived::Nothing) => self.rendered.nothing.push(entry),
            Err(Underivable::Failed(error)) => self.rendered.failed.push((entry, error)),
            Err(Underivable::Git(error)) => return Err(error.into()),
        }
        Ok(())
    }

    /// A store's record as published, or as an earlier change of this proposal leaves it.
    fn accepted(&self, store: &StoreName) -> Result<Option<Record>, ProjectError> {
        if let Some(record) = self.records.get(store) {
            return Ok(Some(record.clone()));
        }
        published(self.core, store)
    }

    fn derive(&self, entry: &Entry, old: Option<&Record>) -> Result<Derived, Underivable> {
        let policy = &self.in_force.policy;
        let nothing_taken = Book::default();
        let at = Circumstances::again(policy, &nothing_taken, entry);
        let never_released = false;
        let (tip, templates) = (Some(&self.tip), &self.core.templates);
        let derived = derive(&self.group, tip, templates, &at, entry, old, never_released)?;
        if let Derived::Plan(_, made) = &derived {
            schemas::check(self.core, policy, old.map(|it| &it.spec), &made.record, "")?;
        }
        Ok(derived)
    }

    fn commit(
        &mut self,
        entry: Entry,
        old: Option<Record>,
        plan: Plan,
        made: Made,
    ) -> Result<(), GitError> {
        let before = before(&self.group, &self.tip, &plan)?;
        let core = self.core;
        let commit = self.group.commit(&CommitSpec {
            parent: Some(&self.tip),
            grafts: &[],
            edits: &plan.main,
            even_if_same: false,
            message: &self.message(&entry),
            author: &core.settings.author,
            committer: &core.settings.author,
            // The same content has the same commit, however often it is rendered on the same base.
            time_seconds: entry.change.created_at.as_second(),
            key: &core.keys.main,
        })?;
        let Some(commit) = commit else {
            self.rendered.nothing.push(entry);
            return Ok(());
        };
        self.tip = commit;
        self.files.extend(plan.main.clone());
        let store = entry.change.store.clone();
        self.records.insert(store, made.record.clone());
        self.rendered.shown.push(Shown {
            entry,
            old,
            made,
            plan,
            before,
        });
        Ok(())
    }

    fn message(&self, entry: &Entry) -> String {
        let change = &entry.change;
        let trailers = Trailers {
            reason: entry.reason.clone(),
            proposal: Some(self.branch.to_owned()),
            ..Trailers::of(change, self.core.templates.digest()[..12].to_owned(), 1)
        };
        message(&title(change.action, &change.store, 1), None, &trailers)
    }
}

/// What the files of a plan hold before it.
fn before(group: &Group<'_>, tip: &CommitId, plan: &Plan) -> Result<Before, GitError> {
    let read = |path: &String| Ok((path.clone(), group.read(tip, path)?));
    plan.paths().map(read).collect()
}

fn digest_of(files: &Edits) -> String {
    let mut hash = Sha256::new();
    for (path, edit) in files {
        hash.update(path.as_bytes());
        match edit {
            Edit::Put(bytes) => {
                hash.update(b"\0+");
                hash.update((bytes.len() as u64).to_be_bytes());
                hash.update(bytes);
            }
            Edit::Delete => hash.update(b"\0-"),
        }
    }
    hex(&hash.finalize())
}

/// A change as its record, whatever main holds.
pub(super) struct Decided {
    pub(super) entry: Entry,
    pub(super) old: Option<Record>,
    pub(super) new: Record,
}

/// What entries make of their stores' records, one after the other. Unlike what they would write, that stays the same
/// when main has it already.
pub(super) fn decided(core: &Core, entries: Vec<Entry>) -> Result<Vec<Decided>, ProjectError> {
    let policy = core.in_force().policy;
    let nothing_taken = Book::default();
    let mut records: BTreeMap<StoreName, Record> = BTreeMap::new();
    let mut all = Vec::new();
    for entry in entries {
        let store = &entry.change.store;
        let old = match records.get(store) {
            Some(record) => Some(record.clone()),
            None => published(core, store)?,
        };
        let at = Circumstances::again(&policy, &nothing_taken, &entry);
        if let Ok(Some(new)) = left_by(&at, &entry, old.as_ref(), false) {
            records.insert(store.clone(), new.clone());
            all.push(Decided { entry, old, new });
        }
    }
    Ok(all)
}

/// A store's record as the index has it.
fn published(core: &Core, store: &StoreName) -> Result<Option<Record>, ProjectError> {
    let row = core.index.store(store)?;
    let row = row.filter(|row| row.removed_at.is_none());
    Ok(row.map(|row| row.record))
}

/// The changes of entries that are still to be proposed.
pub(super) fn ids(entries: &[Entry]) -> Vec<ChangeId> {
    entries.iter().map(|it| it.change.id.clone()).collect()
}

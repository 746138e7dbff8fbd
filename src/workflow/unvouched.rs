//! Policy and charts on main that are not those in force: what differs, and why it has no effect yet.
//!
//! Must not know: who may put them in force, or how that is found out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::core::{Core, lock};
use super::project::ProjectError;
use crate::domain::CommitId;
use crate::git::{EntryKind, GitError, ObjectId};

/// The file of the policy, and the folder of the charts.
const PATHS: [&str; 2] = ["fleetwright.yaml", "charts"];

/// What main has instead of what is in force: the policy, and chart versions, by path; no object where it is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unvouched {
    /// The commit whose policy and charts are in force.
    pub(super) in_force: CommitId,
    /// What differs.
    pub(super) there: BTreeMap<String, Option<ObjectId>>,
}

/// What was found out about the people behind something that is not in force.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// What it was found out about.
    pub(super) about: Unvouched,
    /// When that was seen first.
    pub(super) since: Timestamp,
    /// Why it has no effect, as a sentence.
    pub(super) why: String,
    /// Whether that is the last word until something else is there.
    pub(super) settled: bool,
}

/// What a commit of main has that is not in force.
pub(super) fn at(core: &Core, tip: &CommitId) -> Result<Unvouched, GitError> {
    let in_force = core.in_force().commit;
    let mut there = BTreeMap::new();
    let [policy, charts] = PATHS;
    if object(core, tip, policy)? != object(core, &in_force, policy)? {
        there.insert(policy.to_owned(), object(core, tip, policy)?);
    }
    if object(core, tip, charts)? != object(core, &in_force, charts)? {
        let (new, old) = (versions(core, tip)?, versions(core, &in_force)?);
        let paths: BTreeSet<&String> = new.keys().chain(old.keys()).collect();
        let moved = paths.into_iter().filter(|it| new.get(*it) != old.get(*it));
        there.extend(moved.map(|it| (it.clone(), new.get(it).copied())));
    }
    Ok(Unvouched { in_force, there })
}

/// Every chart version of a commit, by its folder.
fn versions(core: &Core, commit: &CommitId) -> Result<BTreeMap<String, ObjectId>, GitError> {
    let mut all = BTreeMap::new();
    for engine in core.repo.list(commit, "charts")? {
        let path = format!("charts/{}", engine.name);
        if engine.kind != EntryKind::Folder {
            all.insert(path, engine.id);
            continue;
        }
        for version in core.repo.list(commit, &path)? {
            all.insert(format!("{path}/{}", version.name), version.id);
        }
    }
    Ok(all)
}

fn object(core: &Core, commit: &CommitId, path: &str) -> Result<Option<ObjectId>, GitError> {
    Ok(core.repo.entry(commit, path)?.map(|it| it.id))
}

/// Notes whether main's policy and charts are those in force, for people to see.
pub(super) fn note(core: &Core) -> Result<(), ProjectError> {
    let Some(tip) = core.published("main")? else {
        return Ok(());
    };
    let unvouched = at(core, &tip)?;
    let known = lock(&core.unvouched).clone();
    let known = known.filter(|it| it.about == unvouched);
    let found = known.map_or_else(String::new, |it| format!("; {}", it.why));
    let mut foreign = lock(&core.foreign);
    for path in PATHS {
        foreign.remove(path);
        let below = |it: &String| it.as_str() == path || it.starts_with(&format!("{path}/"));
        if unvouched.there.keys().any(below) {
            let why = format!(
                "what is in force is that of commit {}; an admin puts another in force with POST /api/v1/vouch{found}",
                unvouched.in_force
            );
            foreign.insert(path.to_owned(), why);
        }
    }
    Ok(())
}

//! Puts a policy and its charts in force: what main holds has no effect before somebody with the right to it says so.
//!
//! Must not know: who said so.

use super::Fleet;
use super::core::{Core, lock};
use super::schemas;
use super::start::{self, StartError};
use crate::domain::CommitId;
use crate::domain::policy::FleetPolicy;
use crate::domain::request::{Caller, Refusal, Role};
use crate::git::GitError;

/// Puts a commit's policy and charts in force.
pub(super) fn vouch(core: &Core, commit: &CommitId) -> Result<(), Refusal> {
    let unavailable = |error: GitError| Refusal::Unavailable(error.to_string());
    let main = core.published("main").map_err(unavailable)?;
    let known = core.repo.contains(commit).map_err(unavailable)?;
    let on_main = match &main {
        Some(main) if known => core.repo.is_ancestor(commit, main).map_err(unavailable)?,
        _ => false,
    };
    if !on_main {
        return Err(Refusal::Conflict(format!(
            "commit {commit} is not on published main; push it first"
        )));
    }
    charts_kept(core, commit)?;
    let policy = start::read_policy(&core.repo, commit).map_err(|why| {
        Refusal::Conflict(format!(
            "the policy of commit {commit} cannot be used: {why}"
        ))
    })?;
    if let Some(slip) = policy.slips().first() {
        let (pointer, detail) = (&slip.pointer, &slip.detail);
        return Err(Refusal::Conflict(format!(
            "in the policy of commit {commit} {pointer} is wrong: {detail}"
        )));
    }
    offers_kept(core, commit, &policy)?;
    charts_take_plans(core, commit, &policy)?;
    start::put_in_force(core, Some(commit)).map_err(|error| match error {
        StartError::BesideShops { .. } => Refusal::Conflict(error.to_string()),
        other => Refusal::Unavailable(other.to_string()),
    })?;
    lock(&core.schemas).clear();
    core.wake.notify_one();
    Ok(())
}

/// A policy without what running stores have could not render them: withdraw a plan, do not remove it.
fn offers_kept(core: &Core, commit: &CommitId, policy: &FleetPolicy) -> Result<(), Refusal> {
    let mut missing = std::collections::BTreeSet::new();
    let scan = core.index.stores(None, &mut |_, row| {
        let spec = &row.record.spec;
        if row.removed_at.is_none() {
            let plan = policy.plans.get(&spec.plan);
            if plan.is_none_or(|it| !it.engines.contains_key(&spec.engine)) {
                missing.insert(format!("plan {} for engine {}", spec.plan, spec.engine));
            }
            if !policy.clusters.contains_key(&spec.cluster) {
                missing.insert(format!("cluster {}", spec.cluster));
            }
            if !policy.engines.contains_key(&spec.engine) {
                missing.insert(format!("engine {}", spec.engine));
            }
        }
        true
    });
    scan.map_err(|error| Refusal::Unavailable(error.to_string()))?;
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.into_iter().collect::<Vec<_>>().join(", ");
    Err(Refusal::Conflict(format!(
        "stores use {missing}, which the policy of commit {commit} does not have; mark a plan `withdrawn: true` instead"
    )))
}

/// A policy whose plans a chart does not take would fail with the first store.
fn charts_take_plans(core: &Core, commit: &CommitId, policy: &FleetPolicy) -> Result<(), Refusal> {
    let found = schemas::offers_fit(core, commit, policy);
    let found = found.map_err(|error| Refusal::Unavailable(error.to_string()))?;
    let told: Vec<String> = found
        .iter()
        .map(|it| format!("{} {}", it.pointer, it.detail))
        .collect();
    if told.is_empty() {
        return Ok(());
    }
    Err(Refusal::Conflict(format!(
        "the charts of commit {commit} do not take what its policy gives: {}",
        told.join("; ")
    )))
}

/// A published chart version never changes and never goes: stores pin it.
fn charts_kept(core: &Core, commit: &CommitId) -> Result<(), Refusal> {
    let unavailable = |error: GitError| Refusal::Unavailable(error.to_string());
    let in_force = core.in_force().commit;
    for engine in core.repo.list(&in_force, "charts").map_err(unavailable)? {
        let folder = format!("charts/{}", engine.name);
        for version in core.repo.list(&in_force, &folder).map_err(unavailable)? {
            let path = format!("{folder}/{}", version.name);
            let there = core.repo.entry(commit, &path).map_err(unavailable)?;
            if there.is_none_or(|it| it.id != version.id) {
                let text = format!(
                    "commit {commit} changes {path}, which is published; give the chart a new version"
                );
                return Err(Refusal::Conflict(text));
            }
        }
    }
    Ok(())
}

impl Fleet {
    /// Puts the policy and the charts of a commit on main in force.
    ///
    /// # Errors
    /// When the caller is no admin, the commit is not on main, or its policy is not valid.
    pub async fn vouch(&self, caller: &Caller, commit: &CommitId) -> Result<(), Refusal> {
        if caller.role < Role::Admin {
            return Err(Refusal::Forbidden(
                "vouching for a commit needs an admin".to_owned(),
            ));
        }
        let (core, commit) = (self.0.core.clone(), commit.clone());
        let vouching = tokio::task::spawn_blocking(move || vouch(&core, &commit));
        vouching
            .await
            .map_err(|error| Refusal::Unavailable(error.to_string()))?
    }
}

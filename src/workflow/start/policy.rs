//! Which policy is in force: that of one commit of main, until an admin vouches for another.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::domain::CommitId;
use crate::domain::hosts::is_under;
use crate::domain::policy::FleetPolicy;
use crate::git::{FleetRepo, RefUpdate};
use crate::journal::Journal;
use crate::render::{PolicyDigests, chart_path, yaml};

use super::StartError;
use crate::workflow::core::{Core, InForce};
use crate::workflow::settings::Settings;

/// The fact in the journal: the commit whose policy and charts are in force.
pub(in crate::workflow) const POLICY: &str = "policy";

/// Where the command line finds the commit whose policy is in force.
pub(in crate::workflow) const POLICY_REF: &str = "refs/fleetwright/policy";

/// Puts a commit's policy and charts in force: the given one, the one remembered, or at the very first start what
/// published main holds.
pub(in crate::workflow) fn put_in_force(
    core: &Core,
    commit: Option<&CommitId>,
) -> Result<(), StartError> {
    let remembered = core
        .journal
        .fact(POLICY)?
        .and_then(|it| it.parse::<CommitId>().ok());
    let known = |commit: &CommitId| core.repo.contains(commit).unwrap_or(false);
    let commit = match (commit.cloned(), remembered.filter(known)) {
        (Some(commit), _) | (None, Some(commit)) => commit,
        (None, None) => {
            let missing = || StartError::Policy("the branch main does not exist".to_owned());
            core.published("main")?.ok_or_else(missing)?
        }
    };
    let policy = read_policy(&core.repo, &commit).map_err(StartError::Policy)?;
    apart_from_shops(&core.settings, &policy)?;
    core.journal.remember(POLICY, commit.as_str())?;
    let old = core.repo.reference(POLICY_REF)?;
    let update = RefUpdate {
        reference: POLICY_REF.to_owned(),
        old,
        new: commit.clone(),
    };
    // Only this process moves it; the command line reads it beside a running server.
    let _landed = core.repo.update(&[update])?;
    if let Some(forge) = &core.forge {
        forge.review_by_teams(policy.names_teams());
    }
    let in_force = InForce {
        digests: Arc::new(PolicyDigests::of(&policy)),
        policy: Arc::new(policy),
        commit,
    };
    *core
        .in_force
        .write()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = in_force;
    core.prepared.store(false, Ordering::Relaxed);
    Ok(())
}

/// The dashboard has a domain that no shop runs on.
pub(in crate::workflow) fn apart_from_shops(
    settings: &Settings,
    policy: &FleetPolicy,
) -> Result<(), StartError> {
    let Some(host) = &settings.public_host else {
        return Ok(());
    };
    let mut clusters = policy.clusters.iter();
    match clusters.find(|(_, it)| is_under(host.as_str(), &it.base_domain)) {
        None => Ok(()),
        Some((cluster, it)) => Err(StartError::BesideShops {
            host: host.clone(),
            domain: it.base_domain.clone(),
            cluster: cluster.clone(),
        }),
    }
}

/// Whether a start before this one found a policy: then there was a main.
pub(super) fn has_begun(journal: &Journal) -> Result<bool, StartError> {
    Ok(journal.fact(POLICY)?.is_some())
}

/// The policy at a commit, or the sentence why there is none to use.
pub(in crate::workflow) fn read_policy(
    repo: &FleetRepo,
    commit: &CommitId,
) -> Result<FleetPolicy, String> {
    let bytes = repo
        .read(commit, "fleetwright.yaml")
        .map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or_else(|| format!("commit {commit} has no such file"))?;
    let policy = parse_policy(&String::from_utf8_lossy(&bytes))?;
    for (engine, offered) in &policy.engines {
        for version in &offered.versions {
            let (_, folder) = chart_path(engine, version);
            let chart = repo.read(commit, &format!("{folder}/Chart.yaml"));
            if chart.map_err(|error| error.to_string())?.is_none() {
                return Err(format!(
                    "engine {engine} offers version {version}, and {folder} has no Chart.yaml"
                ));
            }
        }
    }
    Ok(policy)
}

/// Reads and checks a policy, or says what is wrong with it.
pub(in crate::workflow) fn parse_policy(text: &str) -> Result<FleetPolicy, String> {
    let policy: FleetPolicy = yaml::read(text).map_err(|error| error.to_string())?;
    let wrong = policy.check();
    if wrong.is_empty() {
        return Ok(policy);
    }
    Err(wrong
        .into_iter()
        .map(|it| format!("{} {}", it.pointer, it.detail))
        .collect::<Vec<_>>()
        .join("; "))
}

/// Stands for the policy until one is read; nothing is asked of it before that.
pub(super) fn nothing() -> Arc<FleetPolicy> {
    Arc::new(FleetPolicy {
        api_version: String::new(),
        kind: String::new(),
        limits: crate::domain::policy::Limits::default(),
        clusters: indexmap::IndexMap::new(),
        engines: indexmap::IndexMap::new(),
        plans: indexmap::IndexMap::new(),
        owners: indexmap::IndexMap::new(),
        deletion: crate::domain::policy::DeletionPolicy::default(),
        approval: Vec::new(),
        proposals: crate::domain::policy::ProposalPolicy::default(),
    })
}

pub(super) fn nowhere() -> CommitId {
    "0".repeat(40).parse().expect("forty zeros are a commit id")
}

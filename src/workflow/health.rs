//! The server's own state and the clusters'.
//!
//! Must not know: what anybody does about them.

use std::collections::BTreeMap;

use super::Fleet;
use super::core::{Core, ForgeStatus, lock};
use super::deploy::sequence;
use super::metrics::lag;
use super::orphans;
use super::settings::Mode;
use super::start;
use super::tended;
use super::tokens::issuer_health;
use crate::domain::observed::SourceSeen;
use crate::domain::view::{
    Checks, ClusterCheck, ClusterView, Condition, Foreign, ForgeCheck, GitCheck, Health,
    IndexCheck, PolicyCheck, Repository, SourceView,
};
use crate::domain::{ClusterName, CommitId};
use crate::git::GitError;

/// One entry per part, and whether all are well.
pub(super) fn health(core: &Core) -> Health {
    let clusters: BTreeMap<ClusterName, ClusterCheck> = clusters(core)
        .into_iter()
        .map(|it| (it.name.clone(), cluster_check(core, it)))
        .collect();
    let checks = Checks {
        index: index_check(core),
        git: git_check(core),
        forge: forge_check(core),
        clusters,
        policy: policy(core),
        oidc: core.issuer.as_deref().map(issuer_health),
    };
    let parts = [
        checks.index.status,
        checks.git.status,
        checks.forge.status,
        checks.policy.status,
    ];
    let clusters = checks.clusters.values().map(|it| it.status);
    let issuer = checks.oidc.iter().map(|it| it.status);
    let mut all = parts.into_iter().chain(clusters).chain(issuer);
    Health {
        status: Condition::of(all.all(|it| it != Condition::Degraded)),
        checks,
    }
}

fn index_check(core: &Core) -> IndexCheck {
    let tip = core.index.tip();
    let well = tip.is_ok();
    IndexCheck {
        status: Condition::of(well),
        message: tip.as_ref().err().map(ToString::to_string),
        commit: tip.ok().flatten(),
        stores: well.then(|| core.index.len().unwrap_or(0)),
    }
}

fn git_check(core: &Core) -> GitCheck {
    let remote = lock(&core.remote).clone();
    let problem = remote.problem.or_else(|| lock(&core.upkeep).clone());
    let mode = if matches!(core.settings.mode, Mode::Embedded) {
        Repository::Embedded
    } else {
        Repository::Remote
    };
    GitCheck {
        status: Condition::of(problem.is_none()),
        message: problem,
        mode,
        published: core.published("main").ok().flatten(),
        agreed_at: remote.agreed_at,
        queued: core.desk().len(),
    }
}

fn forge_check(core: &Core) -> ForgeCheck {
    if core.settings.forge.is_none() {
        return ForgeCheck {
            status: Condition::None,
            message: Some("no forge is configured".to_owned()),
            budget: None,
        };
    }
    let ForgeStatus { problem, budget } = lock(&core.forge_status).clone();
    ForgeCheck {
        status: Condition::of(problem.is_none()),
        message: problem,
        budget: budget.map(Into::into),
    }
}

fn cluster_check(core: &Core, view: ClusterView) -> ClusterCheck {
    let ailing = !view.alarms.is_empty() || !view.blind.is_empty() || unseen(core, &view.name);
    ClusterCheck {
        status: Condition::of(!ailing),
        message: view.status,
        watched: view.watched,
        alarms: view.alarms,
        blind: view.blind,
    }
}

/// Whether a watched cluster cannot be seen for so long that what is known of it is old.
fn unseen(core: &Core, name: &ClusterName) -> bool {
    let watched = core.watched.get(name);
    watched.is_some_and(|it| it.view.cluster().is_stale(Core::now()))
}

/// The policy in force; and where main has another one, why that is not.
fn policy(core: &Core) -> PolicyCheck {
    let in_force = core.in_force().commit;
    let message = match differing_policy(core, &in_force) {
        Ok(None) => None,
        Ok(Some((tip, Ok(())))) => Some((
            true,
            format!(
                "main has another policy at commit {tip}; it has no effect before an admin vouches for it"
            ),
        )),
        Ok(Some((tip, Err(why)))) => Some((
            false,
            format!(
                "the policy on main at commit {tip} cannot be used, the one in force stays: {why}; put it right on main"
            ),
        )),
        Err(error) => Some((false, error.to_string())),
    };
    let well = message.as_ref().is_none_or(|(well, _)| *well);
    let message = message.map(|(_, text)| text);
    PolicyCheck {
        status: Condition::of(well),
        commit: in_force,
        message,
    }
}

/// A policy that is not in force: where it is, and whether it could be.
type Other = (CommitId, Result<(), String>);

/// The head of main where its policy is not the one in force.
fn differing_policy(core: &Core, in_force: &CommitId) -> Result<Option<Other>, GitError> {
    let Some(tip) = core.published("main")? else {
        return Ok(None);
    };
    let file = |commit: &CommitId| core.repo.entry(commit, "fleetwright.yaml");
    if file(&tip)?.map(|it| it.id) == file(in_force)?.map(|it| it.id) {
        return Ok(None);
    }
    let usable = start::read_policy(&core.repo, &tip).map(drop);
    Ok(Some((tip, usable)))
}

/// Every cluster of the policy.
pub(super) fn clusters(core: &Core) -> Vec<ClusterView> {
    let names: Vec<ClusterName> = core.in_force().policy.clusters.keys().cloned().collect();
    names.into_iter().map(|name| cluster(core, name)).collect()
}

fn cluster(core: &Core, name: ClusterName) -> ClusterView {
    let published = core.published_deploy(&name).ok().flatten();
    let alarm = lock(&core.deploy_alarms)
        .get(&name)
        .map(|(_, text)| text.clone());
    let mut source = SourceView {
        sequence: published
            .as_ref()
            .and_then(|it| sequence(&core.repo, it).ok()),
        published,
        alarm: alarm.clone(),
        ..SourceView::default()
    };
    let mut alarms: Vec<String> = alarm.into_iter().collect();
    alarms.extend(tended::alarms(core, &name));
    let now = Core::now();
    let seen = core.watched.get(&name).map(|it| it.view.cluster());
    let status = match &seen {
        None => "not watched by this server".to_owned(),
        Some(seen) => {
            source.observed = seen.source.as_ref().and_then(SourceSeen::commit);
            source.verified = seen.source.as_ref().and_then(SourceSeen::verified);
            let sentences = seen
                .alarms(now)
                .into_iter()
                .map(|it| format!("{}; {}", it.message, it.next_step));
            alarms.extend(sentences);
            seen.status_sentence(now)
        }
    };
    let fetched = seen.as_ref().and_then(|it| it.source.as_ref());
    let behind = lag(core, fetched, source.published.clone(), now);
    let stores = core.desk().book.stores_on(&name);
    let orphans = orphans::count(core, &name);
    ClusterView {
        watched: seen.is_some(),
        lag: behind.ok().flatten(),
        last_sync: fetched.and_then(|it| it.fetched_at),
        controllers: seen.as_ref().map(|it| it.controllers()).unwrap_or_default(),
        name,
        stores,
        status,
        source,
        alarms,
        blind: seen.map(|it| it.blind.clone()).unwrap_or_default(),
        orphans,
    }
}

/// What people changed on main without effect.
pub(super) fn foreign(core: &Core) -> Vec<Foreign> {
    let all = lock(&core.foreign).clone();
    all.into_iter()
        .map(|(path, why)| Foreign { path, why })
        .collect()
}

impl Fleet {
    /// The server's own state.
    pub fn health(&self) -> Health {
        health(&self.0.core)
    }

    /// The clusters of the policy.
    pub fn clusters(&self) -> Vec<ClusterView> {
        clusters(&self.0.core)
    }

    /// What people changed on main without effect.
    pub fn foreign(&self) -> Vec<Foreign> {
        foreign(&self.0.core)
    }
}

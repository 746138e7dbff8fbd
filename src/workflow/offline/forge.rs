//! What `serve --check` asks the forge: whether it lets us do what configuration and policy want of it.
//!
//! Must not know: what is right at the forge, or how a finding is printed.

use super::known_policy;
use crate::domain::ClusterName;
use crate::domain::forge::{Finding, Severity};
use crate::domain::policy::FleetPolicy;
use crate::forge::{ForgeError, Wanted};
use crate::render::deploy_branch;
use crate::workflow::settings::{ForgeAccess, Settings};
use crate::workflow::start;

/// What would stop us at the forge, or surprise its people, the worst first. Nothing where no forge is configured.
///
/// # Errors
/// When the policy that is known here cannot be read.
pub async fn examine(settings: &Settings) -> anyhow::Result<Vec<Finding>> {
    let Some(access) = &settings.forge else {
        return Ok(Vec::new());
    };
    let policy = known_policy(settings)?;
    let mut found = match ask(access, settings, policy.as_ref()).await {
        Ok(found) => found,
        Err(error) => vec![Finding {
            severity: Severity::Stops,
            sentence: format!("{error}; nothing else was looked at there"),
        }],
    };
    if policy.is_none() {
        found.push(Finding {
            severity: Severity::Note,
            sentence: "the fleet policy was not read, as nothing is fetched before the first start: how proposals are \
                       merged, and whether teams review, was not held against the repository; check again then"
                .to_owned(),
        });
    }
    Ok(found)
}

async fn ask(
    access: &ForgeAccess,
    settings: &Settings,
    policy: Option<&FleetPolicy>,
) -> Result<Vec<Finding>, ForgeError> {
    let teams = policy.is_some_and(FleetPolicy::names_teams);
    let forge = start::open_forge(access, teams)?;
    forge.examine(&wanted(access, settings, policy)).await
}

/// What is wanted of the forge, as far as the policy is known.
fn wanted(access: &ForgeAccess, settings: &Settings, policy: Option<&FleetPolicy>) -> Wanted {
    let clusters: Vec<&ClusterName> = match policy {
        Some(policy) => policy.clusters.keys().collect(),
        None => settings.clusters.iter().map(|it| &it.name).collect(),
    };
    Wanted {
        base: "main".to_owned(),
        deploy: clusters.into_iter().map(deploy_branch).collect(),
        method: policy.map(|it| it.proposals.merge_method),
        auto_merge: policy.is_some_and(FleetPolicy::merges_by_forge),
        forms: access.forms,
    }
}

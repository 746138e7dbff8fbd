//! The forge of a fleet, and the proposals that a stop left there.

use super::StartError;
use crate::forge::{Access, Clock, Features, Forge, ForgeError, Identity, SecretString};
use crate::workflow::core::{Core, lock};
use crate::workflow::settings::{ForgeAccess, ForgeIdentity};

/// The forge that settings name. Nothing is asked of it yet. `teams`: the policy has some of them review.
pub(in crate::workflow) fn open(access: &ForgeAccess, teams: bool) -> Result<Forge, ForgeError> {
    let identity = match &access.identity {
        ForgeIdentity::App {
            id,
            private_key,
            installation,
        } => Identity::App {
            id: *id,
            private_key: private_key.clone(),
            installation: *installation,
        },
        ForgeIdentity::Token(token) => Identity::Token(SecretString::from(token.as_str())),
    };
    Forge::connect(Access {
        api: access.api_url.clone(),
        repository: access.full_name(),
        identity,
        features: Features {
            comments: access.comments || access.forms,
            teams,
        },
        clock: Clock::default(),
    })
}

/// Reads the proposals that are not over, and the issues that were taken in.
pub(super) fn load_proposals(core: &Core) -> Result<(), StartError> {
    let mut proposals = lock(&core.proposals);
    for proposal in core.journal.proposals()? {
        proposals.insert(proposal.branch.clone(), proposal);
    }
    drop(proposals);
    let mut asked = lock(&core.asked);
    for one in core.journal.asked()? {
        asked.insert(one.number, one);
    }
    Ok(())
}

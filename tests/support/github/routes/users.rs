//! People and teams.

use super::super::http::answer::Answer;
use super::super::http::auth::Who;
use super::super::json::accounts;
use super::super::problem::Problem;
use super::super::state::accounts::Team;
use super::super::state::tokens::Level;
use super::{Call, Outcome};

pub(super) fn me(call: &mut Call) -> Outcome {
    let Who::Person(id, _) = &call.who else {
        return Err(call.who.refused());
    };
    let world = &*call.world;
    Ok(Answer::ok(accounts::profile(world, world.account(*id))))
}

pub(super) fn by_number(call: &mut Call) -> Outcome {
    let id = call.number(0)?;
    let account = call.world.accounts.get(&id);
    let account = account.ok_or_else(Problem::not_found)?;
    Ok(Answer::ok(accounts::profile(call.world, account)))
}

pub(super) fn by_name(call: &mut Call) -> Outcome {
    let account = call.world.account_named(&call.parts[0]);
    let account = account.ok_or_else(Problem::not_found)?;
    Ok(Answer::ok(accounts::profile(call.world, account)))
}

/// The team, for those who may see members of the organisation.
fn visible_team<'a>(call: &'a Call) -> Result<&'a Team, Problem> {
    if !call.parts[0].eq_ignore_ascii_case(&call.world.options.owner) {
        return Err(Problem::not_found());
    }
    let granted = match &call.who {
        Who::Installation(grant) | Who::Person(_, grant) => grant.permissions.get("members"),
        Who::App | Who::Nobody => None,
    };
    if granted.is_none_or(|it| *it < Level::Read) {
        return Err(call.who.refused());
    }
    let team = call.world.teams.get(&call.parts[1]);
    team.ok_or_else(Problem::not_found)
}

pub(super) fn team(call: &mut Call) -> Outcome {
    let team = visible_team(call)?;
    Ok(Answer::ok(accounts::full_team(call.world, team)))
}

pub(super) fn members(call: &mut Call) -> Outcome {
    let team = visible_team(call)?;
    let members: Vec<u64> = team.members.iter().copied().collect();
    call.list(&members, |id| call.world.user(*id))
}

pub(super) fn permission(call: &mut Call) -> Outcome {
    let account = call.world.account_named(&call.parts[0]);
    let account = account.ok_or_else(Problem::not_found)?;
    Ok(Answer::ok(accounts::collaborator_permission(
        call.world, account,
    )))
}

//! Reviews and those who are asked for one.

use serde_json::json;

use super::super::http::answer::Answer;
use super::super::json::{accounts, pulls as show};
use super::super::problem::Problem;
use super::{Call, Outcome};

pub(super) fn list(call: &mut Call) -> Outcome {
    let number = call.number(0)?;
    let pull = call.world.pull(number)?;
    // what is not handed in is seen by its author only
    let by = call.by;
    let seen = pull.reviews.iter();
    let seen: Vec<_> = seen
        .filter(|it| it.state != "PENDING" || it.by == by)
        .collect();
    call.list(&seen, |it| show::review(call.world, number, it))
}

fn shown(call: &Call, number: u64, id: u64) -> Outcome {
    let pull = call.world.pull(number)?;
    let review = pull.reviews.iter().find(|it| it.id == id);
    let review = review.ok_or_else(Problem::not_found)?;
    Ok(Answer::ok(show::review(call.world, number, review)))
}

pub(super) fn get(call: &mut Call) -> Outcome {
    shown(call, call.number(0)?, call.number(1)?)
}

pub(super) fn new(call: &mut Call) -> Outcome {
    let number = call.number(0)?;
    let event = call.owned("event");
    let body = call.owned("body").unwrap_or_default();
    let commit = call.owned("commit_id");
    let world = &mut *call.world;
    let id = world.review(number, event.as_deref(), &body, commit.as_deref(), call.by)?;
    shown(call, number, id)
}

pub(super) fn submit(call: &mut Call) -> Outcome {
    let (number, id) = (call.number(0)?, call.number(1)?);
    let event = call.owned("event").unwrap_or_default();
    let body = call.owned("body");
    let world = &mut *call.world;
    world.submit_review(number, id, &event, body.as_deref(), call.by)?;
    shown(call, number, id)
}

pub(super) fn dismiss(call: &mut Call) -> Outcome {
    let (number, id) = (call.number(0)?, call.number(1)?);
    call.world.dismiss_review(number, id, call.by)?;
    shown(call, number, id)
}

pub(super) fn requested(call: &mut Call) -> Outcome {
    let world = &*call.world;
    let pull = world.pull(call.number(0)?)?;
    let teams = pull.teams.iter().filter_map(|slug| world.teams.get(slug));
    let users: Vec<_> = pull.reviewers.iter().map(|id| world.user(*id)).collect();
    let teams: Vec<_> = teams.map(|it| accounts::team(world, it)).collect();
    Ok(Answer::ok(json!({"users": users, "teams": teams})))
}

pub(super) fn request(call: &mut Call) -> Outcome {
    let number = call.number(0)?;
    let (people, teams) = (call.texts("reviewers"), call.texts("team_reviewers"));
    let world = &mut *call.world;
    world.request_reviews(number, &people, &teams, call.by)?;
    let shown = show::simple(world, world.pull(number)?);
    Ok(Answer::created(shown))
}

pub(super) fn unrequest(call: &mut Call) -> Outcome {
    let number = call.number(0)?;
    let (people, teams) = (call.texts("reviewers"), call.texts("team_reviewers"));
    let world = &mut *call.world;
    let known = people.iter().filter_map(|it| world.account_named(it));
    let ids: Vec<u64> = known.map(|it| it.id).collect();
    let pull = world.pull_mut(number)?;
    pull.reviewers.retain(|id| !ids.contains(id));
    pull.teams.retain(|slug| !teams.contains(slug));
    let shown = show::simple(world, world.pull(number)?);
    Ok(Answer::ok(shown))
}

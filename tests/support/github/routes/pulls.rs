//! Pull requests: listed, opened, read, edited.

use std::cmp::Reverse;

use serde_json::Value;

use super::super::actions::pulls::{NewPull, PullEdit};
use super::super::http::answer::Answer;
use super::super::json::{commits as show_commits, pulls as show};
use super::super::problem::Problem;
use super::super::state::pulls::Pull;
use super::{Call, Outcome};

pub(super) fn list(call: &mut Call) -> Outcome {
    let query = &call.query;
    let state = query.get("state").unwrap_or("open");
    let mut found: Vec<&Pull> = call.world.pulls.values().collect();
    found.retain(|it| state == "all" || it.open == (state == "open"));
    if let Some(base) = query.get("base") {
        found.retain(|it| it.base == base);
    }
    // without an owner GitHub ignores the filter
    if let Some((owner, branch)) = query.get("head").and_then(|it| it.split_once(':')) {
        let owner = call.world.account_named(owner).map(|it| it.id);
        found.retain(|it| owner.is_some_and(|owner| it.is_from(owner, branch)));
    }
    match query.get("sort") {
        Some("updated") => found.sort_by_key(|it| (it.updated_at, it.number)),
        _ => found.sort_by_key(|it| it.number),
    }
    let descending = match query.get("direction") {
        Some(direction) => direction == "desc",
        None => query.get("sort").is_none_or(|it| it == "created"),
    };
    if descending {
        found.reverse();
    }
    call.list(&found, |it| show::simple(call.world, it))
}

/// Pull requests that hold a commit, or were merged as it.
pub(super) fn of_commit(call: &mut Call) -> Outcome {
    let sha = &call.parts[0];
    let world = &*call.world;
    let holds = |it: &&Pull| {
        let merged = it.merged.as_ref().is_some_and(|it| it.commit == *sha);
        merged || world.commits_of(it).iter().any(|it| it.id == *sha)
    };
    let mut found: Vec<&Pull> = world.pulls.values().filter(holds).collect();
    found.sort_by_key(|it| Reverse(it.number));
    call.list(&found, |it| show::simple(world, it))
}

pub(super) fn open(call: &mut Call) -> Outcome {
    let new = NewPull {
        title: call.owned("title").unwrap_or_default(),
        body: call.owned("body"),
        head: call.owned("head").unwrap_or_default(),
        base: call.owned("base").unwrap_or_default(),
        draft: call.body.get("draft").and_then(Value::as_bool) == Some(true),
    };
    if call.body.contains_key("issue") {
        return Err(Problem::field("PullRequest", "issue", "invalid"));
    }
    let number = call.world.open_pull(new, call.by)?;
    let shown = show::full(call.world, &call.world.pulls[&number]);
    Ok(Answer::created(shown))
}

/// One pull request. Whether it can be merged is found out after the first look.
pub(super) fn get(call: &mut Call) -> Outcome {
    let number = call.number(0)?;
    let shown = show::full(call.world, call.world.pull(number)?);
    call.world.test_merge(number);
    Ok(Answer::ok(shown))
}

pub(super) fn edit(call: &mut Call) -> Outcome {
    let number = call.number(0)?;
    let edit = PullEdit {
        title: call.owned("title"),
        body: call.owned("body"),
        base: call.owned("base"),
        open: call.text("state").map(|it| it == "open"),
    };
    call.world.edit_pull(number, edit, call.by)?;
    let shown = show::full(call.world, call.world.pull(number)?);
    Ok(Answer::ok(shown))
}

/// Changed files, at most 3,000.
pub(super) fn files(call: &mut Call) -> Outcome {
    let pull = call.world.pull(call.number(0)?)?;
    let mut files = call.world.files_of(pull);
    files.truncate(3000);
    call.list(&files, |it| {
        show_commits::changed(call.world, &pull.head, it)
    })
}

/// Commits, oldest first, at most 250.
pub(super) fn commits(call: &mut Call) -> Outcome {
    let pull = call.world.pull(call.number(0)?)?;
    let mut commits = call.world.commits_of(pull);
    commits.truncate(250);
    call.list(&commits, |it| show_commits::commit(call.world, it))
}

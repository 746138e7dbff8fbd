//! Issues, comments, labels, reactions.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::super::http::answer::Answer;
use super::super::json::{issues as show, node_id, time};
use super::super::problem::Problem;
use super::super::state::World;
use super::super::state::issues::Comment;
use super::{Call, Outcome};

/// An issue or a pull request seen as one.
fn seen(world: &World, number: u64) -> Option<Value> {
    let issue = world.issues.get(&number);
    let pull = world.pulls.get(&number);
    issue
        .map(|it| show::issue(world, it))
        .or_else(|| pull.map(|it| show::pull_as_issue(world, it)))
}

fn shown(call: &Call, number: u64) -> Result<Value, Problem> {
    seen(call.world, number).ok_or_else(Problem::not_found)
}

/// Issues and, as at GitHub, pull requests among them.
pub(super) fn list(call: &mut Call) -> Outcome {
    let world = &*call.world;
    let state = call.query.get("state").unwrap_or("open");
    let labels: Vec<&str> = call.query.get("labels").map_or(Vec::new(), |it| {
        it.split(',').filter(|it| !it.is_empty()).collect()
    });
    let issues = world.issues.values();
    let issues = issues.map(|it| (it.number, it.open, &it.labels, it.updated_at));
    let pulls = world.pulls.values();
    let pulls = pulls.map(|it| (it.number, it.open, &it.labels, it.updated_at));
    let mut found: Vec<_> = issues
        .chain(pulls)
        .filter(|(_, open, ..)| state == "all" || *open == (state == "open"))
        .filter(|(_, _, has, _)| labels.iter().all(|label| has.iter().any(|it| it == label)))
        .collect();
    if call.query.get("sort") == Some("updated") {
        found.sort_by_key(|(number, .., updated)| (Reverse(*updated), Reverse(*number)));
    } else {
        found.sort_by_key(|(number, ..)| Reverse(*number));
    }
    if call.query.get("direction") == Some("asc") {
        found.reverse();
    }
    call.list(&found, |(number, ..)| {
        seen(world, *number).unwrap_or_default()
    })
}

pub(super) fn get(call: &mut Call) -> Outcome {
    Ok(Answer::ok(shown(call, call.number(0)?)?))
}

/// Labels as a request names them: texts, or objects with a name.
fn label_names(call: &Call) -> Option<Vec<String>> {
    let list = call.body.get("labels")?.as_array()?;
    let name = |it: &Value| {
        it.as_str()
            .or_else(|| it["name"].as_str())
            .map(str::to_owned)
    };
    Some(list.iter().filter_map(name).collect())
}

pub(super) fn open(call: &mut Call) -> Outcome {
    let title = call.owned("title").unwrap_or_default();
    let body = call.owned("body");
    let labels = label_names(call).unwrap_or_default();
    let number = call
        .world
        .open_issue(&title, body.as_deref(), &labels, call.by)?;
    Ok(Answer::created(shown(call, number)?))
}

pub(super) fn edit(call: &mut Call) -> Outcome {
    let number = call.number(0)?;
    let (title, body) = (call.owned("title"), call.owned("body"));
    let state = call.owned("state");
    let reason = call.owned("state_reason");
    if let Some(labels) = label_names(call) {
        set_labels(call, number, &labels)?;
    }
    if call.world.pulls.contains_key(&number) {
        let edit = super::super::actions::pulls::PullEdit {
            title,
            body,
            base: None,
            open: state.map(|it| it == "open"),
        };
        call.world.edit_pull(number, edit, call.by)?;
        return Ok(Answer::ok(shown(call, number)?));
    }
    let world = &mut *call.world;
    world.edit_issue(number, title.as_deref(), body.as_deref(), call.by)?;
    if let Some(state) = state {
        world.set_issue(number, state == "open", reason.as_deref(), call.by)?;
    }
    Ok(Answer::ok(shown(call, number)?))
}

fn set_labels(call: &mut Call, number: u64, wanted: &[String]) -> Result<(), Problem> {
    let gone = |labels: &mut Vec<String>| labels.retain(|it| wanted.contains(it));
    if let Some(issue) = call.world.issues.get_mut(&number) {
        gone(&mut issue.labels);
    }
    if let Some(pull) = call.world.pulls.get_mut(&number) {
        gone(&mut pull.labels);
    }
    call.world.add_labels(number, wanted, call.by)
}

pub(super) fn comments(call: &mut Call) -> Outcome {
    let number = call.number(0)?;
    shown(call, number)?;
    let all = call.world.comments.values();
    let all: Vec<&Comment> = all.filter(|it| it.number == number).collect();
    call.list(&all, |it| show::comment(call.world, it))
}

fn one_comment(call: &Call, id: u64) -> Result<Value, Problem> {
    let comment = call.world.comments.get(&id);
    let comment = comment.ok_or_else(Problem::not_found)?;
    Ok(show::comment(call.world, comment))
}

pub(super) fn comment(call: &mut Call) -> Outcome {
    Ok(Answer::ok(one_comment(call, call.number(0)?)?))
}

pub(super) fn new_comment(call: &mut Call) -> Outcome {
    let number = call.number(0)?;
    let body = call.owned("body").unwrap_or_default();
    let app = (call.by == call.world.app.bot).then_some(call.world.app.id);
    let id = call.world.comment(number, &body, call.by, app)?;
    Ok(Answer::created(one_comment(call, id)?))
}

pub(super) fn edit_comment(call: &mut Call) -> Outcome {
    let id = call.number(0)?;
    let body = call.owned("body").unwrap_or_default();
    call.world.edit_comment(id, &body, call.by)?;
    Ok(Answer::ok(one_comment(call, id)?))
}

fn reaction(world: &World, (by, content, id): &(u64, String, u64)) -> Value {
    json!({
        "id": id,
        "node_id": node_id("REA", id),
        "user": world.user(*by),
        "content": content,
        "created_at": time(world.began),
    })
}

pub(super) fn reactions(call: &mut Call) -> Outcome {
    let comment = call.world.comments.get(&call.number(0)?);
    let comment = comment.ok_or_else(Problem::not_found)?;
    call.list(&comment.reactions, |it| reaction(call.world, it))
}

pub(super) fn react(call: &mut Call) -> Outcome {
    let comment = call.number(0)?;
    let content = call.owned("content").unwrap_or_default();
    let (id, fresh) = call.world.react(comment, &content, call.by)?;
    let shown = reaction(call.world, &(call.by, content, id));
    Ok(Answer::new(if fresh { 201 } else { 200 }, shown))
}

fn labels_of(call: &Call, number: u64) -> Outcome {
    let issue = call.world.issues.get(&number).map(|it| &it.labels);
    let pull = call.world.pulls.get(&number).map(|it| &it.labels);
    let names = issue.or(pull).ok_or_else(Problem::not_found)?;
    let shown = show::labels(call.world, names);
    call.list(&shown, Clone::clone)
}

pub(super) fn labels(call: &mut Call) -> Outcome {
    labels_of(call, call.number(0)?)
}

pub(super) fn add_labels(call: &mut Call) -> Outcome {
    let number = call.number(0)?;
    let names = call.texts("labels");
    call.world.add_labels(number, &names, call.by)?;
    labels_of(call, number)
}

pub(super) fn remove_label(call: &mut Call) -> Outcome {
    let number = call.number(0)?;
    let name = call.parts[1].clone();
    let issue = call.world.issues.get_mut(&number).map(|it| &mut it.labels);
    let pull = call.world.pulls.get_mut(&number).map(|it| &mut it.labels);
    let labels = issue.or(pull).ok_or_else(Problem::not_found)?;
    if !labels.contains(&name) {
        return Err(Problem::new(404, "Label does not exist"));
    }
    labels.retain(|it| *it != name);
    call.world.tell_labeled("unlabeled", number, &name, call.by);
    labels_of(call, number)
}

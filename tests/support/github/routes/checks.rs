//! Statuses, check runs and check suites.

use serde_json::{Value, json};

use super::super::http::answer::Answer;
use super::super::http::auth::Who;
use super::super::json::{checks as show, repository, time};
use super::super::problem::Problem;
use super::super::state::checks::{CheckRun, Status, Suite};
use super::super::state::now;
use super::repo::resolve;
use super::{Call, Outcome};

/// The most annotations in one call.
const MOST_ANNOTATIONS: usize = 50;

pub(super) fn new_status(call: &mut Call) -> Outcome {
    let status = Status {
        id: 0,
        sha: call.parts[0].clone(),
        state: call.owned("state").unwrap_or_default(),
        context: call
            .owned("context")
            .unwrap_or_else(|| "default".to_owned()),
        description: call.owned("description"),
        target_url: call.owned("target_url"),
        creator: call.by,
        at: now(),
    };
    let status = call.world.add_status(status)?;
    Ok(Answer::created(show::status(call.world, &status)))
}

fn commit(call: &Call) -> Result<String, Problem> {
    let name = &call.parts[0];
    resolve(call.world, name).ok_or_else(|| {
        let why = format!("No commit found for SHA: {name}");
        Problem::new(422, why)
    })
}

/// All statuses of a commit, newest first.
pub(super) fn statuses(call: &mut Call) -> Outcome {
    let sha = commit(call)?;
    let all = call.world.statuses.iter().rev();
    let all: Vec<&Status> = all.filter(|it| it.sha == sha).collect();
    call.list(&all, |it| show::status(call.world, it))
}

pub(super) fn combined(call: &mut Call) -> Outcome {
    let sha = commit(call)?;
    let world = &*call.world;
    let latest = world.latest_statuses(&sha);
    let any = |wanted: &[&str]| latest.iter().any(|it| wanted.contains(&it.state.as_str()));
    let state = if any(&["failure", "error"]) {
        "failure"
    } else if latest.is_empty() || any(&["pending"]) {
        "pending"
    } else {
        "success"
    };
    let page = call.query.counted(&call.url, "statuses", &latest, |it| {
        show::simple_status(world, it)
    });
    let mut answer = page;
    if let Some(body) = &mut answer.body {
        let url = format!("{}/commits/{sha}", world.repo_api());
        let more = json!({
            "state": state,
            "sha": sha,
            "repository": repository::minimal(world),
            "commit_url": url,
            "url": format!("{url}/status"),
        });
        repository::merge(body, more);
    }
    Ok(answer)
}

fn only_apps(call: &Call) -> Result<(), Problem> {
    match call.who {
        Who::Installation(_) => Ok(()),
        _ => Err(Problem::new(403, "You must authenticate via a GitHub App.")),
    }
}

pub(super) fn new_run(call: &mut Call) -> Outcome {
    only_apps(call)?;
    let sha = call.owned("head_sha").unwrap_or_default();
    if call.world.repo.commit(&sha).is_none() {
        let why = format!("No commit found for SHA: {sha}");
        return Err(Problem::new(422, why));
    }
    let app = call.world.app.id;
    let branch = call.world.branches.iter().find(|(_, head)| **head == sha);
    let branch = branch.map(|(name, _)| name.clone());
    let suite = call
        .world
        .suite_of(app, &sha, branch.as_deref(), &"0".repeat(40));
    let mut run = CheckRun {
        id: call.world.fresh(),
        app,
        suite,
        sha,
        name: call.owned("name").unwrap_or_default(),
        status: "queued".to_owned(),
        conclusion: None,
        started_at: Some(time(now())),
        completed_at: None,
        details_url: None,
        external_id: String::new(),
        title: None,
        summary: None,
        text: None,
        annotations: Vec::new(),
    };
    fill(call, &mut run)?;
    let id = run.id;
    call.world.put_run(run);
    let shown = show::run(call.world, &call.world.runs[&id]);
    Ok(Answer::created(shown))
}

pub(super) fn edit_run(call: &mut Call) -> Outcome {
    only_apps(call)?;
    let mut run = find(call)?.clone();
    if run.app != call.world.app.id {
        let why = format!(
            "Invalid app_id `{}` - check run can only be modified by the GitHub App that created it.",
            call.world.app.id
        );
        return Err(Problem::new(403, why));
    }
    fill(call, &mut run)?;
    let id = run.id;
    call.world.put_run(run);
    Ok(Answer::ok(show::run(call.world, &call.world.runs[&id])))
}

fn find<'a>(call: &'a Call) -> Result<&'a CheckRun, Problem> {
    let run = call.world.runs.get(&call.number(0)?);
    run.ok_or_else(Problem::not_found)
}

/// Lays a request over a run. A conclusion makes it completed; a completed one needs a conclusion.
fn fill(call: &Call, run: &mut CheckRun) -> Result<(), Problem> {
    let lay = |name: &str, onto: &mut Option<String>| {
        if let Some(text) = call.owned(name) {
            *onto = Some(text);
        }
    };
    if let Some(name) = call.owned("name") {
        run.name = name;
    }
    if let Some(id) = call.owned("external_id") {
        run.external_id = id;
    }
    lay("details_url", &mut run.details_url);
    lay("started_at", &mut run.started_at);
    lay("completed_at", &mut run.completed_at);
    match (call.owned("status"), call.owned("conclusion")) {
        (status, Some(conclusion)) => {
            if status.is_some_and(|it| it != "completed") {
                return Err(Problem::invalid_request(
                    "\"conclusion\" is only allowed when \"status\" is \"completed\".",
                ));
            }
            "completed".clone_into(&mut run.status);
            run.conclusion = Some(conclusion);
            run.completed_at.get_or_insert_with(|| time(now()));
        }
        (Some(status), None) if status == "completed" && run.conclusion.is_none() => {
            return Err(Problem::invalid_request(
                "No subschema in \"anyOf\" matched.\n\"conclusion\" wasn't supplied.",
            ));
        }
        (Some(status), None) => {
            if status != "completed" {
                run.conclusion = None;
                run.completed_at = None;
            }
            run.status = status;
        }
        (None, None) => {}
    }
    if let Some(output) = call.body.get("output") {
        fill_output(output, run)?;
    }
    Ok(())
}

fn fill_output(output: &Value, run: &mut CheckRun) -> Result<(), Problem> {
    let text = |name: &str| output[name].as_str().map(str::to_owned);
    let summary = text("summary");
    let summary =
        summary.ok_or_else(|| Problem::invalid_request("\"summary\" wasn't supplied."))?;
    for long in [Some(&summary), text("text").as_ref()]
        .into_iter()
        .flatten()
    {
        if long.len() > 65_535 {
            let why = "Only 65535 characters are allowed; more were supplied.";
            return Err(Problem::invalid_request(why));
        }
    }
    if let Some(title) = text("title") {
        run.title = Some(title);
    }
    run.summary = Some(summary);
    run.text = text("text").or(run.text.take());
    let annotations = output["annotations"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    if annotations.len() > MOST_ANNOTATIONS {
        let why = format!(
            "No more than {MOST_ANNOTATIONS} items are allowed; {} were supplied.",
            annotations.len()
        );
        return Err(Problem::invalid_request(&why));
    }
    for annotation in &annotations {
        check_annotation(annotation)?;
    }
    run.annotations.extend(annotations);
    Ok(())
}

fn check_annotation(annotation: &Value) -> Result<(), Problem> {
    for name in [
        "path",
        "start_line",
        "end_line",
        "annotation_level",
        "message",
    ] {
        if annotation[name].is_null() {
            let why = format!("\"{name}\" wasn't supplied.");
            return Err(Problem::invalid_request(&why));
        }
    }
    let level = annotation["annotation_level"].as_str().unwrap_or_default();
    if !["notice", "warning", "failure"].contains(&level) {
        let why = format!("{level} is not a member of [notice, warning, failure].");
        return Err(Problem::invalid_request(&why));
    }
    Ok(())
}

pub(super) fn run(call: &mut Call) -> Outcome {
    Ok(Answer::ok(show::run(call.world, find(call)?)))
}

pub(super) fn annotations(call: &mut Call) -> Outcome {
    let run = find(call)?;
    let blob = format!("{}/blob/{}", call.world.repo_html(), run.sha);
    call.list(&run.annotations, |it| {
        json!({
            "path": it["path"],
            "blob_href": format!("{blob}/{}", it["path"].as_str().unwrap_or_default()),
            "start_line": it["start_line"],
            "end_line": it["end_line"],
            "start_column": it["start_column"],
            "end_column": it["end_column"],
            "annotation_level": it["annotation_level"],
            "title": it["title"],
            "message": it["message"],
            "raw_details": it["raw_details"],
        })
    })
}

pub(super) fn runs_at(call: &mut Call) -> Outcome {
    let sha = commit(call)?;
    let mut runs: Vec<&CheckRun> = call
        .world
        .runs
        .values()
        .filter(|it| it.sha == sha)
        .collect();
    if let Some(name) = call.query.get("check_name") {
        runs.retain(|it| it.name == name);
    }
    if let Some(status) = call.query.get("status") {
        runs.retain(|it| it.status == status);
    }
    if call.query.get("filter").unwrap_or("latest") == "latest" {
        let newest = |run: &CheckRun| {
            let same = runs
                .iter()
                .filter(|it| it.name == run.name && it.app == run.app);
            same.map(|it| it.id).max() == Some(run.id)
        };
        let newest: Vec<u64> = runs
            .iter()
            .filter(|it| newest(it))
            .map(|it| it.id)
            .collect();
        runs.retain(|it| newest.contains(&it.id));
    }
    runs.reverse();
    let world = &*call.world;
    Ok(call
        .query
        .counted(&call.url, "check_runs", &runs, |it| show::run(world, it)))
}

pub(super) fn suites_at(call: &mut Call) -> Outcome {
    let sha = commit(call)?;
    let world = &*call.world;
    let suites: Vec<&Suite> = world.suites.values().filter(|it| it.sha == sha).collect();
    Ok(call
        .query
        .counted(&call.url, "check_suites", &suites, |it| {
            show::suite(world, it)
        }))
}

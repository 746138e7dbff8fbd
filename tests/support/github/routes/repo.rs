//! The repository and what lies in it.

use base64::Engine as _;
use serde_json::{Value, json};

use super::super::http::answer::Answer;
use super::super::json::commits::{changed, commit as show, full, path_in_url};
use super::super::json::{branches, repository};
use super::super::problem::Problem;
use super::super::state::World;
use super::{Call, Outcome};

#[expect(clippy::unnecessary_wraps, reason = "every route answers like this")]
pub(super) fn get(call: &mut Call) -> Outcome {
    let role = call.world.role(call.by);
    Ok(Answer::ok(repository::full(call.world, role)))
}

/// The commit that a branch's name or an id stands for.
pub(super) fn resolve(world: &World, name: &str) -> Option<String> {
    let branch = name
        .trim_start_matches("refs/")
        .trim_start_matches("heads/");
    let head = world.head(branch).cloned();
    head.or_else(|| world.repo.resolve(name))
}

fn wanted(call: &Call, name: &str) -> Result<String, Problem> {
    resolve(call.world, name).ok_or_else(|| {
        let why = format!("No commit found for SHA: {name}");
        Problem::new(422, why)
    })
}

pub(super) fn commit(call: &mut Call) -> Outcome {
    let id = wanted(call, &call.parts[0])?;
    let commit = call.world.repo.commit(&id).ok_or_else(Problem::not_found)?;
    Ok(Answer::ok(full(call.world, &commit)))
}

/// The history of a branch, newest first.
pub(super) fn commits(call: &mut Call) -> Outcome {
    let name = call.query.get("sha").unwrap_or("main");
    let id = wanted(call, name)?;
    let mut args = vec!["rev-list", id.as_str()];
    let path = call.query.get("path");
    args.extend(path.iter().flat_map(|path| ["--", path]));
    let said = call.world.repo.git(&args);
    let ids: Vec<&str> = said.lines().collect();
    call.list(&ids, |id| {
        let commit = call.world.repo.commit(id);
        commit.map_or(Value::Null, |it| show(call.world, &it))
    })
}

pub(super) fn root(call: &mut Call) -> Outcome {
    call.parts.push(String::new());
    contents(call)
}

pub(super) fn contents(call: &mut Call) -> Outcome {
    let name = call.query.get("ref").unwrap_or("main");
    let id = resolve(call.world, name).ok_or_else(|| {
        let why = format!("No commit found for the ref {name}");
        Problem::new(404, why)
    })?;
    let path = call.parts[0].trim_matches('/');
    let entries = call.world.repo.list(&id, path);
    let shown = |entry| branches::entry(call.world, &id, entry);
    let file = entries.iter().find(|it| it.0 == "blob" && it.3 == path);
    if let Some(entry) = file {
        let bytes = call.world.repo.blob(&entry.1);
        let mut file = shown(entry);
        file["encoding"] = json!("base64");
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        let lines: Vec<&str> = text
            .as_bytes()
            .chunks(60)
            .map(|it| std::str::from_utf8(it).unwrap_or_default())
            .collect();
        file["content"] = json!(format!("{}\n", lines.join("\n")));
        return Ok(Answer::ok(file));
    }
    if entries.is_empty() {
        return Err(Problem::not_found());
    }
    let below = |entry: &(String, String, u64, String)| {
        let mut entry = entry.clone();
        if !path.is_empty() {
            entry.3 = format!("{path}/{}", entry.3);
        }
        branches::entry(call.world, &id, &entry)
    };
    Ok(Answer::ok(entries.iter().map(below).collect()))
}

pub(super) fn compare(call: &mut Call) -> Outcome {
    let both = call.parts[0].clone();
    let (base, head) = both.split_once("...").ok_or_else(Problem::not_found)?;
    let world = &*call.world;
    let find = |name: &str| resolve(world, name).ok_or_else(Problem::not_found);
    let (base_id, head_id) = (find(base)?, find(head)?);
    let merge_base = world.repo.merge_base(&base_id, &head_id);
    let merge_base = merge_base.ok_or_else(|| {
        let why = format!("No common ancestor between {base} and {head}.");
        Problem::new(404, why)
    })?;
    let ahead = world.repo.between(&base_id, &head_id);
    let behind = world.repo.between(&head_id, &base_id).len();
    let status = match (ahead.len(), behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let one = |id: &str| world.repo.commit(id).map(|it| show(world, &it));
    let files = world.repo.diff(&merge_base, &head_id);
    let span = format!("{}...{}", path_in_url(base), path_in_url(head));
    let html = format!("{}/compare/{span}", world.repo_html());
    Ok(Answer::ok(json!({
        "url": format!("{}/compare/{span}", world.repo_api()),
        "html_url": html,
        "permalink_url": html,
        "diff_url": format!("{html}.diff"),
        "patch_url": format!("{html}.patch"),
        "base_commit": one(&base_id),
        "merge_base_commit": one(&merge_base),
        "status": status,
        "ahead_by": ahead.len(),
        "behind_by": behind,
        "total_commits": ahead.len(),
        "commits": ahead.iter().filter_map(|id| one(id)).collect::<Vec<_>>(),
        "files": files.iter().take(300).map(|it| changed(world, &head_id, it)).collect::<Vec<_>>(),
    })))
}

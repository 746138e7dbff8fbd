//! Pages for a person: pull requests with their diff and buttons, issues with a form. Whom one acts as is chosen on the page.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, Response, StatusCode};

use super::actions::merge::MergeOrder;
use super::actions::pulls::PullEdit;
use super::http::answer::Query;
use super::http::{Shared, locked};
use super::problem::Problem;
use super::state::World;
use super::state::pulls::{Method, Pull};

/// Answers a browser.
pub(crate) fn answer(world: &Shared, request: &Request<Bytes>) -> Response<Body> {
    let mut world = locked(world);
    let home = format!("/{}", world.full_name());
    let path = request.uri().path().to_owned();
    let below = path.strip_prefix(&home).unwrap_or(&path);
    let parts: Vec<&str> = below.trim_matches('/').split('/').collect();
    if request.method() == "POST" {
        return posted(&mut world, &parts, request.body());
    }
    let found = match parts.as_slice() {
        ["" | "pulls"] => Some(list(&world)),
        ["issues", "new"] => Some(new_issue(&world)),
        ["issues", number] => number.parse().ok().and_then(|it| issue(&world, it)),
        ["pull", number] => number.parse().ok().and_then(|it| pull(&world, it)),
        _ => None,
    };
    match found {
        Some(body) => page(StatusCode::OK, &body),
        None => page(StatusCode::NOT_FOUND, "<p>There is no such page.</p>"),
    }
}

fn posted(world: &mut World, parts: &[&str], body: &[u8]) -> Response<Body> {
    let form = format!("/?{}", String::from_utf8_lossy(body));
    let form = Query::of(&form.parse().unwrap_or_default());
    let by = form
        .get("as")
        .and_then(|it| world.account_named(it))
        .map(|it| it.id);
    let Some(by) = by else {
        return page(StatusCode::BAD_REQUEST, "<p>There is no such person.</p>");
    };
    let done = match parts {
        ["issues", "new"] => {
            let labels = form.get("label").filter(|it| !it.is_empty());
            let labels: Vec<String> = labels.into_iter().map(str::to_owned).collect();
            let title = form.get("title").unwrap_or_default();
            world
                .open_issue(title, form.get("body"), &labels, by)
                .map(|number| format!("issues/{number}"))
        }
        [kind @ ("pull" | "issues"), number] => number
            .parse()
            .map_err(|_| Problem::not_found())
            .and_then(|it| act(world, it, &form, by))
            .map(|()| format!("{kind}/{number}")),
        _ => Err(Problem::not_found()),
    };
    match done {
        Ok(to) => {
            let mut answer = page(StatusCode::SEE_OTHER, "");
            let to = format!("/{}/{to}", world.full_name());
            if let Ok(to) = HeaderValue::from_str(&to) {
                answer.headers_mut().insert("location", to);
            }
            answer
        }
        Err(problem) => {
            let errors: Vec<String> = problem.errors.iter().map(ToString::to_string).collect();
            let text = format!("{} {}", problem.message, errors.join(" "));
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
            page(status, &format!("<p>{}</p>", escaped(&text)))
        }
    }
}

/// Does what a button of a pull request's or an issue's page says.
fn act(world: &mut World, number: u64, form: &Query, by: u64) -> Result<(), Problem> {
    let text = form.get("text").unwrap_or_default();
    match form.get("do").unwrap_or_default() {
        "approve" => world
            .review(number, Some("APPROVE"), text, None, by)
            .map(drop),
        "request changes" => world
            .review(number, Some("REQUEST_CHANGES"), text, None, by)
            .map(drop),
        "comment" => world.comment(number, text, by, None).map(drop),
        "close" if world.issues.contains_key(&number) => world.set_issue(number, false, None, by),
        "reopen" if world.issues.contains_key(&number) => world.set_issue(number, true, None, by),
        open @ ("close" | "reopen") => {
            let edit = PullEdit {
                open: Some(open == "reopen"),
                ..PullEdit::default()
            };
            world.edit_pull(number, edit, by)
        }
        method => {
            let method = Method::named(method).ok_or_else(Problem::not_found)?;
            world
                .merge_pull(number, &MergeOrder::from(method), by)
                .map(drop)
        }
    }
}

fn list(world: &World) -> String {
    let home = format!("/{}", world.full_name());
    let row = |kind: &str, number: u64, title: &str, open: bool| {
        let (title, state) = (escaped(title), if open { "open" } else { "closed" });
        format!("<li>{state} <a href=\"{home}/{kind}/{number}\">#{number} {title}</a></li>")
    };
    let pulls = world.pulls.values().rev();
    let pulls: String = pulls
        .map(|it| row("pull", it.number, &it.title, it.open))
        .collect();
    let issues = world.issues.values().rev();
    let issues: String = issues
        .map(|it| row("issues", it.number, &it.title, it.open))
        .collect();
    format!(
        "<h1>{}</h1><h2>Pull requests</h2><ul>{pulls}</ul><h2>Issues</h2><ul>{issues}</ul>\
         <p><a href=\"{home}/issues/new\">New issue</a></p>",
        escaped(&world.full_name())
    )
}

fn people(world: &World) -> String {
    let all = world
        .accounts
        .values()
        .filter(|it| it.kind == "User" && it.id < 9000);
    let options: Vec<String> = all
        .map(|it| format!("<option>{}</option>", escaped(&it.login)))
        .collect();
    let options = options.concat();
    format!("<label>as <select name=\"as\">{options}</select></label>")
}

fn buttons(names: &[&str]) -> String {
    let one = |name: &&str| format!("<button name=\"do\" value=\"{name}\">{name}</button> ");
    names.iter().map(one).collect::<Vec<_>>().concat()
}

fn comments(world: &World, number: u64) -> String {
    let all = world.comments.values().filter(|it| it.number == number);
    all.map(|it| {
        let who = escaped(&world.account(it.author).login);
        format!("<h3>{who}</h3><pre>{}</pre>", escaped(&it.body))
    })
    .collect::<Vec<_>>()
    .concat()
}

fn pull(world: &World, number: u64) -> Option<String> {
    let it = world.pulls.get(&number)?;
    let state = match (&it.merged, it.open) {
        (Some(merged), _) => format!("merged as {}", merged.commit),
        (None, true) => world.merge_state(it).1.to_owned(),
        (None, false) => "closed".to_owned(),
    };
    let reviews: Vec<String> = it
        .reviews
        .iter()
        .map(|review| {
            let who = escaped(&world.account(review.by).login);
            format!("<li>{who}: {} {}</li>", review.state, escaped(&review.body))
        })
        .collect();
    let reviews = reviews.concat();
    let names = [
        "approve",
        "request changes",
        "comment",
        "merge",
        "squash",
        "rebase",
        "close",
        "reopen",
    ];
    Some(format!(
        "<h1>#{number} {}</h1><p>{} wants {} in {}: <b>{}</b></p><pre>{}</pre><h2>Reviews</h2><ul>{reviews}</ul>\
         <h2>Comments</h2>{}<form method=\"post\">{} <p><textarea name=\"text\" rows=\"4\" cols=\"80\"></textarea></p>{}\
         </form><h2>Files</h2>{}",
        escaped(&it.title),
        escaped(&world.account(it.author).login),
        escaped(&it.branch),
        escaped(&it.base),
        escaped(&state),
        escaped(it.body.as_deref().unwrap_or_default()),
        comments(world, number),
        people(world),
        buttons(&names),
        diff(world, it),
    ))
}

fn diff(world: &World, it: &Pull) -> String {
    let files = world.files_of(it);
    let one = |file: &super::git::FileChange| {
        let patch = file.patch.as_deref().unwrap_or("(no text)");
        format!(
            "<h3>{} {}</h3><pre>{}</pre>",
            file.status,
            escaped(&file.path),
            escaped(patch)
        )
    };
    files.iter().map(one).collect()
}

fn issue(world: &World, number: u64) -> Option<String> {
    let it = world.issues.get(&number)?;
    let state = if it.open { "open" } else { "closed" };
    Some(format!(
        "<h1>#{number} {}</h1><p>{} by {}; {}</p><pre>{}</pre>{}<form method=\"post\">{} \
         <p><textarea name=\"text\" rows=\"4\" cols=\"80\"></textarea></p>{}</form>",
        escaped(&it.title),
        state,
        escaped(&world.account(it.author).login),
        escaped(&it.labels.join(", ")),
        escaped(it.body.as_deref().unwrap_or_default()),
        comments(world, number),
        people(world),
        buttons(&["comment", "close", "reopen"]),
    ))
}

/// The page that opens an issue; the body is what an issue form would have made: a heading and a text for each field.
fn new_issue(world: &World) -> String {
    let main = world.head("main").cloned().unwrap_or_default();
    let forms = world.repo.list(&main, ".github/ISSUE_TEMPLATE");
    let names: Vec<String> = forms.iter().map(|it| escaped(&it.3)).collect();
    format!(
        "<h1>New issue</h1><p>Forms in the repository: {}</p><form method=\"post\">{}\
         <p><input name=\"title\" size=\"80\" placeholder=\"title\"></p><p><input name=\"label\" placeholder=\"label\"></p>\
         <p><textarea name=\"body\" rows=\"20\" cols=\"80\">### Name\n\n</textarea></p>\
         <button>Open</button></form>",
        names.join(", "),
        people(world),
    )
}

/// Text as it stands in a page.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

fn page(status: StatusCode, body: &str) -> Response<Body> {
    let text = format!(
        "<!doctype html><meta charset=\"utf-8\"><title>GitHub stand-in</title>\
         <p><a href=\"/\">Home</a></p>{body}"
    );
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    answer.headers_mut().insert("content-type", kind);
    answer
}

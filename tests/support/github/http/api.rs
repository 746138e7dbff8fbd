//! A request to the REST API or GraphQL, from its first byte to its last: who asks, limits, the route, `ETag`, the log.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::limits::{Allowance, Kind, Refused};
use super::super::problem::Problem;
use super::super::routes;
use super::super::state::World;
use super::answer::Answer;
use super::auth::{self, Who};
use super::{Shared, locked};

/// First parts of paths that belong to the API of github.com; the rest are pages.
const TOP: [&str; 9] = [
    "repos",
    "app",
    "user",
    "users",
    "orgs",
    "rate_limit",
    "graphql",
    "installation",
    "meta",
];

/// Whether a path is one of the API.
pub(crate) fn is_api(world: &World, path: &str) -> bool {
    if world.options.ghes {
        return path.starts_with("/api/");
    }
    let first = path.trim_start_matches('/').split('/').next();
    first.is_some_and(|it| TOP.contains(&it))
}

/// The path below the API's base: `/graphql` and `/repos/…` wherever they lie.
pub(crate) fn path_below_base(world: &World, path: &str) -> String {
    let below = if world.options.ghes {
        path.strip_prefix("/api/v3")
            .or_else(|| path.strip_prefix("/api"))
    } else {
        None
    };
    below.unwrap_or(path).to_owned()
}

/// Answers a request, after a pause in which it is already under way.
pub(crate) fn answer(world: &Shared, request: &Request<Bytes>, pause: Duration) -> Response<Body> {
    let asked = Asked::of(&locked(world), request);
    {
        let mut world = locked(world);
        if asked.kind.write {
            let what = asked.what();
            world.limits.write_begins(&asked.identity, &what);
        }
    }
    std::thread::sleep(pause);
    let answer = respond(&mut locked(world), request, &asked);
    if asked.kind.write {
        locked(world).limits.write_ended(&asked.identity);
    }
    answer
}

/// What is known of a request before it is answered.
struct Asked {
    path: String,
    method: String,
    kind: Kind,
    identity: String,
    who: Result<Who, Problem>,
}

impl Asked {
    fn of(world: &World, request: &Request<Bytes>) -> Self {
        let path = path_below_base(world, request.uri().path());
        let method = request.method().as_str().to_owned();
        let graphql = path == "/graphql";
        let read = ["GET", "HEAD"].contains(&method.as_str());
        let mutation = graphql && is_mutation(request.body());
        let write = if graphql { mutation } else { !read };
        // a token is no content, and nothing is made by deleting
        let token = path.ends_with("/access_tokens");
        let kind = Kind {
            graphql,
            write: write && !token,
            content: write && !token && method != "DELETE",
        };
        let who = auth::who(world, request);
        let identity = who.as_ref().unwrap_or(&Who::Nobody).identity(world);
        Self {
            path,
            method,
            kind,
            identity,
            who,
        }
    }

    fn what(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

fn is_mutation(body: &[u8]) -> bool {
    let sent: Value = serde_json::from_slice(body).unwrap_or_default();
    let query = sent["query"].as_str().unwrap_or_default();
    query.trim_start().starts_with("mutation")
}

fn respond(world: &mut World, request: &Request<Bytes>, asked: &Asked) -> Response<Body> {
    let sent = serde_json::from_slice(request.body()).unwrap_or_default();
    let query = request.uri().query().unwrap_or_default();
    let number = world.log.begin(&asked.method, &asked.path, query, sent);
    world.log.identify(number, &asked.identity);
    let answer = judged(world, request, asked);
    let free = !asked.kind.graphql && asked.path == "/rate_limit";
    let (response, body) = finished(world, request, asked, answer, free);
    let status = response.status().as_u16();
    world.log.end(number, status, &body);
    response
}

fn judged(world: &mut World, request: &Request<Bytes>, asked: &Asked) -> Answer {
    match allowed(world, request, asked) {
        Ok(who) => routes::run(world, who, &asked.path, request),
        Err(problem) => problem.into(),
    }
}

fn allowed(world: &mut World, request: &Request<Bytes>, asked: &Asked) -> Result<Who, Problem> {
    if request
        .headers()
        .get("user-agent")
        .is_none_or(HeaderValue::is_empty)
    {
        let why = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header";
        return Err(Problem::new(403, why));
    }
    let accept = request.headers().get("accept");
    let accept = accept.and_then(|it| it.to_str().ok()).unwrap_or("*/*");
    if !["json", "*/*", "application/*"]
        .iter()
        .any(|it| accept.contains(it))
    {
        let why =
            format!("Unsupported 'Accept' header: '{accept}'. Must accept 'application/json'.");
        return Err(Problem::new(415, why));
    }
    let who = asked.who.clone()?;
    let admitted = world
        .limits
        .admit(&asked.identity, asked.kind, &asked.what());
    admitted.map_err(|refused| limit_problem(&asked.identity, refused))?;
    let path = format!("{}{}", world.api(), asked.path);
    if asked.method == "GET" && world.faults.is_unseen(&path) {
        return Err(Problem::not_found());
    }
    Ok(who)
}

fn limit_problem(identity: &str, refused: Refused) -> Problem {
    match refused {
        Refused::Primary(_) => {
            let whose = identity.replace("installation:", "installation ID ");
            let whose = whose.replace("user:", "user ID ");
            let mut problem = Problem::new(403, format!("API rate limit exceeded for {whose}."));
            problem.documentation =
                "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api";
            problem
        }
        Refused::Secondary(how, seconds) => {
            let mut problem = Problem::new(
                how.status,
                "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            );
            problem.documentation = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits";
            if how.retry_after {
                problem.headers.push(("retry-after", seconds.to_string()));
            }
            problem
        }
    }
}

fn finished(
    world: &mut World,
    request: &Request<Bytes>,
    asked: &Asked,
    mut answer: Answer,
    free: bool,
) -> (Response<Body>, Vec<u8>) {
    if let Some(Value::Array(items)) = &mut answer.body {
        // what cannot be read yet is in no list either
        let hidden = |item: &Value| item["url"].as_str().unwrap_or_default().to_owned();
        items.retain(|item| !world.faults.is_unseen(&hidden(item)));
    }
    let body = answer
        .body
        .as_ref()
        .map(Value::to_string)
        .unwrap_or_default();
    let tag = (asked.method == "GET" && answer.status == 200).then(|| etag(&body));
    let known = request.headers().get("if-none-match");
    let known = known.and_then(|it| it.to_str().ok()).unwrap_or_default();
    let unchanged = tag.as_ref().is_some_and(|tag| {
        known
            .split(',')
            .any(|it| it.trim().trim_start_matches("W/") == tag)
    });
    let limited = [403, 429].contains(&answer.status) && answer.body_says("rate limit");
    let allowance = if unchanged || free || limited || answer.status == 401 {
        world.limits.allowance(&asked.identity, asked.kind.graphql)
    } else {
        world.limits.charge(&asked.identity, asked.kind)
    };
    answer.headers.extend(rate_headers(allowance, asked.kind));
    if let Some(tag) = tag {
        answer.headers.push(("etag", tag));
        let rule = "private, max-age=60, s-maxage=60";
        answer.headers.push(("cache-control", rule.to_owned()));
    }
    if unchanged {
        answer.status = 304;
        answer.body = None;
        return (response(answer, ""), Vec::new());
    }
    let bytes = body.clone().into_bytes();
    (response(answer, &body), bytes)
}

impl Answer {
    fn body_says(&self, words: &str) -> bool {
        let message = self.body.as_ref().map(|it| it["message"].clone());
        message.is_some_and(|it| it.to_string().contains(words))
    }
}

fn etag(body: &str) -> String {
    let digest = Sha256::digest(body);
    format!("\"{}\"", super::super::hex(&digest[..16]))
}

fn rate_headers(it: Allowance, kind: Kind) -> Vec<(&'static str, String)> {
    let resource = if kind.graphql { "graphql" } else { "core" };
    vec![
        ("x-ratelimit-limit", it.limit.to_string()),
        (
            "x-ratelimit-remaining",
            it.limit.saturating_sub(it.used).to_string(),
        ),
        ("x-ratelimit-used", it.used.to_string()),
        ("x-ratelimit-reset", it.reset.as_second().to_string()),
        ("x-ratelimit-resource", resource.to_owned()),
    ]
}

fn response(answer: Answer, body: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_owned()));
    *response.status_mut() = StatusCode::from_u16(answer.status).expect("a status");
    let id = super::super::uuid().replace('-', "").to_uppercase();
    let mut headers = answer.headers;
    headers.push(("x-github-request-id", id));
    headers.push(("x-github-media-type", "github.v3; format=json".to_owned()));
    headers.push(("server", "github.com".to_owned()));
    if answer.body.is_some() {
        let kind = "application/json; charset=utf-8";
        headers.push(("content-type", kind.to_owned()));
    }
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            let name = HeaderName::from_static(name);
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// A failure of GitHub's own, in its form.
pub(crate) fn failed(status: u16) -> Response<Body> {
    let message = match status {
        401 => "Bad credentials",
        403 => "Resource not accessible by integration",
        404 => "Not Found",
        500 => "Server Error",
        502 => "Server Error: Sorry, something went wrong.",
        503 => "Service unavailable",
        _ => "It did not work",
    };
    let answer = Answer::from(Problem::new(status, message));
    let body = answer.body.as_ref().map(Value::to_string);
    response(answer, &body.unwrap_or_default())
}

/// A secondary limit's answer that comes from the plan.
pub(crate) fn limited(world: &Shared, request: &Request<Bytes>) -> Response<Body> {
    let mut world = locked(world);
    let asked = Asked::of(&world, request);
    let sent = serde_json::from_slice(request.body()).unwrap_or_default();
    let number = world.log.begin(&asked.method, &asked.path, "", sent);
    world.log.identify(number, &asked.identity);
    let refused = world.limits.block(&asked.identity);
    let mut answer = Answer::from(limit_problem(&asked.identity, refused));
    let allowance = world.limits.allowance(&asked.identity, asked.kind.graphql);
    answer.headers.extend(rate_headers(allowance, asked.kind));
    let body = answer.body.clone().unwrap_or(json!({})).to_string();
    world.log.end(number, answer.status, body.as_bytes());
    response(answer, &body)
}

/// Hides what a request made from that many reads.
pub(crate) async fn hide_what_it_made(
    world: &Shared,
    answer: Response<Body>,
    reads: u32,
) -> Response<Body> {
    let (head, body) = answer.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await;
    let bytes = bytes.unwrap_or_default();
    let made: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if let Some(url) = made["url"].as_str() {
        locked(world).faults.hide(url, reads);
    }
    Response::from_parts(head, Body::from(bytes))
}

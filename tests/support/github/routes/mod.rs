//! The routes of the REST API: method, path, what a caller must be granted, what the body may hold.

mod app;
mod branches;
mod checks;
mod issues;
mod merge;
mod pulls;
mod repo;
mod reviews;
mod table;
mod users;

use axum::body::Bytes;
use axum::http::Request;
use serde_json::{Map, Value};

use super::graphql;
use super::http::answer::{Answer, Query};
use super::http::auth::Who;
use super::http::fields::{self, Field};
use super::problem::Problem;
use super::state::World;
use super::state::tokens::Level;

/// What came of a request.
type Outcome = Result<Answer, Problem>;

/// One route.
struct Route {
    method: &'static str,
    /// `{name}` is one part of the path; `{*name}` is one or more.
    path: &'static str,
    /// Any one of these permissions.
    needs: &'static [(&'static str, Level)],
    fields: &'static [Field],
    run: fn(&mut Call) -> Outcome,
}

/// A request at its route.
pub(crate) struct Call<'a> {
    world: &'a mut World,
    who: Who,
    /// The account that acts; 0 where none does.
    by: u64,
    /// The parts of the path that stand for something, in order.
    parts: Vec<String>,
    query: Query,
    body: Map<String, Value>,
    /// The address without its query.
    url: String,
}

impl Call<'_> {
    /// A part of the path that is a number.
    fn number(&self, at: usize) -> Result<u64, Problem> {
        self.parts[at].parse().map_err(|_| Problem::not_found())
    }

    /// A text of the body.
    fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    /// The same, owned.
    fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// A list of texts of the body.
    fn texts(&self, name: &str) -> Vec<String> {
        let list = self.body.get(name).and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    /// One page of a list.
    #[expect(clippy::unnecessary_wraps, reason = "every route answers like this")]
    fn list<T>(&self, items: &[T], render: impl Fn(&T) -> Value) -> Outcome {
        Ok(self.query.list(&self.url, items, render))
    }
}

/// Finds the route of a request and runs it.
pub(crate) fn run(world: &mut World, who: Who, path: &str, request: &Request<Bytes>) -> Answer {
    if path == "/graphql" {
        return graphql::answer(world, &who, request).unwrap_or_else(Answer::from);
    }
    at_route(world, who, path, request).unwrap_or_else(Answer::from)
}

fn at_route(world: &mut World, who: Who, path: &str, request: &Request<Bytes>) -> Outcome {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (below, in_repo) = below_repo(world, &parts);
    if in_repo && !who.sees(world) {
        return Err(Problem::not_found());
    }
    let method = request.method().as_str();
    let routes = if in_repo { table::REPO } else { table::TOP };
    let fitting = routes.iter().filter(|it| it.method == method);
    let found = fitting.filter_map(|route| Some((route, fit(route.path, below)?)));
    let Some((route, parts)) = found.into_iter().next() else {
        return Err(Problem::not_found());
    };
    if in_repo && !who.may(world, route.needs) {
        return Err(who.refused());
    }
    if in_repo && world.settings.archived && method != "GET" {
        let why = "Repository was archived so is read-only.";
        return Err(Problem::new(403, why));
    }
    let by = who.account(world).unwrap_or_default();
    let mut call = Call {
        by,
        who,
        parts,
        query: Query::of(request.uri()),
        body: fields::read(request.body(), route.fields)?,
        url: format!("{}{path}", world.api()),
        world,
    };
    (route.run)(&mut call)
}

/// The parts of a path below the repository's own, if it lies there. Names go in any case.
fn below_repo<'a>(world: &World, parts: &'a [&'a str]) -> (&'a [&'a str], bool) {
    let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    match parts {
        ["repos", owner, name, below @ ..]
            if same(owner, &world.options.owner) && same(name, &world.options.name) =>
        {
            (below, true)
        }
        _ => (parts, false),
    }
}

/// What the parts of a path stand for, where it has the form of a pattern.
fn fit(pattern: &str, path: &[&str]) -> Option<Vec<String>> {
    let pattern: Vec<&str> = pattern.split('/').filter(|it| !it.is_empty()).collect();
    fit_parts(&pattern, path)
}

fn fit_parts(pattern: &[&str], path: &[&str]) -> Option<Vec<String>> {
    let Some((first, rest)) = pattern.split_first() else {
        return path.is_empty().then(Vec::new);
    };
    if first.starts_with("{*") {
        let mut ends = (1..=path.len()).rev();
        return ends.find_map(|end| {
            let more = fit_parts(rest, &path[end..])?;
            Some([vec![decoded(&path[..end].join("/"))], more].concat())
        });
    }
    let (part, path) = path.split_first()?;
    if first.starts_with('{') {
        let more = fit_parts(rest, path)?;
        return Some([vec![decoded(part)], more].concat());
    }
    (first == part).then(|| fit_parts(rest, path)).flatten()
}

fn decoded(part: &str) -> String {
    let bytes = percent_encoding::percent_decode_str(part);
    bytes.decode_utf8_lossy().into_owned()
}

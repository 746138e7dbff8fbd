//! The dashboard's pages, rendered here from embedded templates; no script is needed to read them.
//!
//! Every value is escaped as HTML by minijinja (the templates end in `.html`), undefined names are errors.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, header};
use axum::response::Html;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior, context};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::app::App;
use super::params::Params;
use super::problem::Problem;
use super::render::blocking;
use super::stores::filter;
use crate::domain::phase::Phase;
use crate::domain::request::Caller;
use crate::domain::view::ChangeFilter;

/// Changes on a store's page.
const CHANGES: usize = 20;

const TEMPLATES: [(&str, &str); 7] = [
    ("base.html", include_str!("pages/base.html")),
    ("parts.html", include_str!("pages/parts.html")),
    ("stores.html", include_str!("pages/stores.html")),
    ("store.html", include_str!("pages/store.html")),
    ("sign_in.html", include_str!("pages/sign_in.html")),
    ("docs.html", include_str!("pages/docs.html")),
    ("problem.html", include_str!("pages/problem.html")),
];

/// The embedded templates, compiled.
pub(super) struct Pages(Environment<'static>);

impl Pages {
    /// Compiles the templates.
    pub(super) fn embedded() -> Self {
        let mut pages = Environment::new();
        pages.set_undefined_behavior(UndefinedBehavior::Strict);
        pages.add_function("tone", |phase: String| look(&phase).0);
        pages.add_function("mark", |phase: String| look(&phase).1);
        pages.add_function("sentence", |text: String| sentence(&text));
        for (name, source) in TEMPLATES {
            pages
                .add_template(name, source)
                .expect("the embedded templates are compiled by a test");
        }
        Self(pages)
    }

    /// A page from its template.
    pub(super) fn render(&self, name: &str, values: Value) -> Result<String, Problem> {
        self.0
            .get_template(name)
            .and_then(|it| it.render(values))
            .map_err(|error| {
                tracing::error!(
                    error = format!("{error:#}"),
                    page = name,
                    "A page could not be rendered"
                );
                Problem::internal()
            })
    }

    /// The sign-in page, with what went wrong the last time.
    pub(super) fn sign_in(&self, problem: Option<&str>) -> String {
        self.render(
            "sign_in.html",
            context! { caller => (), csrf => (), problem },
        )
        .unwrap_or_default()
    }

    /// A problem as a page.
    pub(super) fn problem(&self, problem: &Problem) -> String {
        let text = problem.detail().to_owned();
        let values = context! { caller => (), csrf => (), problem => Value::from(Serde(problem)) };
        self.render("problem.html", values).unwrap_or(text)
    }
}

/// How a phase looks: its tone, and a mark that tells it apart without colour.
fn look(phase: &str) -> (&'static str, &'static str) {
    match phase {
        "Ready" => ("good", "✔"),
        "Degraded" => ("warn", "▲"),
        "Failed" => ("bad", "✖"),
        "Unknown" => ("warn", "?"),
        "Suspended" | "Deleted" => ("", "■"),
        "AwaitingApproval" => ("warn", "◔"),
        _ => ("busy", "◌"),
    }
}

/// A text as a sentence: a capital letter first, a full stop last.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.trim().chars();
    let Some(first) = letters.next() else {
        return String::new();
    };
    let mut sentence: String = first.to_uppercase().chain(letters).collect();
    if !sentence.ends_with(['.', '!', '?', ':']) {
        sentence.push('.');
    }
    sentence
}

/// Who looks at a page.
#[derive(Clone)]
pub(super) struct Visitor {
    /// The caller.
    pub(super) caller: Caller,
    /// What the forms of a browser's session carry.
    pub(super) csrf: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Nobody was looked for where the route is public.
        let visitor = parts.extensions.get::<Self>().cloned();
        visitor.ok_or_else(Problem::no_token)
    }
}

/// `GET /`: the stores, the clusters, the server's health.
pub(super) async fn stores(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    mut params: Params,
) -> Result<Html<String>, Problem> {
    // An empty field of the filter form is no filter.
    params.drop_empty();
    let filter = filter(&mut params);
    let paging = params.paging();
    params.finish()?;
    blocking(move || {
        let page = app.fleet.stores(
            &visitor.caller,
            &filter,
            paging.limit,
            paging.cursor.as_deref(),
        )?;
        let shown = (
            filter.q.unwrap_or_default(),
            filter.phase.map_or("", Phase::as_str),
        );
        let policy = app.fleet.policy();
        let values = context! {
            caller => Value::from(Serde(&visitor.caller)),
            csrf => visitor.csrf,
            filter => context! { q => shown.0.clone(), phase => shown.1 },
            phases => Phase::ALL.iter().map(|it| it.as_str()).collect::<Vec<_>>(),
            more => next_query(&shown.0, shown.1, page.next.as_deref()),
            stores => Value::from(Serde(&page)),
            clusters => Value::from(Serde(&app.fleet.clusters())),
            health => Value::from(Serde(&app.fleet.health())),
            foreign => app.fleet.foreign().len(),
            engine => policy.engines.keys().next().map_or("woocommerce", String::as_str),
            plan => policy.plans.keys().next().map_or("small", String::as_str),
        };
        app.pages.render("stores.html", values).map(Html)
    })
    .await?
}

/// The query of the next page: the same filter, further on.
fn next_query(q: &str, phase: &str, cursor: Option<&str>) -> String {
    let pairs = [("q", q), ("phase", phase), ("cursor", cursor.unwrap_or(""))];
    let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
    pairs
        .map(|(name, value)| format!("{name}={}", percent(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// Percent-encodes all but unreserved characters (RFC 3986 §2.3).
pub(crate) fn percent(text: &str) -> impl std::fmt::Display {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    utf8_percent_encode(text, RESERVED)
}

/// `GET /stores/{name}`
pub(super) async fn store(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    Path(name): Path<String>,
    params: Params,
) -> Result<Html<String>, Problem> {
    params.finish()?;
    blocking(move || {
        let caller = &visitor.caller;
        let store = app
            .fleet
            .store(caller, &name)?
            .ok_or_else(|| Problem::missing("store", &name))?;
        let filter = ChangeFilter {
            store: Some(store.name.clone()),
            ..ChangeFilter::default()
        };
        let changes = app.fleet.changes(caller, &filter, CHANGES, None)?;
        let values = context! {
            caller => Value::from(Serde(caller)),
            csrf => visitor.csrf,
            store => Value::from(Serde(&store)),
            changes => Value::from(Serde(&changes.items)),
        };
        app.pages.render("store.html", values).map(Html)
    })
    .await?
}

/// `GET /static/style.css`
pub(super) async fn style() -> ([(HeaderName, &'static str); 2], &'static str) {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "max-age=300"),
    ];
    (headers, include_str!("pages/style.css"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_compile_and_escape() {
        let pages = Pages::embedded();
        let page = pages.sign_in(Some("<b>no</b>"));
        assert!(page.contains("&lt;b&gt;no&lt;"), "{page}");
        let page = pages.problem(&Problem::missing("store", "<script>"));
        assert!(
            page.contains("<h1>Not Found</h1>") && !page.contains("<script>"),
            "{page}"
        );
    }

    #[test]
    fn texts_become_sentences() {
        for (text, wanted) in [("it waits", "It waits."), ("Done.", "Done."), ("", "")] {
            assert_eq!(sentence(text), wanted);
        }
    }

    #[test]
    fn the_next_page_keeps_the_filter() {
        assert_eq!(
            next_query("a b&c", "Ready", Some("x=1")),
            "q=a%20b%26c&phase=Ready&cursor=x%3D1"
        );
        assert_eq!(next_query("", "", Some("n")), "cursor=n");
    }

    #[test]
    fn every_phase_can_be_told_apart_without_colour() {
        assert!(
            Phase::ALL
                .iter()
                .all(|phase| !look(phase.as_str()).1.is_empty())
        );
    }
}

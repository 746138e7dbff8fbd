//! Answers of the API before they are bytes, and pages of lists.

use axum::http::Uri;
use serde_json::{Value, json};

use super::super::problem::Problem;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// None is no body at all.
    pub(crate) body: Option<Value>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Answer {
    /// 200 with a body.
    pub(crate) fn ok(body: Value) -> Self {
        Self::new(200, body)
    }

    /// 201 with what was made; it says where it is.
    pub(crate) fn created(body: Value) -> Self {
        let location = body["url"].as_str().map(str::to_owned);
        let mut answer = Self::new(201, body);
        answer.headers.extend(location.map(|it| ("location", it)));
        answer
    }

    /// 204.
    pub(crate) fn empty() -> Self {
        Self {
            status: 204,
            body: None,
            headers: Vec::new(),
        }
    }

    /// A status with a body.
    pub(crate) fn new(status: u16, body: Value) -> Self {
        Self {
            status,
            body: Some(body),
            headers: Vec::new(),
        }
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        Self {
            status: problem.status,
            body: Some(problem.body()),
            headers: problem.headers,
        }
    }
}

/// A query, as pairs.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query of an address.
    pub(crate) fn of(uri: &Uri) -> Self {
        let parts = uri.query().unwrap_or_default().split('&');
        let decoded = |text: &str| {
            let spaced = text.replace('+', " ");
            let bytes = percent_encoding::percent_decode_str(&spaced);
            bytes.decode_utf8_lossy().into_owned()
        };
        let pairs = parts.filter(|it| !it.is_empty()).map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(name), decoded(value))
        });
        Self(pairs.collect())
    }

    /// A parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        let found = pairs.find(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str, usual: usize) -> usize {
        self.get(name)
            .and_then(|it| it.parse().ok())
            .unwrap_or(usual)
    }

    /// Which page is wanted, and how many a page: 30, or what is asked for up to 100.
    pub(crate) fn page(&self) -> (usize, usize) {
        let per_page = self.number("per_page", 30);
        let per_page = if per_page == 0 { 30 } else { per_page.min(100) };
        (self.number("page", 1).max(1), per_page)
    }

    /// The address of another page.
    fn with_page(&self, base: &str, page: usize) -> String {
        let others = self.0.iter().filter(|(name, _)| name != "page");
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                .to_string()
        };
        let mut parts: Vec<String> = others
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        parts.push(format!("page={page}"));
        format!("{base}?{}", parts.join("&"))
    }

    /// `Link`, as GitHub writes it (RFC 8288); none where one page holds everything.
    pub(crate) fn links(&self, base: &str, all: usize) -> Option<String> {
        let (page, per_page) = self.page();
        let last = all.div_ceil(per_page).max(1);
        if last == 1 {
            return None;
        }
        let mut links = Vec::new();
        let mut link = |page: usize, rel: &str| {
            links.push(format!("<{}>; rel=\"{rel}\"", self.with_page(base, page)));
        };
        if page > 1 {
            link(page - 1, "prev");
        }
        if page < last {
            link(page + 1, "next");
            link(last, "last");
        }
        if page > 1 {
            link(1, "first");
        }
        Some(links.join(", "))
    }

    /// One page of a list, rendered.
    pub(crate) fn list<T>(&self, base: &str, items: &[T], render: impl Fn(&T) -> Value) -> Answer {
        let (page, per_page) = self.page();
        let shown = items.iter().skip((page - 1) * per_page).take(per_page);
        let mut answer = Answer::ok(shown.map(render).collect());
        let links = self.links(base, items.len());
        answer.headers.extend(links.map(|it| ("link", it)));
        answer
    }

    /// The same inside of an object that says how many there are.
    pub(crate) fn counted<T>(
        &self,
        base: &str,
        name: &str,
        items: &[T],
        render: impl Fn(&T) -> Value,
    ) -> Answer {
        let mut answer = self.list(base, items, render);
        let list = answer.body.take();
        answer.body = Some(json!({"total_count": items.len(), name: list}));
        answer
    }
}

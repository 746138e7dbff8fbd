//! One operation of the description: a builder that knows what all operations have in common.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use serde_json::{Value, json};

use super::parts::{self, Media};
use crate::domain::request::Role;
use crate::http::access::{Need, needed};

/// What one method of one path takes and answers.
pub(super) struct Operation {
    /// The method.
    pub(super) method: Method,
    /// The path, as the router has it.
    pub(super) path: &'static str,
    id: &'static str,
    summary: &'static str,
    about: String,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: BTreeMap<u16, Value>,
    problems: BTreeSet<u16>,
}

impl Operation {
    /// An operation with the problems that every one of its kind may answer.
    pub(super) fn new(
        method: Method,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
    ) -> Self {
        let mut problems = BTreeSet::from([421, 500]);
        if needed(path, &method) != Some(Need::Nothing) {
            problems.extend([401, 403, 422, 503]);
        }
        Self {
            method,
            path,
            id,
            summary,
            about: String::new(),
            parameters: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            problems,
        }
    }

    /// Says more.
    pub(super) fn about(mut self, text: &str) -> Self {
        text.clone_into(&mut self.about);
        self
    }

    /// A part of the path.
    pub(super) fn path(mut self, name: &str, schema: Value, text: &str) -> Self {
        self.problems.extend([400, 404]);
        self.parameter("path", (name, true), schema, text)
    }

    /// A parameter of the query.
    pub(super) fn query(self, name: &str, schema: Value, text: &str) -> Self {
        self.parameter("query", (name, false), schema, text)
    }

    /// A header, and whether it has to be there.
    pub(super) fn header(self, name: (&str, bool), schema: Value, text: &str) -> Self {
        self.parameter("header", name, schema, text)
    }

    fn parameter(
        mut self,
        place: &str,
        (name, required): (&str, bool),
        schema: Value,
        text: &str,
    ) -> Self {
        let mut parameter = json!({"name": name, "in": place, "required": required});
        parameter["schema"] = schema;
        parameter["description"] = text.into();
        self.parameters.push(parameter);
        self
    }

    /// A parameter of the document's components.
    fn shared(mut self, names: &[&str]) -> Self {
        let all = names.iter().map(|it| parts::parameter(it));
        self.parameters.extend(all);
        self
    }

    /// It answers a page of a list.
    pub(super) fn paged(self) -> Self {
        self.shared(&["limit", "cursor"])
    }

    /// It takes what all writes on stores take, and is limited as they are.
    pub(super) fn writes(mut self) -> Self {
        self.problems.extend([400, 409, 412, 429]);
        self.shared(&[
            "dryRun",
            "until",
            "Idempotency-Key",
            "If-Match",
            "Prefer",
            "Fleetwright-Reason",
        ])
    }

    /// It decides on a change, with or without the rest of what writes take.
    pub(super) fn decides(mut self) -> Self {
        self.problems.extend([400, 409]);
        self.shared(&["dryRun"])
    }

    /// It can be held to what was seen.
    pub(super) fn matches(mut self) -> Self {
        self.problems.insert(412);
        self.shared(&["If-Match"])
    }

    /// It takes a JSON body.
    pub(super) fn takes(mut self, required: bool, schema: &Value, text: &str) -> Self {
        self.problems.extend([400, 408, 413, 415, 422]);
        let json = json!({"schema": schema});
        let mut content = json!({"application/json": json});
        if self.method == Method::PATCH {
            content["application/merge-patch+json"] = json;
        }
        self.body = Some(json!({"required": required, "description": text, "content": content}));
        self
    }

    /// It takes no body; one that is none or an empty object is let pass.
    pub(super) fn takes_nothing(mut self) -> Self {
        self.problems.extend([400, 408, 413, 415, 422]);
        self
    }

    /// It answers this.
    pub(super) fn answers(mut self, status: u16, text: &str, media: &[Media]) -> Self {
        let mut answer = parts::answer(text);
        for it in media {
            answer["content"][it.name] = json!({"schema": it.schema});
        }
        self.answers.insert(status, answer);
        self
    }

    /// An answer of this status carries a header.
    pub(super) fn with(mut self, status: u16, name: &str, required: bool) -> Self {
        if let Some(answer) = self.answers.get_mut(&status) {
            answer["headers"][name] = parts::header(name, required);
        }
        self
    }

    /// It may answer these problems as well.
    pub(super) fn problems(mut self, statuses: &[u16]) -> Self {
        self.problems.extend(statuses);
        self
    }

    /// Of what its kind may answer it never answers this.
    pub(super) fn never(mut self, status: u16) -> Self {
        self.problems.remove(&status);
        self
    }

    /// What the document says of it.
    pub(super) fn document(self, tag: &str) -> Value {
        let page = !self.path.starts_with("/api/");
        let problems = self
            .problems
            .into_iter()
            .map(|status| (status, parts::problem(status, page)));
        let mut answers = self.answers;
        answers.extend(problems);
        let answers: serde_json::Map<String, Value> = answers
            .into_iter()
            .map(|(status, it)| (status.to_string(), it))
            .collect();
        let (role, who, security) = access(self.path, &self.method);
        let about = [self.about.as_str(), who].join(" ").trim().to_owned();
        let mut operation = json!({
            "operationId": self.id, "summary": self.summary, "description": about, "tags": [tag],
            "security": security, "x-role": role,
        });
        if !self.parameters.is_empty() {
            operation["parameters"] = self.parameters.into();
        }
        if let Some(body) = self.body {
            operation["requestBody"] = body;
        }
        operation["responses"] = answers.into();
        operation
    }
}

/// Who may call it: the least role, the same in words, and the security requirement.
fn access(path: &str, method: &Method) -> (Value, &'static str, Value) {
    let token = json!([{"token": []}]);
    match needed(path, method) {
        Some(Need::Nothing) => (Value::Null, "No token is needed.", json!([])),
        Some(Need::AllOwners) => (
            json!("viewer"),
            "For every role but merchant: it shows what belongs to all owners.",
            token,
        ),
        Some(Need::Role(role)) => {
            let who = match role {
                Role::Viewer => "For every role; a merchant sees what is his owner's.",
                Role::Merchant => "For merchants (their own owner's stores), operators and admins.",
                Role::Operator => "For operators and admins.",
                Role::Admin => "For admins.",
            };
            (json!(role), who, token)
        }
        Some(Need::Page(_) | Need::Repository) | None => {
            unreachable!("a test holds every operation to the table of routes")
        }
    }
}

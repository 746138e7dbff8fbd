//! GitHub's refusals: status, sentence and, for validation, what is wrong.

use serde_json::{Value, json};

/// A refusal.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) message: String,
    pub(crate) errors: Vec<Value>,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Where the documentation says more; the REST API's front page where nothing is said.
    pub(crate) documentation: &'static str,
}

impl Problem {
    /// A refusal with a sentence.
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            errors: Vec::new(),
            headers: Vec::new(),
            documentation: "https://docs.github.com/rest",
        }
    }

    /// There is no such thing, or it may not be seen.
    pub(crate) fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    /// What was sent does not have the wanted form.
    pub(crate) fn invalid_request(why: &str) -> Self {
        Self::new(422, format!("Invalid request.\n\n{why}"))
    }

    /// A field of a resource is wrong: `missing`, `missing_field`, `invalid`, `already_exists`, `unprocessable`.
    pub(crate) fn field(resource: &str, field: &str, code: &str) -> Self {
        let mut problem = Self::new(422, "Validation Failed");
        problem.errors = vec![json!({"resource": resource, "field": field, "code": code})];
        problem
    }

    /// A resource is refused with a sentence of its own.
    pub(crate) fn custom(resource: &str, message: &str) -> Self {
        let mut problem = Self::new(422, "Validation Failed");
        problem.errors = vec![json!({"resource": resource, "code": "custom", "message": message})];
        problem
    }

    /// A field is refused with a sentence of its own.
    pub(crate) fn custom_field(resource: &str, field: &str, message: &str) -> Self {
        let mut problem = Self::custom(resource, message);
        problem.errors[0]["field"] = json!(field);
        problem
    }

    /// The short kind of 422: sentences alone.
    pub(crate) fn unprocessable(message: &str) -> Self {
        let mut problem = Self::new(422, "Unprocessable Entity");
        problem.errors = vec![json!(message)];
        problem
    }

    /// The body.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({
            "message": self.message,
            "documentation_url": self.documentation,
            "status": self.status.to_string(),
        });
        if !self.errors.is_empty() {
            body["errors"] = json!(self.errors);
        }
        body
    }
}

//! The issue form by which people without any other access ask for a store, read back from the issue's text.
//!
//! GitHub writes a filled form as Markdown: each label as a third-level heading with the answer below it, and
//! `_No response_` where there is none (GitHub Docs, "Syntax for GitHub's form schema"). Anybody can type the same, so
//! nothing is taken for granted: every heading once, in order, and nothing else. Must not know: who filled it in, how
//! YAML is read, or what the policy allows.

use serde_json::{Map, Value};

use super::markdown::{clipped, line};
use crate::domain::audit;
use crate::domain::request::{CreateRequest, Violation};

/// The label that the form puts on its issues.
pub const LABEL: &str = "store-request";

/// What GitHub writes where a field was left empty.
const NOTHING: &str = "_No response_";

/// The most bytes that a form may have; all its fields' limits together are less.
const LONGEST: usize = 16 * 1024;

/// How a field is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One line.
    Line,
    /// Several lines, which GitHub puts into a fence.
    Yaml,
    /// A box to tick.
    Consent,
}

/// One field. The form file has the same, in the same order; a test compares them.
struct Field {
    /// Its id in the form, and the field of the request.
    id: &'static str,
    /// Its label.
    heading: &'static str,
    kind: Kind,
    /// Whether it must be filled in. GitHub asks for that in public repositories only.
    required: bool,
    /// The most characters.
    most: usize,
}

/// The box that has to be ticked.
const CONSENT: &str = "The price of the plan counts against my budget";

const fn line_field(id: &'static str, heading: &'static str, most: usize) -> Field {
    Field {
        id,
        heading,
        kind: Kind::Line,
        required: false,
        most,
    }
}

const FIELDS: [Field; 9] = [
    line_field("name", "Name", 40),
    Field {
        required: true,
        ..line_field("engine", "Engine", 63)
    },
    line_field("plan", "Plan", 63),
    line_field("cluster", "Cluster", 63),
    line_field("host", "Host", 253),
    line_field("version", "Version", 40),
    Field {
        kind: Kind::Yaml,
        ..line_field("values", "Settings", 8_000)
    },
    line_field("reason", "Reason", audit::REASON_LIMIT),
    Field {
        kind: Kind::Consent,
        required: true,
        ..line_field("cost", "Cost", 200)
    },
];

/// What a filled form asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Filled {
    /// The store. Its owner is left open: it is the one that the author's account speaks for.
    pub request: CreateRequest,
    /// Why.
    pub reason: Option<String>,
}

/// Reads a form from an issue's text as it was first written. `yaml` reads one document, or says why it is none.
///
/// # Errors
/// All that is wrong, each with the field of the request that it is about; see [`reply`].
pub fn read(
    text: &str,
    yaml: impl Fn(&str) -> Result<Value, String>,
) -> Result<Filled, Vec<Violation>> {
    if text.len() > LONGEST {
        let detail = format!("the form is longer than {LONGEST} bytes");
        return Err(vec![Violation::new("", detail)]);
    }
    let answers = answers(text).map_err(|detail| vec![Violation::new("", detail)])?;
    let mut found = Vec::new();
    let mut filled = [const { None::<String> }; FIELDS.len()];
    for ((field, answer), filled) in FIELDS.iter().zip(answers).zip(&mut filled) {
        match field.read(&answer) {
            Ok(value) => *filled = value,
            Err(detail) => found.push(field.violation(detail)),
        }
    }
    let [
        name,
        engine,
        plan,
        cluster,
        host,
        version,
        values,
        reason,
        _,
    ] = filled;
    let values = values.map(|it| settings(&it, yaml)).transpose();
    let reason = reason.map(|it| audit::reason(&it)).transpose();
    let values = kept(&mut found, "/values", values).unwrap_or_default();
    let reason = kept(&mut found, "/reason", reason);
    if !found.is_empty() {
        return Err(found);
    }
    Ok(Filled {
        request: CreateRequest {
            name,
            engine: engine.unwrap_or_default(),
            plan,
            owner: None,
            cluster,
            host,
            extra_hosts: Vec::new(),
            version,
            values,
        },
        reason,
    })
}

fn kept<T>(
    found: &mut Vec<Violation>,
    pointer: &str,
    result: Result<Option<T>, String>,
) -> Option<T> {
    result.unwrap_or_else(|detail| {
        found.push(Violation::new(pointer, detail));
        None
    })
}

/// The answers, one for each field, in order. The error is a sentence.
fn answers(text: &str) -> Result<Vec<String>, String> {
    let mut answers: Vec<String> = Vec::new();
    for text in text.lines() {
        let Some(heading) = text.strip_prefix("### ") else {
            match answers.last_mut() {
                Some(answer) => {
                    answer.push_str(text);
                    answer.push('\n');
                }
                None if text.trim().is_empty() => {}
                None => return Err("there is text before the first heading of the form".to_owned()),
            }
            continue;
        };
        let wanted = FIELDS.get(answers.len()).map(|it| it.heading);
        if wanted != Some(heading.trim()) {
            let heading = clipped(heading, 60);
            let wanted = wanted.map_or("nothing more".to_owned(), |it| format!("{it:?}"));
            return Err(format!(
                "the form has the heading {heading:?} where {wanted} belongs; fill in the form as it is, without \
                 headings of your own"
            ));
        }
        answers.push(String::new());
    }
    match FIELDS.get(answers.len()) {
        None => Ok(answers),
        Some(missing) => Err(format!("the form ends before {:?}", missing.heading)),
    }
}

impl Field {
    fn violation(&self, detail: String) -> Violation {
        Violation::new(format!("/{}", self.id), detail)
    }

    /// What was filled in; none where nothing was.
    fn read(&self, answer: &str) -> Result<Option<String>, String> {
        let answer = answer.trim();
        let answer = if answer == NOTHING { "" } else { answer };
        let text = match self.kind {
            Kind::Line => answer,
            Kind::Yaml => unfenced(answer)?,
            Kind::Consent => ticked(answer)?,
        };
        if text.is_empty() {
            return if self.required {
                Err("must be filled in".to_owned())
            } else {
                Ok(None)
            };
        }
        if self.kind != Kind::Yaml && text.contains('\n') {
            return Err("must be one line".to_owned());
        }
        if text.chars().count() > self.most {
            return Err(format!("must have at most {} characters", self.most));
        }
        Ok(Some(text.to_owned()))
    }
}

/// The text of the one fence that GitHub puts around it.
fn unfenced(answer: &str) -> Result<&str, String> {
    const FENCE: &str = "```";
    if answer.is_empty() {
        return Ok("");
    }
    let inside = answer.strip_prefix("```yaml\n");
    let inside = inside.and_then(|it| it.strip_suffix(FENCE));
    match inside.map(str::trim_end) {
        Some(text) if !text.contains(FENCE) => Ok(text),
        _ => Err("must be lines of YAML, without fences of your own".to_owned()),
    }
}

/// The text of the one box where it is ticked; empty where it is not.
fn ticked(answer: &str) -> Result<&str, String> {
    let on = ["- [x] ", "- [X] "];
    let text = on.iter().find_map(|it| answer.strip_prefix(it));
    match text.or_else(|| answer.strip_prefix("- [ ] ")) {
        Some(CONSENT) => Ok(text.unwrap_or_default()),
        _ if answer.is_empty() => Ok(""),
        _ => Err(format!("must be the one box {CONSENT:?}, ticked")),
    }
}

fn settings(
    text: &str,
    yaml: impl Fn(&str) -> Result<Value, String>,
) -> Result<Map<String, Value>, String> {
    match yaml(text) {
        Ok(Value::Object(values)) => Ok(values),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err("must be a map, as in `title: My shop`".to_owned()),
        Err(why) => Err(format!("is no YAML: {why}")),
    }
}

/// The one reply to a form that was not taken, in Markdown: the fields as the form calls them. `found` may also be what
/// the intake says of the request.
pub fn reply(found: &[Violation]) -> String {
    let mut out = "This request was not taken:\n".to_owned();
    for violation in found.iter().take(20) {
        let id = violation.pointer.trim_start_matches('/');
        let (id, below) = id.split_once('/').unwrap_or((id, ""));
        let field = FIELDS.iter().find(|it| it.id == id);
        let place = match (field, below) {
            (Some(field), "") => format!("{}: ", field.heading),
            (Some(field), below) => format!("{}, {below}: ", field.heading),
            (None, _) if id.is_empty() => String::new(),
            (None, _) => format!("{id}: "),
        };
        let text = format!("{place}{}", violation.detail);
        out.push_str(&format!("- {}\n", line(&clipped(&text, 500))));
    }
    out.push_str("\nWhat an issue says after it was opened is not read: open a new one.\n");
    out
}

#[cfg(test)]
mod tests;

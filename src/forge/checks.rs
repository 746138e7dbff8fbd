//! Checks of an App, commit statuses of a token, and how both stand on a commit.
//!
//! Must not know: what is checked.

use std::collections::BTreeMap;

use hyper::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Call;
use super::credential::Credential;
use super::{Forge, ForgeError};
use crate::domain::CommitId;
use crate::domain::forge::{Annotation, CheckReport, Conclusion, Priority};

/// The annotations that one call takes.
const ANNOTATIONS: usize = 50;
/// The longest texts, in characters. GitHub allows 65,535 for a summary and 64 KB for an annotation.
const TITLE: usize = 255;
const SUMMARY: usize = 65_535;
const MESSAGE: usize = 8_000;
const DESCRIPTION: usize = 140;

#[derive(Deserialize)]
struct Runs {
    check_runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    id: u64,
    name: String,
    status: String,
    conclusion: Option<String>,
    app: Option<AppId>,
}

#[derive(Deserialize)]
struct AppId {
    id: u64,
}

#[derive(Deserialize)]
struct Combined {
    #[serde(default)]
    statuses: Vec<Status>,
}

#[derive(Deserialize)]
struct Status {
    context: String,
    state: String,
    updated_at: Option<Timestamp>,
}

/// Something that stands on a commit: its name, who says it (none: a status), how new it is, and what it says.
type Entry = (String, Option<u64>, u64, Conclusion);

impl Forge {
    /// Publishes a check of our own, or a commit status where the identity may make no checks.
    ///
    /// # Errors
    /// Any.
    pub async fn report(&self, commit: &CommitId, report: &CheckReport) -> Result<(), ForgeError> {
        let (path, body) = match self.line().credential {
            Credential::App(_) => ("/check-runs".to_owned(), check(commit, report)),
            Credential::Given(_) => (format!("/statuses/{commit}"), status(report)),
        };
        let path = self.line().path(&path);
        let priority = if report.urgent {
            Priority::Merge
        } else {
            Priority::Comment
        };
        let call = Call::content(Method::POST, priority, path, body);
        self.line().tell(call).await
    }

    /// How the checks and statuses of a commit stand, by name, ours and others'. Of each source the newest counts;
    /// where several sources use one name, the worst of them. A token that may see no checks sees the statuses.
    ///
    /// # Errors
    /// Any but `InDoubt`.
    pub async fn checks(&self, commit: &CommitId) -> Result<Vec<(String, Conclusion)>, ForgeError> {
        let line = self.line();
        let runs = line.path(&format!("/commits/{commit}/check-runs?filter=latest"));
        let runs = line.list(Priority::Merge, &runs, |page: Runs| {
            page.check_runs.into_iter().map(Run::entry).collect()
        });
        let statuses = line.path(&format!("/commits/{commit}/status"));
        let statuses = line.list(Priority::Merge, &statuses, |page: Combined| {
            page.statuses.into_iter().map(Status::entry).collect()
        });
        let (runs, statuses) = futures::join!(runs, statuses);
        let mut all: Vec<Entry> = match (&line.credential, runs) {
            // A fine-grained token may not see checks. Who waits for one by name does not find it.
            (Credential::Given(_), Err(ForgeError::Forbidden(_))) => Vec::new(),
            (_, runs) => runs?,
        };
        all.extend(statuses?);
        Ok(stand(all))
    }
}

impl Run {
    fn entry(self) -> Entry {
        let over = self.status == "completed";
        let conclusion = match self.conclusion.as_deref().filter(|_| over) {
            None => Conclusion::Pending,
            Some("success") => Conclusion::Success,
            Some("neutral" | "skipped") => Conclusion::Neutral,
            Some(_) => Conclusion::Failure,
        };
        (
            self.name,
            Some(self.app.map_or(0, |it| it.id)),
            self.id,
            conclusion,
        )
    }
}

impl Status {
    fn entry(self) -> Entry {
        let conclusion = match self.state.as_str() {
            "success" => Conclusion::Success,
            "pending" => Conclusion::Pending,
            _ => Conclusion::Failure,
        };
        let at = self.updated_at.map_or(0, Timestamp::as_second);
        (
            self.context,
            None,
            u64::try_from(at).unwrap_or(0),
            conclusion,
        )
    }
}

fn stand(mut all: Vec<Entry>) -> Vec<(String, Conclusion)> {
    all.sort_by_key(|it| it.2);
    let newest: BTreeMap<(String, Option<u64>), Conclusion> = all
        .into_iter()
        .map(|(name, source, _, conclusion)| ((name, source), conclusion))
        .collect();
    let mut by_name: BTreeMap<String, Conclusion> = BTreeMap::new();
    for ((name, _), conclusion) in newest {
        let entry = by_name.entry(name).or_insert(conclusion);
        if badness(conclusion) > badness(*entry) {
            *entry = conclusion;
        }
    }
    by_name.into_iter().collect()
}

fn badness(conclusion: Conclusion) -> u8 {
    match conclusion {
        Conclusion::Neutral => 0,
        Conclusion::Success => 1,
        Conclusion::Pending => 2,
        Conclusion::Failure => 3,
    }
}

fn check(commit: &CommitId, report: &CheckReport) -> Value {
    let left_out = report.annotations.len().saturating_sub(ANNOTATIONS);
    let mut summary = report.summary.clone();
    if left_out > 0 {
        summary.insert_str(
            0,
            &format!("{left_out} more lines at fault are not shown.\n\n"),
        );
    }
    let shown = report.annotations.iter().take(ANNOTATIONS);
    let mut body = json!({
        "name": report.name,
        "head_sha": commit.as_str(),
        "output": {
            "title": cut(&report.title, TITLE),
            "summary": cut(&summary, SUMMARY),
            "annotations": shown.map(annotation).collect::<Vec<_>>(),
        },
    });
    let conclusion = match report.conclusion {
        Conclusion::Pending => None,
        Conclusion::Success => Some("success"),
        Conclusion::Failure => Some("failure"),
        Conclusion::Neutral => Some("neutral"),
    };
    body["status"] = if conclusion.is_some() {
        "completed"
    } else {
        "in_progress"
    }
    .into();
    if let Some(conclusion) = conclusion {
        body["conclusion"] = conclusion.into();
    }
    body
}

fn annotation(it: &Annotation) -> Value {
    json!({
        "path": it.path,
        "start_line": it.line,
        "end_line": it.line,
        "annotation_level": "failure",
        "message": cut(&it.message, MESSAGE),
    })
}

/// A status knows no neutral: nobody is held up, so it is a success.
fn status(report: &CheckReport) -> Value {
    let state = match report.conclusion {
        Conclusion::Pending => "pending",
        Conclusion::Success | Conclusion::Neutral => "success",
        Conclusion::Failure => "failure",
    };
    json!({"state": state, "context": report.name, "description": cut(&report.title, DESCRIPTION)})
}

/// The first characters; the last of them says that there was more.
fn cut(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::Conclusion::{Failure, Neutral, Pending, Success};
    use super::*;

    fn report(conclusion: Conclusion, annotations: usize) -> CheckReport {
        let annotation = Annotation {
            path: "stores/aa/a.yaml".to_owned(),
            line: 3,
            message: "no such plan".to_owned(),
        };
        CheckReport {
            urgent: false,
            name: "fleetwright/render",
            conclusion,
            title: "t".repeat(1_000),
            summary: "s".repeat(100_000),
            annotations: vec![annotation; annotations],
        }
    }

    #[test]
    fn a_check_fits_into_one_call() {
        let commit: CommitId = "a".repeat(40).parse().expect("a commit");
        let body = check(&commit, &report(Failure, 53));
        let output = &body["output"];
        let length = |field: &str| output[field].as_str().map_or(0, |it| it.chars().count());
        assert_eq!((length("title"), length("summary")), (TITLE, SUMMARY));
        assert_eq!(
            output["annotations"].as_array().map(Vec::len),
            Some(ANNOTATIONS)
        );
        assert!(
            output["summary"]
                .as_str()
                .is_some_and(|it| it.starts_with("3 more lines"))
        );
        assert_eq!(
            (&body["status"], &body["conclusion"]),
            (&json!("completed"), &json!("failure"))
        );
        let pending = check(&commit, &report(Pending, 0));
        assert_eq!(
            (&pending["status"], pending.get("conclusion")),
            (&json!("in_progress"), None)
        );
    }

    #[test]
    fn a_status_is_short() {
        let body = status(&report(Neutral, 1));
        assert_eq!(
            body["description"].as_str().map(|it| it.chars().count()),
            Some(DESCRIPTION)
        );
        assert_eq!(body["state"], "success");
    }

    #[test]
    fn githubs_words_for_an_end() {
        let run = |status: &str, conclusion: Option<&str>| {
            let body = json!({"id": 1, "name": "x", "status": status, "conclusion": conclusion, "app": {"id": 2}});
            serde_json::from_value::<Run>(body)
                .expect("a run")
                .entry()
                .3
        };
        for (status, conclusion, wanted) in [
            ("queued", None, Pending),
            ("in_progress", None, Pending),
            ("completed", Some("success"), Success),
            ("completed", Some("skipped"), Neutral),
            ("completed", Some("neutral"), Neutral),
            ("completed", Some("cancelled"), Failure),
            ("completed", Some("timed_out"), Failure),
            ("completed", Some("action_required"), Failure),
            ("completed", Some("something_new"), Failure),
        ] {
            assert_eq!(run(status, conclusion), wanted, "{status} {conclusion:?}");
        }
    }

    #[test]
    fn the_newest_of_a_source_counts_and_the_worst_of_several() {
        let entry =
            |name: &str, source, age, conclusion| (name.to_owned(), source, age, conclusion);
        let all = vec![
            entry("build", Some(1), 20, Success),
            entry("build", Some(1), 10, Failure),
            // an App that says well where another one says badly decides nothing
            entry("test", Some(1), 10, Failure),
            entry("test", Some(2), 20, Success),
            entry("lint", None, 5, Success),
            entry("lint", Some(1), 1, Pending),
            entry("idle", Some(1), 1, Neutral),
            entry("idle", None, 1, Success),
        ];
        let names = |(name, conclusion)| (name, conclusion);
        let stood: Vec<(String, Conclusion)> = stand(all).into_iter().map(names).collect();
        let wanted = [
            ("build", Success),
            ("idle", Success),
            ("lint", Pending),
            ("test", Failure),
        ];
        assert_eq!(stood, wanted.map(|(name, it)| (name.to_owned(), it)));
    }
}

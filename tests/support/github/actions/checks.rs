//! Statuses and checks: made, changed, told, and what they come to.

use serde_json::json;

use super::super::json;
use super::super::problem::Problem;
use super::super::state::checks::{CheckRun, Standing, Status, Suite};
use super::super::state::{World, now};

/// The longest description of a status, in characters.
const LONGEST_DESCRIPTION: usize = 140;
/// How many statuses one context of one commit may have.
const MOST_STATUSES: usize = 1000;

impl World {
    /// Writes a status.
    pub(crate) fn add_status(&mut self, mut status: Status) -> Result<Status, Problem> {
        if self.repo.commit(&status.sha).is_none() {
            let why = format!("No commit found for SHA: {}", status.sha);
            return Err(Problem::new(422, why));
        }
        let description = status.description.as_deref().unwrap_or_default();
        if description.chars().count() > LONGEST_DESCRIPTION {
            let why =
                format!("description is too long (maximum is {LONGEST_DESCRIPTION} characters)");
            return Err(Problem::custom_field("Status", "description", &why));
        }
        let same = self.statuses.iter();
        let same = same.filter(|it| it.sha == status.sha && it.context == status.context);
        if same.count() >= MOST_STATUSES {
            let why = "This SHA and context has reached the maximum number of statuses.";
            return Err(Problem::custom("Status", why));
        }
        status.id = self.fresh();
        self.statuses.push(status.clone());
        self.tell_status(&status);
        self.try_auto_merges();
        Ok(status)
    }

    fn tell_status(&self, it: &Status) {
        let commit = self.repo.commit(&it.sha);
        let branches = self.branches.iter().filter(|(_, head)| **head == it.sha);
        let branches: Vec<_> = branches
            .map(|(name, head)| {
                let url = format!("{}/commits/{head}", self.repo_api());
                json!({"name": name, "commit": {"sha": head, "url": url}, "protected": self.rules_of(name).any()})
            })
            .collect();
        self.tell(
            "status",
            it.creator,
            json!({
                "id": it.id,
                "sha": it.sha,
                "name": self.full_name(),
                "avatar_url": format!("{}/avatars/u/{}", self.host, it.creator),
                "target_url": it.target_url,
                "context": it.context,
                "description": it.description,
                "state": it.state,
                "commit": commit.map(|it| json::commits::commit(self, &it)),
                "branches": branches,
                "created_at": json::time(it.at),
                "updated_at": json::time(it.at),
            }),
        );
    }

    /// The newest status of each context, oldest context first.
    pub(crate) fn latest_statuses(&self, sha: &str) -> Vec<&Status> {
        let mut latest: Vec<&Status> = Vec::new();
        for status in self.statuses.iter().filter(|it| it.sha == sha) {
            latest.retain(|it| it.context != status.context);
            latest.push(status);
        }
        latest
    }

    /// The suite of an App at a commit, made where there is none.
    pub(crate) fn suite_of(
        &mut self,
        app: u64,
        sha: &str,
        branch: Option<&str>,
        before: &str,
    ) -> u64 {
        let mut all = self.suites.values();
        if let Some(there) = all.find(|it| it.app == app && it.sha == sha) {
            return there.id;
        }
        let id = self.fresh();
        let suite = Suite {
            id,
            app,
            sha: sha.to_owned(),
            branch: branch.map(str::to_owned),
            before: before.to_owned(),
            at: now(),
        };
        self.suites.insert(id, suite);
        id
    }

    /// Tells about a check suite. GitHub tells an App of its own suites' requests, and of every completion.
    pub(crate) fn tell_suite(&self, action: &str, id: u64) {
        let suite = &self.suites[&id];
        let payload = json!({
            "action": action,
            "check_suite": json::checks::suite_in_webhook(self, suite),
        });
        self.tell("check_suite", self.app_of(suite.app).bot, payload);
    }

    /// Status and conclusion of a suite, from its runs.
    pub(crate) fn suite_state(&self, id: u64) -> (&'static str, Option<&'static str>) {
        let runs: Vec<&CheckRun> = self.runs.values().filter(|it| it.suite == id).collect();
        if runs.is_empty() {
            return ("queued", None);
        }
        if runs.iter().any(|it| it.status != "completed") {
            return ("in_progress", None);
        }
        let well = runs.iter().all(|it| standing(it) == Standing::Success);
        ("completed", Some(if well { "success" } else { "failure" }))
    }

    /// Puts a new or changed run in its place and tells of it.
    pub(crate) fn put_run(&mut self, run: CheckRun) {
        let (id, suite) = (run.id, run.suite);
        let known = self.runs.insert(id, run).is_some();
        let run = &self.runs[&id];
        let done = run.status == "completed";
        let actions: &[&str] = match (known, done) {
            (false, true) => &["created", "completed"],
            (false, false) => &["created"],
            (true, true) => &["completed"],
            (true, false) => &[],
        };
        for action in actions {
            self.tell_run(action, id);
        }
        if self.suite_state(suite).0 == "completed" {
            self.tell_suite("completed", suite);
        }
        self.try_auto_merges();
    }

    fn tell_run(&self, action: &str, id: u64) {
        let run = &self.runs[&id];
        let mut shown = json::checks::run(self, run);
        let suite = json::checks::suite_in_webhook(self, &self.suites[&run.suite]);
        let keep = [
            "id",
            "node_id",
            "head_branch",
            "head_sha",
            "status",
            "conclusion",
            "url",
            "before",
            "after",
            "pull_requests",
            "app",
            "created_at",
            "updated_at",
        ];
        let short = keep
            .iter()
            .map(|name| ((*name).to_owned(), suite[*name].clone()));
        shown["check_suite"] = serde_json::Value::Object(short.collect());
        let payload = json!({"action": action, "check_run": shown});
        self.tell("check_run", self.app_of(run.app).bot, payload);
    }

    /// Everything that was reported at a commit, by name, checks and statuses together.
    pub(crate) fn reports(&self, sha: &str) -> Vec<(String, Standing)> {
        let mut found: Vec<(String, Standing)> = Vec::new();
        let runs = self.runs.values().filter(|it| it.sha == sha);
        for run in runs {
            // the newest of a name counts
            found.retain(|(name, _)| *name != run.name);
            found.push((run.name.clone(), standing(run)));
        }
        for status in self.latest_statuses(sha) {
            let how = match status.state.as_str() {
                "success" => Standing::Success,
                "pending" => Standing::Pending,
                _ => Standing::Failure,
            };
            found.push((status.context.clone(), how));
        }
        found
    }
}

fn standing(run: &CheckRun) -> Standing {
    match run.conclusion.as_deref() {
        None => Standing::Pending,
        Some("success" | "neutral" | "skipped") => Standing::Success,
        Some(_) => Standing::Failure,
    }
}

//! Issues, comments, reactions.

use serde_json::{Value, json};

use super::super::json;
use super::super::problem::Problem;
use super::super::state::accounts::Role;
use super::super::state::issues::{Comment, Issue, Label};
use super::super::state::{World, now};
use super::pulls::{LONGEST_BODY, check_texts};

impl World {
    /// Opens an issue and returns its number.
    pub(crate) fn open_issue(
        &mut self,
        title: &str,
        body: Option<&str>,
        labels: &[String],
        by: u64,
    ) -> Result<u64, Problem> {
        check_texts("Issue", Some(title), body)?;
        if !self.settings.has_issues {
            return Err(Problem::new(
                410,
                "Issues has been disabled in this repository.",
            ));
        }
        for label in labels {
            self.make_label(label);
        }
        let (number, id, at) = (self.next_number(), self.fresh(), now());
        let issue = Issue {
            id,
            number,
            title: title.to_owned(),
            body: body.map(str::to_owned),
            author: by,
            open: true,
            state_reason: None,
            labels: labels.to_vec(),
            assignees: Vec::new(),
            created_at: at,
            updated_at: at,
            edited_at: None,
            closed_at: None,
            closed_by: None,
        };
        self.issues.insert(number, issue);
        self.tell_issue("opened", number, by, json!({}));
        Ok(number)
    }

    /// The label is there from now on.
    pub(crate) fn make_label(&mut self, name: &str) {
        if self.labels.contains_key(name) {
            return;
        }
        let label = Label {
            id: self.fresh(),
            name: name.to_owned(),
            color: "ededed".to_owned(),
        };
        self.labels.insert(name.to_owned(), label);
    }

    /// The issue, to be changed: that is its newest update.
    pub(crate) fn issue_mut(&mut self, number: u64) -> Result<&mut Issue, Problem> {
        let issue = self
            .issues
            .get_mut(&number)
            .ok_or_else(Problem::not_found)?;
        issue.updated_at = now();
        Ok(issue)
    }

    /// Changes title and body of an issue.
    pub(crate) fn edit_issue(
        &mut self,
        number: u64,
        title: Option<&str>,
        body: Option<&str>,
        by: u64,
    ) -> Result<(), Problem> {
        check_texts("Issue", title, body)?;
        let author = self.issue_mut(number)?.author;
        self.owns_or_triages(author, by)?;
        let issue = self.issue_mut(number)?;
        let mut changes = json!({});
        if let Some(title) = title.filter(|it| *it != issue.title) {
            changes["title"] = json!({"from": issue.title});
            title.clone_into(&mut issue.title);
        }
        if let Some(body) = body.filter(|it| Some(*it) != issue.body.as_deref()) {
            changes["body"] = json!({"from": issue.body.clone().unwrap_or_default()});
            issue.body = Some(body.to_owned());
            issue.edited_at = Some(now());
        }
        if changes != json!({}) {
            self.tell_issue("edited", number, by, json!({"changes": changes}));
        }
        Ok(())
    }

    /// Closes or reopens an issue.
    pub(crate) fn set_issue(
        &mut self,
        number: u64,
        open: bool,
        reason: Option<&str>,
        by: u64,
    ) -> Result<(), Problem> {
        let author = self.issue_mut(number)?.author;
        self.owns_or_triages(author, by)?;
        let issue = self.issue_mut(number)?;
        let usual = if open { "reopened" } else { "completed" };
        issue.state_reason = Some(reason.unwrap_or(usual).to_owned());
        if issue.open == open {
            return Ok(());
        }
        issue.open = open;
        issue.closed_at = (!open).then(now);
        issue.closed_by = (!open).then_some(by);
        let action = if open { "reopened" } else { "closed" };
        self.tell_issue(action, number, by, json!({}));
        Ok(())
    }

    /// Tells about an issue.
    pub(crate) fn tell_issue(&self, action: &str, number: u64, by: u64, more: Value) {
        let mut payload = json!({
            "action": action,
            "issue": in_webhook(json::issues::issue(self, &self.issues[&number])),
        });
        json::repository::merge(&mut payload, more);
        self.tell("issues", by, payload);
    }

    /// Writes a comment and returns its number.
    pub(crate) fn comment(
        &mut self,
        number: u64,
        body: &str,
        by: u64,
        app: Option<u64>,
    ) -> Result<u64, Problem> {
        check_comment(body)?;
        if !self.pulls.contains_key(&number) && !self.issues.contains_key(&number) {
            return Err(Problem::not_found());
        }
        let (id, at) = (self.fresh(), now());
        let comment = Comment {
            id,
            number,
            author: by,
            app,
            body: body.to_owned(),
            created_at: at,
            updated_at: at,
            reactions: Vec::new(),
        };
        self.comments.insert(id, comment);
        if let Some(pull) = self.pulls.get_mut(&number) {
            pull.updated_at = at;
        }
        self.tell_comment("created", id, by, json!({}));
        Ok(id)
    }

    /// Changes a comment. Others' comments take write access.
    pub(crate) fn edit_comment(&mut self, id: u64, body: &str, by: u64) -> Result<(), Problem> {
        check_comment(body)?;
        let comment = self.comments.get(&id).ok_or_else(Problem::not_found)?;
        if comment.author != by && self.role(by) < Role::Write {
            return Err(Problem::new(403, "Must have admin rights to Repository."));
        }
        let from = comment.body.clone();
        let comment = self.comments.get_mut(&id).ok_or_else(Problem::not_found)?;
        body.clone_into(&mut comment.body);
        // GitHub's times have whole seconds, and an edit within the same second still is one
        comment.updated_at = now().max(comment.created_at + jiff::SignedDuration::from_secs(1));
        let changes = json!({"changes": {"body": {"from": from}}});
        self.tell_comment("edited", id, by, changes);
        Ok(())
    }

    fn tell_comment(&self, action: &str, id: u64, by: u64, more: Value) {
        let comment = &self.comments[&id];
        let number = comment.number;
        let issue = match (self.pulls.get(&number), self.issues.get(&number)) {
            (Some(pull), _) => json::issues::pull_as_issue(self, pull),
            (None, Some(issue)) => json::issues::issue(self, issue),
            (None, None) => return,
        };
        let mut payload = json!({
            "action": action,
            "issue": in_webhook(issue),
            "comment": json::issues::comment(self, comment),
        });
        json::repository::merge(&mut payload, more);
        self.tell("issue_comment", by, payload);
    }

    /// Reacts to a comment. The same reaction twice is one: then the answer is false.
    pub(crate) fn react(
        &mut self,
        comment: u64,
        content: &str,
        by: u64,
    ) -> Result<(u64, bool), Problem> {
        if !json::issues::REACTIONS.contains(&content) {
            return Err(Problem::field("Reaction", "content", "invalid"));
        }
        let fresh = self.fresh();
        let comment = self.comments.get_mut(&comment);
        let comment = comment.ok_or_else(Problem::not_found)?;
        let there = comment.reactions.iter();
        let mut there = there.filter(|(who, what, _)| *who == by && what == content);
        if let Some((_, _, id)) = there.next() {
            return Ok((*id, false));
        }
        comment.reactions.push((by, content.to_owned(), fresh));
        Ok((fresh, true))
    }

    fn owns_or_triages(&self, author: u64, by: u64) -> Result<(), Problem> {
        if author == by || self.role(by) >= Role::Triage {
            return Ok(());
        }
        Err(Problem::new(403, "Must have admin rights to Repository."))
    }
}

fn check_comment(body: &str) -> Result<(), Problem> {
    if body.trim().is_empty() {
        let why = "body can't be blank";
        return Err(Problem::custom_field("IssueComment", "body", why));
    }
    if body.chars().count() > LONGEST_BODY {
        let why = format!("body is too long (maximum is {LONGEST_BODY} characters)");
        return Err(Problem::custom_field("IssueComment", "body", &why));
    }
    Ok(())
}

/// Webhooks leave out who closed an issue.
fn in_webhook(mut issue: Value) -> Value {
    if let Value::Object(issue) = &mut issue {
        issue.remove("closed_by");
    }
    issue
}

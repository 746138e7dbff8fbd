//! Comments and issues. Must not know: commands, forms, or what is said.

use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use super::call::{Call, encoded};
use super::shapes::{CommentShape, IssueShape};
use super::{Forge, ForgeError};
use crate::domain::forge::{Account, Comment, Issue, Priority};

#[derive(Deserialize)]
struct Numbered {
    id: u64,
}

impl Forge {
    /// Comments of an issue or pull request, oldest first.
    ///
    /// # Errors
    /// Any but `InDoubt`.
    pub async fn comments(&self, number: u64) -> Result<Vec<Comment>, ForgeError> {
        let list = self.line().path(&format!("/issues/{number}/comments"));
        let comments = |page: Vec<CommentShape>| page.into_iter().map(Comment::from).collect();
        self.line().list(Priority::Comment, &list, comments).await
    }

    /// Who closed an issue or a pull request, where that is told.
    ///
    /// # Errors
    /// Any but `InDoubt`.
    pub async fn closed_by(&self, number: u64) -> Result<Option<Account>, ForgeError> {
        let path = self.line().path(&format!("/issues/{number}"));
        let call = Call::get(Priority::Comment, path);
        let answer = self.line().call(&call).await?.good(&call.name())?;
        let issue: IssueShape = answer.parsed(&call.name(), false)?;
        Ok(issue.closed_by())
    }

    /// One comment.
    ///
    /// # Errors
    /// Any but `InDoubt`.
    pub async fn comment(&self, id: u64) -> Result<Comment, ForgeError> {
        let path = self.line().path(&format!("/issues/comments/{id}"));
        let found: CommentShape = self.line().ask(Call::get(Priority::Comment, path)).await?;
        Ok(found.into())
    }

    /// Writes a comment; its number.
    ///
    /// # Errors
    /// Any.
    pub async fn say(&self, number: u64, body: &str) -> Result<u64, ForgeError> {
        let path = self.line().path(&format!("/issues/{number}/comments"));
        let body = json!({"body": body});
        let call = Call::content(Method::POST, Priority::Comment, path, body);
        let said: Numbered = self.line().ask(call).await?;
        Ok(said.id)
    }

    /// Writes a comment anew.
    ///
    /// # Errors
    /// Any.
    pub async fn say_again(&self, id: u64, body: &str) -> Result<(), ForgeError> {
        let path = self.line().path(&format!("/issues/comments/{id}"));
        let body = json!({"body": body});
        let call = Call::content(Method::PATCH, Priority::Comment, path, body);
        self.line().tell(call).await
    }

    /// Reacts to a comment (`+1`, `-1`, `eyes`, …). A reaction that is there already is left.
    ///
    /// # Errors
    /// Any.
    pub async fn react(&self, comment: u64, reaction: &str) -> Result<(), ForgeError> {
        let path = self
            .line()
            .path(&format!("/issues/comments/{comment}/reactions"));
        let body = json!({"content": reaction});
        let call = Call::content(Method::POST, Priority::Comment, path, body);
        self.line().tell(call).await
    }

    /// One issue.
    ///
    /// # Errors
    /// Any but `InDoubt`; `NotFound` also for the number of a pull request.
    pub async fn issue(&self, number: u64) -> Result<Issue, ForgeError> {
        let path = self.line().path(&format!("/issues/{number}"));
        let found: IssueShape = self.line().ask(Call::get(Priority::Comment, path)).await?;
        if found.is_pull() {
            let why = format!("#{number} is a pull request, no issue");
            return Err(ForgeError::NotFound(why));
        }
        Ok(found.into())
    }

    /// Whether the text of an issue was changed after it was opened. REST does not say: its time of change moves with
    /// every label and comment.
    ///
    /// # Errors
    /// Any but `InDoubt`.
    pub async fn issue_was_edited(&self, number: u64) -> Result<bool, ForgeError> {
        self.line().edited(number).await
    }

    /// Open issues with a label, oldest first; none where nothing changed since the last time.
    ///
    /// # Errors
    /// Any but `InDoubt`.
    pub async fn issues(&self, label: &str) -> Result<Option<Vec<Issue>>, ForgeError> {
        let line = self.line();
        let label = encoded(label);
        let list = format!("/issues?state=open&labels={label}&sort=created&direction=asc");
        let issues = |page: Vec<IssueShape>| {
            let issues = page.into_iter().filter(|it| !it.is_pull());
            issues.map(Issue::from).collect()
        };
        line.changed(self.tags(), Priority::Poll, &line.path(&list), issues)
            .await
    }

    /// Closes an issue, as completed or as not planned.
    ///
    /// # Errors
    /// Any.
    pub async fn close_issue(&self, number: u64, done: bool) -> Result<(), ForgeError> {
        let reason = if done { "completed" } else { "not_planned" };
        let path = self.line().path(&format!("/issues/{number}"));
        let body = json!({"state": "closed", "state_reason": reason});
        let call = Call::content(Method::PATCH, Priority::Merge, path, body);
        self.line().tell(call).await
    }
}

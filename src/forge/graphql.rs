//! GraphQL: what REST has no call for. Errors come with HTTP 200, as sentences.
//!
//! Facts: <https://docs.github.com/graphql/reference/mutations>. Must not know: when to merge.

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ForgeError;
use super::access::Slug;
use super::call::{Call, Line};
use crate::domain::forge::{MergeMethod, MergeOutcome, Priority, Pull};

const ENABLE: &str = "mutation($pull: ID!, $head: GitObjectID!, $method: PullRequestMergeMethod!) { \
    enablePullRequestAutoMerge(input: {pullRequestId: $pull, expectedHeadOid: $head, mergeMethod: $method}) { \
    pullRequest { number } } }";
const DISABLE: &str = "mutation($pull: ID!) { \
    disablePullRequestAutoMerge(input: {pullRequestId: $pull}) { pullRequest { number } } }";
const ENQUEUE: &str = "mutation($pull: ID!, $head: GitObjectID!) { \
    enqueuePullRequest(input: {pullRequestId: $pull, expectedHeadOid: $head}) { mergeQueueEntry { id } } }";
const DEQUEUE: &str = "mutation($pull: ID!) { \
    dequeuePullRequest(input: {id: $pull}) { mergeQueueEntry { id } } }";

const EDITED: &str = "query($owner: String!, $name: String!, $number: Int!) { \
    repository(owner: $owner, name: $name) { issue(number: $number) { lastEditedAt } } }";

/// An error of GraphQL's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Trouble {
    message: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    errors: Vec<Trouble>,
}

impl Line {
    pub(super) async fn enable_auto_merge(
        &self,
        pull: &Pull,
        method: MergeMethod,
    ) -> Result<MergeOutcome, ForgeError> {
        let variables = json!({
            "pull": pull.node_id,
            "head": pull.head.as_str(),
            "method": word(method).to_ascii_uppercase(),
        });
        let refused = self.mutate(ENABLE, &variables).await?;
        refused.as_ref().map_or(Ok(MergeOutcome::Queued), outcome)
    }

    pub(super) async fn enqueue(&self, pull: &Pull) -> Result<MergeOutcome, ForgeError> {
        let variables = json!({"pull": pull.node_id, "head": pull.head.as_str()});
        let refused = self.mutate(ENQUEUE, &variables).await?;
        refused.as_ref().map_or(Ok(MergeOutcome::Queued), outcome)
    }

    /// What it was refused for, if it was.
    pub(super) async fn disable_auto_merge(
        &self,
        pull: &Pull,
    ) -> Result<Option<ForgeError>, ForgeError> {
        let variables = json!({"pull": pull.node_id});
        let refused = self.mutate(DISABLE, &variables).await?;
        Ok(refused.as_ref().map(refusal))
    }

    /// What it was refused for, if it was.
    pub(super) async fn dequeue(&self, pull: &Pull) -> Result<Option<ForgeError>, ForgeError> {
        let variables = json!({"pull": pull.node_id});
        let refused = self.mutate(DEQUEUE, &variables).await?;
        Ok(refused.as_ref().map(refusal))
    }

    /// Whether the text of an issue was changed after it was opened.
    pub(super) async fn edited(&self, number: u64) -> Result<bool, ForgeError> {
        let Slug { owner, name } = &self.slug;
        let variables = json!({"owner": owner, "name": name, "number": number});
        let call = Call::query(Priority::Comment, EDITED, &variables);
        let answer = self.call(&call).await?.good(&call.name())?;
        let reply: Value = answer.parsed(&call.name(), false)?;
        let asked: Reply = answer.parsed(&call.name(), false)?;
        if let Some(trouble) = asked.errors.first() {
            return Err(if trouble.is_limit() {
                self.limited()
            } else {
                refusal(trouble)
            });
        }
        match &reply["data"]["repository"]["issue"] {
            Value::Object(issue) => Ok(issue.get("lastEditedAt").is_some_and(|it| !it.is_null())),
            _ => Err(ForgeError::NotFound(format!("issue #{number}"))),
        }
    }

    /// Sends a mutation; what it was refused for.
    async fn mutate(&self, query: &str, variables: &Value) -> Result<Option<Trouble>, ForgeError> {
        let call = Call::mutation(Priority::Merge, query, variables);
        let answer = self.call(&call).await?;
        if answer.status != StatusCode::OK {
            return Err(answer.error(&call.name()));
        }
        let reply: Reply = answer.parsed(&call.name(), true)?;
        let trouble = reply.errors.into_iter().next();
        if trouble.as_ref().is_some_and(Trouble::is_limit) {
            return Err(self.limited());
        }
        Ok(trouble)
    }
}

impl Trouble {
    /// Also a limit can come with HTTP 200.
    fn is_limit(&self) -> bool {
        self.kind == "RATE_LIMITED" || self.message.contains("rate limit")
    }
}

/// What a refused attempt to merge means. GitHub has no codes for these; its sentences are all there is.
fn outcome(trouble: &Trouble) -> Result<MergeOutcome, ForgeError> {
    let words = trouble.message.to_ascii_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|it| words.contains(it));
    // Nothing is required any more: "unstable" has a check that failed and that no rule asks for.
    if says(&["clean status", "unstable status", "has_hooks status"]) {
        return Ok(MergeOutcome::MergeDirectly);
    }
    if says(&["head sha didn't match", "expected head"]) {
        return Ok(MergeOutcome::HeadMoved);
    }
    if says(&[
        "already in the merge queue",
        "already in the queue",
        "already queued",
    ]) {
        return Ok(MergeOutcome::Queued);
    }
    match refusal(trouble) {
        ForgeError::Refused(why) => Ok(MergeOutcome::NotMergeable(why)),
        error => Err(error),
    }
}

fn refusal(trouble: &Trouble) -> ForgeError {
    let words: String = trouble.message.chars().take(300).collect();
    match trouble.kind.as_str() {
        "NOT_FOUND" => ForgeError::NotFound(words),
        "FORBIDDEN" | "INSUFFICIENT_SCOPES" => ForgeError::Forbidden(words),
        _ if words.contains("not accessible by") => ForgeError::Forbidden(words),
        _ => ForgeError::Refused(words),
    }
}

/// REST's word for a way to merge.
pub(super) fn word(method: MergeMethod) -> &'static str {
    match method {
        MergeMethod::Merge => "merge",
        MergeMethod::Squash => "squash",
        MergeMethod::Rebase => "rebase",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn githubs_sentences_are_outcomes() {
        let not = |why: &str| Ok(MergeOutcome::NotMergeable(why.to_owned()));
        let cases = [
            (
                "UNPROCESSABLE",
                "[\"Pull request Pull request is in clean status\"]",
                Ok(MergeOutcome::MergeDirectly),
            ),
            (
                "UNPROCESSABLE",
                "Pull request Pull request is in unstable status",
                Ok(MergeOutcome::MergeDirectly),
            ),
            (
                "UNPROCESSABLE",
                "Head sha didn't match expected head sha",
                Ok(MergeOutcome::HeadMoved),
            ),
            (
                "UNPROCESSABLE",
                "Pull request is already in the merge queue",
                Ok(MergeOutcome::Queued),
            ),
            (
                "UNPROCESSABLE",
                "Auto merge is not allowed for this repository",
                not("Auto merge is not allowed for this repository"),
            ),
            (
                "",
                "Pull request is in dirty status",
                not("Pull request is in dirty status"),
            ),
            (
                "NOT_FOUND",
                "Could not resolve to a node",
                Err(ForgeError::NotFound(
                    "Could not resolve to a node".to_owned(),
                )),
            ),
            (
                "FORBIDDEN",
                "no",
                Err(ForgeError::Forbidden("no".to_owned())),
            ),
            (
                "",
                "Resource not accessible by integration",
                Err(ForgeError::Forbidden(
                    "Resource not accessible by integration".to_owned(),
                )),
            ),
        ];
        for (kind, message, wanted) in cases {
            let (kind, message) = (kind.to_owned(), message.to_owned());
            assert_eq!(outcome(&Trouble { message, kind }), wanted);
        }
    }
}

//! Merging, in every way the forge knows, and what belongs after it.
//!
//! Must not know: whether something should be merged.

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::call::{Call, encoded};
use super::graphql::word;
use super::{Forge, ForgeError};
use crate::domain::CommitId;
use crate::domain::forge::{MergeMethod, MergeOutcome, Priority, Pull};

#[derive(Deserialize)]
struct Merged {
    sha: CommitId,
}

impl Forge {
    /// Merges a pull request whose head is still `head`. Title and message are for the commit that the forge makes; a
    /// rebase makes none of its own.
    ///
    /// # Errors
    /// Any but `Refused`.
    pub async fn merge(
        &self,
        number: u64,
        head: &CommitId,
        method: MergeMethod,
        title: &str,
        message: &str,
    ) -> Result<MergeOutcome, ForgeError> {
        let mut body = json!({"sha": head.as_str(), "merge_method": word(method)});
        if method != MergeMethod::Rebase {
            body["commit_title"] = title.into();
            body["commit_message"] = message.into();
        }
        let path = self.line().path(&format!("/pulls/{number}/merge"));
        let call = Call::content(Method::PUT, Priority::Merge, path, body);
        let answer = self.line().call(&call).await?;
        match answer.status {
            StatusCode::CONFLICT => return Ok(MergeOutcome::HeadMoved),
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::UNPROCESSABLE_ENTITY => {
                return Ok(MergeOutcome::NotMergeable(answer.words()));
            }
            _ => {}
        }
        let answer = answer.good(&call.name())?;
        let merged: Merged = answer.parsed(&call.name(), true)?;
        Ok(MergeOutcome::Merged(merged.sha))
    }

    /// Has the forge merge it by itself as soon as its rules allow, if its head is still the one in `pull`.
    ///
    /// # Errors
    /// Any but `Refused`.
    pub async fn arm_auto_merge(
        &self,
        pull: &Pull,
        method: MergeMethod,
    ) -> Result<MergeOutcome, ForgeError> {
        let outcome = self.line().enable_auto_merge(pull, method).await?;
        self.unless_moved(pull, outcome).await
    }

    /// Takes that back; done as well where it was not armed.
    ///
    /// # Errors
    /// Any.
    pub async fn disarm_auto_merge(&self, pull: &Pull) -> Result<(), ForgeError> {
        let Some(refused) = self.line().disable_auto_merge(pull).await? else {
            return Ok(());
        };
        if self.pull(pull.number).await?.auto_merge {
            return Err(refused);
        }
        Ok(())
    }

    /// Puts it into the merge queue, if its head is still the one in `pull`.
    ///
    /// # Errors
    /// Any but `Refused`.
    pub async fn enqueue(&self, pull: &Pull) -> Result<MergeOutcome, ForgeError> {
        let outcome = self.line().enqueue(pull).await?;
        self.unless_moved(pull, outcome).await
    }

    /// Whether the head has moved is not left to the words of a refusal: it is looked up.
    async fn unless_moved(
        &self,
        pull: &Pull,
        outcome: MergeOutcome,
    ) -> Result<MergeOutcome, ForgeError> {
        let refused = matches!(outcome, MergeOutcome::NotMergeable(_));
        if refused && self.pull(pull.number).await?.head != pull.head {
            return Ok(MergeOutcome::HeadMoved);
        }
        Ok(outcome)
    }

    /// Takes it out of the merge queue.
    ///
    /// # Errors
    /// Any; `Refused` where it is not in there.
    pub async fn dequeue(&self, pull: &Pull) -> Result<(), ForgeError> {
        self.line().dequeue(pull).await?.map_or(Ok(()), Err)
    }

    /// Deletes a branch; done as well where there is none.
    ///
    /// # Errors
    /// Any.
    pub async fn delete_branch(&self, branch: &str) -> Result<(), ForgeError> {
        let parts: Vec<String> = branch.split('/').map(encoded).collect();
        let path = format!("/git/refs/heads/{}", parts.join("/"));
        let call = Call::delete(Priority::Merge, self.line().path(&path));
        let answer = self.line().call(&call).await?;
        let missing = answer.status == StatusCode::NOT_FOUND
            || answer.status == StatusCode::UNPROCESSABLE_ENTITY
                && answer.words().contains("does not exist");
        if missing {
            return Ok(());
        }
        answer.good(&call.name()).map(drop)
    }
}

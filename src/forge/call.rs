//! A call: its turn, its token, its answer. Every request to the forge comes through here or `credential`.
//!
//! A read is tried again when it fails, a write never: what may have been done is for the caller to look for. A
//! refusal for a limit or a token was not done, so such a call goes again. Must not know: what is asked.

use std::sync::Arc;
use std::time::Duration;

use hyper::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use octocrab::Octocrab;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ForgeError;
use super::access::Slug;
use super::answer::Answer;
use super::budget::{Ask, Effect, Heard, Resource};
use super::credential::Credential;
use super::gate::{Gate, Permit, patience};
use super::permissions::Features;
use super::wire::{self, Fault, Request};
use crate::domain::forge::Priority;

/// What stands in a path or query as it is (RFC 3986, unreserved).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// Further tries of a read.
const RETRIES: u32 = 2;
/// The wait before the first of them; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(300);
/// How often a call may be refused for a limit before its caller is told.
const REFUSALS: u32 = 3;

/// The way to the forge.
pub(super) struct Line {
    pub(super) slug: Slug,
    pub(super) gate: Arc<Gate>,
    pub(super) credential: Credential,
    pub(super) features: Features,
    pub(super) rest: Octocrab,
    pub(super) graphql: Octocrab,
}

/// A call that is to be made.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) ask: Ask,
    pub(super) request: Request,
}

impl Call {
    /// A read, from the path that follows the base.
    pub(super) fn get(priority: Priority, path: String) -> Self {
        Self::new(Method::GET, Effect::Read, priority, path, None)
    }

    /// A call that people are told of.
    pub(super) fn content(method: Method, priority: Priority, path: String, body: Value) -> Self {
        Self::new(method, Effect::Content, priority, path, Some(body))
    }

    /// A change that nobody is told of.
    pub(super) fn delete(priority: Priority, path: String) -> Self {
        Self::new(Method::DELETE, Effect::Write, priority, path, None)
    }

    /// A mutation. It counts as content: what it does, people are told of.
    pub(super) fn mutation(priority: Priority, query: &str, variables: &Value) -> Self {
        let body = serde_json::json!({"query": query, "variables": variables});
        let mut call = Self::content(Method::POST, priority, "/graphql".to_owned(), body);
        call.ask.resource = Resource::Graphql;
        call
    }

    /// A question. It goes as POST and changes nothing.
    pub(super) fn query(priority: Priority, query: &str, variables: &Value) -> Self {
        let mut call = Self::mutation(priority, query, variables);
        call.ask.effect = Effect::Read;
        call
    }

    fn new(
        method: Method,
        effect: Effect,
        priority: Priority,
        path: String,
        body: Option<Value>,
    ) -> Self {
        let ask = Ask {
            resource: Resource::Rest,
            effect,
            priority,
        };
        let request = Request {
            method,
            path,
            body,
            unless: None,
        };
        Self { ask, request }
    }
}

/// A text as one part of a path or query.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// What becomes of one try.
enum Tried {
    Answered(Answer),
    /// A limit: it goes again when the budget lets it.
    Limited,
    /// Its token is not taken: it goes again with another one.
    Unauthorized,
    /// Lost, unsent or 5xx.
    Failed(ForgeError),
}

/// Sends it in a task of its own: who goes away leaves no half-sent write behind, and frees nobody's turn early.
async fn send(
    client: Octocrab,
    request: Request,
    permit: Permit,
) -> Result<(Answer, Heard), Fault> {
    let sending = tokio::spawn(async move {
        let answer = wire::send(&client, &request).await?;
        let heard = answer.heard(permit.now());
        permit.answered(&heard);
        Ok((answer, heard))
    });
    let broken = |error: tokio::task::JoinError| Fault::Lost(error.to_string());
    sending.await.map_err(broken)?
}

impl Line {
    /// Makes a call. The answer's status is below 500, and neither 401 nor a limit.
    ///
    /// # Errors
    /// `Limited`, `Unauthorized`, `Unreachable`, and for writes `InDoubt`.
    pub(super) async fn call(&self, call: &Call) -> Result<Answer, ForgeError> {
        let deadline = self.gate.now() + patience(call.ask.priority);
        let (mut refusals, mut failures, mut renewed) = (0, 0, false);
        loop {
            match self.try_call(call, deadline, renewed).await? {
                Tried::Answered(answer) => return Ok(answer),
                Tried::Limited => refusals += 1,
                Tried::Unauthorized => renewed = true,
                Tried::Failed(error) if failures == RETRIES || call.writes() => return Err(error),
                Tried::Failed(_) => {
                    tokio::time::sleep(FIRST_WAIT * 2_u32.pow(failures)).await;
                    failures += 1;
                }
            }
            if refusals == REFUSALS {
                return Err(self.limited());
            }
        }
    }

    /// Makes a call and reads what it answers.
    ///
    /// # Errors
    /// As [`Line::call`], and what the status means.
    pub(super) async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, ForgeError> {
        let answer = self.call(&call).await?.good(&call.name())?;
        answer.parsed(&call.name(), call.writes())
    }

    /// Makes a call whose answer's body does not matter.
    ///
    /// # Errors
    /// As [`Line::ask`].
    pub(super) async fn tell(&self, call: Call) -> Result<(), ForgeError> {
        self.call(&call).await?.good(&call.name()).map(drop)
    }

    /// A path below the repository's.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("{}{rest}", self.slug.path())
    }

    async fn try_call(
        &self,
        call: &Call,
        deadline: Timestamp,
        renewed: bool,
    ) -> Result<Tried, ForgeError> {
        // Before its turn: minting a token takes a turn of its own.
        let token = self.credential.token(&self.gate).await?;
        let permit = self.gate.pass(call.ask, deadline).await?;
        let client = match call.ask.resource {
            Resource::Graphql => &self.graphql,
            Resource::Rest | Resource::App => &self.rest,
        };
        let Ok(client) = client.user_access_token(token.clone()) else {
            return Err(ForgeError::Setup("no client can be made".to_owned()));
        };
        let (answer, heard) = match send(client, call.request.clone(), permit).await {
            Ok(answered) => answered,
            Err(fault) => return Ok(Tried::Failed(call.fault(fault))),
        };
        if heard.limited.is_some() {
            return Ok(Tried::Limited);
        }
        if answer.status == StatusCode::UNAUTHORIZED {
            let another = self.credential.refused(&token).await;
            if renewed || !another {
                return Err(answer.error(&call.name()));
            }
            return Ok(Tried::Unauthorized);
        }
        if answer.status.is_server_error() {
            return Ok(Tried::Failed(call.failed(&answer)));
        }
        Ok(Tried::Answered(answer))
    }

    /// The forge refused it for a limit: until when is in the budget by now, or a minute is a good guess.
    pub(super) fn limited(&self) -> ForgeError {
        let paused = self.gate.view().paused;
        let soon = self.gate.now() + SignedDuration::from_mins(1);
        let until = paused.map_or(soon, |it| it.until);
        ForgeError::Limited { until }
    }
}

impl Call {
    pub(super) fn writes(&self) -> bool {
        self.ask.effect != Effect::Read
    }

    /// What an error calls it. Queries are left out: they are long.
    pub(super) fn name(&self) -> String {
        let path = self.request.path.split('?').next().unwrap_or_default();
        format!("{} {path}", self.request.method)
    }

    fn fault(&self, fault: Fault) -> ForgeError {
        match fault {
            Fault::Unsent(why) => ForgeError::Unreachable(format!("{}: {why}", self.name())),
            Fault::Lost(why) => self.lost(&why),
        }
    }

    fn failed(&self, answer: &Answer) -> ForgeError {
        self.lost(&answer.words())
    }

    /// It left, and what became of it is not known.
    fn lost(&self, why: &str) -> ForgeError {
        let why = format!("{}: {why}", self.name());
        if self.writes() {
            ForgeError::InDoubt(why)
        } else {
            ForgeError::Unreachable(why)
        }
    }
}

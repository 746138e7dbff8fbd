//! Tokens: an App's are minted for one repository and what is needed there, kept in memory, and renewed in time.
//!
//! octocrab's own installation tokens cannot be narrowed to permissions, so they are asked for here. Facts:
//! <https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app>. Must not know: what tokens
//! are used for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::Method;
use jiff::{SignedDuration, Timestamp};
use octocrab::Octocrab;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::ForgeError;
use super::access::{Bases, Identity, Slug};
use super::answer::Answer;
use super::budget::{Ask, Effect, Resource, server_time};
use super::gate::{Gate, patience};
use super::permissions::{Features, asked};
use super::wire::{self, Fault, Request};
use crate::domain::forge::Priority;

/// A token is renewed when it is good for less than this: long enough for a slow push.
const EARLY: SignedDuration = SignedDuration::from_mins(5);
/// While no new one is to be had, the old one is used down to this.
const LATE: SignedDuration = SignedDuration::from_secs(30);
/// How long a token is good where the answer does not say; GitHub's own hour, less a margin.
const LIFE: SignedDuration = SignedDuration::from_mins(50);

/// The source of tokens.
pub(super) enum Credential {
    /// One that was given to us.
    Given(SecretString),
    /// An App's.
    App(Box<AppTokens>),
}

/// The tokens of an App's installation.
pub(super) struct AppTokens {
    client: Octocrab,
    slug: Slug,
    features: Features,
    /// Whether teams review; the policy says so later than the start.
    teams: AtomicBool,
    configured: Option<u64>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    installation: Option<u64>,
    token: Option<(SecretString, Timestamp)>,
    /// What that token may do.
    permissions: Value,
}

#[derive(Deserialize)]
struct Minted {
    token: String,
    expires_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Installation {
    id: u64,
}

impl Credential {
    pub(super) fn new(
        identity: Identity,
        features: Features,
        bases: &Bases,
        slug: &Slug,
    ) -> Result<Self, ForgeError> {
        let (id, key, installation) = match identity {
            Identity::Token(token) => return given(token),
            Identity::App {
                id,
                private_key,
                installation,
            } => (id, private_key, installation),
        };
        let tokens = AppTokens {
            client: wire::app_client(&bases.rest, id, &key)?,
            slug: slug.clone(),
            teams: AtomicBool::new(features.teams),
            features,
            configured: installation,
            held: Mutex::new(Held {
                installation,
                ..Held::default()
            }),
        };
        Ok(Self::App(Box::new(tokens)))
    }

    /// Whether teams review from now on.
    pub(super) fn review_by_teams(&self, teams: bool) {
        if let Self::App(app) = self {
            app.teams.store(teams, Ordering::Relaxed);
        }
    }

    /// A token that is good for a few minutes at least.
    pub(super) async fn token(&self, gate: &Arc<Gate>) -> Result<SecretString, ForgeError> {
        match self {
            Self::Given(token) => Ok(token.clone()),
            Self::App(app) => app.token(gate).await,
        }
    }

    /// The forge did not take this token. Whether another one can be had.
    pub(super) async fn refused(&self, token: &SecretString) -> bool {
        let Self::App(app) = self else {
            return false;
        };
        let mut held = app.held.lock().await;
        held.token
            .take_if(|it| it.0.expose_secret() == token.expose_secret());
        true
    }
}

/// What cannot stand in a header would end the program inside the library.
fn given(token: SecretString) -> Result<Credential, ForgeError> {
    let text = token.expose_secret();
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_graphic()) {
        let why = "the token is empty or has spaces or line ends in it; write the token alone";
        return Err(ForgeError::Setup(why.to_owned()));
    }
    Ok(Credential::Given(token))
}

impl AppTokens {
    async fn token(&self, gate: &Arc<Gate>) -> Result<SecretString, ForgeError> {
        // Held while a token is minted: everybody else waits for that one.
        let mut held = self.held.lock().await;
        let good_for = |held: &Held, least| {
            let token = held.token.as_ref();
            token
                .filter(|it| it.1.duration_since(gate.now()) > least)
                .map(|it| it.0.clone())
        };
        let permissions = self.permissions();
        if let Some(token) = good_for(&held, EARLY).filter(|_| held.permissions == permissions) {
            return Ok(token);
        }
        match self.mint(&mut held, permissions, gate).await {
            Ok(()) => {}
            Err(error) => {
                let old = good_for(&held, LATE).ok_or(error.clone())?;
                tracing::warn!(%error, "No new token for GitHub yet; the old one is used up");
                return Ok(old);
            }
        }
        good_for(&held, SignedDuration::ZERO).ok_or_else(|| {
            let why = "a new token has expired already: compare this machine's clock with GitHub's";
            ForgeError::Unauthorized(why.to_owned())
        })
    }

    /// What tokens shall be able to do, and nothing else.
    fn permissions(&self) -> Value {
        let teams = self.teams.load(Ordering::Relaxed);
        asked(Features {
            teams,
            ..self.features
        })
    }

    async fn mint(
        &self,
        held: &mut Held,
        permissions: Value,
        gate: &Arc<Gate>,
    ) -> Result<(), ForgeError> {
        let id = match held.installation {
            Some(id) => id,
            None => self.find(gate).await?,
        };
        held.installation = Some(id);
        let body = json!({"repositories": [self.slug.name], "permissions": permissions});
        let path = format!("/app/installations/{id}/access_tokens");
        let answer = self.call(gate, Method::POST, path, Some(body)).await?;
        if answer.status.as_u16() == 404 {
            // Installed anew it has another number.
            held.installation = self.configured;
        }
        let answer = self.judged(answer)?;
        let minted: Minted = answer.parsed("a new token", false)?;
        let now = gate.now();
        let server = server_time(&answer.headers).unwrap_or(now);
        let life = minted
            .expires_at
            .map_or(LIFE, |it| it.duration_since(server));
        held.token = Some((SecretString::from(minted.token), now + life));
        held.permissions = permissions;
        tracing::debug!(
            installation = id,
            life_s = life.as_secs(),
            "A new token for GitHub"
        );
        Ok(())
    }

    async fn find(&self, gate: &Arc<Gate>) -> Result<u64, ForgeError> {
        let found: Installation = self
            .installation(gate)
            .await?
            .parsed("the installation", false)?;
        Ok(found.id)
    }

    /// The installation in the repository, as the App itself sees it.
    pub(super) async fn installation(&self, gate: &Arc<Gate>) -> Result<Answer, ForgeError> {
        let path = format!("{}/installation", self.slug.path());
        let answer = self.call(gate, Method::GET, path, None).await?;
        self.judged(answer)
    }

    /// Says what to do about the ways in which an App can be set up wrong.
    fn judged(&self, answer: Answer) -> Result<Answer, ForgeError> {
        if answer.status.is_success() {
            return Ok(answer);
        }
        let words = answer.words();
        let slug = &self.slug;
        Err(match answer.status.as_u16() {
            401 => ForgeError::Unauthorized(format!(
                "{words}; compare the App's id and private key with its settings, and this machine's clock"
            )),
            404 => ForgeError::NotFound(format!(
                "the App is not installed in {slug}; install it there, or correct the repository's name"
            )),
            403 => ForgeError::Forbidden(format!(
                "{words}; somebody has to resume the App's installation in {slug}"
            )),
            422 => ForgeError::Forbidden(format!(
                "{words}; the installation in {slug} lacks a permission or the repository: serve --check names it"
            )),
            _ => answer.error("a token of the App's"),
        })
    }

    /// A second token does no harm, so that a lost answer is no doubt here.
    async fn call(
        &self,
        gate: &Arc<Gate>,
        method: Method,
        path: String,
        body: Option<Value>,
    ) -> Result<Answer, ForgeError> {
        let ask = Ask {
            resource: Resource::App,
            effect: Effect::Read,
            priority: Priority::Merge,
        };
        let permit = gate.pass(ask, gate.now() + patience(ask.priority)).await?;
        let request = Request {
            method,
            path,
            body,
            unless: None,
        };
        match wire::send(&self.client, &request).await {
            Ok(answer) => {
                permit.answered(&answer.heard(gate.now()));
                Ok(answer)
            }
            Err(Fault::Unsent(why) | Fault::Lost(why)) => Err(ForgeError::Unreachable(why)),
        }
    }
}

//! OIDC ID tokens as bearer tokens: whom an issuer that we trust says somebody is.
//!
//! An adapter. Keys come by discovery, are kept in memory, and are fetched again by age and when a token names a key that
//! is not known. Must not know: API tokens, HTTP faces, routes. No type of the JWT crate leaves it.

mod claims;
mod fetch;
mod keys;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::domain::request::{Caller, Role};
use crate::domain::token::Denied;
use fetch::Fetcher;
use keys::{Fault, Keys};

/// The age from which keys are fetched again.
pub const MAX_AGE: Duration = Duration::from_mins(10);
/// The least time between two fetches, whoever asks: tokens with made-up keys do not hammer the issuer.
const GAP: Duration = Duration::from_secs(5);
/// How long keys are good while the issuer does not answer. A key that it withdrew must not be good for ever.
const STALE: Duration = Duration::from_hours(24);

/// Which tokens are taken, and what their claims mean here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The issuer, as `iss` has it.
    pub issuer: String,
    /// What `aud` must be or hold.
    pub audience: String,
    /// The claim that names the bearer.
    pub subject_claim: String,
    /// The claim, a text or a list of texts, that `roles` maps.
    pub role_claim: String,
    /// The claim that names the owner whose stores the bearer may see.
    pub owner_claim: Option<String>,
    /// What a value of `role_claim` stands for; of several the highest counts.
    pub roles: BTreeMap<String, Role>,
}

impl Trust {
    /// Checks the issuer's address.
    ///
    /// # Errors
    /// When anybody on the way to it could forge its answers.
    pub fn check(&self) -> Result<(), OidcError> {
        Fetcher::new(&self.issuer).map(drop)
    }
}

/// Why an issuer cannot be trusted as configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// Not an address, or one whose answers anybody on the way could forge.
    #[error(
        "{0:?} is no issuer: write https://host/path, without query or fragment (http:// on this machine only)"
    )]
    BadIssuer(String),
}

/// How the issuer was when it was last asked.
#[derive(Debug, Clone, Default)]
pub struct IssuerStatus {
    /// What is wrong, as a sentence.
    pub problem: Option<String>,
    /// Keys that tokens can be signed with.
    pub keys: usize,
    /// When the keys were fetched.
    pub fetched_at: Option<Timestamp>,
}

/// A trusted issuer and its keys.
pub struct Issuer {
    trust: Trust,
    fetcher: Fetcher,
    state: RwLock<State>,
    /// Held while the issuer is asked: one request at a time.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    keys: Arc<Keys>,
    fetched: Option<(Instant, Timestamp)>,
    asked: Option<Instant>,
    problem: Option<String>,
}

impl Issuer {
    /// An issuer whose keys are not fetched yet.
    ///
    /// # Errors
    /// When its address is none that can be trusted.
    pub fn new(trust: Trust) -> Result<Self, OidcError> {
        Ok(Self {
            fetcher: Fetcher::new(&trust.issuer)?,
            trust,
            state: RwLock::default(),
            asking: tokio::sync::Mutex::new(()),
        })
    }

    /// Whom a token stands for.
    ///
    /// # Errors
    /// Why its bearer is not let in.
    pub async fn authenticate(
        self: &Arc<Self>,
        token: &str,
        now: Timestamp,
    ) -> Result<Caller, Denied> {
        let verified = match self.keys().verify(token) {
            Err(Fault::NoSuchKey) => {
                self.renew(now).await;
                self.keys().verify(token)
            }
            first => first,
        };
        match verified {
            Ok(claims) => claims::caller(&self.trust, &claims, now),
            Err(Fault::Wrong(why)) => Err(Denied::Unknown(why.to_owned())),
            Err(Fault::NoSuchKey) => Err(self.without_key()),
        }
    }

    /// Fetches the keys, unless that was done a moment ago. A failure leaves those that were there.
    pub async fn renew(self: &Arc<Self>, now: Timestamp) {
        let this = Arc::clone(self);
        // A task of its own: a client that goes away does not break off what others wait for.
        let asking = tokio::spawn(async move {
            let _alone = this.asking.lock().await;
            if this.read(|it| it.asked.is_some_and(|at| at.elapsed() < GAP)) {
                return;
            }
            let fetching = Arc::clone(&this);
            let fetched = tokio::task::spawn_blocking(move || fetching.fetcher.keys()).await;
            let fetched = fetched.unwrap_or_else(|error| Err(error.to_string()));
            this.take(fetched, now);
        });
        if let Err(error) = asking.await {
            tracing::error!(%error, "Fetching an issuer's keys broke off");
        }
    }

    /// How the issuer was when it was last asked.
    pub fn status(&self) -> IssuerStatus {
        self.read(|it| IssuerStatus {
            problem: it.problem.clone(),
            keys: it.keys.len(),
            fetched_at: it.fetched.map(|(_, at)| at),
        })
    }

    /// How long to wait before the keys are fetched again without being asked.
    pub fn next_look(&self) -> Duration {
        self.read(|it| {
            if it.problem.is_some() {
                3 * GAP
            } else {
                MAX_AGE
            }
        })
    }

    fn take(&self, fetched: Result<Keys, String>, now: Timestamp) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.asked = Some(Instant::now());
        match fetched {
            Ok(keys) => {
                state.keys = Arc::new(keys);
                state.fetched = Some((Instant::now(), now));
                state.problem = None;
            }
            Err(why) => {
                // Once, however often it is tried again.
                if state.problem.as_ref() != Some(&why) {
                    let issuer = &self.trust.issuer;
                    tracing::warn!(issuer, why, "The issuer's keys could not be fetched");
                }
                state.problem = Some(why);
            }
        }
    }

    /// The keys that are good now.
    fn keys(&self) -> Arc<Keys> {
        self.read(|it| match it.fetched {
            Some((at, _)) if at.elapsed() < STALE => Arc::clone(&it.keys),
            _ => Arc::default(),
        })
    }

    fn without_key(&self) -> Denied {
        if self.keys().len() > 0 {
            return Denied::Unknown("the token names no key of the issuer".to_owned());
        }
        let issuer = &self.trust.issuer;
        Denied::Unavailable(format!(
            "the keys of {issuer} cannot be had now; try again in a moment"
        ))
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

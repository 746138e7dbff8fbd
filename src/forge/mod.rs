//! The forge that hosts the fleet repository: GitHub, asked through octocrab.
//!
//! Every call passes one budget, so that the forge's limits are kept whoever asks. Nothing is sent twice blindly: a
//! write whose answer was lost is [`ForgeError::InDoubt`], and who asked looks first. Must not know: what a change or
//! a store is.

mod access;
mod answer;
mod budget;
mod call;
mod checks;
mod clock;
mod contents;
mod credential;
mod examine;
mod gate;
mod graphql;
mod merge;
mod pages;
mod people;
mod permissions;
mod pulls;
mod required;
mod settings;
mod shapes;
mod talk;
mod wire;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use secrecy::ExposeSecret;

use crate::domain::forge::BudgetView;
use access::{Bases, Slug};
use call::Line;
use credential::Credential;
use gate::Gate;
use pages::Tags;

pub use access::{Access, Identity, PUBLIC_API};
pub use clock::Clock;
pub use contents::Content;
pub use examine::Wanted;
pub use permissions::{Features, Level, Need, PERMISSIONS, Permission, needed};
pub use secrecy::SecretString;

/// Why the forge did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// It cannot be asked as configured.
    #[error("GitHub is not set up right: {0}")]
    Setup(String),
    /// It was not reached, or answered 5xx, and nothing was written: a read, or a write that never left.
    #[error("GitHub cannot be reached: {0}")]
    Unreachable(String),
    /// The answer to a write was lost: it may have been done.
    #[error("GitHub did not say whether it did it: {0}")]
    InDoubt(String),
    /// There is no such thing, or it may not be seen.
    #[error("GitHub finds nothing there: {0}")]
    NotFound(String),
    /// The identity may not do it.
    #[error("GitHub does not allow it: {0}")]
    Forbidden(String),
    /// The credential is not taken.
    #[error("GitHub does not take our credential: {0}")]
    Unauthorized(String),
    /// What was sent is not valid (422), or clashes with what is there.
    #[error("GitHub refuses it: {0}")]
    Refused(String),
    /// The budget is spent until then, and nothing was done.
    #[error("GitHub's limits are used up until {until}")]
    Limited {
        /// When calls are taken again.
        until: Timestamp,
    },
    /// The answer could not be read.
    #[error("GitHub's answer cannot be read: {0}")]
    Unreadable(String),
}

/// What a new pull request says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPull {
    /// Its branch, without `refs/heads/`.
    pub branch: String,
    /// The branch it goes to.
    pub base: String,
    /// Its title.
    pub title: String,
    /// Its text, in Markdown.
    pub body: String,
}

/// The forge, for one repository. Cheap to clone.
#[derive(Clone)]
pub struct Forge(Arc<Inner>);

struct Inner {
    line: Line,
    tags: Tags,
}

impl Forge {
    /// Makes ready to ask the forge; nothing is sent yet. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// `Setup` when an address, a name, a key or a token cannot be right.
    pub fn connect(access: Access) -> Result<Self, ForgeError> {
        let slug = Slug::parse(&access.repository)?;
        let bases = Bases::of(&access.api)?;
        let credential = Credential::new(access.identity, access.features, &bases, &slug)?;
        let rest = wire::client(&bases.rest)?;
        let graphql = if bases.graphql == bases.rest {
            rest.clone()
        } else {
            wire::client(&bases.graphql)?
        };
        let line = Line {
            slug,
            gate: Arc::new(Gate::new(access.clock)),
            credential,
            features: access.features,
            rest,
            graphql,
        };
        let tags = Tags::default();
        Ok(Self(Arc::new(Inner { line, tags })))
    }

    /// The credential for git's own program, as the password of `x-access-token`. Fresh enough for one fetch or push.
    ///
    /// # Errors
    /// Any but `InDoubt` and `Refused`.
    pub async fn token(&self) -> Result<String, ForgeError> {
        let line = self.line();
        let token = line.credential.token(&line.gate).await?;
        Ok(token.expose_secret().to_owned())
    }

    /// Git's own program was refused with this token: the next one is another, where another can be had.
    pub async fn token_refused(&self, token: &str) {
        self.line()
            .credential
            .refused(&SecretString::from(token))
            .await;
    }

    /// Whether teams review from now on: tokens ask for the right to see their members then, and else do not.
    pub fn review_by_teams(&self, teams: bool) {
        self.line().credential.review_by_teams(teams);
    }

    /// How much of the forge's limits is left, and who waits.
    pub fn budget(&self) -> BudgetView {
        self.line().gate.view()
    }

    /// Lets the next [`Forge::open_pulls`] and [`Forge::issues`] answer even if nothing changed.
    pub fn forget_lists(&self) {
        self.0.tags.clear();
    }

    fn line(&self) -> &Line {
        &self.0.line
    }

    fn tags(&self) -> &Tags {
        &self.0.tags
    }
}

impl fmt::Debug for Forge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Forge({})", self.line().slug)
    }
}

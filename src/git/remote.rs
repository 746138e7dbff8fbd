//! The remote that the fleet repository is published to: fetch and push by the git program.
//!
//! (libgit2's push walks the whole fleet, and it has no deadline.) Must not know: when to fetch or push, what to do
//! about a refusal. Nothing is ever forced on the remote.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::address::Address;
use super::command::{CommandError, GitCommand, Output};
use super::outcome::{self, PushOutcome, RemoteError};
use super::{FleetRepo, porcelain};
use crate::domain::CommitId;

/// How long a fetch or a push may take when nothing else is asked for: a first clone of 100,000 stores takes some 15 s on
/// a local network.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// What proves who we are. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// HTTP basic authentication. For a token of GitHub the user is `x-access-token`.
    Basic {
        /// The user's name.
        user: String,
        /// The password or token.
        password: String,
    },
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Basic { user, .. } = self;
        f.debug_struct("Basic")
            .field("user", user)
            .finish_non_exhaustive()
    }
}

/// One reference to be pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushRef {
    /// The commit.
    pub local: CommitId,
    /// The reference that it goes to there, by its full name.
    pub remote: String,
}

/// A remote repository, named `origin` locally.
#[derive(Debug, Clone)]
pub struct Remote {
    address: Address,
    credential: Option<Credential>,
    patience: Duration,
}

impl Remote {
    /// A remote by its address: `https://`, `http://`, `ssh://`, `file://`, `user@host:path` or an absolute path. A
    /// password inside the address becomes the credential, when none is given.
    ///
    /// # Errors
    /// [`RemoteError::BadUrl`].
    pub fn new(url: &str, credential: Option<Credential>) -> Result<Self, RemoteError> {
        let (address, inside) = Address::parse(url)?;
        Ok(Self {
            address,
            credential: credential.or(inside),
            patience: PATIENCE,
        })
    }

    /// The same remote with another deadline for each fetch and push.
    #[must_use]
    pub fn with_timeout(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The same remote with another credential.
    #[must_use]
    pub fn with_credential(&self, credential: Credential) -> Self {
        Self {
            credential: Some(credential),
            ..self.clone()
        }
    }

    /// The address, without secrets.
    pub fn url(&self) -> &str {
        self.address.as_str()
    }

    /// Brings `refs/remotes/origin/*` to where the remote's branches are: moved however they moved there, removed when
    /// they are gone there. `branches` are names or patterns with one `*`.
    ///
    /// # Errors
    /// All of [`RemoteError`]; [`RemoteError::NoSuchBranch`] for a missing one that is named without `*`.
    pub fn fetch(&self, repo: &FleetRepo, branches: &[&str]) -> Result<(), RemoteError> {
        let specs = branches
            .iter()
            .map(|name| format!("+refs/heads/{name}:refs/remotes/origin/{name}"));
        let command = GitCommand::in_repo("fetch", repo.path())
            .args(["--quiet", "--no-tags", "--prune", "--no-write-fetch-head"])
            .args([
                "--no-auto-maintenance",
                "--no-recurse-submodules",
                "--refmap=",
                "--end-of-options",
            ])
            .args([self.url()])
            .args(specs)
            // One pack, however small: upkeep is for packs, and a file for each object is slow to write and to read.
            .setting("fetch.unpackLimit", "1");
        match self.run(command) {
            Ok(output) if output.success => Ok(()),
            Ok(output) => Err(outcome::failure(self.url(), &output.stderr)),
            Err(CommandError::TimedOut { seconds, .. }) => {
                // Where the fetch had to be killed, what it had locked would stay locked for ever.
                repo.clear_locks("refs/remotes", Duration::ZERO)
                    .map_err(|error| self.failed(&error))?;
                Err(RemoteError::TimedOut {
                    url: self.url().to_owned(),
                    seconds,
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Pushes commits, all or none, and never over commits that they do not follow.
    ///
    /// # Errors
    /// [`RemoteError::Denied`] and [`RemoteError::NotARepository`] when the server does not let us in at all,
    /// [`RemoteError::Program`] and [`RemoteError::Failed`] when git itself fails. What a server answers is a
    /// [`PushOutcome`].
    pub fn push(&self, repo: &FleetRepo, refs: &[PushRef]) -> Result<PushOutcome, RemoteError> {
        let command = GitCommand::in_repo("push", repo.path())
            .args(["--porcelain", "--atomic", "--no-verify", "--no-follow-tags"])
            .args(["--no-signed", "--recurse-submodules=no", "--end-of-options"])
            .args([self.url()])
            .args(
                refs.iter()
                    .map(|push| format!("{}:{}", push.local, push.remote)),
            );
        let output = match self.run(command) {
            Ok(output) => output,
            Err(CommandError::TimedOut { .. }) => return Ok(PushOutcome::TimedOut),
            Err(error) => return Err(error.into()),
        };
        // A server may repeat in its reasons what it was sent.
        let stdout = redact(&String::from_utf8_lossy(&output.stdout), &self.secrets());
        if let Some(outcome) = porcelain::read(output.success, &stdout, &output.stderr) {
            return Ok(outcome);
        }
        match outcome::failure(self.url(), &output.stderr) {
            RemoteError::Unreachable { detail, .. } => Ok(PushOutcome::Unreachable { detail }),
            error => Err(error),
        }
    }

    /// Runs a command with our credential, and takes secrets out of what it says.
    pub(super) fn run(&self, mut command: GitCommand) -> Result<Output, CommandError> {
        let secrets = self.secrets();
        if let Some(encoded) = secrets.first() {
            // For this address only: a redirect elsewhere does not get it.
            let key = format!("http.{}.extraHeader", self.url());
            command = command.setting(key, format!("Authorization: Basic {encoded}"));
        }
        let mut output = command.run(self.patience)?;
        output.stderr = redact(&output.stderr, &secrets);
        Ok(output)
    }

    /// The credential as it goes over the wire, and what it is made of.
    fn secrets(&self) -> Vec<String> {
        match &self.credential {
            None => Vec::new(),
            Some(Credential::Basic { user, password }) => {
                let encoded = BASE64.encode(format!("{user}:{password}"));
                vec![encoded, password.clone()]
            }
        }
    }

    /// What git printed, without what must not be told.
    pub(super) fn without_secrets(&self, text: &str) -> String {
        redact(text, &self.secrets())
    }

    pub(super) fn failed(&self, error: &dyn std::error::Error) -> RemoteError {
        RemoteError::Failed {
            url: self.url().to_owned(),
            detail: error.to_string(),
        }
    }
}

/// Text with every secret, and every `user:password@` of an address, replaced by `***`.
fn redact(text: &str, secrets: &[String]) -> String {
    let mut clean = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        clean = clean.replace(secret, "***");
    }
    let mut parts = clean.split("://");
    let mut redacted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        redacted.push_str("://");
        let end = part
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '\'' | '"'))
            .unwrap_or(part.len());
        match part[..end].rfind('@') {
            Some(at) => {
                redacted.push_str("***");
                redacted.push_str(&part[at..]);
            }
            None => redacted.push_str(part),
        }
    }
    redacted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_survives() {
        let secrets = ["hunter2".to_owned(), String::new()];
        let said = "fatal: 'https://bot:hunter2@git.example/x' and http://a:b@c/d, hunter2, ssh://git@h/p a@b";
        let clean = "fatal: 'https://***@git.example/x' and http://***@c/d, ***, ssh://***@h/p a@b";
        assert_eq!(redact(said, &secrets), clean);
        let remote = Remote::new("https://bot:hunter2@git.example/x", None).unwrap();
        let shown = format!("{remote:?} {}", remote.url());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

//! Branches of proposals at the remote: the only ones that are ever moved to commits that do not follow, and only from
//! where we put them ourselves.
//!
//! Published branches never come here. Must not know: what a proposal is about.

use super::FleetRepo;
use super::command::{CommandError, GitCommand};
use super::outcome::{self, RemoteError};
use super::porcelain::{self, Moved};
use super::remote::Remote;
use crate::domain::CommitId;

/// What the names of such branches begin with.
const PROPOSALS: &str = "fleetwright/";

/// Where a branch shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalRef {
    /// Its name, without `refs/heads/`.
    pub branch: String,
    /// Where it was when we looked or pushed last; none where it must not be there.
    pub was: Option<CommitId>,
    /// The commit that it shall be at.
    pub commit: CommitId,
}

/// What became of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProposalOutcome {
    /// It is where it shall be.
    Moved,
    /// It was not where we left it: somebody else moved it.
    Elsewhere,
    /// The server refuses it, and says why.
    Refused(String),
}

impl Remote {
    /// Where a branch is at the remote; none where it is not there.
    ///
    /// # Errors
    /// As for a [fetch](Self::fetch).
    pub fn head_of(&self, branch: &str) -> Result<Option<CommitId>, RemoteError> {
        let command = GitCommand::new("ls-remote").args([
            "--quiet",
            "--end-of-options",
            self.url(),
            &format!("refs/heads/{branch}"),
        ]);
        let output = self.run(command)?;
        if !output.success {
            return Err(outcome::failure(self.url(), &output.stderr));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let commit = text.split_whitespace().next();
        Ok(commit.and_then(|it| it.parse().ok()))
    }

    /// Moves branches of proposals, each by itself, from where we left them.
    ///
    /// # Errors
    /// As for a [push](Self::push); then nothing is known of any of them, and it is safe to ask again.
    pub fn propose(
        &self,
        repo: &FleetRepo,
        refs: &[ProposalRef],
    ) -> Result<Vec<(String, ProposalOutcome)>, RemoteError> {
        let full = |branch: &str| format!("refs/heads/{branch}");
        let ours = refs.iter().filter(|it| it.branch.starts_with(PROPOSALS));
        let leases = ours.clone().map(|it| {
            let was = it.was.as_ref().map_or("", CommitId::as_str);
            format!("--force-with-lease={}:{was}", full(&it.branch))
        });
        let specs = ours.map(|it| {
            let commit = it.commit.as_str();
            format!("{commit}:{}", full(&it.branch))
        });
        let command = GitCommand::in_repo("push", repo.path())
            .args(["--porcelain", "--no-verify", "--no-follow-tags"])
            .args(["--no-signed", "--recurse-submodules=no"])
            .args(leases)
            .args(["--end-of-options", self.url()])
            .args(specs);
        let output = match self.run(command) {
            Ok(output) => output,
            Err(error @ CommandError::TimedOut { .. }) => return Err(self.failed(&error)),
            Err(error) => return Err(error.into()),
        };
        let stdout = self.without_secrets(&String::from_utf8_lossy(&output.stdout));
        let told = porcelain::each(&stdout, &output.stderr);
        if told.is_empty() {
            return Err(outcome::failure(self.url(), &output.stderr));
        }
        let named = told.into_iter().filter_map(|(reference, moved)| {
            let branch = reference.strip_prefix("refs/heads/")?.to_owned();
            let outcome = match moved {
                Moved::Yes => ProposalOutcome::Moved,
                Moved::Raced => ProposalOutcome::Elsewhere,
                Moved::Refused(why) => ProposalOutcome::Refused(why),
                Moved::Unknown => return None,
            };
            Some((branch, outcome))
        });
        Ok(named.collect())
    }
}

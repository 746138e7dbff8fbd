//! One pull request of ours, from the first commit of its branch to its end, as the journal keeps it.
//!
//! What the forge knows better (reviews, checks, whether it is merged) is asked there and not kept. Kept is what only we
//! know: which changes are inside, which heads we made, and which steps were begun, so that a step whose answer was lost
//! is looked for before it is done again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::branch::Branch;
use super::grouping::{Key, Size};
use crate::domain::entry::Entry;
use crate::domain::{ChangeId, CommitId, ProposalId, StoreName};

/// What an entry knows of the proposal that carries it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The proposal's branch; none while the entry waits for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit of main that brought it there: from here on it is the writer's, who deploys it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<CommitId>,
    /// The deploy commit that carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployed: Option<CommitId>,
}

/// One head that we gave a proposal's branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The commit.
    pub commit: CommitId,
    /// The commit of main that it was rendered on.
    pub base: CommitId,
    /// The digest of each record inside, as approvals are bound to it.
    pub records: BTreeMap<StoreName, String>,
    /// A digest over all files that it writes.
    pub files: String,
}

/// Where a proposal is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It is made, reviewed and waits for its merge.
    Open,
    /// It was merged: its changes are deployed and followed.
    Merged,
    /// Its pull request is to be closed, for the reason in [`Proposal::closing`].
    Closing,
    /// People closed its pull request; they may open it again.
    Rejected,
}

/// A proposal.
#[expect(
    clippy::struct_excessive_bools,
    reason = "steps that were begun, each by itself: any of them may be the one whose answer was lost"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Its identity.
    pub id: ProposalId,
    /// Its branch, without `refs/heads/`.
    pub branch: String,
    /// Who shares it.
    pub key: Key,
    /// How much it shows.
    pub size: Size,
    /// The changes inside, in order.
    pub changes: Vec<ChangeId>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// Where it is.
    pub stage: Stage,
    /// Every head of ours, oldest first.
    pub heads: Vec<Head>,
    /// The head that the forge is known to have.
    pub pushed: Option<CommitId>,
    /// Whether a pull request was asked for: it may exist although nobody heard of it.
    pub asked: bool,
    /// Its pull request.
    pub pull: Option<Opened>,
    /// Whether labels and reviewers were asked for.
    pub dressed: bool,
    /// The head whose rendering was reported as well.
    pub rendered: Option<CommitId>,
    /// The head whose approval was reported.
    pub approved: Option<CommitId>,
    /// Whether nothing may join it any more, as somebody approved it.
    pub frozen: bool,
    /// Whether the forge was told to merge it by itself.
    pub armed: bool,
    /// A head that somebody else gave the branch: nothing is merged or pushed over it.
    pub foreign: Option<CommitId>,
    /// Why its branch must be rendered again, for people to read.
    pub rebuild: Option<String>,
    /// Why it is closed, for people to read.
    pub closing: Option<String>,
    /// The comment that tells how its changes go.
    pub progress: Option<u64>,
    /// What that comment says.
    pub told: String,
    /// Whether its pull request was seen to be merged, by whomever.
    #[serde(default)]
    pub merged: bool,
    /// The commit of main as which we merged it ourselves, after enough people had approved it.
    #[serde(default)]
    pub merged_as: Option<CommitId>,
    /// The head for which those were asked again who had approved another content.
    #[serde(default)]
    pub asked_again: Option<CommitId>,
    /// When people closed it.
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
    /// What was asked for in it then.
    #[serde(default)]
    pub was: Vec<Entry>,
    /// Comments that were commands, and were answered.
    #[serde(default)]
    pub heard: BTreeSet<u64>,
}

/// An issue that became a request, or was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Its number.
    pub number: u64,
    /// The change; none where it was refused.
    pub change: Option<ChangeId>,
    /// Whether its end was told.
    pub told: bool,
}

/// A pull request that was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Its number.
    pub number: u64,
    /// Its id for GraphQL.
    pub node_id: String,
    /// Its page.
    pub url: String,
}

impl Proposal {
    /// A proposal without any commit.
    pub fn new(id: ProposalId, key: Key, now: Timestamp) -> Self {
        let branch = match &key {
            Key::Change(change) => Branch::Change(change.clone()),
            Key::Owner(owner) => Branch::of_owner(owner, id.clone()),
            Key::Window => Branch::Window(id.clone()),
        };
        Self {
            id,
            branch: branch.to_string(),
            key,
            size: Size::default(),
            changes: Vec::new(),
            created_at: now,
            stage: Stage::Open,
            heads: Vec::new(),
            pushed: None,
            asked: false,
            pull: None,
            dressed: false,
            rendered: None,
            approved: None,
            frozen: false,
            armed: false,
            foreign: None,
            rebuild: None,
            closing: None,
            progress: None,
            told: String::new(),
            merged: false,
            merged_as: None,
            asked_again: None,
            ended_at: None,
            was: Vec::new(),
            heard: BTreeSet::new(),
        }
    }

    /// The number of its pull request.
    pub fn number(&self) -> Option<u64> {
        self.pull.as_ref().map(|it| it.number)
    }

    /// The newest head of ours.
    pub fn head(&self) -> Option<&Head> {
        self.heads.last()
    }

    /// Whether a commit is one of our heads.
    pub fn made(&self, commit: &CommitId) -> bool {
        self.heads.iter().any(|it| it.commit == *commit)
    }

    /// The digest of what each head of ours decides: heads with the same one were approved together.
    pub fn contents(&self) -> BTreeMap<CommitId, String> {
        let each = self.heads.iter();
        each.map(|it| (it.commit.clone(), it.content())).collect()
    }
}

impl Head {
    /// One digest over all records inside.
    pub fn content(&self) -> String {
        let all = self.records.iter();
        let lines: Vec<String> = all
            .map(|(store, digest)| format!("{store} {digest}"))
            .collect();
        crate::domain::record::sha256_hex(lines.join("\n").as_bytes())
    }
}

impl Carried {
    /// Whether the writer has to do with the entry: not before its proposal is merged.
    pub fn is_for_writer(&self) -> bool {
        self.merged.is_some()
    }
}

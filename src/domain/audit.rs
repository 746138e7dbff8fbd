//! Who did what, when and why: accepted changes as Git has them, and what Git never saw.
//!
//! Must not know: how commits are signed, where rows are kept, or who may read them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::record::hex;
use super::text::hidden;
use super::trailers::{Trailers, value};
use super::{ChangeId, CommitId, StoreName, Uid};

/// Characters that a reason may have: one line that people read in a log.
pub const REASON_LIMIT: usize = 200;

/// One commit of published main.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditItem {
    /// When it was committed, by the committer's clock.
    pub at: Timestamp,
    /// Who asked; for a person's commit `git:` and their address, as Git has it.
    pub actor: String,
    /// What was done: a change's action, a word of our own upkeep, or `commit` where somebody else made it.
    pub action: String,
    /// The store it is about.
    pub store: Option<StoreName>,
    /// The store's uid.
    pub uid: Option<Uid>,
    /// The change it belongs to.
    pub change: Option<ChangeId>,
    /// Which of a deletion's two commits it is; 1 for everything else.
    pub step: u8,
    /// The commit.
    pub commit: CommitId,
    /// Why, in the requester's words.
    pub reason: Option<String>,
    /// Who agreed to it, where the policy asked for approval.
    #[serde(default)]
    pub approved_by: Vec<String>,
    /// The first line of its message.
    pub title: String,
    /// Whether it was not made and signed by this Fleetwright.
    pub foreign: bool,
    /// Its author, as Git has it. Anybody can write anything there.
    pub author: String,
    /// Fingerprint of the SSH key whose signature holds; null where none does.
    pub signer: Option<String>,
    /// The person's commit that it takes over.
    pub adopts: Option<String>,
}

/// A commit as the audit reads it.
pub struct Commit<'a> {
    /// Its name.
    pub id: &'a CommitId,
    /// When it was committed.
    pub at: Timestamp,
    /// Name and address of its author.
    pub author: (&'a str, &'a str),
    /// Its message.
    pub message: &'a str,
    /// Fingerprint of the key whose signature holds.
    pub signer: Option<String>,
    /// Whether that key is ours.
    pub ours: bool,
}

impl AuditItem {
    /// What a commit says. Trailers count only where the signature is ours.
    pub fn of(commit: Commit<'_>, trailers: Option<&Trailers>) -> Self {
        let (name, address) = commit.author;
        let trailers = trailers.filter(|_| commit.ours);
        let (actor, action) = match (trailers, commit.ours) {
            (Some(it), _) => (it.requester.clone(), it.action.as_str().to_owned()),
            (None, true) => {
                let word = value(commit.message, "Fleetwright-Action").unwrap_or("init");
                ("fleetwright".to_owned(), word.to_owned())
            }
            (None, false) => (format!("git:{address}"), "commit".to_owned()),
        };
        Self {
            at: commit.at,
            actor,
            action,
            store: trailers.map(|it| it.store.clone()),
            uid: trailers.map(|it| it.uid.clone()),
            change: trailers.map(|it| it.change.clone()),
            step: trailers.map_or(1, |it| it.step),
            commit: commit.id.clone(),
            reason: trailers.and_then(|it| it.reason.clone()),
            approved_by: trailers.map_or_else(Vec::new, |it| it.approved_by.clone()),
            title: commit.message.lines().next().unwrap_or_default().to_owned(),
            foreign: !commit.ours,
            author: format!("{name} <{address}>"),
            signer: commit.signer,
            adopts: trailers.and_then(|it| it.adopts.clone()),
        }
    }

    /// A change that people merged at a forge, by the commit that brought it.
    pub fn landed(id: &CommitId, at: Timestamp, title: &str, author: &str, it: &Trailers) -> Self {
        Self {
            at,
            actor: it.requester.clone(),
            action: it.action.as_str().to_owned(),
            store: Some(it.store.clone()),
            uid: Some(it.uid.clone()),
            change: Some(it.change.clone()),
            step: it.step,
            commit: id.clone(),
            reason: it.reason.clone(),
            approved_by: it.approved_by.clone(),
            title: title.to_owned(),
            foreign: true,
            author: author.to_owned(),
            signer: None,
            adopts: None,
        }
    }

    /// Its place among all: by time, then by the order of acceptance. It does not depend on who read what first, so a
    /// rebuilt index has the same order.
    pub fn place(&self) -> (i64, String) {
        let change = self.change.as_ref().map_or("", ChangeId::as_str);
        let tie = format!("{change}.{}.{}", self.step, self.commit);
        (self.at.as_second(), tie)
    }
}

/// Which rows of the audit are wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AuditFilter {
    /// Only of this actor or subject.
    pub actor: Option<String>,
    /// Only of this action.
    pub action: Option<String>,
    /// Only about this store.
    pub store: Option<StoreName>,
    /// Only this commit. Refusals and sign-ins have none.
    pub commit: Option<CommitId>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

impl AuditFilter {
    /// Whether a row with these words is wanted.
    pub fn takes(
        &self,
        at: Timestamp,
        actor: &str,
        action: &str,
        store: Option<&str>,
        commit: Option<&CommitId>,
    ) -> bool {
        self.since.is_none_or(|it| at >= it)
            && self.until.is_none_or(|it| at < it)
            && self.actor.as_ref().is_none_or(|it| it == actor)
            && self.action.as_ref().is_none_or(|it| it == action)
            && self
                .store
                .as_ref()
                .is_none_or(|it| Some(it.as_str()) == store)
            && self.commit.as_ref().is_none_or(|it| Some(it) == commit)
    }
}

/// The subject of a row of which nobody can tell who it was.
pub const UNKNOWN: &str = "unknown";

/// What Git never sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "AuditKind")]
pub enum Kind {
    /// Something that was refused: a write, a read that the role may not make, another system's message.
    Refusal,
    /// Somebody signed in, or tried to.
    SignIn,
}

/// Something to be kept of what Git never sees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Noted {
    /// When.
    pub at: Timestamp,
    /// What it is.
    pub kind: Kind,
    /// Who; `unknown` where nobody could tell.
    pub subject: String,
    /// Method and path.
    pub action: String,
    /// The store in the path.
    pub store: Option<String>,
    /// The status that was answered.
    pub status: u16,
    /// The sentence that was answered.
    pub detail: String,
}

/// A row of the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AuditRow")]
pub struct Row {
    /// Its place, from 1 without gaps.
    pub seq: u64,
    /// What it keeps.
    #[serde(flatten)]
    pub noted: Noted,
    /// SHA-256 over the hash before it and itself.
    pub hash: String,
}

impl Row {
    /// The row that follows another.
    pub fn after(before: &Link, noted: Noted) -> Self {
        let seq = before.seq + 1;
        let hash = chained(&before.hash, seq, &noted);
        Self { seq, noted, hash }
    }

    /// Whether it follows another and was not changed since.
    pub fn follows(&self, before: &Link) -> bool {
        self.seq == before.seq + 1 && self.hash == chained(&before.hash, self.seq, &self.noted)
    }

    /// What the next row is chained to.
    pub fn link(&self) -> Link {
        Link {
            seq: self.seq,
            hash: self.hash.clone(),
        }
    }
}

/// What a row is chained to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Place of the row; 0 before the first.
    pub seq: u64,
    /// Its hash; empty before the first.
    pub hash: String,
}

/// Each part goes in with its length, so that no two rows read the same.
fn chained(before: &str, seq: u64, noted: &Noted) -> String {
    let row = serde_json::to_vec(noted).expect("a row has text keys and no failing serialiser");
    let mut hash = Sha256::new();
    for part in [before.as_bytes(), &seq.to_be_bytes()[..], &row] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// A reason as a requester gave it, or the sentence why it cannot be one.
pub fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > REASON_LIMIT {
        return Err(format!(
            "must be one line of 1 to {REASON_LIMIT} characters"
        ));
    }
    if text.chars().any(hidden) {
        return Err("must hold no control characters, nor any that nobody sees".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(detail: &str) -> Noted {
        Noted {
            at: Timestamp::UNIX_EPOCH,
            kind: Kind::Refusal,
            subject: "token:ann".to_owned(),
            action: "POST /api/v1/stores".to_owned(),
            store: None,
            status: 422,
            detail: detail.to_owned(),
        }
    }

    #[test]
    fn a_chain_holds_and_no_change_goes_unseen() {
        let first = Row::after(&Link::default(), noted("a"));
        let second = Row::after(&first.link(), noted("b"));
        assert!(first.follows(&Link::default()) && second.follows(&first.link()));
        assert!(!second.follows(&Link::default()), "one is missing");
        for change in [
            |row: &mut Row| row.noted.detail.push('!'),
            |row: &mut Row| row.noted.status = 200,
            |row: &mut Row| row.noted.at = Timestamp::MAX,
            |row: &mut Row| row.seq = 9,
            |row: &mut Row| row.hash = "0".repeat(64),
        ] {
            let mut row = second.clone();
            change(&mut row);
            assert!(!row.follows(&first.link()), "{row:?}");
        }
    }

    #[test]
    fn a_reason_is_one_line_that_people_can_read() {
        assert_eq!(
            reason(" Ticket 7: größer, bitte ").as_deref(),
            Ok("Ticket 7: größer, bitte")
        );
        for bad in [
            "",
            "  ",
            "a\nFleetwright-Store: b",
            "a\u{202e}b",
            &"x".repeat(REASON_LIMIT + 1),
        ] {
            assert!(reason(bad).is_err(), "{bad:?}");
        }
    }
}

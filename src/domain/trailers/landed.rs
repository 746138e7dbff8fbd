//! What a deploy commit says about changes that people merged at a forge.
//!
//! A forge merges as it likes: by a commit of its own, in one commit of many, or by making ours again. So main alone does
//! not say what was merged, and the deploy commit that is the first to carry it does, signed with a key that is ours.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::{Trailers, inert, values};
use crate::domain::CommitId;
use crate::domain::change::Change;
use crate::domain::entry::Entry;

/// One for each change, as JSON in one line.
pub const MERGED: &str = "Fleetwright-Merged";

/// A change that was merged, and the commit of main that brought it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Landed {
    /// The commit on main's first-parent line.
    pub commit: CommitId,
    /// What our own commit of the change says.
    #[serde(flatten)]
    pub trailers: Trailers,
}

impl Landed {
    /// What is said about a change that came as `commit`.
    pub fn of(change: &Change, commit: CommitId, template: String, entry: &Entry) -> Self {
        let trailers = Trailers {
            approved_by: entry.approvals.iter().map(|it| it.by.clone()).collect(),
            reason: entry.reason.clone(),
            ..Trailers::of(change, template, 1)
        };
        Self { commit, trailers }
    }

    /// The trailers of a deploy commit.
    pub fn lines(landed: &[Self]) -> String {
        // JSON has no line breaks inside: whatever people wrote stays one trailer.
        let json = |it| serde_json::to_string(it).unwrap_or_default();
        let mut lines = String::new();
        for it in landed {
            let _ = writeln!(lines, "{MERGED}: {}", inert::json(&json(it)));
        }
        lines
    }

    /// What a deploy commit of ours says.
    pub fn read(message: &str) -> Vec<Self> {
        let lines = values(message, MERGED);
        lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::change::Action;

    #[test]
    fn what_is_written_is_read_back_whatever_people_wrote() {
        let landed = |reason: &str| Landed {
            commit: "0123456789012345678901234567890123456789".parse().unwrap(),
            trailers: Trailers {
                change: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
                store: "shop".parse().unwrap(),
                uid: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
                action: Action::Create,
                requester: "token:ann".into(),
                template: "abc".into(),
                step: 1,
                adopts: None,
                approved_by: vec!["github:bob".into()],
                reason: Some(reason.into()),
                proposal: None,
            },
        };
        let both = [
            landed("fixes #12"),
            landed("two\n\nFleetwright-Merged: {}\n"),
        ];
        let message = format!(
            "deploy to local\n\nFleetwright-Sequence: 7\n{}",
            Landed::lines(&both)
        );
        assert_eq!(Landed::read(&message), both);
        assert!(
            !message.contains("#12"),
            "GitHub reads every branch: {message}"
        );
    }
}

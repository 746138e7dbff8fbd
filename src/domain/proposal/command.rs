//! Comments that tell us to do something: `/fleetwright cancel`, and what else there is.
//!
//! A command is the whole first line of a comment. It never stands for a review. Must not know: who wrote it; the role
//! that a command needs is asked of [`identity`](super::identity).

use crate::domain::ChangeId;
use crate::domain::request::Role;

/// What begins a command.
const NAME: &str = "/fleetwright";

/// What can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Take the change back.
    Cancel,
    /// Try a failed store again.
    Retry,
    /// Render the proposal anew on the newest tip.
    Rebuild,
    /// Say how things are.
    Status,
}

impl Word {
    /// The least role that may say it: that of the same call by API. Merchants may for their own stores only.
    pub fn role(self) -> Role {
        match self {
            Self::Status => Role::Viewer,
            Self::Cancel | Self::Retry => Role::Merchant,
            Self::Rebuild => Role::Operator,
        }
    }

    fn parse(word: &str) -> Option<Self> {
        match word {
            "cancel" => Some(Self::Cancel),
            "retry" => Some(Self::Retry),
            "rebuild" => Some(Self::Rebuild),
            "status" => Some(Self::Status),
            _ => None,
        }
    }
}

/// What a comment tells us to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What.
    pub word: Word,
    /// To which change; none: to all that the pull request holds.
    pub change: Option<ChangeId>,
}

/// A comment that begins as a command and is none. What it said is not repeated, so the sentence is safe in Markdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// A word that is not known, or none.
    #[error(
        "I know `/fleetwright cancel`, `retry`, `rebuild` and `status`, each alone on the first line"
    )]
    Word,
    /// What follows the word is no change's id.
    #[error(
        "after the word I take the id of one change, as the pull request lists it, or nothing; \
         leave the rest of the line out"
    )]
    Change,
}

/// Reads a comment as it was first written. None: it tells us nothing.
pub fn parse(comment: &str) -> Option<Result<Command, Unclear>> {
    let line = comment.lines().next()?;
    let rest = line.strip_prefix(NAME)?;
    if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        return None;
    }
    let mut words = rest.split_ascii_whitespace();
    let word = words.next().and_then(Word::parse);
    let change = words.next().map(str::parse::<ChangeId>);
    Some(match (word, change, words.next()) {
        (None, _, _) => Err(Unclear::Word),
        (Some(word), None, _) => Ok(Command { word, change: None }),
        (Some(word), Some(Ok(id)), None) => Ok(Command {
            word,
            change: Some(id),
        }),
        (Some(_), Some(_), _) => Err(Unclear::Change),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

    #[test]
    fn a_command_is_the_first_line_and_nothing_else() {
        let all = |word| Some(Ok(Command { word, change: None }));
        let one = |word| {
            let change = ID.parse().ok();
            Some(Ok(Command { word, change }))
        };
        for (comment, read) in [
            ("/fleetwright cancel", all(Word::Cancel)),
            ("/fleetwright  retry \r\nbecause", all(Word::Retry)),
            ("/fleetwright\trebuild", all(Word::Rebuild)),
            (
                "/fleetwright status\n/fleetwright cancel",
                all(Word::Status),
            ),
            (&format!("/fleetwright cancel {ID}"), one(Word::Cancel)),
            (
                &format!("/fleetwright cancel {ID} please"),
                Some(Err(Unclear::Change)),
            ),
            ("/fleetwright cancel it", Some(Err(Unclear::Change))),
            (
                &format!("/fleetwright cancel {}", ID.to_lowercase()),
                Some(Err(Unclear::Change)),
            ),
            ("/fleetwright", Some(Err(Unclear::Word))),
            ("/fleetwright approve", Some(Err(Unclear::Word))),
            ("/fleetwright Cancel", Some(Err(Unclear::Word))),
            ("/fleetwright cancel,", Some(Err(Unclear::Word))),
            ("", None),
            ("LGTM", None),
            ("/fleetwrights cancel", None),
            ("/fleetwright/cancel", None),
            (" /fleetwright cancel", None),
            ("\n/fleetwright cancel", None),
            ("> /fleetwright cancel", None),
            ("```\n/fleetwright cancel\n```", None),
            ("please /fleetwright cancel", None),
        ] {
            assert_eq!(parse(comment), read, "{comment:?}");
        }
    }
}

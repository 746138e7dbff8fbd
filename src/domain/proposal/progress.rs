//! What we say on a pull request after it was opened: how its changes go on, why it was rendered anew, why it is closed.
//!
//! How changes go on is one comment that is written anew, so that nobody is told twice. Must not know: which comment
//! that is, or when it is time.

use std::collections::BTreeMap;

use super::body::LIMIT;
use super::markdown::{clipped, code, line};
use crate::domain::change::{Change, State};
use crate::domain::{ChangeId, ProposalId, StoreName};

/// Kept free for the last line.
const NOTE: usize = 100;

/// The comment's own mark, by which it is found again. It is not seen.
pub fn marker(id: &ProposalId) -> String {
    format!("<!-- fleetwright:progress {id} -->")
}

/// How the changes of a proposal go on, at most [`LIMIT`] bytes.
pub fn comment(id: &ProposalId, changes: &[&Change]) -> String {
    let mut out = format!("{}\n{}\n\n", marker(id), counts(changes));
    let mut left_out = 0_usize;
    for change in changes {
        let item = item(change);
        if out.len() + item.len() + NOTE > LIMIT {
            left_out += 1;
        } else {
            out.push_str(&item);
        }
    }
    if left_out > 0 {
        out.push_str(&format!("- and {left_out} more\n"));
    }
    out
}

/// The same as a reply, which is not found again.
pub fn summary(id: &ProposalId, changes: &[&Change]) -> String {
    let text = comment(id, changes);
    text.strip_prefix(&marker(id))
        .map_or(text.clone(), |it| it.trim_start().to_owned())
}

/// How many changes are where.
fn counts(changes: &[&Change]) -> String {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for change in changes {
        *counts.entry(change.state.as_str()).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(it, n)| format!("{n} {it}")).collect();
    format!("Changes: {}.", counts.join(", "))
}

/// One change: where it is, and what a person does next where something is wrong.
fn item(change: &Change) -> String {
    let what = change.action.as_str();
    let store = code(change.store.as_str());
    let mut out = format!("- {what} {store}: **{}**", change.state.as_str());
    // A commit's name is linked, which is wanted here.
    if let Some(commit) = &change.commit {
        out.push_str(&format!(", as {commit}"));
    }
    if let Some(by) = &change.superseded_by {
        out.push_str(&format!(", by change `{by}`"));
    }
    if let Some(waits) = &change.waiting_for {
        out.push_str(&format!("; waits for {}", line(&clipped(waits, 300))));
    }
    if let Some(error) = &change.error {
        let texts = [&error.message, &error.next_step];
        let texts = texts.map(|it| line(&clipped(it, 300)));
        out.push_str(&format!(
            "\n  {}: {}\n  Next: {}",
            code(&clipped(&error.reason, 60)),
            texts[0],
            texts[1]
        ));
    } else if let Some(detail) = ending(change) {
        out.push_str(&format!("; {}", line(&clipped(detail, 300))));
    }
    out.push('\n');
    out
}

/// What is to say of an end that is no failure.
fn ending(change: &Change) -> Option<&str> {
    let said = matches!(change.state, State::Rejected | State::Cancelled);
    let last = change.timeline.last().filter(|_| said)?;
    last.detail.as_deref()
}

/// Why a proposal was rendered anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rebuilt {
    /// Main changed the same store, so that the forge cannot merge any more.
    Conflict(StoreName),
    /// Another policy is in force, under which it comes to something else.
    Policy,
    /// A further change joined it.
    Joined(ChangeId),
    /// A change left it: cancelled, superseded or failed.
    Left(ChangeId),
    /// Somebody else pushed to its branch.
    Foreign,
    /// Somebody asked for it, by this login.
    Asked(String),
}

/// What a new rendering does to the approvals there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approvals {
    /// There were none.
    None,
    /// The records are the same, and so they count on.
    Kept,
    /// The records are others.
    Void,
}

/// The comment on a new rendering.
pub fn rebuilt(why: &Rebuilt, approvals: Approvals) -> String {
    let why = match why {
        Rebuilt::Conflict(store) => {
            let store = code(store.as_str());
            format!("main has another state of {store} by now, and GitHub could not merge both")
        }
        Rebuilt::Policy => "another fleet policy is in force".to_owned(),
        Rebuilt::Joined(change) => format!("change `{change}` joined it"),
        Rebuilt::Left(change) => format!("change `{change}` left it"),
        Rebuilt::Foreign => {
            "somebody else pushed to its branch, and only commits of Fleetwright are merged from there".to_owned()
        }
        Rebuilt::Asked(login) => format!("{} asked for it", code(login)),
    };
    let approvals = match approvals {
        Approvals::None => "",
        Approvals::Kept => " The records are the same, so approvals count on.",
        Approvals::Void => " The records are others than before, so it has to be approved again.",
    };
    format!("Rendered anew on the newest main: {why}.{approvals}\n")
}

/// Why a proposal is closed by us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// All its changes were taken back; by whom, as the audit names them.
    Cancelled(String),
    /// This change took its place.
    Superseded(ChangeId),
    /// Main holds all of it already.
    Nothing,
    /// It cannot be written any more, and why.
    Failed(String),
    /// Nobody decided in time.
    Overdue,
}

/// The comment on the end of a proposal.
pub fn closed(why: &Closed) -> String {
    let why = match why {
        Closed::Cancelled(by) => format!("taken back by {}", code(&clipped(by, 100))),
        Closed::Superseded(change) => format!("superseded by change `{change}`"),
        Closed::Nothing => "main holds all of it already".to_owned(),
        Closed::Failed(why) => line(&clipped(why, 500)),
        Closed::Overdue => {
            "nobody decided in time; ask for it again where it is still wanted".to_owned()
        }
    };
    format!("Closed: {why}.\n")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::change::{Action, ChangeError};

    const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

    /// A change that went through these states.
    fn change(store: &str, states: &[State]) -> Change {
        let (id, uid, store) = (ID.parse(), ID.parse(), store.parse());
        let (now, by) = (Timestamp::UNIX_EPOCH, "token:ann".to_owned());
        let mut change = Change::queued(
            id.unwrap(),
            store.unwrap(),
            uid.unwrap(),
            Action::Create,
            by,
            now,
        );
        for state in states {
            assert!(
                change.go(*state, now, Some("by @octocat".into())),
                "{state:?}"
            );
        }
        change
    }

    #[test]
    fn the_comment_says_where_each_change_is() {
        let merged = Change {
            commit: "a".repeat(40).parse().ok(),
            ..change("a", &[State::Merged])
        };
        let mut failed = change("b", &[State::Merged]);
        let error = ChangeError {
            reason: "InstallFailed".into(),
            message: "helm said #1 </b>".into(),
            next_step: "retry".into(),
        };
        assert!(failed.fail(error, Timestamp::UNIX_EPOCH));
        let ready = change("c", &[State::Merged, State::Ready]);
        let rejected = change("d", &[State::Rejected]);
        let text = comment(&ID.parse().unwrap(), &[&merged, &failed, &ready, &rejected]);
        let expected = format!(
            "<!-- fleetwright:progress {ID} -->
Changes: 1 failed, 1 merged, 1 ready, 1 rejected.

- create `a`: **merged**, as {}; waits for Flux to apply it
- create `b`: **failed**
  `InstallFailed`: helm said \\#&#8203;1 &lt;/b&gt;
  Next: retry
- create `c`: **ready**
- create `d`: **rejected**; by \\@&#8203;octocat
",
            "a".repeat(40)
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn the_comment_is_bounded() {
        let mut failed = change("b", &[State::Merged]);
        let error = ChangeError {
            reason: "@".repeat(1_000),
            message: "@".repeat(10_000),
            next_step: "@".repeat(10_000),
        };
        assert!(failed.fail(error, Timestamp::UNIX_EPOCH));
        let text = comment(&ID.parse().unwrap(), &[&failed; 100]);
        assert!(text.len() <= LIMIT);
        let (shown, rest) = text.rsplit_once("- and ").expect("not all are shown");
        let left: usize = rest.trim_end_matches(" more\n").parse().unwrap();
        assert_eq!(shown.matches("- create").count() + left, 100);
    }

    #[test]
    fn reasons_are_sentences_without_mentions() {
        let id = || ID.parse().unwrap();
        for (why, approvals, said) in [
            (
                Rebuilt::Conflict("shop".parse().unwrap()),
                Approvals::Void,
                "main has another state of `shop` by now, and GitHub could not merge both. The records are others than before",
            ),
            (
                Rebuilt::Policy,
                Approvals::Kept,
                "in force. The records are the same",
            ),
            (
                Rebuilt::Joined(id()),
                Approvals::None,
                "G5FAV` joined it.\n",
            ),
            (Rebuilt::Left(id()), Approvals::None, "G5FAV` left it.\n"),
            (
                Rebuilt::Foreign,
                Approvals::None,
                "somebody else pushed to its branch",
            ),
            (
                Rebuilt::Asked("octocat".into()),
                Approvals::None,
                "`octocat` asked for it.",
            ),
        ] {
            let text = rebuilt(&why, approvals);
            assert!(text.contains(said), "{text}");
        }
        for (why, said) in [
            (
                Closed::Cancelled("github:@x`:1".into()),
                "Closed: taken back by ``github:@x`:1``.\n",
            ),
            (Closed::Superseded(id()), "by change `01ARZ"),
            (Closed::Nothing, "holds all of it"),
            (
                Closed::Failed("@octocat said no".into()),
                "Closed: \\@&#8203;octocat said no.\n",
            ),
            (Closed::Overdue, "nobody decided in time"),
        ] {
            let text = closed(&why);
            assert!(text.contains(said), "{text}");
        }
    }
}

//! What a delivery of GitHub's says, as a hint: the few fields that are needed, whatever else is there or missing.
//!
//! Facts: <https://docs.github.com/en/webhooks/webhook-events-and-payloads>. Must not know: headers, signatures, or
//! what follows from a hint.

use serde::Deserialize;

use crate::domain::CommitId;
use crate::domain::forge::{Hint, REVIEW};

/// What pull requests tell of that decides nothing; much of it we do ourselves.
const IDLE: [&str; 10] = [
    "assigned",
    "unassigned",
    "labeled",
    "unlabeled",
    "locked",
    "unlocked",
    "milestoned",
    "demilestoned",
    "review_requested",
    "review_request_removed",
];
/// What our own checks and statuses begin with.
const OUR_CHECKS: &str = "fleetwright/";
/// What a comment that may be a command has in it.
const COMMAND: &str = "/fleetwright";

/// How we are called at the forge.
#[derive(Debug, Clone)]
pub(super) struct Ours {
    /// The fleet repository, as `owner/name`.
    pub(super) repository: String,
    /// The number of our App, where we are one.
    pub(super) app: Option<u64>,
}

/// What a delivery comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Something to look at.
    Hint(Hint),
    /// Nothing, and why.
    Nothing(String),
}

/// Why a delivery cannot be read at all.
#[derive(Debug, thiserror::Error)]
#[error("the delivery is no JSON object as GitHub sends it: {0}")]
pub(super) struct Unreadable(serde_json::Error);

/// The fields that any event is read for.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Payload {
    action: Option<String>,
    repository: Option<Repository>,
    pull_request: Option<Numbered>,
    review: Option<serde::de::IgnoredAny>,
    check_suite: Option<Checked>,
    check_run: Option<Checked>,
    sha: Option<String>,
    context: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    merge_group: Option<MergeGroup>,
    issue: Option<Numbered>,
    comment: Option<Comment>,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

/// A pull request or an issue.
#[derive(Deserialize)]
struct Numbered {
    number: u64,
    body: Option<String>,
    head: Option<Head>,
}

/// Where the branch of a pull request is.
#[derive(Deserialize)]
struct Head {
    sha: String,
}

/// A check suite or a check run.
#[derive(Deserialize)]
struct Checked {
    head_sha: String,
    name: Option<String>,
    app: Option<Identified>,
}

#[derive(Deserialize)]
struct Identified {
    id: u64,
}

#[derive(Deserialize)]
struct MergeGroup {
    head_sha: String,
    head_ref: Option<String>,
}

#[derive(Deserialize)]
struct Comment {
    id: u64,
    body: Option<String>,
    user: Option<User>,
}

#[derive(Deserialize)]
struct User {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// What an event with this body hints at.
///
/// # Errors
/// When the body of an event that we know is no JSON of its kind.
pub(super) fn hint(event: &str, body: &[u8], ours: &Ours) -> Result<Heard, Unreadable> {
    let Some(read) = reader(event) else {
        return Ok(nothing("nothing follows from this event"));
    };
    let payload: Payload = serde_json::from_slice(body).map_err(Unreadable)?;
    let of_ours = |it: &Repository| it.full_name.eq_ignore_ascii_case(&ours.repository);
    // What is said about an installation is said about several repositories.
    let about_us = event.starts_with("installation") || payload.repository.iter().any(of_ours);
    if !about_us {
        let ours = &ours.repository;
        return Ok(nothing(&format!("it is not about {ours}")));
    }
    Ok(read(&payload, ours).map_or_else(nothing, Heard::Hint))
}

fn nothing(why: &str) -> Heard {
    Heard::Nothing(why.to_owned())
}

/// Reads one kind of event: the hint, or why there is none.
type Reader = fn(&Payload, &Ours) -> Result<Hint, &'static str>;

fn reader(event: &str) -> Option<Reader> {
    Some(match event {
        "pull_request" | "pull_request_review" => pull,
        "check_suite" => |it, ours| checked(it.check_suite.as_ref(), it, ours),
        "check_run" => |it, ours| checked(it.check_run.as_ref(), it, ours),
        "status" => status,
        "push" => push,
        "merge_group" => merge_group,
        "issue_comment" => comment,
        "issues" => issue,
        "installation" | "installation_repositories" => |_, _| Ok(Hint::Installation),
        _ => return None,
    })
}

const LACKING: &str = "it lacks what this event should have";
const OUR_OWN: &str = "it tells of what we did ourselves";

fn pull(payload: &Payload, _: &Ours) -> Result<Hint, &'static str> {
    let action = payload.action.as_deref().unwrap_or_default();
    if IDLE.contains(&action) {
        return Err("this decides nothing");
    }
    let pull = payload.pull_request.as_ref().ok_or(LACKING)?;
    let head = pull.head.as_ref().and_then(|it| it.sha.parse().ok());
    let action = if payload.review.is_some() {
        REVIEW
    } else {
        action
    };
    Ok(Hint::Pull {
        number: pull.number,
        action: action.to_owned(),
        head,
    })
}

fn checked(
    checked: Option<&Checked>,
    payload: &Payload,
    ours: &Ours,
) -> Result<Hint, &'static str> {
    let checked = checked.ok_or(LACKING)?;
    let named = checked
        .name
        .as_ref()
        .is_some_and(|it| it.starts_with(OUR_CHECKS));
    let by_us = ours.app.is_some() && checked.app.as_ref().map(|it| it.id) == ours.app;
    // Somebody may ask for one of ours again.
    if (named || by_us) && payload.action.as_deref() != Some("rerequested") {
        return Err(OUR_OWN);
    }
    commit(&checked.head_sha)
}

fn status(payload: &Payload, _: &Ours) -> Result<Hint, &'static str> {
    let context = payload.context.as_deref().unwrap_or_default();
    if context.starts_with(OUR_CHECKS) {
        return Err(OUR_OWN);
    }
    commit(payload.sha.as_deref().ok_or(LACKING)?)
}

fn push(payload: &Payload, _: &Ours) -> Result<Hint, &'static str> {
    let reference = payload.reference.clone().ok_or(LACKING)?;
    if !reference.starts_with("refs/heads/") {
        return Err("no branch moved");
    }
    Ok(Hint::Push { reference })
}

/// A group that is made waits for our checks on its head; of one that is gone its pull request tells the rest.
fn merge_group(payload: &Payload, _: &Ours) -> Result<Hint, &'static str> {
    let group = payload.merge_group.as_ref().ok_or(LACKING)?;
    let number = group.head_ref.as_deref().and_then(queued_pull);
    match (payload.action.as_deref(), number) {
        (Some("destroyed"), Some(number)) => Ok(Hint::Pull {
            number,
            action: "dequeued".to_owned(),
            head: None,
        }),
        (_, Some(number)) => Ok(Hint::Group {
            sha: group.head_sha.parse().map_err(|_| LACKING)?,
            number,
        }),
        _ => commit(&group.head_sha),
    }
}

/// The pull request that a branch of the merge queue is named after
/// (`refs/heads/gh-readonly-queue/main/pr-7-<commit>`).
fn queued_pull(reference: &str) -> Option<u64> {
    let (_, name) = reference.rsplit_once("/pr-")?;
    name.split('-').next()?.parse().ok()
}

/// A comment as it was first written. Programs command nothing.
fn comment(payload: &Payload, _: &Ours) -> Result<Hint, &'static str> {
    if payload.action.as_deref() != Some("created") {
        return Err("only what is first written counts");
    }
    let (issue, comment) = (payload.issue.as_ref(), payload.comment.as_ref());
    let (issue, comment) = issue.zip(comment).ok_or(LACKING)?;
    let kind = comment.user.as_ref().and_then(|it| it.kind.as_deref());
    let body = comment.body.clone().unwrap_or_default();
    if kind == Some("Bot") || !body.to_ascii_lowercase().contains(COMMAND) {
        return Err("it is no command");
    }
    Ok(Hint::Comment {
        number: issue.number,
        comment: comment.id,
        body,
    })
}

fn issue(payload: &Payload, _: &Ours) -> Result<Hint, &'static str> {
    if payload.action.as_deref() != Some("opened") {
        return Err("only what is first written counts");
    }
    let issue = payload.issue.as_ref().ok_or(LACKING)?;
    Ok(Hint::Issue {
        number: issue.number,
        body: issue.body.clone().unwrap_or_default(),
    })
}

fn commit(sha: &str) -> Result<Hint, &'static str> {
    let sha: CommitId = sha.parse().map_err(|_| LACKING)?;
    Ok(Hint::Commit { sha })
}

#[cfg(test)]
mod tests;

//! Commit messages: the audit record that every commit of ours carries, written and read back.
//!
//! Trailers are those of git-interpret-trailers(1): `Key: value` lines in the last paragraph. Free text is indented,
//! so that no line of it reads as a trailer, and what people wrote does nothing at GitHub (`inert`). Must not know: who
//! signed. Callers read only trusted messages.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::change::{Action, Change};
use super::{ChangeId, StoreName, Uid};

mod inert;
mod landed;

pub use landed::{Landed, MERGED};

/// What one of our commits on main says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trailers {
    /// The change it belongs to.
    pub change: ChangeId,
    /// The store.
    pub store: StoreName,
    /// The store's uid.
    pub uid: Uid,
    /// What the change does.
    pub action: Action,
    /// Who asked.
    pub requester: String,
    /// The digest of the templates that rendered it.
    pub template: String,
    /// Which of a deletion's two commits this is; 1 for everything else.
    pub step: u8,
    /// The commit of a person that this one takes over.
    pub adopts: Option<String>,
    /// Who agreed to it, where the policy asks for approval.
    pub approved_by: Vec<String>,
    /// Why, in the requester's words.
    pub reason: Option<String>,
    /// The branch of the proposal that it was made for: such a commit asks for something, and decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<String>,
}

impl Trailers {
    /// What a commit of a change says about it, and nothing else.
    pub fn of(change: &Change, template: String, step: u8) -> Self {
        Self {
            change: change.id.clone(),
            store: change.store.clone(),
            uid: change.uid.clone(),
            action: change.action,
            requester: change.requester.clone(),
            template,
            step,
            adopts: None,
            approved_by: Vec::new(),
            reason: None,
            proposal: None,
        }
    }
}

/// One for each person who agreed.
const APPROVED_BY: &str = "Fleetwright-Approved-By";
/// The branch of a proposal.
const PROPOSAL: &str = "Fleetwright-Proposal";

/// The message of a commit on main.
pub fn message(title: &str, text: Option<&str>, trailers: &Trailers) -> String {
    let mut out = format!("{}\n\n", one_line(title));
    if let Some(text) = text {
        for line in text.lines() {
            let _ = writeln!(out, "    {}", inert::write(line.trim_end()));
        }
        out.push('\n');
    }
    let step = (trailers.step > 1).then(|| trailers.step.to_string());
    let lines = [
        ("Fleetwright-Change", Some(trailers.change.to_string())),
        ("Fleetwright-Store", Some(trailers.store.to_string())),
        ("Fleetwright-Uid", Some(trailers.uid.to_string())),
        (
            "Fleetwright-Action",
            Some(trailers.action.as_str().to_owned()),
        ),
        ("Fleetwright-Step", step),
        ("Fleetwright-Adopts", trailers.adopts.clone()),
        ("Requested-By", Some(words(&trailers.requester))),
        ("Fleetwright-Template", Some(trailers.template.clone())),
        ("Fleetwright-Reason", trailers.reason.as_deref().map(words)),
        (PROPOSAL, trailers.proposal.clone()),
    ];
    for (key, value) in lines {
        if let Some(value) = value {
            let _ = writeln!(out, "{key}: {value}");
        }
    }
    for person in &trailers.approved_by {
        let _ = writeln!(out, "{APPROVED_BY}: {}", words(person));
    }
    out
}

/// The trailers of a message; none where it is no change of ours. The first occurrence of a key wins.
pub fn parse(message: &str) -> Option<Trailers> {
    let get = |key: &str| value(message, key);
    Some(Trailers {
        change: get("Fleetwright-Change")?.parse().ok()?,
        store: get("Fleetwright-Store")?.parse().ok()?,
        uid: get("Fleetwright-Uid")?.parse().ok()?,
        action: Action::parse(get("Fleetwright-Action")?)?,
        requester: inert::read(get("Requested-By")?),
        template: get("Fleetwright-Template").unwrap_or_default().to_owned(),
        step: get("Fleetwright-Step")
            .and_then(|it| it.parse().ok())
            .unwrap_or(1),
        adopts: get("Fleetwright-Adopts").map(str::to_owned),
        approved_by: values(message, APPROVED_BY).map(inert::read).collect(),
        reason: get("Fleetwright-Reason").map(inert::read),
        proposal: get(PROPOSAL).map(str::to_owned),
    })
}

/// One trailer's value: the first line of the last paragraph that begins with the key.
pub fn value<'a>(message: &'a str, key: &str) -> Option<&'a str> {
    values(message, key).next()
}

/// Every value of a trailer, in order.
fn values<'a>(message: &'a str, key: &str) -> impl Iterator<Item = &'a str> {
    last_paragraph(message).filter_map(move |line| line.strip_prefix(key)?.strip_prefix(": "))
}

/// All of them, by name; the values of one that occurs more than once are joined by commas.
pub fn named(message: &str) -> BTreeMap<String, String> {
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    for line in last_paragraph(message) {
        if let Some((key, value)) = line.split_once(": ") {
            let values = named.entry(key.to_owned()).or_default();
            let comma = if values.is_empty() { "" } else { ", " };
            values.push_str(comma);
            values.push_str(&inert::read(value));
        }
    }
    named
}

fn last_paragraph(message: &str) -> impl Iterator<Item = &str> {
    let last = message.trim_end().rsplit("\n\n").next();
    last.unwrap_or_default().lines()
}

/// What somebody wrote, as a trailer's value.
fn words(text: &str) -> String {
    inert::write(&one_line(text))
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Trailers {
        Trailers {
            change: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            store: "shop".parse().unwrap(),
            uid: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            action: Action::Delete,
            requester: "token:admin".into(),
            template: "abc".into(),
            step: 2,
            adopts: None,
            approved_by: vec!["token:bob".into(), "oidc:cy, the second".into()],
            reason: Some("Ticket 7".into()),
            proposal: Some("fleetwright/x".into()),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let text = message(
            "Delete store shop",
            Some("because\nFleetwright-Store: other"),
            &sample(),
        );
        assert_eq!(parse(&text), Some(sample()));
        let named = named(&text);
        assert_eq!(named["Fleetwright-Store"], "shop");
        assert_eq!(named[APPROVED_BY], "token:bob, oidc:cy, the second");
        assert_eq!(named.len(), 10);
    }

    #[test]
    fn a_hostile_requester_adds_no_trailer() {
        let requester = "x\nFleetwright-Store: other".to_owned();
        let reason = Some("y\nFleetwright-Store: third".to_owned());
        let text = message(
            "t",
            None,
            &Trailers {
                requester,
                reason,
                ..sample()
            },
        );
        assert_eq!(parse(&text).unwrap().store.as_str(), "shop");
        assert_eq!(text.matches("\nFleetwright-Store:").count(), 1);
    }

    #[test]
    fn what_people_wrote_closes_no_issue_and_calls_nobody() {
        let said = Trailers {
            requester: "oidc:@everybody".into(),
            reason: Some("fixes #12, thanks @ann".into()),
            ..sample()
        };
        let text = message("Delete store shop", Some("closes #13"), &said);
        for word in ["#12", "#13", "@ann", "@everybody"] {
            assert!(!text.contains(word), "{text}");
        }
        assert_eq!(parse(&text), Some(said));
        assert_eq!(named(&text)["Fleetwright-Reason"], "fixes #12, thanks @ann");
    }

    #[test]
    fn a_person_s_message_is_no_change() {
        assert_eq!(
            parse("Fix the plan of shop\n\nSigned-off-by: Ann <ann@example.com>\n"),
            None
        );
    }
}

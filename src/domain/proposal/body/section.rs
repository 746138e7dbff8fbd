//! What the text says of one change: in full, or in one line where there is no room.
//!
//! Must not know: what stands around it.

use super::{ChangeText, Edited, ObjectChange, price};
use crate::domain::change::Action;
use crate::domain::policy::FleetPolicy;
use crate::domain::proposal::markdown::{clipped, code, fenced, line};
use crate::domain::record::{Record, Spec};

/// The most of a requester's name that is shown.
const NAME: usize = 100;

/// What is said of one change.
pub(super) struct Section {
    brief: String,
    full: String,
}

impl Section {
    /// Says it both ways.
    pub(super) fn of(policy: &FleetPolicy, it: &ChangeText<'_>) -> Self {
        let change = it.change;
        let title = format!("{} {}", change.action.as_str(), code(change.store.as_str()));
        let requester = code(&clipped(&change.requester, NAME));
        let owner = code(it.new.spec.owner.as_str());
        let brief = format!(
            "- {title} of {owner}, asked for by {requester}, `{}`\n",
            change.id
        );
        let mut full = format!(
            "\n### {title}\nAsked for by {requester}, as change `{}`.\n",
            change.id
        );
        if let Some(reason) = it.reason {
            full.push_str(&format!("> {}\n", line(&clipped(reason, 500))));
        }
        full.push('\n');
        for fact in facts(policy, it) {
            full.push_str(&format!("- {fact}\n"));
        }
        full.push_str(&edited(&it.edited));
        Self { brief, full }
    }
}

/// As many sections in full as there is room for, while every other still has its line.
pub(super) fn fitted(sections: &[Section], room: &mut usize) -> String {
    let (mut full, mut brief, mut left_out) = (String::new(), String::new(), 0_usize);
    let mut later: usize = sections.iter().map(|it| it.brief.len()).sum();
    for section in sections {
        later -= section.brief.len();
        if section.full.len() + later <= *room {
            *room -= section.full.len();
            full.push_str(&section.full);
        } else if section.brief.len() <= *room {
            *room -= section.brief.len();
            brief.push_str(&section.brief);
        } else {
            left_out += 1;
        }
    }
    if !brief.is_empty() {
        full.push_str("\n### Further changes\nThis page has no room for more of them; see the Commits tab.\n\n");
        full.push_str(&brief);
    }
    if left_out > 0 {
        full.push_str(&format!("- and {left_out} more, in the Commits tab\n"));
    }
    full
}

/// What a reviewer wants to know of the store, what changes shown as `before → after`.
fn facts(policy: &FleetPolicy, it: &ChangeText<'_>) -> Vec<String> {
    let (old, new) = (it.old.map(|it| &it.spec), &it.new.spec);
    let moved = |name: &str, of: fn(&Spec) -> &str| {
        let after = code(of(new));
        match old.map(of).filter(|before| *before != of(new)) {
            Some(before) => format!("{name}: {} → {after}", code(before)),
            None => format!("{name}: {after}"),
        }
    };
    let (before, after) = price(policy, it);
    let price = if before == after {
        format!("price: {after}")
    } else {
        format!("price: {before} → {after}")
    };
    let mut facts = vec![
        moved("owner", |it| it.owner.as_str()),
        moved("plan", |it| &it.plan),
        price,
        moved("engine", |it| &it.engine),
        moved("version", |it| &it.version),
        moved("cluster", |it| it.cluster.as_str()),
        format!("hosts: {}", hosts(it.new)),
    ];
    if it.change.action == Action::Delete {
        facts.insert(0, "**The store and all its data go.**".to_owned());
    }
    facts
}

fn hosts(record: &Record) -> String {
    let hosts: Vec<String> = record
        .hosts()
        .take(20)
        .map(|it| code(it.as_str()))
        .collect();
    hosts.join(", ")
}

fn edited(edited: &Edited) -> String {
    let mut out = String::new();
    if !edited.record.is_empty() {
        out.push('\n');
        out.push_str(&fenced("diff", &edited.record));
    }
    if !edited.objects.is_empty() {
        out.push_str("\nObjects:\n");
    }
    for ObjectChange {
        kind,
        name,
        added,
        removed,
    } in &edited.objects
    {
        let object = code(&format!("{kind}/{name}"));
        out.push_str(&format!("- {object} +{added} −{removed}\n"));
    }
    out
}

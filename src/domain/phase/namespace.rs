//! What keeps a namespace from going away: kinds with objects left, and finalizers that nobody takes off.
//!
//! The namespace controller of Kubernetes tells both as text in conditions ("pods. has 2 resource instances",
//! "example.com/hold in 1 resource instances"). Text that does not read so is quoted as it is.

use super::words::one_line;
use crate::domain::observed::{Conditions, NamespaceSeen, Truth};

/// Characters that are quoted of a text that is not understood.
const QUOTED: usize = 500;
/// Kinds or finalizers that are told one by one.
const TOLD: usize = 8;

/// Why a namespace is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    /// As part of a sentence.
    pub(super) sentence: String,
    pub(super) next_step: &'static str,
}

/// Why a namespace that is being removed is still there; none where it says nothing.
pub(super) fn held(namespace: &NamespaceSeen) -> Option<Held> {
    let conditions = &namespace.meta.conditions;
    finalizers(conditions)
        .or_else(|| failing(conditions))
        .or_else(|| content(conditions))
}

/// Finalizers first: content with a finalizer stays however often it is deleted.
fn finalizers(conditions: &Conditions) -> Option<Held> {
    let condition = conditions.with("NamespaceFinalizersRemaining", Truth::True)?;
    let waits = counted(&condition.message, " in ").map_or_else(
        || condition.quoted(),
        |found| format!("finalizers are not taken off: {}", told(&found)),
    );
    let left = conditions.with("NamespaceContentRemaining", Truth::True);
    let left = left.and_then(|it| counted(&it.message, " has "));
    let left = left.map_or(String::new(), |it| format!("; left are {}", told(&it)));
    Some(Held {
        sentence: format!("{waits}{left}"),
        next_step: "start the controller that each finalizer belongs to; where it is gone for good, take the finalizer off these objects by hand",
    })
}

fn failing(conditions: &Conditions) -> Option<Held> {
    let kinds = [
        "NamespaceDeletionContentFailure",
        "NamespaceDeletionDiscoveryFailure",
        "NamespaceDeletionGroupVersionParsingFailure",
    ];
    let mut found = kinds
        .into_iter()
        .filter_map(|kind| conditions.with(kind, Truth::True));
    Some(Held {
        sentence: one_line(&found.next()?.quoted(), QUOTED),
        next_step: "look at the API that the message names: an APIService without its server keeps every namespace from being removed",
    })
}

fn content(conditions: &Conditions) -> Option<Held> {
    let condition = conditions.with("NamespaceContentRemaining", Truth::True)?;
    let left = counted(&condition.message, " has ").map_or_else(
        || condition.quoted(),
        |found| format!("left are {}", told(&found)),
    );
    Some(Held {
        sentence: left,
        next_step: "look at the objects of these kinds in the store's namespace: a pod that does not end, or a volume in use, holds the rest",
    })
}

/// Names with their counts, as in `<words>: <name><between><count> resource instances, …`; none when any part reads
/// otherwise.
fn counted(message: &str, between: &str) -> Option<Vec<(String, u64)>> {
    let (_, list) = message.split_once(": ")?;
    let each = list.split(", ").map(|part| {
        let part = part.trim().strip_suffix("resource instances")?;
        let (name, count) = part.trim_end().rsplit_once(between)?;
        // The core group has no name: `pods.`.
        let name = name.trim_end_matches('.').to_owned();
        Some((name, count.trim().parse().ok()?))
    });
    each.collect()
}

fn told(found: &[(String, u64)]) -> String {
    let each = found.iter().take(TOLD);
    let mut text = each
        .map(|(name, count)| format!("{name} ({count})"))
        .collect::<Vec<_>>()
        .join(", ");
    if found.len() > TOLD {
        text.push_str(&format!(" and {} more", found.len() - TOLD));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::observed::{Condition, Meta};

    fn with(conditions: &[(&str, &str)]) -> NamespaceSeen {
        let all = conditions.iter().map(|(kind, message)| Condition {
            kind: (*kind).to_owned(),
            status: Truth::True,
            reason: "SomeReason".to_owned(),
            message: (*message).to_owned(),
            observed_generation: None,
        });
        NamespaceSeen {
            meta: Meta {
                conditions: Conditions(all.collect()),
                ..Meta::default()
            },
            deleting_mark: None,
        }
    }

    const LEFT: &str = "Some resources are remaining: pods. has 2 resource instances, \
        backups.example.com has 1 resource instances";
    const KEPT: &str = "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances";

    #[test]
    fn what_is_left_is_told_by_kind_and_what_holds_it_by_finalizer() {
        let cases: [(&[(&str, &str)], &str, &str); 5] = [
            (
                &[("NamespaceContentRemaining", LEFT)],
                "left are pods (2), backups.example.com (1)",
                "pod that does not end",
            ),
            (
                &[
                    ("NamespaceContentRemaining", LEFT),
                    ("NamespaceFinalizersRemaining", KEPT),
                ],
                "finalizers are not taken off: example.com/hold (1); left are pods (2), backups.example.com (1)",
                "finalizer",
            ),
            (
                &[
                    ("NamespaceContentRemaining", LEFT),
                    (
                        "NamespaceDeletionDiscoveryFailure",
                        "metrics.k8s.io/v1beta1: stale",
                    ),
                ],
                "SomeReason: metrics.k8s.io/v1beta1: stale",
                "APIService",
            ),
            (
                &[("NamespaceContentRemaining", "all sorts of things")],
                "SomeReason: all sorts of things",
                "objects",
            ),
            (
                &[("NamespaceFinalizersRemaining", "x: y in many places")],
                "SomeReason: x: y in many places",
                "finalizer",
            ),
        ];
        for (conditions, sentence, step) in cases {
            let held = held(&with(conditions)).expect("something holds it");
            assert_eq!(held.sentence, sentence);
            assert!(held.next_step.contains(step), "{}", held.next_step);
        }
        assert_eq!(held(&with(&[])), None);
    }
}

//! Which changes people approve, and how proposals are made.
//!
//! Must not know: where people approve.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::{go_duration, go_seconds};
use crate::domain::change::Action;
use crate::domain::forge::MergeMethod;
use crate::domain::{ClusterName, Owner};

/// Which changes people approve, and who.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRule {
    /// Every list given must match; an empty one matches all.
    #[serde(default)]
    pub when: ApprovalWhen,
    /// What is wanted then.
    pub require: ApprovalRequire,
}

impl ApprovalRule {
    /// The rule as a person reads it: `actions delete, plans large: 1 approval by platform, merged by the bot`.
    pub fn in_words(&self) -> String {
        let words = |what: &str, names: Vec<&str>| {
            (!names.is_empty()).then(|| format!("{what} {}", names.join(" or ")))
        };
        let ApprovalWhen {
            actions,
            plans,
            engines,
            clusters,
            owners,
        } = &self.when;
        let when = [
            words("actions", actions.iter().map(|it| it.as_str()).collect()),
            words("plans", plans.iter().map(String::as_str).collect()),
            words("engines", engines.iter().map(String::as_str).collect()),
            words(
                "clusters",
                clusters.iter().map(ClusterName::as_str).collect(),
            ),
            words("owners", owners.iter().map(Owner::as_str).collect()),
        ];
        let when: Vec<String> = when.into_iter().flatten().collect();
        let when = if when.is_empty() {
            "every change".to_owned()
        } else {
            when.join(", ")
        };
        let ApprovalRequire {
            approvals,
            reviewers,
            teams,
            merge,
        } = &self.require;
        let noun = if *approvals == 1 {
            "approval"
        } else {
            "approvals"
        };
        let names: Vec<&str> = reviewers.iter().chain(teams).map(String::as_str).collect();
        let by = if names.is_empty() {
            "anyone who may write".to_owned()
        } else {
            names.join(" or ")
        };
        let merge = match merge {
            Merge::Person => "a person",
            Merge::Auto => "auto-merge",
            Merge::Bot => "the bot",
        };
        format!("{when}: {approvals} {noun} by {by}, merged by {merge}")
    }
}

/// The changes an approval rule is about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalWhen {
    /// Actions (`create`, `delete`, …).
    pub actions: Vec<Action>,
    /// Plans, before or after the change.
    pub plans: Vec<String>,
    /// Engines.
    pub engines: Vec<String>,
    /// Clusters.
    pub clusters: Vec<ClusterName>,
    /// Owners.
    pub owners: Vec<Owner>,
}

/// What an approval rule wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRequire {
    /// How many people.
    pub approvals: u32,
    /// Which people; none named: whoever may write.
    #[serde(default)]
    pub reviewers: Vec<String>,
    /// Which teams.
    #[serde(default)]
    pub teams: Vec<String>,
    /// Who merges.
    #[serde(default)]
    pub merge: Merge,
}

/// Who merges an approved proposal, from the strictest down.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Merge {
    /// A person.
    Person,
    /// The forge, as soon as its rules allow.
    Auto,
    /// Fleetwright.
    #[default]
    Bot,
}

/// How proposals are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct ProposalPolicy {
    /// `none`, `owner`, or a window as a duration.
    pub group: String,
    /// `append` or `supersede`.
    pub on_new_change: String,
    /// Labels of every proposal.
    pub labels: Vec<String>,
    /// How a proposal is merged where nobody chooses: `merge` keeps our signatures.
    pub merge_method: MergeMethod,
}

/// Which changes share a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// None: each has its own.
    None,
    /// Those of one owner.
    Owner,
    /// Those that come within so many seconds of the first.
    Window(i64),
}

/// What a change does that comes while another of its store waits in a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnNewChange {
    /// It becomes a further commit of that proposal.
    Append,
    /// It takes the waiting one's place.
    Supersede,
}

impl ProposalPolicy {
    /// Which changes share a proposal. A word that [`slips`](super::FleetPolicy::slips) finds means none.
    pub fn grouping(&self) -> Grouping {
        match self.group.as_str() {
            "owner" => Grouping::Owner,
            window if go_duration(window) => Grouping::Window(go_seconds(window)),
            _ => Grouping::None,
        }
    }

    /// What a further change of a waiting store does. A word that nobody knows means [`OnNewChange::Append`].
    pub fn on_new_change(&self) -> OnNewChange {
        match self.on_new_change.as_str() {
            "supersede" => OnNewChange::Supersede,
            _ => OnNewChange::Append,
        }
    }
}

impl Default for ProposalPolicy {
    fn default() -> Self {
        Self {
            group: "none".into(),
            on_new_change: "append".into(),
            labels: Vec::new(),
            merge_method: MergeMethod::Merge,
        }
    }
}

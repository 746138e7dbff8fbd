//! Which permissions a token needs, feature by feature: the one table for tokens, `serve --check` and the docs.
//!
//! Facts: <https://docs.github.com/rest/authentication/permissions-required-for-github-apps>. Must not know: calls.

use serde_json::{Map, Value};

/// What is on besides proposals themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Features {
    /// Comments, commands in comments, and issue forms.
    pub comments: bool,
    /// Teams that review.
    pub teams: bool,
}

/// How much of a permission is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// To look.
    Read,
    /// To change.
    Write,
}

impl Level {
    /// GitHub's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// Whether a grant in GitHub's words is enough.
    pub fn is_met_by(self, granted: Option<&str>) -> bool {
        match granted {
            Some("write" | "admin") => true,
            Some("read") => self == Self::Read,
            _ => false,
        }
    }
}

/// What has to be on for a permission to be needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Always.
    Always,
    /// [`Features::comments`].
    Comments,
    /// [`Features::teams`].
    Teams,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// Its name in GitHub's API.
    pub name: &'static str,
    /// Its name on GitHub's pages.
    pub title: &'static str,
    /// How much of it.
    pub level: Level,
    /// When.
    pub need: Need,
    /// What for.
    pub why: &'static str,
}

/// The table.
pub const PERMISSIONS: [Permission; 7] = [
    row(
        "metadata",
        "Metadata",
        Level::Read,
        Need::Always,
        "to see the repository and its branch rules",
    ),
    row(
        "contents",
        "Contents",
        Level::Write,
        Need::Always,
        "to fetch and push branches, and to merge",
    ),
    row(
        "pull_requests",
        "Pull requests",
        Level::Write,
        Need::Always,
        "to open, edit, label and close proposals, and to ask for reviews",
    ),
    row(
        "checks",
        "Checks",
        Level::Write,
        Need::Always,
        "to publish fleetwright/render and fleetwright/approval (an App only)",
    ),
    row(
        "statuses",
        "Commit statuses",
        Level::Write,
        Need::Always,
        "to see what other systems say of a commit, and to publish where there are no checks",
    ),
    row(
        "issues",
        "Issues",
        Level::Write,
        Need::Comments,
        "to answer commands, report progress and take requests by issue form",
    ),
    row(
        "members",
        "Members (organization)",
        Level::Read,
        Need::Teams,
        "to know who is in a team that reviews",
    ),
];

const fn row(
    name: &'static str,
    title: &'static str,
    level: Level,
    need: Need,
    why: &'static str,
) -> Permission {
    Permission {
        name,
        title,
        level,
        need,
        why,
    }
}

/// The rows that these features need.
pub fn needed(features: Features) -> impl Iterator<Item = &'static Permission> {
    PERMISSIONS.iter().filter(move |it| match it.need {
        Need::Always => true,
        Need::Comments => features.comments,
        Need::Teams => features.teams,
    })
}

/// What a token is narrowed to, as the API wants it.
pub(super) fn asked(features: Features) -> Value {
    let rows = needed(features).map(|it| (it.name.to_owned(), Value::from(it.level.as_str())));
    Value::Object(rows.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_asks_for_what_is_on_and_nothing_else() {
        let always = json!({"metadata": "read", "contents": "write", "pull_requests": "write", "checks": "write", "statuses": "write"});
        assert_eq!(asked(Features::default()), always);
        let all = asked(Features {
            comments: true,
            teams: true,
        });
        assert_eq!(
            (&all["issues"], &all["members"]),
            (&json!("write"), &json!("read"))
        );
        assert_eq!(all.as_object().map(Map::len), Some(PERMISSIONS.len()));
    }

    #[test]
    fn the_documents_have_this_table() {
        let text = include_str!("../../docs/github.md");
        let rows = text.lines().skip_while(|it| *it != "### Permissions");
        let rows: Vec<&str> = rows.filter(|it| it.starts_with("| ")).skip(1).collect();
        let when = |need| match need {
            Need::Always => "always",
            Need::Comments => "with `comments` or `forms`",
            Need::Teams => "when the policy names teams",
        };
        let ours = PERMISSIONS.map(|it| {
            let (level, when) = (it.level.as_str(), when(it.need));
            format!("| {} | {level} | {when} | {} |", it.title, it.why)
        });
        assert_eq!(rows[..ours.len()], ours);
        assert!(!rows[ours.len()].contains("always"), "no row too many");
    }

    #[test]
    fn a_grant_is_enough_or_not() {
        let cases = [
            (Level::Read, None, false),
            (Level::Read, Some("read"), true),
            (Level::Read, Some("write"), true),
            (Level::Write, Some("read"), false),
            (Level::Write, Some("write"), true),
            (Level::Write, Some("admin"), true),
        ];
        for (level, granted, enough) in cases {
            assert_eq!(level.is_met_by(granted), enough, "{level:?} {granted:?}");
        }
    }
}
